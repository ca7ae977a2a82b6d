"""What is wanted in a CRM, field by field and piece by piece, and what became of it.

Invariant: plain data in our own words; nothing here knows a vendor.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class FieldSpec:
    """A field that CreditGate wants in the CRM.

    ``name`` is ours; ``api_name`` the mapping's wish (the vendor may generate another one);
    ``type`` is one of ``text``, ``long_text``, ``money``, ``number``, ``integer``, ``boolean``,
    ``date``, ``datetime``, ``option``; ``options`` are (our value, label) pairs; ``unique`` fields
    carry our key.
    """

    name: str
    api_name: str
    label: str
    type: str
    options: tuple[tuple[str, str], ...] = ()
    unique: bool = False


class FieldState(StrEnum):
    PRESENT = "present"
    CREATED = "created"
    MISSING = "missing"  # would be created, or has to be created by hand
    MISMATCH = "mismatch"


@dataclass(frozen=True)
class Provisioned:
    """What became of one wanted field. ``api_name`` is the real name in this tenant, once known;
    ``by_hand`` tells the admin what to create in the vendor's console when no API can; beside a field
    that serves it is advice only. ``call`` numbers the call that creates a missing field, from 1."""

    object: str
    spec: FieldSpec
    state: FieldState
    api_name: str | None = None
    by_hand: str = ""
    call: int | None = None


@dataclass(frozen=True)
class Prepared:
    """What became of a piece of set-up that is no field: the ``section`` of a page, or the ``lock`` on
    rows whose flag is set. ``detail`` says for people what is set, or in a dry run would be."""

    object: str
    what: str
    state: FieldState
    detail: str = ""
    by_hand: str = ""

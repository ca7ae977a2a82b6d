"""What a CRM says of itself: its objects and fields, and what its manual leaves open.

Invariant: plain data in our own words; nothing here knows a vendor, and nothing that is asked for here
changes anything there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class ObjectInfo:
    """An object of the tenant as its admin sees it; an object that is not ``active`` cannot be read."""

    api_name: str
    label: str
    active: bool = True
    custom: bool = False


@dataclass(frozen=True)
class FieldInfo:
    """A field of an object. ``path`` is how a mapping names it; ``type`` one of ``text``, ``long_text``,
    ``money``, ``number``, ``integer``, ``boolean``, ``date``, ``datetime``, ``option``, ``owner``,
    ``reference`` or empty for others. ``labels`` are those of its options, ``target`` the object that a
    reference points to; ``computed`` fields are kept by the vendor and never written."""

    api_name: str
    label: str
    type: str
    path: str
    labels: Sequence[str] = ()
    target: str = ""
    active: bool = True
    custom: bool = False
    computed: bool = False


@dataclass(frozen=True)
class Lack:
    """Something that the vendor does not grant us (``what``) and what does not work without it."""

    what: str
    without: str


@dataclass(frozen=True)
class Question:
    """Something that the vendor's manual leaves open and the setting called ``setting`` answers.

    ``answer`` is what is gone by; ``known`` says that the tenant itself has shown it to be so.
    """

    setting: str
    asks: str
    answer: str
    known: bool = False


class Describing:
    """What a CRM may say of itself; one that says nothing leaves this as it is."""

    describes: ClassVar[bool] = False

    @classmethod
    def decides_limits(cls, settings: Mapping[str, str]) -> bool:
        """Whether by these settings a credit module of the CRM's own decides on limits: what the streams
        ``credit_files`` and ``credit_accounts`` say is the limit then, and none of ours is written."""
        return False

    def objects(self) -> Sequence[ObjectInfo]:
        """The objects that the tenant shows us."""
        return ()

    def fields_of(self, object_name: str) -> Sequence[FieldInfo]:
        """The fields of an object, read anew; none when there is no such object to be seen."""
        return ()

    def questions(self) -> Sequence[Question]:
        """What is to be confirmed on first contact; asks the tenant where a harmless call can tell."""
        return ()

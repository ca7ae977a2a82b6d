"""What reading asks for and hands over: slices of a stream, rows, pages, places in a bulk read.

Invariant: nothing here knows a vendor; a slice is closed at both ends, so that no row falls between two.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Missing:
    """What of a stream this tenant does not show us: the whole ``object``, with the reason, or ``fields``
    (as the mapping names them)."""

    object: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slice:
    """A part of a stream: rows changed in ``[since, until]`` (closed at both ends, aware UTC) whose
    id sorts after ``after`` in the vendor's own order of ids. Halving the time halves the work.

    Only rows with a value in the field ``having``, if it is given, are wanted; an adapter that cannot
    tell them apart hands over the others as well.
    """

    since: dt.datetime
    until: dt.datetime
    after: str | None = None
    having: str = ""


@dataclass(frozen=True)
class Row:
    """One raw row as the vendor sent it, with the two values every row must have."""

    external_id: str
    modified_at: dt.datetime | None
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """Rows of a slice in order of id. ``more`` says that rows after the last one remain; only where
    it is ``divisible`` by time can several calls share in them. ``gone`` are ids of rows that are deleted,
    as far as the vendor shows them beside the others."""

    rows: Sequence[Row]
    more: bool
    divisible: bool = True
    gone: Sequence[str] = ()


@dataclass(frozen=True)
class BulkPlace:
    """Where a bulk read stands: ``began`` (aware UTC) before its first job was asked for, so that
    whatever changed later is not in it for sure; ``job`` in the adapter's own words; of the job's rows
    ``stored`` are kept."""

    began: dt.datetime
    job: str
    stored: int = 0


@dataclass(frozen=True)
class BulkPart:
    """Rows of a bulk read, and the place to keep together with them; there may be no rows yet."""

    rows: Sequence[Row]
    place: BulkPlace


class BulkFailed(Exception):
    """The vendor gave a bulk read up, for the reason in the text: the rows have to be fetched."""

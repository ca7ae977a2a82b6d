"""Whether the journal is whole, and what it says.

Invariant: nothing here writes. A proof compares the chain with itself, with its head, and with a head that
somebody noted elsewhere: only the last finds a journal that was rewritten from some entry to its end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from connector.store import journal
from connector.store.engine import Store
from connector.store.journal import ORIGIN, Head, Wanted

CHANGED = "changed"
MISSING = "missing"
INSERTED = "inserted"
CUT_OFF = "cut off"
BEYOND = "beyond the head"
HEADLESS = "no head"
REWRITTEN = "rewritten"


@dataclass(frozen=True)
class Break:
    """One place where the chain does not hold; ``number`` is the entry at which it shows."""

    number: int
    kind: str
    what: str


@dataclass(frozen=True)
class Proof:
    """What a check of the whole journal found: how many entries, its head, and where it breaks."""

    entries: int
    head: Head
    breaks: tuple[Break, ...]


@dataclass(frozen=True)
class Act:
    """One entry: who did what to whom, when (UTC), with before and after in ``detail``."""

    number: int
    at: dt.datetime
    actor: str
    act: str
    subject: str
    detail: dict[str, Any]


def acts(store: Store, wanted: Wanted, most: int) -> list[Act]:
    """The newest ``most`` entries that are wanted, oldest first."""
    with store.read() as tx:
        rows = journal.found(tx, wanted, most)
    return [Act(r.number, r.at, r.actor, r.act, r.subject, orjson.loads(r.detail)) for r in rows]


def verify(store: Store, noted: Head | None = None) -> Proof:
    """Walk the whole chain. ``noted`` is a head that was written down earlier, outside of the store."""
    with store.read() as tx:
        found = list(_breaks(tx, noted))
        end = journal.last(tx)
        count = journal.count(tx)
    return Proof(count, end, tuple(found))


def head(store: Store) -> Head:
    """The end of the chain, to be noted where nobody who can change the store can change it too."""
    with store.read() as tx:
        return journal.last(tx)


def _breaks(tx: sa.Connection, noted: Head | None) -> Iterator[Break]:
    number, last = 0, ORIGIN
    for row in journal.in_order(tx):
        if row.number > number + 1:
            gap = (
                f"entry {number + 1}"
                if row.number == number + 2
                else f"entries {number + 1} to {row.number - 1}"
            )
            yield Break(row.number, MISSING, f"{gap} missing")
        elif row.number <= number:
            yield Break(row.number, INSERTED, "an entry was put in before the first or beside another")
        elif row.hash != _digest(last, row):
            yield Break(row.number, CHANGED, "this entry, or the hash of the one before it, was changed")
        if noted is not None and row.number == noted.number and row.hash != noted.hash:
            yield Break(row.number, REWRITTEN, "the hash is not the one that was noted")
        number, last = row.number, row.hash
    yield from _at_the_end(tx, Head(number, last), noted)


def _digest(last: str, row: sa.Row[Any]) -> str:
    return journal.digest(last, row.number, row.at, row.actor, row.act, row.subject, row.detail)


def _at_the_end(tx: sa.Connection, last: Head, noted: Head | None) -> Iterator[Break]:
    named = journal.head(tx)
    if named is None:
        yield Break(last.number, HEADLESS, "the head of the journal was taken away or doubled")
    elif named.number > last.number:
        yield Break(
            last.number, CUT_OFF, f"entries {last.number + 1} to {named.number} are missing at the end"
        )
    elif named.number < last.number:
        yield Break(last.number, BEYOND, f"the head names entry {named.number}; what follows was put in")
    elif named.hash != last.hash:
        yield Break(last.number, CHANGED, "the head names another hash for the last entry")
    if noted is not None and noted.number > last.number:
        yield Break(last.number, CUT_OFF, f"entry {noted.number} was noted, but the journal ends before it")

"""The journal: who did what, when, to whom, as a chain of hashes.

Invariant: entries are only ever added, by the transaction of the act itself; each carries the next number
and the SHA-256 of itself and of the entry before it, and the head names the last one. Whoever changes,
takes out or puts in an entry breaks the chain from there on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from connector.store.tables import journal, journal_head

# What the first entry names as the hash before it.
ORIGIN = "0" * 64
_WAITING = "creditgate_journal"


class Head(NamedTuple):
    """The end of the chain; an empty journal has number 0 and the hash ``ORIGIN``."""

    number: int
    hash: str


@dataclass(frozen=True)
class Wanted:
    """Which entries are looked for; ``None`` leaves a field open.

    ``since`` is inclusive, ``until`` exclusive.
    """

    actor: str | None = None
    act: str | None = None
    subject: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def open_in(tx: sa.Connection) -> None:
    """Make a transaction ready to take entries in."""
    tx.execution_options(**{_WAITING: []})


def add(
    tx: sa.Connection, at: dt.datetime, actor: str, act: str, subject: str, detail: Mapping[str, Any]
) -> None:
    """One entry, in the caller's transaction, so that the act and its record stand or fall together.

    It is written at the end of the transaction: the head of the chain is then locked for the moment of the
    commit alone, and always as the last lock, so that no two transactions wait for one another.
    """
    text = orjson.dumps(dict(detail), default=str).decode()
    entry = {"at": at, "actor": actor, "act": act, "subject": subject, "detail": text}
    tx.get_execution_options()[_WAITING].append(entry)


def append(tx: sa.Connection) -> None:
    """Chain the entries that the transaction has collected; called once, just before its commit."""
    waiting: list[dict[str, Any]] = tx.get_execution_options()[_WAITING]
    if not waiting:
        return
    number, last = tx.execute(sa.select(journal_head.c.number, journal_head.c.hash).with_for_update()).one()
    for entry in waiting:
        number += 1
        last = digest(
            last, number, entry["at"], entry["actor"], entry["act"], entry["subject"], entry["detail"]
        )
        entry |= {"number": number, "hash": last}
    tx.execute(journal.insert(), waiting)
    tx.execute(journal_head.update().values(number=number, hash=last))
    waiting.clear()


def digest(before: str, number: int, at: dt.datetime, *texts: str) -> str:
    """SHA-256 (hex) of an entry and of the hash ``before`` it.

    ``texts`` are actor, act, subject and detail. They are joined as a JSON array, so that no two different
    entries read alike; the moment counts in microseconds since 1970 UTC, as it is stored.
    """
    moment = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return hashlib.sha256(orjson.dumps([before, number, moment, *texts])).hexdigest()


def head(connection: sa.Connection) -> Head | None:
    """The end of the chain as the store names it; ``None`` if somebody took it away or doubled it."""
    rows = connection.execute(sa.select(journal_head.c.number, journal_head.c.hash)).all()
    return Head(*rows[0]) if len(rows) == 1 else None


def last(connection: sa.Connection) -> Head:
    """The end of the chain as its entries have it."""
    query = sa.select(journal.c.number, journal.c.hash).order_by(journal.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return Head(0, ORIGIN) if row is None else Head(*row)


def count(connection: sa.Connection) -> int:
    """How many entries there are."""
    return connection.execute(sa.select(sa.func.count()).select_from(journal)).scalar_one()


def entries(connection: sa.Connection, subject: str | None = None) -> list[sa.Row[Any]]:
    """Entries, oldest first; those about one ``subject`` if given."""
    query = sa.select(journal).order_by(journal.c.id)
    if subject is not None:
        query = query.where(journal.c.subject == subject)
    return list(connection.execute(query).all())


def found(connection: sa.Connection, wanted: Wanted, most: int) -> list[sa.Row[Any]]:
    """The newest ``most`` entries that are wanted, oldest first."""
    query = sa.select(journal)
    for name in ("actor", "act", "subject"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(journal.c[name] == value)
    if wanted.since is not None:
        query = query.where(journal.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(journal.c.at < wanted.until)
    rows = connection.execute(query.order_by(journal.c.number.desc()).limit(most)).all()
    return list(reversed(rows))


def of_acts(connection: sa.Connection, acts: Sequence[str], before: dt.datetime) -> Iterator[sa.Row[Any]]:
    """Entries of these acts before a moment (aware UTC) by their number, streamed."""
    query = sa.select(journal).where(journal.c.act.in_(list(acts)), journal.c.at < before)
    yield from connection.execute(query.order_by(journal.c.number), execution_options={"yield_per": 1_000})


def in_order(connection: sa.Connection) -> Iterator[sa.Row[Any]]:
    """Every entry by its number, streamed, so that a journal of years fits into memory."""
    query = sa.select(journal).order_by(journal.c.number, journal.c.id)
    yield from connection.execution_options(yield_per=1_000).execute(query)

"""The inbox: records of which a CRM said that they changed, until they are read again.

Invariant: one row a record, so that doubled hints are one; a hint that arrives while its record is being
read makes it be read once more. Only the holder of a claim may finish a row, and a claim ends by itself,
so that a killed process loses nothing and two processes never work on one row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.hook_tables import hook_message, inbox
from connector.store.tables import connection

BATCH = 400


@dataclass(frozen=True)
class Claimed:
    """A row of which the claim called ``claim`` is the holder; ``version`` is that of the last hint."""

    id: int
    claim: str
    version: int
    object: str
    external_id: str
    operation: str
    attempts: int
    first_seen: dt.datetime


@dataclass(frozen=True)
class Waiting:
    """One row for people: ``state`` pending, claimed or dead."""

    id: int
    connection: str
    object: str
    external_id: str
    operation: str
    state: str
    attempts: int
    due_at: dt.datetime
    error: str
    first_seen: dt.datetime
    last_seen: dt.datetime


def put(
    tx: sa.Connection,
    connection_id: int,
    object_name: str,
    ids: Collection[str],
    operation: str,
    now: dt.datetime,
) -> int:
    """Keep that these records are to be read again; how many they are."""
    # In one order, so that two transactions about the same records never wait for each other in a circle.
    rows = [
        {
            "connection_id": connection_id,
            "object": object_name,
            "external_id": external_id,
            "operation": operation,
            "state": "pending",
            "due_at": now,
            "first_seen": now,
            "last_seen": now,
        }
        for external_id in sorted(set(ids))
    ]
    if not rows:
        return 0
    statement = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(inbox)
    again = {
        "operation": statement.excluded.operation,
        "version": inbox.c.version + 1,
        "state": "pending",
        "attempts": 0,
        "due_at": statement.excluded.due_at,
        "error": "",
        "last_seen": statement.excluded.last_seen,
    }
    place = ["connection_id", "object", "external_id"]
    tx.execute(statement.on_conflict_do_update(index_elements=place, set_=again), rows)
    return len(rows)


def first(tx: sa.Connection, connection_id: int, message_id: str, now: dt.datetime) -> bool:
    """Whether this event comes for the first time, which is remembered."""
    statement = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(hook_message)
    row = {"connection_id": connection_id, "message_id": message_id, "at": now}
    put = statement.values(**row).on_conflict_do_nothing().returning(hook_message.c.at)
    return tx.execute(put).first() is not None


def forget_messages(tx: sa.Connection, connection_id: int, before: dt.datetime) -> int:
    """Forget the ids of events that came before ``before``; how many."""
    old = sa.and_(hook_message.c.connection_id == connection_id, hook_message.c.at < before)
    return tx.execute(sa.delete(hook_message).where(old)).rowcount


def due(connection: sa.Connection, now: dt.datetime) -> set[int]:
    """The connections that have something to be read now."""
    return set(connection.execute(sa.select(inbox.c.connection_id).where(_free(now)).distinct()).scalars())


def claim(
    tx: sa.Connection,
    connection_id: int,
    object_name: str,
    name: str,
    now: dt.datetime,
    until: dt.datetime,
    most: int,
) -> list[Claimed]:
    """Take up to ``most`` rows that are due, oldest first; until ``until`` they are the holder's alone.

    ``name`` is used for one claim only.
    """
    free = (
        sa.select(inbox.c.id)
        .where(inbox.c.connection_id == connection_id, inbox.c.object == object_name, _free(now))
        .order_by(inbox.c.due_at, inbox.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = list(tx.execute(free).scalars())
    if not ids:
        return []
    taken = (
        sa.update(inbox)
        .where(inbox.c.id.in_(ids))
        .values(claim=name, leased_until=until)
        .returning(
            inbox.c.id,
            inbox.c.claim,
            inbox.c.version,
            inbox.c.object,
            inbox.c.external_id,
            inbox.c.operation,
            inbox.c.attempts,
            inbox.c.first_seen,
        )
    )
    return [Claimed(*row) for row in tx.execute(taken)]


def finish(tx: sa.Connection, claimed: Sequence[Claimed]) -> set[str]:
    """These were read: the ids of the records whose claim still held, which alone may be stored.

    Their rows go, but for those about which something new was said meanwhile: they are read once more.
    """
    held = _held(tx, claimed)
    same = [one.id for one in claimed if held.get(one.id) == one.version]
    newer = [one.id for one in claimed if one.id in held and held[one.id] != one.version]
    for part in _batches(same):
        tx.execute(sa.delete(inbox).where(inbox.c.id.in_(part)))
    _let_go(tx, newer)
    return {one.external_id for one in claimed if one.id in held}


def postpone(tx: sa.Connection, claimed: Sequence[Claimed], until: dt.datetime | None, error: str) -> None:
    """These could not be read for the reason ``error``: try again at ``until``, or (``None``) give up.

    A row about which something new was said meanwhile is free at once.
    """
    held = _held(tx, claimed)
    _let_go(tx, list(held))
    for one in claimed:
        if held.get(one.id) != one.version:
            continue
        values = {"attempts": one.attempts + 1, "error": error}
        values |= {"due_at": until} if until is not None else {"state": "dead"}
        tx.execute(sa.update(inbox).where(inbox.c.id == one.id).values(**values))


def give_back(tx: sa.Connection, claimed: Sequence[Claimed], due_at: dt.datetime, error: str) -> None:
    """Nothing could be read, for a reason that says nothing about these records: free from ``due_at``."""
    held = _held(tx, claimed)
    _let_go(tx, list(held))
    for part in _batches([one.id for one in claimed if held.get(one.id) == one.version]):
        tx.execute(sa.update(inbox).where(inbox.c.id.in_(part)).values(due_at=due_at, error=error))


def drop_others(tx: sa.Connection, connection_id: int, objects: Collection[str]) -> int:
    """Drop what is about objects other than these, which nobody reads; how many rows."""
    here = sa.and_(inbox.c.connection_id == connection_id, inbox.c.object.not_in(objects))
    return tx.execute(sa.delete(inbox).where(here)).rowcount


def drop_dead(tx: sa.Connection, connection_id: int, before: dt.datetime) -> int:
    """Drop what was given up and not spoken of since ``before``; how many rows."""
    dead = sa.and_(inbox.c.connection_id == connection_id, inbox.c.state == "dead")
    return tx.execute(sa.delete(inbox).where(dead, inbox.c.last_seen < before)).rowcount


def find(connection_: sa.Connection, now: dt.datetime, name: str | None = None) -> list[Waiting]:
    """All rows, or those of the connection called ``name``, oldest first."""
    claimed = sa.case((inbox.c.leased_until > now, "claimed"), else_=inbox.c.state)
    query = (
        sa.select(
            inbox.c.id,
            connection.c.name,
            inbox.c.object,
            inbox.c.external_id,
            inbox.c.operation,
            claimed,
            inbox.c.attempts,
            inbox.c.due_at,
            inbox.c.error,
            inbox.c.first_seen,
            inbox.c.last_seen,
        )
        .join_from(inbox, connection, inbox.c.connection_id == connection.c.id)
        .order_by(inbox.c.first_seen, inbox.c.id)
    )
    if name is not None:
        query = query.where(connection.c.name == name)
    return [Waiting(*row) for row in connection_.execute(query)]


def _free(now: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        inbox.c.state == "pending",
        inbox.c.due_at <= now,
        sa.or_(inbox.c.leased_until.is_(None), inbox.c.leased_until <= now),
    )


def _held(tx: sa.Connection, claimed: Sequence[Claimed]) -> dict[int, int]:
    """The present version of each row whose claim still holds; the rows are the transaction's own."""
    found: dict[int, int] = {}
    claims = {one.id: one.claim for one in sorted(claimed, key=lambda one: one.external_id)}
    # Locked in the order in which ``put`` locks them: by the bytes of their ids.
    bytewise = inbox.c.external_id if tx.dialect.name == "sqlite" else inbox.c.external_id.collate("C")
    for part in _batches(list(claims)):
        query = sa.select(inbox.c.id, inbox.c.version, inbox.c.claim).where(inbox.c.id.in_(part))
        for row in tx.execute(query.order_by(bytewise).with_for_update()):
            if row.claim == claims[row.id]:
                found[row.id] = row.version
    return found


def _let_go(tx: sa.Connection, ids: Sequence[int]) -> None:
    for part in _batches(ids):
        tx.execute(sa.update(inbox).where(inbox.c.id.in_(part)).values(claim=None, leased_until=None))


def _batches(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]

"""The outbox: pending writes to the CRMs, and what was written last.

Invariant: one pending row per target; a newer result replaces an older one that has not been sent, and
the acknowledgement of an older version does not clear a newer one; a value that the CRM already has is
never queued.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
import sqlalchemy as sa

from connector.store import parts
from connector.store.parts import Part
from connector.store.record_tables import account, sales_order
from connector.store.tables import outbox, written
from connector.store.upsert import insert, upsert

# These tell when, not what: they are written along with a change and are no change themselves.
MOMENTS = frozenset({"credit_as_of"})
HOLD_FIRST, TASK, FIELDS = 0, 5, 9
Target = tuple[int, str, str, str]
_PLACE = ("connection_id", "target", "external_id", "key")
_SET: dict[str, Any] = {
    name: sa.bindparam(name)
    for name in ("payload", "digest", "priority", "state", "attempts", "due_at", "error", "stale_at")
}


@dataclass(frozen=True)
class Item:
    """One pending write: ``values`` by our field names, Decimals and dates as text."""

    connection_id: int
    target: str
    external_id: str
    key: str
    values: Mapping[str, Any]
    priority: int

    @property
    def place(self) -> Target:
        """What it writes to."""
        return (self.connection_id, self.target, self.external_id, self.key)

    @cached_property
    def digest(self) -> str:
        """Of the values that are a change in themselves."""
        lasting = {name: value for name, value in self.values.items() if name not in MOMENTS}
        text = orjson.dumps(lasting, option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(text, digest_size=12).hexdigest()


@dataclass(frozen=True)
class Pending:
    """A claimed row of the outbox. ``tried``: it may have been carried out already."""

    id: int
    version: int
    attempts: int
    target: str
    external_id: str
    key: str
    digest: str
    values: Mapping[str, Any]
    priority: int
    tried: bool


def put(tx: sa.Connection, items: Sequence[Item], now: dt.datetime) -> int:
    """Queue what differs from the last value written or queued; how many rows were queued."""
    sent, waiting = _known(tx, items, written), _known(tx, items, outbox)
    fresh, newer = [], []
    for item in items:
        if waiting.get(item.place, sent.get(item.place)) == item.digest:
            continue
        row = {
            "payload": orjson.dumps(dict(item.values)).decode(),
            "digest": item.digest,
            "priority": item.priority,
            "state": "pending",
            "attempts": 0,
            "due_at": now,
            "error": "",
            "stale_at": None,
        }
        place = dict(zip(_PLACE, item.place, strict=True))
        if item.place in waiting:
            newer.append(row | {f"at_{name}": value for name, value in place.items()})
        else:
            fresh.append(row | place | {"created_at": now})
    insert(tx, outbox, fresh)
    if newer:
        here = sa.and_(*(outbox.c[name] == sa.bindparam(f"at_{name}") for name in _PLACE))
        # The other columns are set from the rows.
        tx.execute(sa.update(outbox).where(here).values(version=outbox.c.version + 1, **_SET), newer)
    return len(fresh) + len(newer)


def due(
    connection: sa.Connection,
    connection_id: int,
    now: dt.datetime,
    most: int,
    targets: Sequence[str],
    part: Part | None = None,
) -> list[Pending]:
    """Rows of these targets that are to be sent now, holds first; only those of ``part``."""
    query = (
        sa.select(outbox)
        .where(_due(connection_id, now), outbox.c.target.in_(targets), parts.rows_of(part))
        .order_by(outbox.c.priority, outbox.c.id)
        .limit(most)
    )
    return [
        Pending(
            row.id,
            row.version,
            row.attempts,
            row.target,
            row.external_id,
            row.key,
            row.digest,
            orjson.loads(row.payload),
            row.priority,
            row.tried,
        )
        for row in connection.execute(query)
    ]


def count_due(
    connection: sa.Connection, connection_id: int, now: dt.datetime, part: Part | None = None
) -> dict[str, int]:
    """How many rows of each target (of ``part``) are to be sent now."""
    here = _due(connection_id, now), parts.rows_of(part)
    query = sa.select(outbox.c.target, sa.func.count().label("rows")).where(*here)
    return {row.target: row.rows for row in connection.execute(query.group_by(outbox.c.target))}


def _due(connection_id: int, now: dt.datetime) -> sa.ColumnElement[bool]:
    """Pending and due; what the CRM found stale, only once its row was read again."""
    read_again = [
        sa.exists()
        .where(table.c.connection_id == outbox.c.connection_id)
        .where(table.c.external_id == outbox.c.external_id)
        .where(table.c.modified_at > outbox.c.stale_at)
        for table in (account, sales_order)
    ]
    return sa.and_(
        outbox.c.connection_id == connection_id,
        outbox.c.state == "pending",
        outbox.c.due_at <= now,
        sa.or_(outbox.c.stale_at.is_(None), *read_again),
    )


def tried(tx: sa.Connection, items: Sequence[Pending]) -> None:
    """Say before they are sent that these may have been carried out."""
    for item in items:
        tx.execute(sa.update(outbox).where(_same(item)).values(tried=True))


def done(
    tx: sa.Connection, connection_id: int, sent: Sequence[tuple[Pending, str]], now: dt.datetime
) -> None:
    """Acknowledge what was sent, with the vendor's ids of created rows."""
    rows = [
        {
            "connection_id": connection_id,
            "target": item.target,
            "external_id": item.external_id,
            "key": item.key,
            "digest": item.digest,
            "payload": orjson.dumps(dict(item.values)).decode(),
            "vendor_id": vendor_id,
            "at": now,
        }
        for item, vendor_id in sent
    ]
    upsert(tx, written, rows, guarded=False)
    for item, _ in sent:
        tx.execute(sa.delete(outbox).where(_same(item)))


def differing(tx: sa.Connection, connection_id: int, items: Sequence[Pending]) -> list[Mapping[str, Any]]:
    """Of the values of each item those that differ from what was written last; all of them where that is
    not known, or an attempt may have written others since."""
    sure = [item for item in items if not item.tried and not item.attempts]
    last: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for target in {item.target for item in sure}:
        query = sa.select(written.c.external_id, written.c.key, written.c.payload).where(
            written.c.connection_id == connection_id,
            written.c.target == target,
            written.c.external_id.in_([item.external_id for item in sure if item.target == target]),
            written.c.payload != "",
        )
        for row in tx.execute(query):
            last[target, row.external_id, row.key] = orjson.loads(row.payload)
    known = [last.get((i.target, i.external_id, i.key), {}) if i in sure else {} for i in items]
    return [
        {name: value for name, value in item.values.items() if name not in was or was[name] != value}
        for item, was in zip(items, known, strict=True)
    ]


def failed(
    tx: sa.Connection,
    item: Pending,
    error: str,
    retry_at: dt.datetime | None,
    stale_at: dt.datetime | None = None,
) -> None:
    """Try again at ``retry_at``, or (``None``) leave it to a person. With ``stale_at`` only once the
    CRM's row was read in a state later than that."""
    state = "pending" if retry_at else "dead"
    values: dict[str, Any] = {
        "state": state,
        "attempts": item.attempts + 1,
        "error": error,
        "stale_at": stale_at,
    }
    if retry_at:
        values["due_at"] = retry_at
    tx.execute(sa.update(outbox).where(_same(item)).values(**values))


def _same(item: Pending) -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.id == item.id, outbox.c.version == item.version)


def _known(tx: sa.Connection, items: Sequence[Item], table: sa.Table) -> dict[Target, str]:
    found: dict[Target, str] = {}
    groups: dict[tuple[int, str], list[str]] = {}
    for item in items:
        groups.setdefault((item.connection_id, item.target), []).append(item.external_id)
    for (connection_id, target), ids in groups.items():
        for start in range(0, len(ids), 900):
            query = sa.select(table.c.external_id, table.c.key, table.c.digest).where(
                table.c.connection_id == connection_id,
                table.c.target == target,
                table.c.external_id.in_(ids[start : start + 900]),
            )
            for row in tx.execute(query):
                found[connection_id, target, row.external_id, row.key] = row.digest
    return found

"""Records: storing pages of them, setting aside what does not fit, marking what vanished.

Invariant: a page is stored whole in the caller's transaction; a record whose account is not known is set
aside, never dropped; a customer is marked for assessment when, and only when, a fact about it changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa

from connector.adapter import Row
from connector.errors import Reject
from connector.model import Account, Record, Stream, VisitResult
from connector.store import account_owners, customers, held, locks, quotas, reservations, visits
from connector.store.columns import Moment
from connector.store.record_tables import RECORDS, account, payment, reject
from connector.store.upsert import batches, upsert

# Streams whose rows are written to.
GUARDED = (Stream.ACCOUNTS, Stream.ORDERS)
# Streams of facts: a change in them makes the customer's assessment stale.
FACTS = frozenset({Stream.ORDERS, Stream.INVOICES, Stream.PLANS, Stream.PAYMENTS})
# Streams of what the CRM's own credit module grants: facts where that module decides, else only shown.
GRANTS = frozenset({Stream.CREDIT_FILES, Stream.CREDIT_ACCOUNTS})


@dataclass(frozen=True)
class Misfit:
    """A row that was set aside, and why."""

    row: Row
    reason: Reject


@dataclass(frozen=True)
class Stored:
    """What came of a page: the records that changed something, which rows were set aside, and how changed
    orders stood before, by external id."""

    changed: Sequence[Record]
    misfits: Sequence[Misfit]
    before: Mapping[str, sa.Row[Any]] = field(default_factory=dict)


def store(
    tx: sa.Connection,
    connection_id: int,
    stream: Stream,
    read: Sequence[tuple[Row, Record]],
    misfits: Sequence[Misfit],
    now: dt.datetime,
) -> Stored:
    """Store the records of one page and its misfits; mark the customers concerned."""
    one_at_a_time(tx, connection_id)
    if stream is Stream.VISITS:
        told = [record for _, record in read if isinstance(record, VisitResult)]
        set_aside(tx, connection_id, stream, misfits, [one.external_id for one in told], now)
        return Stored(visits.settle(tx, connection_id, told, now), misfits)
    kept, without = _with_account(tx, connection_id, stream, read)
    rows = [_row(connection_id, record, now) for record in kept]
    changed = _changed(tx, connection_id, stream, kept, rows)
    orders = [record.external_id for record, _ in changed] if stream is Stream.ORDERS else []
    before = _orders(tx, connection_id, orders)
    upsert(tx, RECORDS[stream], [row for _, row in changed])
    if stream in GUARDED:
        renewed = {record.external_id for record, _ in changed}
        _seen(tx, connection_id, stream, [row for row in rows if row["external_id"] not in renewed])
    records = [record for record, _ in changed]
    if stream is Stream.ACCOUNTS:
        accounts = [record for record in records if isinstance(record, Account)]
        customers.join(tx, connection_id, accounts, now)
        account_owners.keep(tx, connection_id, accounts, now)
    elif records and (stream in FACTS or (stream in GRANTS and quotas.decides(tx, connection_id))):
        customers.touch(tx, connection_id, {_account_of(record) for record in records})
    elif stream is Stream.RECEIPTS:
        _touch_paid(tx, connection_id, [record.external_id for record in records])
    all_misfits = [*misfits, *without]
    set_aside(tx, connection_id, stream, all_misfits, [r.external_id for r in kept], now)
    return Stored(records, all_misfits, before)


def _orders(tx: sa.Connection, connection_id: int, ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """These orders as they are stored, by id; without those that are deleted or not there."""
    table = RECORDS[Stream.ORDERS]
    found: dict[str, sa.Row[Any]] = {}
    for part in batches(ids):
        query = sa.select(table).where(
            table.c.connection_id == connection_id, table.c.external_id.in_(part), table.c.deleted.is_(False)
        )
        found.update({row.external_id: row for row in tx.execute(query)})
    return found


def gone(tx: sa.Connection, connection_id: int, stream: Stream, ids: Iterable[str], now: dt.datetime) -> int:
    """Mark rows as deleted in the CRM and their customers as changed; how many there were."""
    one_at_a_time(tx, connection_id)
    if stream is Stream.VISITS:
        return visits.lost(tx, connection_id, list(ids), now)
    table = RECORDS[stream]
    of_accounts = stream in FACTS or (stream in GRANTS and quotas.decides(tx, connection_id))
    who = table.c.account_id if of_accounts else table.c.external_id
    count, vanished = 0, list[str]()
    for part in batches(list(ids)):
        living = sa.and_(
            table.c.connection_id == connection_id,
            table.c.external_id.in_(part),
            table.c.deleted.is_(False),
        )
        concerned = set(tx.execute(sa.select(who).where(living)).scalars())
        vanished += _order_keys(tx, living) if stream is Stream.ORDERS else []
        result = tx.execute(sa.update(table).where(living).values(deleted=True, last_seen=now))
        count += result.rowcount
        if concerned and (of_accounts or stream is Stream.ACCOUNTS):
            customers.touch(tx, connection_id, concerned)
        elif stream is Stream.RECEIPTS:
            _touch_paid(tx, connection_id, sorted(concerned))
    if vanished:
        reservations.vanish(tx, connection_id, vanished)
        held.withdraw(tx, connection_id, vanished, now)
    return count


def _order_keys(tx: sa.Connection, living: sa.ColumnElement[bool]) -> list[str]:
    """Ids and numbers of orders: a check may have named them by either."""
    table = RECORDS[Stream.ORDERS]
    rows = tx.execute(sa.select(table.c.external_id, table.c.number).where(living)).all()
    return [key for row in rows for key in (row.external_id, row.number) if key]


def living_ids(connection: sa.Connection, connection_id: int, stream: Stream) -> set[str]:
    """Ids of the rows that exist in the CRM as far as we know."""
    if stream is Stream.VISITS:
        return visits.tasks(connection, connection_id)
    table = RECORDS[stream]
    query = sa.select(table.c.external_id).where(
        table.c.connection_id == connection_id, table.c.deleted.is_(False)
    )
    return set(connection.execute(query).scalars())


def rejects(
    connection: sa.Connection, connection_id: int | None = None, code: str | None = None
) -> list[sa.Row[Any]]:
    """Rows that were set aside, oldest first."""
    query = sa.select(reject).order_by(reject.c.id)
    if connection_id is not None:
        query = query.where(reject.c.connection_id == connection_id)
    if code is not None:
        query = query.where(reject.c.code == code)
    return list(connection.execute(query).all())


def forget(tx: sa.Connection, reject_id: int) -> None:
    """Remove a row that was set aside and has had its time."""
    tx.execute(sa.delete(reject).where(reject.c.id == reject_id))


def raw_row(row: sa.Row[Any]) -> Row:
    """The vendor's row of a reject, as it was read."""
    return Row(row.external_id, row.modified_at, orjson.loads(row.raw))


def one_at_a_time(tx: sa.Connection, connection_id: int) -> None:
    """Pages of one connection are stored one after the other, whoever reads them, so that two of them
    never wait for each other's customers in a circle."""
    locks.take(tx, f"records of connection {connection_id}")


def _touch_paid(tx: sa.Connection, connection_id: int, receipts: Sequence[str]) -> None:
    """Whoever paid with one of these receipts is to be assessed anew."""
    for part in batches(list(receipts)):
        query = sa.select(payment.c.account_id).where(
            payment.c.connection_id == connection_id, payment.c.receipt_id.in_(part)
        )
        customers.touch(tx, connection_id, set(tx.execute(query).scalars()))


def _account_of(record: Record) -> str:
    return str(getattr(record, "account_id"))  # noqa: B009 - not every record type has it


def _with_account(
    tx: sa.Connection, connection_id: int, stream: Stream, read: Sequence[tuple[Row, Record]]
) -> tuple[list[Record], list[Misfit]]:
    if stream not in FACTS:
        return [record for _, record in read], []
    wanted = list({_account_of(record) for _, record in read})
    known: set[str] = set()
    for part in batches(wanted):
        query = sa.select(account.c.external_id).where(
            account.c.connection_id == connection_id, account.c.external_id.in_(part)
        )
        known.update(tx.execute(query).scalars())
    kept, without = [], []
    for row, record in read:
        if _account_of(record) in known:
            kept.append(record)
            continue
        without.append(Misfit(row, homeless(_account_of(record))))
    return kept, without


def homeless(account_id: str) -> Reject:
    """Why a document whose account is not there is set aside."""
    return Reject(
        f"account {account_id} is not in the store",
        code="missing_account",
        field="account_id",
        value=account_id,
        todo="it is tried again at every pull; check that the account exists and may be read",
    )


def _row(connection_id: int, record: Record, now: dt.datetime) -> dict[str, Any]:
    # Records are flat: their own dictionary is what ``model_dump`` would build, at a fifth of the cost.
    values = dict(record.__dict__)
    modified = values.pop("modified_at")
    for name in ("stage", "state"):
        if name in values:
            values[name] = str(values[name])
    values["digest"] = hashlib.blake2b(orjson.dumps(values), digest_size=12).hexdigest()
    values["connection_id"] = connection_id
    values["modified_at"] = modified
    values["first_seen"] = values["last_seen"] = now
    values["deleted"] = False
    return values


def _changed(
    tx: sa.Connection,
    connection_id: int,
    stream: Stream,
    records: Sequence[Record],
    rows: Sequence[dict[str, Any]],
) -> list[tuple[Record, dict[str, Any]]]:
    """Records that are new or differ from what is stored; the last one of each id."""
    table = RECORDS[stream]
    known: dict[str, tuple[str, bool, dt.datetime | None]] = {}
    for part in batches([record.external_id for record in records]):
        query = sa.select(table.c.external_id, table.c.digest, table.c.deleted, table.c.modified_at).where(
            table.c.connection_id == connection_id, table.c.external_id.in_(part)
        )
        for external_id, digest, deleted, modified in tx.execute(query):
            known[external_id] = (digest, deleted, modified)
    changed: dict[str, tuple[Record, dict[str, Any]]] = {}
    for record, row in zip(records, rows, strict=True):
        before = known.get(record.external_id)
        if before is None or _supersedes(row, *before):
            changed[record.external_id] = (record, row)
    return list(changed.values())


def _seen(tx: sa.Connection, connection_id: int, stream: Stream, rows: Sequence[Mapping[str, Any]]) -> None:
    """Move the time of change on for rows in which nothing that we read has changed: a write that must
    not undo what people did is measured against it."""
    table = RECORDS[stream]
    newer = [
        {"e": row["external_id"], "m": row["modified_at"]} for row in rows if row["modified_at"] is not None
    ]
    if newer:
        here = sa.and_(
            table.c.connection_id == connection_id,
            table.c.external_id == sa.bindparam("e"),
            table.c.modified_at < sa.bindparam("m", type_=Moment),
        )
        tx.execute(sa.update(table).where(here).values(modified_at=sa.bindparam("m", type_=Moment)), newer)


def written(
    tx: sa.Connection, connection_id: int, stream: Stream, external_id: str, modified_at: dt.datetime
) -> None:
    """We changed a row that nobody else had changed since it was read: its time of change is ours."""
    _seen(tx, connection_id, stream, [{"external_id": external_id, "modified_at": modified_at}])


def modified(
    tx: sa.Connection, connection_id: int, stream: Stream, ids: Sequence[str]
) -> dict[str, dt.datetime]:
    """When these rows were last changed as far as they were read; without those that are not known."""
    table = RECORDS[stream]
    found: dict[str, dt.datetime] = {}
    for part in batches(list(ids)):
        query = sa.select(table.c.external_id, table.c.modified_at).where(
            table.c.connection_id == connection_id,
            table.c.external_id.in_(part),
            table.c.modified_at.is_not(None),
        )
        found.update({row.external_id: row.modified_at for row in tx.execute(query)})
    return found


def _supersedes(row: Mapping[str, Any], digest: str, deleted: bool, modified: dt.datetime | None) -> bool:
    if row["modified_at"] is not None and modified is not None and row["modified_at"] < modified:
        return False
    return bool(row["digest"] != digest or deleted)


def set_aside(
    tx: sa.Connection,
    connection_id: int,
    stream: Stream,
    misfits: Sequence[Misfit],
    healed: Sequence[str],
    now: dt.datetime,
) -> None:
    """Keep the rows that do not fit, and drop what was set aside of those ``healed``."""
    here = sa.and_(reject.c.connection_id == connection_id, reject.c.stream == stream.value)
    first_seen: dict[str, dt.datetime] = {}
    if tx.execute(sa.select(reject.c.id).where(here).limit(1)).first() is not None:
        for part in batches([*healed, *(m.row.external_id for m in misfits)]):
            known = sa.and_(here, reject.c.external_id.in_(part))
            for row in tx.execute(sa.select(reject.c.external_id, reject.c.first_seen).where(known)):
                first_seen[row.external_id] = row.first_seen
            tx.execute(sa.delete(reject).where(known))
    rows = {
        m.row.external_id: {
            "connection_id": connection_id,
            "stream": stream.value,
            "external_id": m.row.external_id,
            "code": m.reason.code,
            "field": m.reason.field,
            "value": m.reason.value,
            "message": str(m.reason),
            "raw": orjson.dumps(m.row.data, default=str).decode(),
            "modified_at": m.row.modified_at,
            "first_seen": first_seen.get(m.row.external_id, now),
            "last_seen": now,
        }
        for m in misfits
    }
    if rows:
        tx.execute(reject.insert(), list(rows.values()))

"""What has to be told by which channel, and what the policy wants done about a signal.

Invariant: one row a signal, severity and channel, so that nothing is told twice by the same way; a row that
was being sent when the process died says so, and its message is marked as a possible repeat.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.signal_tables import deed, signal, telling
from connector.store.signals import State
from connector.store.tables import connection
from connector.store.upsert import batches

PENDING, SENDING, DONE, DEAD, MOOT = "pending", "sending", "done", "dead", "moot"
WANTED, FAILED = "wanted", "failed"
# A process that began to send so long ago is not running any more.
LEASE = dt.timedelta(minutes=10)


def enrol(tx: sa.Connection, wanted: Sequence[tuple[int, str]], connection_id: int, now: dt.datetime) -> int:
    """Queue these signals, each with its severity, for a channel; those that are there already stay as
    they are. How many are new."""
    rows = [
        {
            "signal_id": number,
            "severity": severity,
            "connection_id": connection_id,
            "state": PENDING,
            "due_at": now,
            "created_at": now,
        }
        for number, severity in wanted
    ]
    return _add(tx, telling, rows, ["signal_id", "severity", "connection_id"])


def due(tx: sa.Connection, connection_id: int, now: dt.datetime, most: int) -> list[sa.Row[Any]]:
    """What is to be told by a channel now, alarms first and oldest first, with its signal's state; what a
    process left unfinished is due again."""
    left = sa.and_(telling.c.state == SENDING, telling.c.due_at <= now - LEASE)
    query = (
        sa.select(telling, signal.c.state.label("signal_state"), signal.c.severity.label("present"))
        .join(signal, signal.c.id == telling.c.signal_id)
        .where(
            telling.c.connection_id == connection_id,
            sa.or_(sa.and_(telling.c.state == PENDING, telling.c.due_at <= now), left),
        )
        .order_by(telling.c.severity != "alarm", telling.c.id)
        .limit(most)
    )
    return list(tx.execute(query))


def begin(tx: sa.Connection, row: sa.Row[Any], now: dt.datetime) -> bool:
    """Take a row to send it; ``False`` if another process was quicker."""
    mine = telling.c.id == row.id, telling.c.state == row.state, telling.c.attempts == row.attempts
    values = {"state": SENDING, "due_at": now, "attempts": row.attempts + 1}
    return tx.execute(telling.update().where(*mine).values(**values)).rowcount == 1


def finish(
    tx: sa.Connection, number: int, state: str, now: dt.datetime, *, error: str = "", due_at: Any = None
) -> None:
    """What came of a row."""
    values: dict[str, Any] = {"state": state, "error": error[:300]}
    if state == DONE:
        values["sent_at"] = now
    if due_at is not None:
        values["due_at"] = due_at
    tx.execute(telling.update().where(telling.c.id == number).values(**values))


def listed(tx: sa.Connection, states: Collection[str]) -> list[sa.Row[Any]]:
    """Rows in these states with the channel's name, newest last."""
    query = (
        sa.select(telling, connection.c.name.label("channel"), signal.c.kind, signal.c.customer_id)
        .join(connection, connection.c.id == telling.c.connection_id)
        .join(signal, signal.c.id == telling.c.signal_id)
        .where(telling.c.state.in_(list(states)))
    )
    return list(tx.execute(query.order_by(telling.c.id)))


def want(tx: sa.Connection, deeds: Sequence[tuple[int, str]], now: dt.datetime) -> int:
    """Keep that these actions are wanted about these signals, once each; how many are new."""
    rows = [
        {"signal_id": number, "action": action, "state": WANTED, "wanted_at": now} for number, action in deeds
    ]
    return _add(tx, deed, rows, ["signal_id", "action"])


def wanted(tx: sa.Connection, actions: Collection[str] = ()) -> list[sa.Row[Any]]:
    """Deeds that are wanted, with the kind, customer and state of their signal."""
    query = (
        sa.select(deed, signal.c.kind, signal.c.customer_id, signal.c.severity, signal.c.state.label("alive"))
        .join(signal, signal.c.id == deed.c.signal_id)
        .where(deed.c.state == WANTED)
    )
    if actions:
        query = query.where(deed.c.action.in_(list(actions)))
    return list(tx.execute(query.order_by(deed.c.id)))


def wanting(tx: sa.Connection, action: str, customer_ids: Sequence[int]) -> dict[int, str]:
    """Those of these customers about whom ``action`` is wanted by a live signal, with its kind."""
    found: dict[int, str] = {}
    for part in batches(list(customer_ids)):
        query = (
            sa.select(signal.c.customer_id, signal.c.kind)
            .join(deed, deed.c.signal_id == signal.c.id)
            .where(
                signal.c.customer_id.in_(part),
                signal.c.state != State.CLOSED.value,
                deed.c.action == action,
                deed.c.state == WANTED,
            )
            .order_by(deed.c.id.desc())
        )
        found.update({row.customer_id: row.kind for row in tx.execute(query)})
    return found


def asked_about(tx: sa.Connection, agency: str) -> dict[int, dt.datetime]:
    """Customers about whom a live signal wants an agency of this kind asked, and since when; a report that
    expires concerns the agency that gave it."""
    query = (
        sa.select(signal.c.customer_id, sa.func.max(deed.c.wanted_at))
        .join(deed, deed.c.signal_id == signal.c.id)
        .where(
            signal.c.state != State.CLOSED.value,
            sa.or_(signal.c.kind != "report_expiring", signal.c.key == agency),
            deed.c.action == "ask_agency",
            deed.c.state == WANTED,
        )
        .group_by(signal.c.customer_id)
    )
    return {row[0]: row[1] for row in tx.execute(query)}


def settle_deeds(
    tx: sa.Connection,
    action: str,
    customer_ids: Collection[int],
    now: dt.datetime,
    detail: str = "",
    *,
    until: dt.datetime | None = None,
) -> None:
    """An action was done for these customers: nothing of it is wanted any more (that was wanted by ``until``,
    if given)."""
    for part in batches(sorted(customer_ids)):
        mine = sa.select(signal.c.id).where(signal.c.customer_id.in_(part))
        here = [deed.c.action == action, deed.c.state == WANTED, deed.c.signal_id.in_(mine)]
        here += [] if until is None else [deed.c.wanted_at <= until]
        tx.execute(deed.update().where(*here).values(state=DONE, detail=detail, done_at=now))


def settle_deed(tx: sa.Connection, number: int, state: str, detail: str, now: dt.datetime) -> None:
    """What came of one deed."""
    tx.execute(deed.update().where(deed.c.id == number).values(state=state, detail=detail[:300], done_at=now))


def _add(tx: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], unique: list[str]) -> int:
    """Insert what is not there by ``unique``; how many were."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    count = 0
    for row in rows:
        statement = dialect.insert(table).values(**row).on_conflict_do_nothing(index_elements=unique)
        # Not by rowcount: PostgreSQL's driver does not tell it for an insert.
        count += tx.execute(statement.returning(table.c.id)).first() is not None
    return count

"""What agencies have told of watched customers, and who is watched, from reports and journal.

Invariant: a change is news until a report fetched after it was told lies in the store.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from connector.store.record_tables import account
from connector.store.reports import about
from connector.store.tables import journal, report

TOLD, ASKED_FOR_CHANGES, WATCHED = "report_changed", "changes_asked", "reports_watched"


class Known(NamedTuple):
    """A customer's newest report from one connection; ``living`` when it still has an account."""

    customer_id: int
    ref: str
    fetched_at: dt.datetime
    living: bool


def known(tx: sa.Connection, connection_id: int) -> list[Known]:
    """All customers with a report of this connection, by id."""
    newest = (
        sa.select(sa.func.max(report.c.id))
        .where(report.c.connection_id == connection_id)
        .group_by(report.c.customer_id)
    )
    living = sa.select(account.c.customer_id).where(
        account.c.customer_id == report.c.customer_id, account.c.deleted.is_(False)
    )
    query = (
        sa.select(report.c.customer_id, report.c.subject_ref, report.c.fetched_at, living.exists())
        .where(report.c.id.in_(newest))
        .order_by(report.c.customer_id)
    )
    return [Known(*row) for row in tx.execute(query)]


def told(tx: sa.Connection, connection_name: str, since: dt.datetime) -> list[tuple[str, str, dt.datetime]]:
    """(journal's subject, key of the change, when it was told) of this connection since then."""
    return [
        (row.subject, detail["key"], row.at) for row, detail in _entries(tx, TOLD, connection_name, since)
    ]


def last_asked(tx: sa.Connection, connection_name: str, since: dt.datetime) -> dt.datetime | None:
    """When changes were last asked for, if since then."""
    entries = _entries(tx, ASKED_FOR_CHANGES, connection_name, since)
    return max((row.at for row, _ in entries), default=None)


def waiting(tx: sa.Connection, connection_id: int, connection_name: str, since: dt.datetime) -> list[int]:
    """Customers of whom a change was told after their newest report was fetched, by id."""
    latest: dict[str, dt.datetime] = {}
    for subject, _, at in told(tx, connection_name, since):
        latest[subject] = max(at, latest.get(subject, at))
    return [
        one.customer_id
        for one in known(tx, connection_id)
        if one.living and latest.get(about(one.customer_id), one.fetched_at) > one.fetched_at
    ]


def _entries(
    tx: sa.Connection, act: str, connection_name: str, since: dt.datetime
) -> list[tuple[sa.Row[Any], dict[str, Any]]]:
    query = sa.select(journal).where(journal.c.act == act, journal.c.at >= since).order_by(journal.c.id)
    found = [(row, orjson.loads(row.detail)) for row in tx.execute(query)]
    return [(row, detail) for row, detail in found if detail.get("connection") == connection_name]

"""Agency reports: whom to ask about, and what came of it.

Invariant: reports are only added, and the purge alone takes from them what has had its time; the agency's
own words are kept encrypted beside their digest, and the newest report of an agency is the one that counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from connector.adapter import Subject
from connector.model import Report
from connector.store.consents import person
from connector.store.customers import touch_customers
from connector.store.record_tables import account
from connector.store.tables import connection, customer, identifier, journal, report

ASKED, STORED, NOT_ON_FILE, DOUBTFUL, REFUSED, TOO_DEAR = (
    "report_asked",
    "report_stored",
    "report_not_on_file",
    "report_doubtful",
    "report_refused",
    "report_too_dear",
)


@dataclass(frozen=True)
class Entry:
    """One stored report with its customer and connection, for listings; ``body`` is the parsed JSON of
    ``connector.model.Report``."""

    id: int
    customer_id: int
    name: str
    is_person: bool
    connection: str
    fetched_at: dt.datetime
    raw_sha256: str
    body: dict[str, Any]


def about(customer_id: int) -> str:
    """How the journal names a customer."""
    return f"customer {customer_id}"


def due(
    tx: sa.Connection,
    connection_id: int,
    connection_name: str,
    before: dt.datetime,
    customer_ids: Sequence[int] | None = None,
) -> list[int]:
    """Customers with a living account and without a report of this connection fetched at or after
    ``before``, by id; those whom the agency did not know then are left out. ``customer_ids`` narrows
    them down."""
    living = sa.select(account.c.customer_id).where(
        account.c.customer_id == customer.c.id, account.c.deleted.is_(False)
    )
    fresh = (
        sa.select(report.c.customer_id)
        .where(report.c.connection_id == connection_id)
        .where(report.c.customer_id == customer.c.id, report.c.fetched_at >= before)
    )
    query = sa.select(customer.c.id).where(living.exists(), ~fresh.exists()).order_by(customer.c.id)
    if customer_ids is not None:
        query = query.where(customer.c.id.in_(sorted(customer_ids)))
    unknown = _answers(tx, NOT_ON_FILE, connection_name, before)
    return [found for found in tx.execute(query).scalars() if about(found) not in unknown]


def overtaken(tx: sa.Connection, connection_id: int, asked: Mapping[int, dt.datetime]) -> list[int]:
    """Of these customers those whose newest report of this connection is older than the moment given for
    them, by id; who has none is ``due`` or was not known."""
    newest = (
        sa.select(report.c.customer_id, sa.func.max(report.c.fetched_at).label("at"))
        .where(report.c.connection_id == connection_id)
        .group_by(report.c.customer_id)
    )
    return sorted(
        row.customer_id for row in tx.execute(newest) if row.at < asked.get(row.customer_id, row.at)
    )


def missing(tx: sa.Connection, customer_ids: Iterable[int]) -> list[int]:
    """Which of these ids are no customers."""
    wanted = sorted(set(customer_ids))
    query = sa.select(customer.c.id).where(customer.c.id.in_(wanted))
    there = set(tx.execute(query).scalars())
    return [found for found in wanted if found not in there]


def subject(tx: sa.Connection, customer_id: int) -> Subject:
    """Whom to ask about: name, country and identifiers as the agencies take them (``uscc``, ``duns``,
    ``vat``, ``registration_no``)."""
    row = tx.execute(sa.select(customer).where(customer.c.id == customer_id)).one()
    country = row.country
    found: dict[str, str] = {}
    query = sa.select(identifier).where(identifier.c.customer_id == customer_id)
    for key in tx.execute(query.order_by(identifier.c.kind, identifier.c.value)):
        if key.kind == "registration":
            # Kept as "country:number"; the number means nothing in another country.
            where, _, number = key.value.partition(":")
            country = country or where
            if where == country:
                found.setdefault("registration_no", number)
        else:
            found.setdefault(key.kind, key.value)
    return Subject(row.name, country, found)


def keep(
    tx: sa.Connection,
    *,
    customer_id: int,
    connection_id: int,
    content: Report,
    raw: str,
    raw_sha256: str,
    now: dt.datetime,
) -> None:
    """Store a report, ``raw`` already encrypted, and mark its customer as changed."""
    values = {
        "customer_id": customer_id,
        "connection_id": connection_id,
        "provider": content.provider,
        "subject_ref": content.subject_ref,
        "as_of": content.as_of,
        "fetched_at": now,
        "body": content.model_dump_json(),
        "raw": raw,
        "raw_sha256": raw_sha256,
    }
    tx.execute(report.insert().values(**values))
    touch_customers(tx, {customer_id})


def has(tx: sa.Connection, customer_id: int, connection_id: int, raw_sha256: str, content: Report) -> bool:
    """Whether this report, from these words, is there already."""
    query = sa.select(report.c.id).where(
        report.c.customer_id == customer_id,
        report.c.connection_id == connection_id,
        report.c.raw_sha256 == raw_sha256,
        report.c.body == content.model_dump_json(),
    )
    return tx.execute(query.limit(1)).first() is not None


def newest(*of: sa.ColumnElement[Any], among: Sequence[int] | None = None) -> sa.Select[Any]:
    """The ids of the newest report of each group ``of`` columns: by its own day, then as it came; a
    file may bring an old report after a new one. ``among`` narrows the customers down."""
    order = sa.func.row_number().over(partition_by=of, order_by=(report.c.as_of.desc(), report.c.id.desc()))
    rows = sa.select(report.c.id, order.label("place"))
    if among is not None:
        rows = rows.where(report.c.customer_id.in_(among))
    ranked = rows.subquery()
    return sa.select(ranked.c.id).where(ranked.c.place == 1)


def listing(tx: sa.Connection, *, customer_id: int | None = None, every: bool = False) -> list[Entry]:
    """Reports by customer, newest first: the newest of each agency, or ``every`` one."""
    query = (
        sa.select(
            report.c.id,
            report.c.customer_id,
            customer.c.name,
            person().label("is_person"),
            connection.c.name.label("connection"),
            report.c.fetched_at,
            report.c.raw_sha256,
            report.c.body,
        )
        .join_from(report, customer, report.c.customer_id == customer.c.id)
        .join(connection, report.c.connection_id == connection.c.id)
        .order_by(report.c.customer_id, report.c.id.desc())
    )
    if customer_id is not None:
        query = query.where(report.c.customer_id == customer_id)
    if not every:
        query = query.where(report.c.id.in_(newest(report.c.customer_id, report.c.connection_id)))
    return [
        Entry(**{**row._mapping, "body": orjson.loads(row.body), "is_person": bool(row.is_person)})
        for row in tx.execute(query)
    ]


@dataclass(frozen=True)
class Held:
    """What the purge looks at: the parsed JSON, and whether the agency's own words are still there."""

    customer_id: int
    country: str | None
    is_person: bool
    fetched_at: dt.datetime
    has_raw: bool
    body: dict[str, Any]


def ids(tx: sa.Connection) -> list[int]:
    """The ids of all reports, oldest first."""
    return list(tx.execute(sa.select(report.c.id).order_by(report.c.id)).scalars())


def held(tx: sa.Connection, report_id: int) -> Held | None:
    """One report for the purge; ``None`` when it is gone."""
    query = (
        sa.select(
            report.c.customer_id,
            customer.c.country,
            person().label("is_person"),
            report.c.fetched_at,
            (report.c.raw != "").label("has_raw"),
            report.c.body,
        )
        .join_from(report, customer, report.c.customer_id == customer.c.id)
        .where(report.c.id == report_id)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    flags = {"is_person": bool(row.is_person), "has_raw": bool(row.has_raw)}
    return Held(**{**row._mapping, **flags, "body": orjson.loads(row.body)})


def purge(
    tx: sa.Connection, report_id: int, customer_id: int, body: dict[str, Any] | None, *, raw: bool
) -> None:
    """Give a report the ``body`` that is left of it, if that changed, and drop the agency's own words."""
    values: dict[str, Any] = {"raw": ""} if raw else {}
    if body is not None:
        values["body"] = orjson.dumps(body).decode()
        touch_customers(tx, {customer_id})
    tx.execute(report.update().where(report.c.id == report_id).values(**values))


def newest_raw(
    tx: sa.Connection, customer_id: int, connection_name: str | None
) -> list[tuple[int, str, str]]:
    """(report, connection, encrypted answer) of the newest report of each agency; purged ones are empty."""
    latest = newest(report.c.customer_id, report.c.connection_id)
    query = (
        sa.select(report.c.id, connection.c.name, report.c.raw)
        .join(connection, report.c.connection_id == connection.c.id)
        .where(report.c.customer_id == customer_id, report.c.id.in_(latest))
        .order_by(connection.c.id)
    )
    if connection_name is not None:
        query = query.where(connection.c.name == connection_name)
    return [(int(row.id), str(row.name), str(row.raw)) for row in tx.execute(query)]


def _answers(tx: sa.Connection, act: str, connection_name: str, since: dt.datetime) -> set[str]:
    """Journal subjects of whom the agency gave this answer since then."""
    query = sa.select(journal.c.subject, journal.c.detail).where(journal.c.act == act, journal.c.at >= since)
    return {
        row.subject
        for row in tx.execute(query)
        if orjson.loads(row.detail).get("connection") == connection_name
    }

"""Where customers stand with the agencies: who they are, how large, and when which agency said what.

Invariant: read only; memory follows the chunk, not the portfolio.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson
import sqlalchemy as sa

from connector.store.lines import CUSTOMER
from connector.store.record_tables import account
from connector.store.reports import NOT_ON_FILE, about
from connector.store.signal_tables import deed, signal
from connector.store.signals import LIVE, Severity
from connector.store.tables import assessment, connection, credit_line, customer, journal, report

CHUNK = 500


@dataclass(frozen=True)
class Standing:
    """One customer. ``size`` is the larger of limit and exposure, minor units of ``currency``, ``None``
    before the first assessment; ``reports`` and ``unknown_to`` are by connection when it last gave a report,
    and when it last did not know the customer; ``alarmed_at`` is when the newest live alarm was raised, or
    signal about which the policy wants an agency asked."""

    customer_id: int
    country: str | None
    risk_class: str | None = None
    size: int | None = None
    currency: str | None = None
    reports: dict[str, dt.datetime] = field(default_factory=dict)
    unknown_to: dict[str, dt.datetime] = field(default_factory=dict)
    alarmed_at: dt.datetime | None = None


def countries(tx: sa.Connection) -> dict[str | None, int]:
    """How many customers with a living account are in which country; ``None`` is an unknown one."""
    here = sa.exists().where(account.c.customer_id == customer.c.id, account.c.deleted.is_(False))
    query = sa.select(customer.c.country, sa.func.count()).where(here).group_by(customer.c.country)
    return {row[0] or None: row[1] for row in tx.execute(query)}


def living(tx: sa.Connection, customer_ids: Sequence[int] | None = None) -> Iterator[list[Standing]]:
    """Customers with a living account, in chunks by id; only ``customer_ids`` if given."""
    unknown = _unknown(tx)
    last = 0
    while True:
        here = sa.exists().where(account.c.customer_id == customer.c.id, account.c.deleted.is_(False))
        query = sa.select(customer.c.id, customer.c.country).where(customer.c.id > last, here)
        if customer_ids is not None:
            query = query.where(customer.c.id.in_(sorted(set(customer_ids))))
        rows = tx.execute(query.order_by(customer.c.id).limit(CHUNK)).all()
        if not rows:
            return
        last = rows[-1].id
        yield _chunk(tx, {row.id: row.country for row in rows}, unknown)


def _chunk(
    tx: sa.Connection, countries: dict[int, str | None], unknown: dict[str, dict[str, dt.datetime]]
) -> list[Standing]:
    ids = list(countries)
    newest = (
        sa.select(sa.func.max(assessment.c.id))
        .where(assessment.c.customer_id.in_(ids))
        .group_by(assessment.c.customer_id)
    )
    classes = sa.select(assessment.c.customer_id, assessment.c.risk_class).where(assessment.c.id.in_(newest))
    of_class = {row.customer_id: row.risk_class for row in tx.execute(classes)}
    of_line = {
        row.subject_id: (max(row.limit_minor or 0, row.exposure), row.currency)
        for row in tx.execute(
            sa.select(credit_line).where(credit_line.c.subject == CUSTOMER, credit_line.c.subject_id.in_(ids))
        )
    }
    given: dict[int, dict[str, dt.datetime]] = {}
    told = (
        sa.select(report.c.customer_id, connection.c.name, sa.func.max(report.c.fetched_at).label("at"))
        .join(connection, connection.c.id == report.c.connection_id)
        .where(report.c.customer_id.in_(ids))
        .group_by(report.c.customer_id, connection.c.name)
    )
    for row in tx.execute(told):
        given.setdefault(row.customer_id, {})[row.name] = row.at
    asked = sa.select(deed.c.signal_id).where(deed.c.action == "ask_agency", deed.c.state == "wanted")
    alarmed = {
        row.customer_id: row.at
        for row in tx.execute(
            sa.select(signal.c.customer_id, sa.func.max(signal.c.raised_at).label("at"))
            .where(
                signal.c.customer_id.in_(ids),
                sa.or_(signal.c.severity == Severity.ALARM.value, signal.c.id.in_(asked)),
                signal.c.state.in_(LIVE),
            )
            .group_by(signal.c.customer_id)
        )
    }
    return [
        Standing(
            number,
            country,
            of_class.get(number),
            *of_line.get(number, (None, None)),
            given.get(number, {}),
            unknown.get(about(number), {}),
            alarmed.get(number),
        )
        for number, country in countries.items()
    ]


def _unknown(tx: sa.Connection) -> dict[str, dict[str, dt.datetime]]:
    """By customer, as the journal names it, the agencies that did not know it, and when they last said so."""
    found: dict[str, dict[str, dt.datetime]] = {}
    query = sa.select(journal.c.subject, journal.c.detail, journal.c.at).where(journal.c.act == NOT_ON_FILE)
    for row in tx.execute(query.order_by(journal.c.id)):
        found.setdefault(row.subject, {})[orjson.loads(row.detail).get("connection", "")] = row.at
    return found

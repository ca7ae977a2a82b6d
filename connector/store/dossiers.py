"""Dossiers: everything about a chunk of customers, read in a handful of queries.

Invariant: memory follows the chunk, not the portfolio; documents of all accounts of a customer are
joined; deleted records are left out.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connector.model import Report
from connector.rules.documents import (
    Dossier,
    InvoiceDoc,
    LimitEntry,
    OrderDoc,
    PaymentDoc,
    PlanDoc,
    ReportDoc,
)
from connector.rules.master import once
from connector.rules.plans import planned
from connector.store import advice, conduct, disputes, dunning, parts, quotas, review_cases
from connector.store.parts import Part
from connector.store.record_tables import account, invoice, payment, plan, receipt, sales_order
from connector.store.reports import newest
from connector.store.tables import connection as connections
from connector.store.tables import customer, limit_entry, report

CHUNK = 500


def read(
    connection: sa.Connection, customer_ids: Sequence[int], *, every_source: bool = False
) -> list[tuple[Dossier, int]]:
    """The dossiers of at most ``CHUNK`` customers, each with its count of changes at this moment.

    A document that a ledger and a CRM have counts once, as the ledger has it, unless ``every_source`` asks
    for what each of them says.
    """
    ids = list(customer_ids)
    orders = _orders(connection, ids)
    invoices = _invoices(connection, ids)
    plans = _plans(connection, ids)
    payments = _payments(connection, ids)
    reports = reports_of(connection, ids)
    chosen = disputes.chosen(connection, ids)
    limits, decided = _limits(connection, ids), quotas.of(connection, ids)
    grants = quotas.granted(connection, ids)
    statuses, marked = _standing(connection, ids)
    promises = conduct.promises(connection, ids)
    advised = advice.documents(connection, ids)
    dunned = dunning.running(connection, ids)
    reviewed = review_cases.last_days(connection, ids)
    ledgers = set() if every_source else _ledgers(connection)
    if ledgers:
        for owner in ids:
            invoices[owner], payments[owner] = once(orders[owner], invoices[owner], payments[owner], ledgers)
    rows = connection.execute(sa.select(customer).where(customer.c.id.in_(ids)).order_by(customer.c.id))
    return [
        (
            Dossier(
                customer_id=row.id,
                name=row.name,
                country=row.country,
                industry=row.industry,
                is_person=row.is_person,
                customer_since=row.customer_since,
                terms_days=row.terms_days,
                hold_placed=row.hold_placed,
                reviewed_on=reviewed.get(row.id) or row.created_at.date(),
                orders=tuple(orders[row.id]),
                invoices=tuple(planned(orders[row.id], invoices[row.id], plans[row.id])),
                payments=tuple(payments[row.id]),
                reports=tuple(reports[row.id]),
                limits=(*limits[row.id], *grants.get(row.id, ())),
                limits_by=decided.get(row.id),
                group_id=row.group_id,
                agency_chosen=_chosen(reports[row.id], chosen.get(row.id)),
                account_statuses=tuple(statuses[row.id]),
                blacklisted=marked.get(row.id),
                promises=tuple(promises[row.id]),
                advice=tuple(advised[row.id]),
                dunned=tuple(dunned[row.id]),
            ),
            row.changes,
        )
        for row in rows
    ]


def due(
    connection: sa.Connection,
    now: dt.datetime,
    after: int,
    *,
    everyone: bool = False,
    part: Part | None = None,
) -> list[int]:
    """The next chunk of ids above ``after``: of customers (of ``part``) that changed or whose time has come,
    or of everyone. Customers without any account are not assessed."""
    # Who has an account is asked of these alone: in one query the whole portfolio would be joined.
    while ids := _ahead(connection, now, after, everyone, part):
        has_account = account.c.customer_id.in_(ids), account.c.deleted.is_(False)
        query = (
            sa.select(account.c.customer_id).where(*has_account).distinct().order_by(account.c.customer_id)
        )
        if found := list(connection.execute(query).scalars()):
            return found
        after = ids[-1]
    return []


def _ahead(
    connection: sa.Connection, now: dt.datetime, after: int, everyone: bool, part: Part | None
) -> list[int]:
    ahead = sa.select(customer.c.id).where(customer.c.id > after, parts.customers_of(part))
    if everyone:
        return list(connection.execute(ahead.order_by(customer.c.id).limit(CHUNK)).scalars())
    # Each by the index of its own: one condition for both would read the whole portfolio.
    marked = (customer.c.changes > customer.c.assessed, customer.c.due_at <= now)
    found = [ahead.where(mark).order_by(customer.c.id).limit(CHUNK).subquery() for mark in marked]
    both = sa.union(*(sa.select(one.c.id) for one in found)).subquery()
    return list(connection.execute(sa.select(both.c.id).order_by(both.c.id).limit(CHUNK)).scalars())


def count_due(
    connection: sa.Connection, now: dt.datetime, *, everyone: bool = False, part: Part | None = None
) -> int:
    """How many customers ``due`` will give, roughly: those without accounts are not left out."""
    whole = sa.select(sa.func.count()).select_from(customer).where(parts.customers_of(part))
    if everyone:
        return int(connection.execute(whole).scalar_one())
    dirty = customer.c.changes > customer.c.assessed
    marks = (dirty,), (customer.c.due_at <= now, sa.not_(dirty))
    return sum(int(connection.execute(whole.where(*mark)).scalar_one()) for mark in marks)


def _documents(
    connection: sa.Connection, table: sa.Table, ids: Sequence[int], columns: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    query = (
        sa.select(
            account.c.customer_id,
            table.c.connection_id,
            table.c.external_id,
            *(table.c[name] for name in columns),
        )
        .join_from(
            account,
            table,
            sa.and_(
                table.c.connection_id == account.c.connection_id,
                table.c.account_id == account.c.external_id,
            ),
        )
        .where(account.c.customer_id.in_(ids), table.c.deleted.is_(False))
        .order_by(account.c.customer_id, table.c.connection_id, table.c.external_id)
    )
    for row in connection.execute(query):
        yield tuple(row)


def _chosen(reports: Sequence[ReportDoc], decision: tuple[str, str] | None) -> str | None:
    """The agency that a person believes, as long as the reports are those that the decision is about."""
    if decision is None:
        return None
    about, provider = decision
    there = set(disputes.key((doc.report.provider, doc.report.as_of) for doc in reports).split())
    return provider if there.issuperset(about.split()) else None


def _ledgers(connection: sa.Connection) -> set[int]:
    query = sa.select(connections.c.id).where(connections.c.role == "ledger")
    return set(connection.execute(query).scalars())


def _orders(connection: sa.Connection, ids: Sequence[int]) -> defaultdict[int, list[OrderDoc]]:
    found: defaultdict[int, list[OrderDoc]] = defaultdict(list)
    columns = "number amount currency ordered_on deliver_on stage invoiced paid prepaid".split()
    for owner, source, external_id, *values in _documents(connection, sales_order, ids, columns):
        found[owner].append(OrderDoc(f"{source}/{external_id}", *values))
    return found


def _invoices(connection: sa.Connection, ids: Sequence[int]) -> defaultdict[int, list[InvoiceDoc]]:
    found: defaultdict[int, list[InvoiceDoc]] = defaultdict(list)
    columns = "number order_id amount currency issued_on due_on paid settled_on state disputed".split()
    for owner, source, external_id, number, order_id, *values in _documents(
        connection, invoice, ids, columns
    ):
        order = f"{source}/{order_id}" if order_id else None
        found[owner].append(InvoiceDoc(f"{source}/{external_id}", number, order, *values))
    contested = conduct.disputed(connection, ids)
    if contested:
        for docs in found.values():
            docs[:] = [_contested(doc, contested) for doc in docs]
    return found


def _contested(doc: InvoiceDoc, said: Mapping[str, bool]) -> InvoiceDoc:
    """An invoice with what people say of it: a dispute of theirs counts beside the source's, and its end
    says only that there is none of theirs."""
    if doc.id not in said or (doc.disputed is not None and not said[doc.id]):
        return doc
    return doc._replace(disputed=said[doc.id])


def _standing(
    connection: sa.Connection, ids: Sequence[int]
) -> tuple[defaultdict[int, list[str]], dict[int, bool]]:
    """What the CRMs call the status of each customer's accounts, once each; and whether it is on a
    blacklist, of a CRM or of people: one that says yes is enough."""
    statuses: defaultdict[int, list[str]] = defaultdict(list)
    marked = conduct.ruled_out(connection, ids)
    query = (
        sa.select(account.c.customer_id, account.c.account_status, account.c.blacklisted)
        .where(
            account.c.customer_id.in_(ids),
            account.c.deleted.is_(False),
            sa.or_(account.c.account_status.is_not(None), account.c.blacklisted.is_not(None)),
        )
        .order_by(account.c.connection_id, account.c.external_id)
    )
    for owner, status, listed in connection.execute(query):
        if status is not None and status not in statuses[owner]:
            statuses[owner].append(status)
        if listed is not None:
            marked[owner] = marked.get(owner, False) or listed
    return statuses, marked


def _plans(connection: sa.Connection, ids: Sequence[int]) -> defaultdict[int, list[PlanDoc]]:
    found: defaultdict[int, list[PlanDoc]] = defaultdict(list)
    columns = ("order_id", "number", "amount", "currency", "due_on")
    for owner, source, external_id, order_id, *values in _documents(connection, plan, ids, columns):
        found[owner].append(PlanDoc(_plan_id(source, external_id), f"{source}/{order_id}", *values))
    return found


def _plan_id(source: int, external_id: str) -> str:
    """Plans stand among invoices, whose ids may be the same."""
    return f"{source}/plan {external_id}"


def _payments(connection: sa.Connection, ids: Sequence[int]) -> defaultdict[int, list[PaymentDoc]]:
    """Payments with the day of their receipt; one whose receipt does not count, or is gone, is none."""
    found: defaultdict[int, list[PaymentDoc]] = defaultdict(list)
    query = (
        sa.select(
            account.c.customer_id,
            payment.c.connection_id.label("source"),
            payment.c.external_id,
            payment.c.invoice_id,
            payment.c.plan_id,
            payment.c.order_id,
            payment.c.amount,
            payment.c.currency,
            sa.func.coalesce(receipt.c.received_on, payment.c.paid_on).label("paid_on"),
            payment.c.bill_due_on,
        )
        .join_from(
            account,
            payment,
            sa.and_(
                payment.c.connection_id == account.c.connection_id,
                payment.c.account_id == account.c.external_id,
            ),
        )
        .outerjoin(
            receipt,
            sa.and_(
                receipt.c.connection_id == payment.c.connection_id,
                receipt.c.external_id == payment.c.receipt_id,
            ),
        )
        .where(
            account.c.customer_id.in_(ids),
            payment.c.deleted.is_(False),
            sa.or_(
                receipt.c.external_id.is_(None),
                sa.and_(receipt.c.deleted.is_(False), receipt.c.counts.is_(True)),
            ),
        )
        .order_by(account.c.customer_id, payment.c.connection_id, payment.c.external_id)
    )
    for row in connection.execute(query):
        invoice_id = f"{row.source}/{row.invoice_id}" if row.invoice_id else None
        if invoice_id is None and row.plan_id:
            invoice_id = _plan_id(row.source, row.plan_id)
        found[row.customer_id].append(
            PaymentDoc(
                f"{row.source}/{row.external_id}",
                invoice_id,
                f"{row.source}/{row.order_id}" if row.order_id else None,
                row.amount,
                row.currency,
                row.paid_on,
                row.bill_due_on,
            )
        )
    return found


def reports_of(connection: sa.Connection, ids: Sequence[int]) -> defaultdict[int, list[ReportDoc]]:
    """The newest report of each agency."""
    found: defaultdict[int, list[ReportDoc]] = defaultdict(list)
    latest = newest(report.c.customer_id, report.c.provider, among=ids)
    query = sa.select(report.c.customer_id, report.c.body, report.c.fetched_at).where(report.c.id.in_(latest))
    for row in connection.execute(query.order_by(report.c.id)):
        found[row.customer_id].append(ReportDoc(Report.model_validate_json(row.body), row.fetched_at))
    return found


def _limits(connection: sa.Connection, ids: Sequence[int]) -> defaultdict[int, list[LimitEntry]]:
    found: defaultdict[int, list[LimitEntry]] = defaultdict(list)
    query = sa.select(limit_entry).where(
        limit_entry.c.subject == "customer", limit_entry.c.subject_id.in_(ids)
    )
    for row in connection.execute(query.order_by(limit_entry.c.id)):
        found[row.subject_id].append(
            LimitEntry(
                row.kind,
                row.state,
                row.amount,
                row.currency,
                row.valid_from,
                row.valid_to,
                row.season_from,
                row.season_to,
                row.cover_bp,
            )
        )
    return found

"""Receivables: what ledgers say is open, and where the CRMs say something else.

Invariant: read only. What is open on a day is what was issued by then and not settled by then, each
source by itself and each currency by itself; amounts of different sources are compared, never added.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import sqlalchemy as sa

from connector.model import InvoiceState
from connector.money import scale, to_minor
from connector.rules.documents import Dossier, InvoiceDoc
from connector.rules.settlement import settle
from connector.runtime import Runtime
from connector.store import dossiers
from connector.store.connections import Connection
from connector.store.record_tables import account

KINDS = ("ledger", "crm")


@dataclass(frozen=True)
class Open:
    """What one customer owes by one kind of source in one currency, minor units. ``overdue`` is the part
    that is past due and ``overdue_days`` the age of its oldest document; ``credits`` is money and credit
    notes in the customer's favour, not taken off ``open``; ``bills`` have not fallen due."""

    customer_id: int
    name: str
    is_person: bool
    currency: str
    open: int = 0
    overdue: int = 0
    overdue_days: int = 0
    documents: int = 0
    credits: int = 0
    bills: int = 0


@dataclass(frozen=True)
class Difference:
    """What the ledgers and the CRMs say a customer owes, minor units of ``currency``; ``beyond`` tells
    whether they differ by more than the tolerance."""

    customer_id: int
    name: str
    is_person: bool
    currency: str
    ledger: int
    crm: int
    beyond: bool


def open_items(runtime: Runtime, sources: Collection[Connection], day: dt.date) -> Iterator[Open]:
    """What every customer of these connections owes at the end of ``day``, by customer and currency;
    customers that owe nothing too, once, in the currency of their documents if they have any."""
    ids = {one.id for one in sources}
    with runtime.store.read() as tx:
        query = sa.select(account.c.customer_id).where(
            account.c.connection_id.in_(ids), account.c.deleted.is_(False)
        )
        customers = sorted({number for number in tx.execute(query).scalars() if number is not None})
    for start in range(0, len(customers), dossiers.CHUNK):
        with runtime.store.read() as tx:
            found = dossiers.read(tx, customers[start : start + dossiers.CHUNK], every_source=True)
        for dossier, _ in found:
            yield from _standing(runtime, _on(dossier, ids, day), day)


def differences(runtime: Runtime, day: dt.date, *, share: Decimal, amount: Decimal) -> Iterator[Difference]:
    """Where customers that stand in a ledger and in a CRM that has invoices owe different sums.

    They differ ``beyond`` tolerance when the sums are further apart than ``amount`` (major units) and
    than ``share`` (0…1) of the larger one.
    """
    by_key: dict[tuple[int, str], dict[str, Open]] = {}
    for kind in KINDS:
        for one in open_items(runtime, runtime.connections.all(kind), day):
            by_key.setdefault((one.customer_id, one.currency), {})[kind] = one
    standing = {kind: {number for (number, _), by in by_key.items() if kind in by} for kind in KINDS}
    for (number, currency), by in sorted(by_key.items()):
        if not all(number in standing[kind] for kind in KINDS):
            continue
        ledger, crm = (by[kind].open - by[kind].credits if kind in by else 0 for kind in KINDS)
        bound = max(to_minor(amount, currency), scale(max(abs(ledger), abs(crm)), share))
        some = next(iter(by.values()))
        beyond = abs(ledger - crm) > bound
        yield Difference(number, some.name, some.is_person, currency, ledger, crm, beyond)


def _on(dossier: Dossier, sources: Collection[int], day: dt.date) -> Dossier:
    """The documents of some connections as they stood at the end of a day."""

    def mine(number: str) -> bool:
        return int(number.partition("/")[0]) in sources

    invoices = [_then(doc, day) for doc in dossier.invoices if mine(doc.id)]
    return replace(
        dossier,
        orders=(),
        invoices=tuple(doc for doc in invoices if doc.issued_on is None or doc.issued_on <= day),
        payments=tuple(doc for doc in dossier.payments if mine(doc.id)),
    )


def _then(doc: InvoiceDoc, day: dt.date) -> InvoiceDoc:
    """An invoice that was settled later was open then."""
    if doc.settled_on is not None and doc.settled_on > day and doc.state == InvoiceState.PAID.value:
        return doc._replace(state=InvoiceState.OPEN.value, settled_on=None, paid=None)
    return doc


def _standing(runtime: Runtime, dossier: Dossier, day: dt.date) -> Iterator[Open]:
    def convert(minor: int, currency: str, to: str) -> int | None:
        return runtime.rates.convert(minor, currency, to, day)

    settled = settle(dossier, runtime.policy.terms.default_days, convert, day)
    found: dict[str, Open] = {}

    def of(currency: str) -> Open:
        return found.get(currency) or Open(dossier.customer_id, dossier.name, dossier.is_person, currency)

    for line in settled.invoices:
        one = of(line.doc.currency)
        late = (day - line.due).days if line.open and line.due is not None else 0
        found[line.doc.currency] = replace(
            one,
            open=one.open + line.open,
            overdue=one.overdue + (line.open if late > 0 else 0),
            overdue_days=max(one.overdue_days, late),
            documents=one.documents + (line.open > 0),
        )
    for credit in settled.credits:
        one = of(credit.currency)
        found[credit.currency] = replace(one, credits=one.credits + credit.amount)
    for bill in settled.bills:
        one = of(bill.currency)
        found[bill.currency] = replace(one, bills=one.bills + bill.amount)
    if not found:
        found[runtime.policy.currency] = of(runtime.policy.currency)
    yield from (found[currency] for currency in sorted(found))

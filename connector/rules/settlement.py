"""What is still open of every document once the money received has been laid against it.

Invariant: every unit of money counts once, and never for a document that is not here. Money goes to
the invoice it names; money for an order settles that order's invoices, oldest due first, then the
order itself; what is left is credit. A paid amount from the source of an invoice replaces what
payments say of it. Totals are kept per document, in its own currency. A payment by bill counts as received,
and stands among the bills until its day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import NamedTuple

from connector.model import InvoiceState, OrderStage
from connector.rules.documents import Dossier, InvoiceDoc, OrderDoc, PaymentDoc

# Minor units of one currency in minor units of another, or None when there is no rate.
Convert = Callable[[int, str, str], int | None]

_PAID = InvoiceState.PAID.value
_WRITTEN_OFF = InvoiceState.WRITTEN_OFF.value
_LIVE = frozenset({InvoiceState.OPEN.value, _PAID, _WRITTEN_OFF})
_WITH_DRAFTS = _LIVE | {InvoiceState.DRAFT.value}
_CANCELLED = OrderStage.CANCELLED.value
_FAR = dt.date.max


class InvoiceLine(NamedTuple):
    """``open`` part of an invoice (not negative); ``settled`` with ``settled_on`` if that is known."""

    doc: InvoiceDoc
    due: dt.date | None
    open: int
    settled: bool
    settled_on: dt.date | None
    written_off: bool


class OrderLine(NamedTuple):
    """Part of an order that is neither invoiced nor paid, whatever its stage."""

    doc: OrderDoc
    open: int


class Credit(NamedTuple):
    """Money or credit notes in the customer's favour, as a positive amount."""

    id: str
    number: str | None
    amount: int
    currency: str


class Settlement(NamedTuple):
    """``bills`` are payments by bill that have not fallen due; ``pending`` is the earliest day on which a
    payment dated later than today will count, or a bill falls due."""

    invoices: list[InvoiceLine]
    orders: list[OrderLine]
    credits: list[Credit]
    bills: list[Credit]
    pending: dt.date | None


def settle(
    dossier: Dossier, default_days: int, convert: Convert, today: dt.date, *, drafts: bool = False
) -> Settlement:
    """Lay all payments up to ``today`` against the documents.

    ``default_days`` are the terms of an invoice without due date, where the customer has none;
    ``drafts`` takes draft invoices for invoices.
    """
    terms = default_days if dossier.terms_days is None else dossier.terms_days
    states = _WITH_DRAFTS if drafts else _LIVE
    live = [doc for doc in dossier.invoices if doc.state in states]
    money = _Money(dossier, live, today)
    credits = [Credit(p.id, None, p.amount, p.currency) for p in money.on_account if p.amount]
    of_order: dict[str, list[InvoiceDoc]] = {}
    for doc in live:
        if doc.order_id is not None:
            of_order.setdefault(doc.order_id, []).append(doc)
    rest, from_order = _order_money(dossier.orders, of_order, money, terms, convert)
    invoices: list[InvoiceLine] = []
    for doc in live:
        line, credit = _invoice(doc, _due(doc, terms), money, from_order.get(doc.id, 0), convert)
        invoices.append(line)
        if credit:
            credits.append(Credit(doc.id, doc.number, credit, doc.currency))
    orders: list[OrderLine] = []
    for order in dossier.orders:
        invoiced = _invoiced(order, of_order.get(order.id, ()), convert)
        part = 0 if order.stage == _CANCELLED else max(0, order.amount - invoiced)
        paid = rest.get(order.id, 0)
        orders.append(OrderLine(order, max(0, part - paid)))
        if paid > part:
            credits.append(Credit(order.id, order.number, paid - part, order.currency))
    return Settlement(invoices, orders, credits, money.bills, money.pending)


def _due(doc: InvoiceDoc, terms: int) -> dt.date | None:
    if doc.due_on is not None or doc.issued_on is None:
        return doc.due_on
    return doc.issued_on + dt.timedelta(days=terms)


class _Money:
    """Payments sorted by what they are for. Money for a document that is not here is left out."""

    def __init__(self, dossier: Dossier, live: list[InvoiceDoc], today: dt.date) -> None:
        self.by_invoice: dict[str, list[PaymentDoc]] = {}
        self.by_order: dict[str, list[PaymentDoc]] = {}
        self.on_account: list[PaymentDoc] = []
        self.bills: list[Credit] = []
        self.pending: dt.date | None = None
        if not dossier.payments:
            return
        invoice_ids = {doc.id for doc in live}
        order_ids = {doc.id for doc in dossier.orders}
        order_ids.update(doc.order_id for doc in live if doc.order_id is not None)
        for payment in dossier.payments:
            if payment.paid_on is not None and payment.paid_on > today:
                self.pending = min(self.pending or _FAR, payment.paid_on)
            elif payment.invoice_id in invoice_ids:
                self.by_invoice.setdefault(payment.invoice_id or "", []).append(payment)
            elif payment.order_id in order_ids:
                self.by_order.setdefault(payment.order_id or "", []).append(payment)
            elif payment.invoice_id is None and payment.order_id is None:
                self.on_account.append(payment)
            else:
                continue
            if payment.bill_due_on is not None and payment.bill_due_on > today:
                self._bill(payment, payment.bill_due_on)

    def _bill(self, payment: PaymentDoc, due: dt.date) -> None:
        if payment.amount > 0:
            self.bills.append(Credit(payment.id, None, payment.amount, payment.currency))
            self.pending = min(self.pending or _FAR, due)

    def direct(self, doc: InvoiceDoc, convert: Convert) -> int:
        """Paid of an invoice without money from its order: by its source, else by payments."""
        if doc.state == _PAID:
            return doc.amount
        if doc.paid is not None:
            return doc.paid
        return _total(self.by_invoice.get(doc.id, ()), doc.currency, convert)

    def last_day(self, doc: InvoiceDoc) -> dt.date | None:
        """The last day on which money for the invoice, else for its order, came in."""
        some = self.by_invoice.get(doc.id) or self.by_order.get(doc.order_id or "") or []
        return max((p.paid_on for p in some if p.paid_on is not None), default=None)


def _total(payments: Iterable[PaymentDoc], currency: str, convert: Convert) -> int:
    """Sum in ``currency``; money without a rate is left out, so that it frees no credit."""
    total = 0
    for payment in payments:
        if payment.currency == currency:
            total += payment.amount
        else:
            total += convert(payment.amount, payment.currency, currency) or 0
    return total


def _order_money(
    orders: tuple[OrderDoc, ...],
    of_order: dict[str, list[InvoiceDoc]],
    money: _Money,
    terms: int,
    convert: Convert,
) -> tuple[dict[str, int], dict[str, int]]:
    """Money for orders: what is left for each order itself, and what each invoice gets of it."""
    rest: dict[str, int] = {}
    share: dict[str, int] = {}
    known = {order.id: order for order in orders}
    with_money = {order.id for order in orders if order.paid} | money.by_order.keys()
    for order_id in with_money:
        order, docs = known.get(order_id), of_order.get(order_id, [])
        # An order that was never read has the currency of its first invoice, whatever order they come in.
        currency = min(docs, key=lambda doc: doc.id).currency if order is None else order.currency
        received = _total(money.by_order.get(order_id, ()), currency, convert)
        for doc in docs:
            received += _total(money.by_invoice.get(doc.id, ()), currency, convert)
        if order is not None and order.paid is not None:
            received = max(received, order.paid)
        left = received
        open_docs: list[tuple[dt.date, str, InvoiceDoc, int]] = []
        for doc in docs:
            direct = money.direct(doc, convert)
            left -= in_currency(direct, doc.currency, currency, convert)
            if doc.paid is None and doc.state != _PAID and doc.amount > direct:
                due = _due(doc, terms) or _FAR
                open_docs.append((due, doc.id, doc, doc.amount - direct))
        left = max(0, left)
        for _, doc_id, doc, wanted in sorted(open_docs):
            given = min(left, in_currency(wanted, doc.currency, currency, convert))
            left -= given
            share[doc_id] = min(wanted, in_currency(given, currency, doc.currency, convert))
        if order is not None:
            rest[order_id] = left
    return rest, share


def in_currency(amount: int, currency: str, to: str, convert: Convert) -> int:
    """``amount`` in ``to``; 0 without a rate, for sums that may only understate."""
    if currency == to:
        return amount
    return convert(amount, currency, to) or 0


def _invoice(
    doc: InvoiceDoc, due: dt.date | None, money: _Money, from_order: int, convert: Convert
) -> tuple[InvoiceLine, int]:
    """The line of an invoice and the credit that comes of it (credit note or overpayment)."""
    if doc.state == _WRITTEN_OFF:
        return InvoiceLine(doc, due, 0, False, None, True), 0
    left = doc.amount - money.direct(doc, convert) - from_order
    if left > 0:
        return InvoiceLine(doc, due, left, False, None, False), 0
    day = doc.settled_on if doc.settled_on is not None else money.last_day(doc)
    return InvoiceLine(doc, due, 0, True, day, False), -left


def _invoiced(order: OrderDoc, docs: Iterable[InvoiceDoc], convert: Convert) -> int:
    """Invoiced of an order: the vendor's total or the sum of its invoices, whichever is more."""
    total = 0
    for doc in docs:
        total += in_currency(doc.amount, doc.currency, order.currency, convert)
    return max(order.invoiced or 0, total)

"""Orders, invoices and receipts of one company, as its health makes it behave.

Invariant: a company's chain order → invoices → receipts stays in one CRM; invoices of an order do not
exceed it, receipts of an invoice do not exceed it; nothing is dated after ``as_of``.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from sandbox.money import from_fen, unit
from sandbox.world import Company, Receipt, SalesInvoice, SalesOrder

HISTORY = dt.timedelta(days=730)


@dataclass(slots=True)
class _Receipt:
    amount: int
    paid_on: dt.date
    modified_at: dt.datetime


@dataclass(slots=True)
class _Invoice:
    amount: int
    issued_on: dt.date
    due_on: dt.date
    disputed: bool
    modified_at: dt.datetime
    receipts: list[_Receipt] = field(default_factory=list)


@dataclass(slots=True)
class _Deal:
    """One order with what became of it, or invoices without an order (``stage`` ``None``)."""

    company: Company
    crm: str
    currency: str
    amount: int
    ordered_on: dt.date
    deliver_on: dt.date
    stage: str | None
    modified_at: dt.datetime
    invoices: list[_Invoice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Invoices due from ``stopped`` on are never paid, those due from ``stretched`` on very late."""

    stopped: dt.date | None = None
    stretched: dt.date | None = None


class Deals:
    """Draws deals company by company, then numbers them in the order in which they happened."""

    def __init__(self, rng: Random, as_of: dt.datetime) -> None:
        self._rng = rng
        self._as_of = as_of
        self._today = as_of.date()
        self._deals: list[_Deal] = []

    def draw(self, company: Company, purchases: int) -> None:
        """Two years of business with ``company``, which buys for ``purchases`` fen a year."""
        rng = self._rng
        if rng.random() < 0.04:
            return  # a customer that has not bought yet
        start = max(self._today - HISTORY, company.customer_since)
        days = (self._today - start).days
        wanted = rng.triangular(8, 24, 13)
        deals = max(1, round(wanted * days / HISTORY.days))
        trouble = self._trouble(company.health)
        for _ in range(deals):
            crm = rng.choice(company.crms)
            currency = self._currency(company)
            yearly = from_fen(purchases, currency)
            permille = int(1000 * rng.lognormvariate(0, 0.35))
            amount = max(200 * unit(currency), yearly * 2 * permille // int(wanted * 1000))
            # Business grows: some more orders fall into the last months.
            recent = 0 if rng.random() < 0.92 else max(0, days - 150)
            ordered_on = start + dt.timedelta(days=rng.randint(recent, days))
            if crm == "zoho" and rng.random() < 0.06:
                self._deals.append(self._without_order(company, currency, amount, ordered_on))
            else:
                self._deals.append(self._order(company, crm, currency, amount, ordered_on))
            for invoice in self._deals[-1].invoices:
                self._pay(invoice, company, trouble)

    def _trouble(self, health: float) -> _Trouble:
        """Those who fail have stopped paying for some time; some of the doubtful have begun to stretch."""
        rng = self._rng
        if health < 0.18:
            return _Trouble(stopped=self._today - dt.timedelta(days=rng.randint(90, 240)))
        if health < 0.65 and rng.random() < 0.55:
            return _Trouble(stretched=self._today - dt.timedelta(days=rng.randint(20, 70)))
        return _Trouble()

    def _currency(self, company: Company) -> str:
        if company.country == "CN" or self._rng.random() >= 0.08:
            return company.currency
        return "EUR" if company.currency == "USD" else "USD"

    def _moment(self, day: dt.date) -> dt.datetime:
        """Some time in office hours of ``day``, never after ``as_of``."""
        second = self._rng.randrange(3600, 10 * 3600)
        at = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) + dt.timedelta(seconds=second)
        return min(at, self._as_of)

    def _order(self, company: Company, crm: str, currency: str, amount: int, ordered_on: dt.date) -> _Deal:
        rng, today = self._rng, self._today
        deliver_on = ordered_on + dt.timedelta(days=rng.randint(3, 28))
        fresh = ordered_on >= today - dt.timedelta(days=14)
        fate = rng.random()
        if fate < 0.03:
            stage, since = "cancelled", min(today, ordered_on + dt.timedelta(days=rng.randint(0, 6)))
        elif fate < (0.3 if fresh else 0.035):
            stage, since = "draft", ordered_on
        elif deliver_on > today:
            stage, since = "open", ordered_on
        else:
            stage, since = "delivered", deliver_on
        deal = _Deal(company, crm, currency, amount, ordered_on, deliver_on, stage, self._moment(since))
        if stage in ("cancelled", "draft"):
            return deal
        for part, issued_on in self._instalments(amount, ordered_on, deliver_on):
            if issued_on <= today:
                deal.invoices.append(self._invoice(company, part, issued_on))
        if sum(invoice.amount for invoice in deal.invoices) == amount:
            deal.stage = "closed"
            deal.modified_at = max(invoice.modified_at for invoice in deal.invoices)
        return deal

    def _instalments(
        self, amount: int, ordered_on: dt.date, deliver_on: dt.date
    ) -> list[tuple[int, dt.date]]:
        """What is invoiced when: all after delivery, or a part before and the rest after it."""
        rng = self._rng
        last = deliver_on + dt.timedelta(days=rng.choice((0, 1, 2, 3, 5, 8, 13)))
        if rng.random() >= 0.13:
            return [(amount, last)]
        first = amount * rng.randint(25, 65) // 100
        early = ordered_on + (deliver_on - ordered_on) * rng.randint(20, 90) // 100
        return [(first, early), (amount - first, last)]

    def _without_order(self, company: Company, currency: str, amount: int, issued_on: dt.date) -> _Deal:
        deal = _Deal(company, "zoho", currency, amount, issued_on, issued_on, None, self._moment(issued_on))
        deal.invoices.append(self._invoice(company, amount, issued_on))
        return deal

    def _invoice(self, company: Company, amount: int, issued_on: dt.date) -> _Invoice:
        due_on = issued_on + dt.timedelta(days=company.terms_days)
        disputed = self._rng.random() < 0.012 + 0.05 * (1 - company.health)
        return _Invoice(amount, issued_on, due_on, disputed, self._moment(issued_on))

    def _pay(self, invoice: _Invoice, company: Company, trouble: _Trouble) -> None:
        rng, frailty = self._rng, 1 - company.health
        settle_on = self._settle_on(invoice, company, trouble)
        parts: list[tuple[int, dt.date | None]] = [(invoice.amount, settle_on)]
        if rng.random() < 0.06 + 0.12 * frailty:
            first = invoice.amount * rng.randint(20, 75) // 100
            early = invoice.due_on + dt.timedelta(days=rng.randint(-5, 3 + int(25 * frailty)))
            if settle_on is None or early < settle_on:
                parts = [(first, max(early, invoice.issued_on))]
                parts.append((invoice.amount - first, settle_on))
        for amount, paid_on in parts:
            if paid_on is not None and paid_on <= self._today:
                receipt = _Receipt(amount, paid_on, self._moment(paid_on))
                invoice.receipts.append(receipt)
                invoice.modified_at = max(invoice.modified_at, receipt.modified_at)

    def _settle_on(self, invoice: _Invoice, company: Company, trouble: _Trouble) -> dt.date | None:
        """When the last part comes in, or ``None`` when it never does."""
        rng, frailty = self._rng, 1 - company.health
        if trouble.stopped is not None and invoice.due_on >= trouble.stopped:
            return None
        if company.health < 0.42 and rng.random() < 0.12:
            return None
        if trouble.stretched is not None and invoice.due_on >= trouble.stretched:
            late = rng.randint(15, 90)
        elif rng.random() < 0.05 + frailty**1.5:
            late = 1 + int(rng.expovariate(1 / (4 + 75 * frailty**1.8)))
        else:
            late = -int(rng.triangular(0, min(company.terms_days, 15), 2))
        if invoice.disputed:
            late = max(late, 0) + rng.randint(15, 60)
        return max(invoice.due_on + dt.timedelta(days=late), invoice.issued_on)

    def books(self) -> tuple[list[SalesOrder], list[SalesInvoice], list[Receipt]]:
        """All documents, numbered by CRM in the order of their dates."""
        numbers: Counter[str] = Counter()
        orders: list[SalesOrder] = []
        invoices: list[SalesInvoice] = []
        receipts: list[Receipt] = []
        for deal in sorted(self._deals, key=lambda deal: deal.ordered_on):
            order_key = None
            if deal.stage is not None:
                order_key = f"so-{len(orders) + 1:06d}"
                orders.append(_sales_order(deal, order_key, _number("SO", deal.crm, numbers)))
            for invoice in deal.invoices:
                key = f"inv-{len(invoices) + 1:06d}"
                number = _number("INV", deal.crm, numbers)
                invoices.append(_sales_invoice(deal, invoice, key, order_key, number))
                for receipt in invoice.receipts:
                    receipt_key = f"rc-{len(receipts) + 1:06d}"
                    receipts.append(_receipt(deal, receipt, receipt_key, key, order_key))
        return orders, invoices, receipts


def _number(kind: str, crm: str, numbers: Counter[str]) -> str:
    """The next number of a kind of document in one CRM; the two CRMs count apart."""
    prefix = kind if crm == "zoho" else f"F{kind}"
    numbers[prefix] += 1
    return f"{prefix}-{numbers[prefix]:06d}"


def _sales_order(deal: _Deal, key: str, number: str) -> SalesOrder:
    assert deal.stage is not None  # noqa: S101 - only orders come here
    return SalesOrder(
        key=key,
        crm=deal.crm,
        company_key=deal.company.key,
        number=number,
        amount=deal.amount,
        currency=deal.currency,
        ordered_on=deal.ordered_on,
        deliver_on=deal.deliver_on,
        stage=deal.stage,
        modified_at=deal.modified_at,
    )


def _sales_invoice(
    deal: _Deal, invoice: _Invoice, key: str, order_key: str | None, number: str
) -> SalesInvoice:
    paid = sum(receipt.amount for receipt in invoice.receipts)
    settled = paid == invoice.amount
    return SalesInvoice(
        key=key,
        crm=deal.crm,
        company_key=deal.company.key,
        order_key=order_key,
        number=number,
        amount=invoice.amount,
        currency=deal.currency,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        paid=paid,
        settled_on=max(r.paid_on for r in invoice.receipts) if settled else None,
        disputed=invoice.disputed,
        modified_at=invoice.modified_at,
    )


def _receipt(deal: _Deal, receipt: _Receipt, key: str, invoice_key: str, order_key: str | None) -> Receipt:
    return Receipt(
        key=key,
        crm=deal.crm,
        company_key=deal.company.key,
        order_key=order_key,
        invoice_key=invoice_key,
        amount=receipt.amount,
        currency=deal.currency,
        paid_on=receipt.paid_on,
        modified_at=receipt.modified_at,
    )

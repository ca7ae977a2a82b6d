"""The business of one customer over its history and the year: orders, invoices, money, disputes.

Invariant: a deal is drawn whole before the year begins and only shown as far as a day has come; equal seeds
give equal deals. Money comes on working days, and never more than was invoiced.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from sandbox.money import from_fen
from sandbox.world import Company, SalesInvoice, SalesOrder
from sandbox.year.holidays import DAY, season, working
from sandbox.year.tempers import Span, Temper

CRM = "zoho"


@dataclass(frozen=True, slots=True)
class Deal:
    """One order and its invoice. ``receipts`` are days and amounts, in order; ``number`` is unique."""

    number: int
    company_key: str
    currency: str
    amount: int
    ordered_on: dt.date
    deliver_on: dt.date
    invoiced_on: dt.date
    due_on: dt.date
    receipts: tuple[tuple[dt.date, int], ...]
    disputed: Span | None

    def days(self) -> set[dt.date]:
        """Every day on which something about it changes."""
        found = {self.ordered_on, self.deliver_on, self.invoiced_on, *(day for day, _ in self.receipts)}
        # An invoice that is settled is disputed no longer, whatever was said of it.
        return found | {day for day in self.disputed or () if day is not None}

    def paid(self, day: dt.date) -> int:
        """What had come in by the end of ``day``."""
        return sum(amount for paid_on, amount in self.receipts if paid_on <= day)

    def open_after(self, days: int) -> dt.date | None:
        """The day on which it is so many days past due, if something is still open then."""
        day = self.due_on + days * DAY
        return day if self.paid(day) < self.amount else None

    def at(self, day: dt.date) -> dt.datetime:
        """When on ``day`` it changes: in office hours, each deal at its own second (UTC)."""
        return dt.datetime.combine(day, dt.time(1), dt.UTC) + dt.timedelta(seconds=self.number * 7 % 28_800)

    def order(self, day: dt.date) -> SalesOrder:
        """As it stands in the CRM at the end of ``day``, not before ``ordered_on``."""
        stage = "open" if day < self.deliver_on else "delivered" if day < self.invoiced_on else "closed"
        steps = (self.ordered_on, self.deliver_on, self.invoiced_on)
        return SalesOrder(
            key=f"so-{self.number:06d}",
            crm=CRM,
            company_key=self.company_key,
            number=f"SO-{self.number:06d}",
            amount=self.amount,
            currency=self.currency,
            ordered_on=self.ordered_on,
            deliver_on=self.deliver_on,
            stage=stage,
            modified_at=self.at(max(step for step in steps if step <= day)),
        )

    def invoice(self, day: dt.date) -> SalesInvoice | None:
        """As it stands in the CRM at the end of ``day``; ``None`` before it is issued."""
        if day < self.invoiced_on:
            return None
        paid = self.paid(day)
        begins, ends = self.disputed or (dt.date.max, None)
        past = [one for one in self.days() if self.invoiced_on <= one <= day]
        return SalesInvoice(
            key=f"inv-{self.number:06d}",
            crm=CRM,
            company_key=self.company_key,
            order_key=f"so-{self.number:06d}",
            number=f"INV-{self.number:06d}",
            amount=self.amount,
            currency=self.currency,
            issued_on=self.invoiced_on,
            due_on=self.due_on,
            paid=paid,
            settled_on=self.receipts[-1][0] if paid == self.amount else None,
            disputed=begins <= day and (ends is None or day < ends) and paid < self.amount,
            modified_at=self.at(max(past)),
        )


def draw(
    rng: Random, company: Company, temper: Temper, purchases: int, first: dt.date, last: dt.date
) -> Iterator[Deal]:
    """Deals ordered from ``first`` to ``last``, without numbers yet; ``purchases`` is fen in a usual year."""
    usual = rng.uniform(8, 20)
    each = from_fen(round(purchases * usual / 365), company.currency)
    day = first + round(rng.uniform(0, usual)) * DAY
    while day <= last:
        frequency = temper.frequency(day)
        if frequency == 0.0:
            return
        ordered = working(day)
        amount = max(100_000, round(each * rng.lognormvariate(0, 0.3) * temper.volume(day) / 1000) * 1000)
        yield _deal(rng, company, temper, amount, ordered)
        pause = usual * rng.triangular(0.6, 1.5, 0.9) / (frequency * season(day))
        day = ordered + max(1, round(pause)) * DAY


def _deal(rng: Random, company: Company, temper: Temper, amount: int, ordered: dt.date) -> Deal:
    deliver = working(ordered + rng.randint(3, 12) * DAY)
    invoiced = deliver + rng.randint(0, 2) * DAY
    due = invoiced + company.terms_days * DAY
    disputed, late = temper.disputed(rng, due), temper.late(rng, due)
    first_part = rng.randint(30, 70) if rng.random() < 0.04 else 100
    receipts: tuple[tuple[dt.date, int], ...] = ()
    if late is not None:
        if disputed is not None and disputed[1] is not None:
            late = max(late, (disputed[1] - due).days + 2)
        settled = working(max(due + late * DAY, invoiced + DAY))
        part = amount * first_part // 100
        receipts = ((settled, amount),)
        early = working(max(invoiced + DAY, settled - 12 * DAY))
        if part < amount and early < settled:
            receipts = ((early, part), (settled, amount - part))
    if disputed is not None and disputed[0] < invoiced:
        disputed = (invoiced, disputed[1])
    return Deal(0, company.key, company.currency, amount, ordered, deliver, invoiced, due, receipts, disputed)

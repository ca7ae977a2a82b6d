"""Facts about the business done with the customer.

Invariant: months are whole months reached; sales are those of the 365 days ending today.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import NamedTuple

from connector.model import InvoiceState, OrderStage
from connector.rules.documents import Dossier
from connector.rules.financial import TOO_FEW
from connector.rules.payment import NO_HISTORY, TWO_YEARS, YEAR
from connector.rules.ratios import ratio
from connector.rules.settlement import Convert, InvoiceLine, in_currency
from connector.rules.snapshot import Origin, Unknown, Value

_DRAFT = InvoiceState.DRAFT.value
_NOT_PLACED = frozenset({OrderStage.DRAFT.value, OrderStage.CANCELLED.value})


def months_between(since: dt.date, today: dt.date) -> int:
    """Whole months from ``since`` to ``today``; 0 if ``since`` lies ahead."""
    months = (today.year - since.year) * 12 + today.month - since.month
    return max(0, months - (today.day < since.day))


def month_reached(since: dt.date, months: int) -> dt.date:
    """The day on which ``months_between(since, …)`` becomes ``months``."""
    year, month = divmod(since.year * 12 + since.month - 1 + months, 12)
    try:
        return dt.date(year, month + 1, since.day)
    except ValueError:  # a month too short for that day: the first of the next one
        return dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)


def relation_facts(
    dossier: Dossier,
    invoices: list[InvoiceLine],
    watched: frozenset[str],
    today: dt.date,
    currency: str,
    convert: Convert,
    moments: list[dt.date],
) -> tuple[dict[str, Value], dict[str, Origin], Relation]:
    """Values and origins of the family, and the days on which the relation began and was last used.

    ``moments`` learns the days on which a document leaves the twelve months, and those before them if
    the policy looks at growth (``watched``).
    """
    growth = "sales_growth" in watched
    ordered, issued = _Sales(today, growth), _Sales(today, growth)
    first: dt.date | None = None
    days: list[dt.date] = []
    largest = 0
    known = False
    for order in dossier.orders:
        if order.stage in _NOT_PLACED:
            continue
        known = True
        day = order.ordered_on
        if day is not None:
            first = day if first is None or day < first else first
            amount = in_currency(order.amount, order.currency, currency, convert)
            ordered.add(day, amount, moments)
            days.append(day)
            if day > today:
                moments.append(day)  # only then is it the last order
            if day > ordered.year_ago:
                largest = max(largest, amount)
    for line in invoices:
        if line.doc.state == _DRAFT:
            continue
        known = True
        day = line.doc.issued_on if line.doc.issued_on is not None else line.due
        if day is not None:
            first = day if first is None or day < first else first
            issued.add(day, in_currency(line.doc.amount, line.doc.currency, currency, convert), moments)
    since = dossier.customer_since or first
    months: Value = NO_HISTORY if since is None else months_between(since, today)
    # Invoices of these twelve months speak; without any, the orders.
    by_invoice = issued.count > 0
    best = issued if by_invoice else ordered
    recent = sorted(day for day in days if day > ordered.year_ago)
    last = max((day for day in days if day <= today), default=None)
    values: dict[str, Value] = {
        "relation_months": months,
        "sales_12m": max(0, best.year) if known else NO_HISTORY,
        "sales_growth": _growth(best, since, today),
        "orders_12m": len(recent),
        "order_interval_days": TOO_FEW,
        "days_since_order": NO_HISTORY if last is None else (today - last).days,
        "order_concentration_12m": ratio(largest, ordered.year) if recent else NO_HISTORY,
    }
    if growth and since is not None and since + TWO_YEARS > today:
        moments.append(since + TWO_YEARS)
    if len(recent) > 1:
        values["order_interval_days"] = ratio((recent[-1] - recent[0]).days, len(recent) - 1)
    from_orders = Origin("orders", None, today)
    from_sales = Origin("invoices", None, today) if by_invoice else from_orders
    origins = dict.fromkeys(values, from_orders)
    origins["relation_months"] = Origin("account", None, since)
    origins["sales_12m"] = origins["sales_growth"] = from_sales
    return values, origins, Relation(since, first, last)


class Relation(NamedTuple):
    """When the relation began, by the record or else the first document; the day of the first document
    and of the last order."""

    since: dt.date | None
    first: dt.date | None
    last_order: dt.date | None


class _Sales:
    """Amounts of this year and of the year before."""

    def __init__(self, today: dt.date, growth: bool) -> None:
        self.year_ago = today - YEAR
        self._before_ago = today - TWO_YEARS
        self._growth = growth
        self.year = self.before = self.count = 0

    def add(self, day: dt.date, amount: int, moments: list[dt.date]) -> None:
        """A document of ``day``."""
        if day > self.year_ago:
            self.year += amount
            self.count += 1
            moments.append(day + YEAR)
        elif day > self._before_ago:
            self.before += amount
            if self._growth:
                moments.append(day + TWO_YEARS)


def _growth(sales: _Sales, since: dt.date | None, today: dt.date) -> Decimal | Unknown:
    if since is None:
        return NO_HISTORY
    if since + TWO_YEARS > today:
        return TOO_FEW
    return ratio(max(0, sales.year) - max(0, sales.before), max(0, sales.before))

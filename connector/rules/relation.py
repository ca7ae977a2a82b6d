"""Facts about the business done with the customer.

Invariant: months are whole months reached; sales are those of the 365 days ending today.
"""

from __future__ import annotations

import datetime as dt

from connector.model import OrderStage
from connector.rules.documents import Dossier
from connector.rules.payment import NO_HISTORY, YEAR
from connector.rules.settlement import Convert, InvoiceLine, in_currency
from connector.rules.snapshot import Origin, Unknown, Value

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
    today: dt.date,
    currency: str,
    convert: Convert,
    moments: list[dt.date],
) -> tuple[dict[str, Value], dict[str, Origin], dt.date | None]:
    """Values and origins of the family, and the day on which the relation began.

    ``moments`` learns the days on which a document leaves the twelve months.
    """
    year_ago = today - YEAR
    first: dt.date | None = None
    orders = ordered = 0
    known = False
    for order in dossier.orders:
        if order.stage in _NOT_PLACED:
            continue
        known = True
        day = order.ordered_on
        if day is not None:
            first = day if first is None or day < first else first
            if day > year_ago:
                orders += 1
                ordered += in_currency(order.amount, order.currency, currency, convert)
                moments.append(day + YEAR)
    issued: int | None = None
    for line in invoices:
        known = True
        day = line.doc.issued_on if line.doc.issued_on is not None else line.due
        if day is not None:
            first = day if first is None or day < first else first
            if day > year_ago:
                issued = (issued or 0) + in_currency(line.doc.amount, line.doc.currency, currency, convert)
                moments.append(day + YEAR)
    since = dossier.customer_since or first
    sales: int | Unknown = NO_HISTORY
    if known:
        sales = ordered if issued is None else max(0, issued)
    values: dict[str, Value] = {
        "relation_months": NO_HISTORY if since is None else months_between(since, today),
        "sales_12m": sales,
        "orders_12m": orders,
    }
    origins = {
        "relation_months": Origin("account", None, since),
        "sales_12m": Origin("orders" if issued is None else "invoices", None, today),
        "orders_12m": Origin("orders", None, today),
    }
    return values, origins, since

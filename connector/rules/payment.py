"""Facts from our own invoices: how the customer pays.

Invariant: an invoice counts among the behaviour facts if it was settled in the last twelve months
or is overdue now; an overdue one counts with its open part and its days so far. Disputed open
invoices stay out unless the policy counts them.
"""

from __future__ import annotations

import datetime as dt

from connector.policy.schema import Overdue
from connector.rules.financial import ratio
from connector.rules.settlement import Convert, InvoiceLine, in_currency
from connector.rules.snapshot import Unknown, Value

NO_HISTORY = Unknown("no_history")
YEAR = dt.timedelta(days=365)
TWO_YEARS = dt.timedelta(days=730)
_DAY = dt.timedelta(days=1)


def payment_facts(
    lines: list[InvoiceLine],
    rules: Overdue,
    today: dt.date,
    currency: str,
    convert: Convert,
    moments: list[dt.date],
) -> dict[str, Value]:
    """Values of the family; ``moments`` learns the days on which time alone changes one of them."""
    year_ago, default, grace = today - YEAR, dt.timedelta(days=rules.default_days), rules.grace_days
    turns_late = dt.timedelta(days=grace + 1)
    count = amount = oldest = disputed = settled = defaults = 0
    value = late_value = value_days = worst = judged = 0
    seen = False
    for line in lines:
        doc = line.doc
        if doc.amount <= 0:
            continue
        if line.open and doc.disputed:
            disputed += in_currency(line.open, doc.currency, currency, convert)
            if not rules.count_disputed:
                continue
        if line.settled or line.written_off:
            seen = True
        if _defaulted(line, default, today, moments):
            defaults += 1
        days, weight = 0, 0
        if line.open:
            if line.due is None:
                continue
            days = (today - line.due).days
            if days <= grace:
                moments.append(line.due + turns_late)
                continue
            moments.append(today + _DAY)
            weight = in_currency(line.open, doc.currency, currency, convert)
            seen = True
            count += 1
            amount += weight
            oldest = max(oldest, days)
        elif line.settled_on is not None and line.settled_on > year_ago:
            moments.append(line.settled_on + YEAR)
            settled += 1
            if line.due is None:
                continue
            days = (line.settled_on - line.due).days
            weight = in_currency(doc.amount, doc.currency, currency, convert)
        else:
            continue
        judged += 1
        value += weight
        value_days += weight * days
        worst = max(worst, days)
        if days > grace:
            late_value += weight
    return {
        "overdue_count": count,
        "overdue_amount": amount,
        "overdue_days_max": oldest if seen else NO_HISTORY,
        "late_share_12m": ratio(late_value, value) if value else NO_HISTORY,
        "dbt_12m": ratio(value_days, value) if value else NO_HISTORY,
        "worst_days_late_12m": worst if judged else NO_HISTORY,
        "defaults_24m": defaults if seen else NO_HISTORY,
        "disputed_amount": disputed,
        "paid_invoices_12m": settled,
    }


def _defaulted(line: InvoiceLine, default: dt.timedelta, today: dt.date, moments: list[dt.date]) -> bool:
    """Whether the invoice came ``default`` past due within 24 months, or still is, or was written off."""
    if line.due is None:
        return line.written_off
    reached = line.due + default
    if line.open:
        return reached <= today
    recent = reached > today - TWO_YEARS
    if recent:
        moments.append(reached + TWO_YEARS)
    if line.written_off:
        return recent
    return recent and line.settled_on is not None and line.settled_on >= reached

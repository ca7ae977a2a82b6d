"""Facts from our own invoices: how the customer pays.

Invariant: an invoice counts among the behaviour facts if it was settled within the window or is
overdue now; an overdue one counts with its open part and its days so far. Disputed open invoices
stay out unless the policy counts them. Each invoice is looked at once, for all windows.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from connector.model import InvoiceState
from connector.policy.catalogue import WINDOWS
from connector.policy.schema import Overdue
from connector.rules.documents import PaymentDoc
from connector.rules.ratios import ratio
from connector.rules.settlement import Convert, InvoiceLine
from connector.rules.snapshot import Unknown, Value

NO_HISTORY = Unknown("no_history")
NOT_RECORDED = Unknown("not_recorded")
YEAR = dt.timedelta(days=365)
TWO_YEARS = dt.timedelta(days=730)
_DAY = dt.timedelta(days=1)
_DRAFT = InvoiceState.DRAFT.value
_MONTHS, _LENGTHS = tuple(WINDOWS), tuple(WINDOWS.values())
_STEPS = (30, 60, 90)
_STEMS = ("late_count", "late_amount", "late_share", "dbt", "worst_days_late", "paid_invoices")
_WINDOW_NAMES = tuple(tuple(f"{stem}_{months}m" for stem in _STEMS) for months in _MONTHS)


class Basis(NamedTuple):
    """What the family goes by. ``watched`` are the facts that the policy looks at; ``interest`` is the
    rate for a day."""

    rules: Overdue
    interest: Decimal
    watched: frozenset[str]
    today: dt.date
    currency: str
    convert: Convert


class Standing(NamedTuple):
    """Open invoices as the days-sales-outstanding see them: ``open`` and overdue parts, the number ever
    settled, and the last day on which money came."""

    open: int
    overdue: int
    settled: int
    paid_on: dt.date | None


class _Windows:
    """The behaviour in nested windows: what falls in a window is added to its shortest one."""

    def __init__(self, basis: Basis) -> None:
        self.settled, self.judged, self.late, self.value, self.late_value, self.days, self.worst = (
            [0] * len(_LENGTHS) for _ in range(7)
        )
        self._floor = basis.rules.early == "zero"
        self._grace = basis.rules.grace_days
        self.leaves = _leaves(basis.watched)

    def add(self, window: int, days: int, weight: int) -> None:
        """An invoice of ``weight`` that came, or has come so far, ``days`` late."""
        self.judged[window] += 1
        self.value[window] += weight
        self.days[window] += weight * (max(0, days) if self._floor else days)
        self.worst[window] = max(self.worst[window], days)
        if days > self._grace:
            self.late[window] += 1
            self.late_value[window] += weight

    def facts(self, values: dict[str, Value]) -> None:
        """The facts of every window, and the drift of payment days."""
        rows = zip(
            _WINDOW_NAMES,
            *(accumulate(part) for part in (self.settled, self.judged, self.late, self.value)),
            *(accumulate(part) for part in (self.late_value, self.days)),
            accumulate(self.worst, max),
            strict=True,
        )
        before = -1
        share: Value = NO_HISTORY
        beyond: Value = NO_HISTORY
        for names, settled, judged, late, value, late_value, days, worst in rows:
            if judged != before:  # else nothing came in this window that the shorter one lacks
                before = judged
                if value:
                    share, beyond = ratio(late_value, value), ratio(days, value)
            values[names[0]] = late if judged else NO_HISTORY
            values[names[1]] = late_value if judged else NO_HISTORY
            values[names[2]] = share
            values[names[3]] = beyond
            values[names[4]] = worst if judged else NO_HISTORY
            values[names[5]] = settled
        now, year = values["dbt_3m"], values["dbt_12m"]
        both = isinstance(now, Decimal) and isinstance(year, Decimal)
        values["dbt_drift"] = now - year if both else NO_HISTORY  # type: ignore[operator]


@lru_cache(maxsize=64)
def _leaves(watched: frozenset[str]) -> tuple[dt.timedelta | None, ...]:
    """For each window the next one, of those that the policy looks at, that an invoice in it leaves."""
    drift = (3, 12) if "dbt_drift" in watched else ()
    lengths = [
        dt.timedelta(days)
        for months, days in WINDOWS.items()
        if months in drift or any(f"{stem}_{months}m" in watched for stem in _STEMS)
    ]
    return tuple(next((one for one in lengths if one.days >= days), None) for days in _LENGTHS)


def payment_facts(
    lines: list[InvoiceLine], payments: Iterable[PaymentDoc], basis: Basis, moments: list[dt.date]
) -> tuple[dict[str, Value], Standing]:
    """Values of the family; ``moments`` learns the days on which time alone changes one of them that the
    policy looks at."""
    rules, today, currency, convert = basis.rules, basis.today, basis.currency, basis.convert
    default, grace = dt.timedelta(days=rules.default_days), rules.grace_days
    turns_late = dt.timedelta(days=grace + 1)
    free = rules.interest.free_days if rules.interest else 0
    windows = _Windows(basis)
    count = amount = oldest = disputed = disputes = settled = defaults = gone = lost = open_ = 0
    over, interest_days = [0] * (len(_STEPS) + 1), 0
    paid_on = max((p.paid_on for p in payments if p.paid_on and p.paid_on <= today), default=None)
    moments.extend(p.paid_on for p in payments if p.paid_on and p.paid_on > today)
    seen = told = False
    for line in lines:
        doc = line.doc
        if doc.amount <= 0 or doc.state == _DRAFT:
            continue
        told = told or doc.disputed is not None
        weight = line.open or doc.amount
        if doc.currency != currency:
            weight = convert(weight, doc.currency, currency) or 0
        if line.open and doc.disputed:
            disputed += weight
            disputes += 1
            if not rules.count_disputed:
                continue
        if line.settled or line.written_off:
            seen = True
        if line.written_off and (line.due is None or line.due > today - TWO_YEARS):
            gone += 1
            lost += weight
            if line.due is not None:
                moments.append(line.due + TWO_YEARS)
        if _defaulted(line, default, today, moments):
            defaults += 1
        if line.open:
            open_ += weight
            if line.due is None:
                continue
            days = (today - line.due).days
            if days <= grace:
                moments.append(line.due + turns_late)
                continue
            moments.append(today + _DAY)
            seen = True
            count += 1
            amount += weight
            oldest = max(oldest, days)
            interest_days += weight * max(0, days - free)
            over[bisect_right(_STEPS, days)] += weight
            windows.add(0, days, weight)
        elif line.settled:
            settled += 1
            day = line.settled_on
            if day is None:
                continue
            if day > today:
                moments.append(day)  # dated ahead: from then on it is the last payment
            elif paid_on is None or day > paid_on:
                paid_on = day
            age = (today - day).days
            if age >= _LENGTHS[-1]:
                continue
            at = bisect_right(_LENGTHS, age)
            leaves = windows.leaves[at]
            if leaves is not None:
                moments.append(day + leaves)
            windows.settled[at] += 1
            if line.due is not None:
                windows.add(at, (day - line.due).days, weight)
    values: dict[str, Value] = {
        "overdue_count": count,
        "overdue_amount": amount,
        "overdue_days_max": oldest if seen else NO_HISTORY,
        "overdue_share": ratio(amount, open_),
        "late_interest": int((interest_days * basis.interest).to_integral_value("ROUND_HALF_UP")),
        "disputed_amount": disputed,
        "disputed_count": disputes if told else NOT_RECORDED,
        "days_since_payment": NO_HISTORY if paid_on is None else (today - paid_on).days,
        "defaults_24m": defaults if seen else NO_HISTORY,
        "write_offs_24m": gone if seen else NO_HISTORY,
        "written_off_24m": lost if seen else NO_HISTORY,
    }
    for at, least in enumerate(_STEPS, 1):
        values[f"overdue_amount_{least}d"] = sum(over[at:])
    windows.facts(values)
    return values, Standing(open_, amount, settled, paid_on)


def outstanding(standing: Standing, sales: Value, days: int) -> dict[str, Value]:
    """Days sales outstanding, and by how much it exceeds the best possible; ``days`` are those in which
    the sales were made."""
    if not isinstance(sales, int):
        return dict.fromkeys(("dso", "dso_delinquent"), sales)
    return {"dso": dso(standing.open, sales, days), "dso_delinquent": dso(standing.overdue, sales, days)}


def dso(receivable: int, sales: int, days: int) -> Decimal | Unknown:
    """Receivable / sales × days."""
    return ratio(receivable * days, sales)


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

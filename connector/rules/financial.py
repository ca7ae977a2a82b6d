"""Facts from financial statements.

Invariant: one rounding, to six places, at the end; an input that is not disclosed or a denominator
of zero makes the fact unknown. A new ratio is one function and one entry of ``RATIOS``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from connector.model import Report, Statement
from connector.policy.catalogue import names
from connector.rules.settlement import Convert
from connector.rules.snapshot import Origin, Unknown, Value

MISSING = Unknown("missing_statement")
NOT_DISCLOSED = Unknown("not_disclosed")
ZERO = Unknown("zero_denominator")
TOO_FEW = Unknown("too_few_periods")
STALE = Unknown("stale")
NO_RATE = Unknown("no_rate")

_SIX = Decimal("0.000001")
_NAMES = names("financial")
_YEAR = 12


def ratio(numerator: int | Decimal | None, denominator: int | Decimal | None) -> Decimal | Unknown:
    """``numerator`` / ``denominator``, rounded to six places."""
    if numerator is None or denominator is None:
        return NOT_DISCLOSED
    if not denominator:
        return ZERO
    return (Decimal(numerator) / Decimal(denominator)).quantize(_SIX)


def _debt_ratio(s: Statement) -> Decimal | Unknown:
    return ratio(s.total_liabilities, s.total_assets)


def _current_ratio(s: Statement) -> Decimal | Unknown:
    return ratio(s.current_assets, s.current_liabilities)


def _quick_ratio(s: Statement) -> Decimal | Unknown:
    if s.current_assets is None or s.inventory is None:
        return NOT_DISCLOSED
    return ratio(s.current_assets - s.inventory - (s.prepaid_expenses or 0), s.current_liabilities)


def _net_margin(s: Statement) -> Decimal | Unknown:
    return ratio(s.net_profit, s.revenue)


def _operating_margin(s: Statement) -> Decimal | Unknown:
    return ratio(s.operating_profit, s.revenue)


def _cash_flow_cover(s: Statement) -> Decimal | Unknown:
    return ratio(s.operating_cash_flow, s.current_liabilities)


def _interest_cover(s: Statement) -> Decimal | Unknown:
    return ratio(s.operating_profit, s.interest_expense)


def _cost_ratio(s: Statement) -> Decimal | Unknown:
    return ratio(s.operating_costs, s.revenue)


def _altman_z2(s: Statement) -> Decimal | Unknown:
    """Z″ for non-manufacturers and emerging markets (Altman 1995, without the added constant)."""
    equity = _net_worth(s)
    if (
        s.current_assets is None
        or s.current_liabilities is None
        or s.retained_earnings is None
        or s.operating_profit is None
        or s.total_assets is None
        or s.total_liabilities is None
        or equity is None
    ):
        return NOT_DISCLOSED
    if not s.total_assets or not s.total_liabilities:
        return ZERO
    on_assets = (
        Decimal("6.56") * (s.current_assets - s.current_liabilities)
        + Decimal("3.26") * s.retained_earnings
        + Decimal("6.72") * s.operating_profit
    ) / s.total_assets
    return (on_assets + Decimal("1.05") * equity / s.total_liabilities).quantize(_SIX)


def _net_worth(s: Statement) -> int | None:
    if s.equity is not None:
        return s.equity
    if s.total_assets is None or s.total_liabilities is None:
        return None
    return s.total_assets - s.total_liabilities


# Ratios of balances alone take the newest statement, all others the newest full year.
BALANCE: dict[str, Callable[[Statement], Decimal | Unknown]] = {
    "debt_ratio": _debt_ratio,
    "current_ratio": _current_ratio,
    "quick_ratio": _quick_ratio,
}
YEARLY: dict[str, Callable[[Statement], Decimal | Unknown]] = {
    "net_margin": _net_margin,
    "operating_margin": _operating_margin,
    "cash_flow_cover": _cash_flow_cover,
    "interest_cover": _interest_cover,
    "cost_ratio": _cost_ratio,
    "altman_z2": _altman_z2,
}


class _Dated(NamedTuple):
    statement: Statement
    origin: Origin


def financial_facts(
    reports: Iterable[Report],
    today: dt.date,
    stale_days: int,
    periods: int,
    currency: str,
    convert: Convert,
    moments: list[dt.date],
) -> tuple[dict[str, Value], dict[str, Origin]]:
    """Values and origins of the family. ``reports`` are the newest first; ``periods`` is how many
    years revenue stability needs; ``moments`` learns the days on which a statement goes stale."""
    newest, years = _statements(reports)
    if newest is None:
        return dict.fromkeys(_NAMES, MISSING), {}
    values: dict[str, Value] = dict.fromkeys(_NAMES, MISSING)
    origins = dict.fromkeys(_NAMES, newest.origin)
    age = dt.timedelta(days=stale_days)
    moments.append(newest.statement.period_end + age + dt.timedelta(days=1))
    if newest.statement.period_end + age < today:
        for name in _NAMES:
            values[name] = STALE
        return values, origins
    for name, formula in BALANCE.items():
        values[name] = formula(newest.statement)
    _worth(values, newest.statement, currency, convert)
    if not years:
        return values, origins
    last = years[0]
    moments.append(last.statement.period_end + age + dt.timedelta(days=1))
    stale = last.statement.period_end + age < today
    yearly = (*YEARLY, "revenue_level", "revenue_growth", "revenue_stability")
    origins.update(dict.fromkeys(yearly, last.origin))
    if stale:
        values.update(dict.fromkeys(yearly, STALE))
        return values, origins
    for name, formula in YEARLY.items():
        values[name] = formula(last.statement)
    revenue = last.statement.revenue
    values["revenue_level"] = _amount(revenue, last.statement.currency, currency, convert)
    values["revenue_growth"] = _growth([year.statement for year in years])
    values["revenue_stability"] = _stability([year.statement for year in years], periods)
    return values, origins


def _statements(reports: Iterable[Report]) -> tuple[_Dated | None, list[_Dated]]:
    """The newest statement, and the full years newest first, one for each period end.

    Of two statements of one period the debtor's own goes before the consolidated one, then the one
    in the newer report.
    """
    found = [
        _Dated(statement, Origin("statement", report.provider, statement.period_end))
        for report in reports
        for statement in report.statements
    ]
    if not found:
        return None, []
    found.sort(key=lambda d: bool(d.statement.consolidated))
    found.sort(key=lambda d: d.statement.period_end, reverse=True)
    years: list[_Dated] = []
    for item in found:
        if item.statement.months == _YEAR and (
            not years or years[-1].statement.period_end != item.statement.period_end
        ):
            years.append(item)
    return found[0], years


def _amount(amount: int | None, currency: str, to: str, convert: Convert) -> int | Unknown:
    if amount is None:
        return NOT_DISCLOSED
    converted = convert(amount, currency, to)
    return NO_RATE if converted is None else converted


def _worth(values: dict[str, Value], s: Statement, currency: str, convert: Convert) -> None:
    worth = _net_worth(s)
    values["net_worth"] = _amount(worth, s.currency, currency, convert)
    tangible = None if worth is None or s.intangibles is None else worth - s.intangibles
    values["tangible_net_worth"] = _amount(tangible, s.currency, currency, convert)


def _consecutive(years: list[Statement]) -> list[int] | None:
    """Revenue of unbroken years in one currency, newest first; ``None`` if one is not disclosed."""
    found: list[int] = []
    last: Statement | None = None
    for year in years:
        if last is not None and (
            year.currency != last.currency or not 350 <= (last.period_end - year.period_end).days <= 380
        ):
            break
        if year.revenue is None:
            return found or None
        found.append(year.revenue)
        last = year
    return found


def _growth(years: list[Statement]) -> Decimal | Unknown:
    revenue = _consecutive(years)
    if revenue is None:
        return NOT_DISCLOSED
    if len(revenue) < 2:
        return TOO_FEW
    return ratio(revenue[0] - revenue[1], revenue[1])


def _stability(years: list[Statement], periods: int) -> Decimal | Unknown:
    """1 − coefficient of variation (sample standard deviation), floored at 0."""
    revenue = _consecutive(years)
    if revenue is None:
        return NOT_DISCLOSED
    if len(revenue) < periods:
        return TOO_FEW
    mean = Decimal(sum(revenue)) / len(revenue)
    if not mean:
        return ZERO
    variance = sum(((value - mean) ** 2 for value in revenue), Decimal(0)) / (len(revenue) - 1)
    return max(Decimal(0), 1 - variance.sqrt() / mean).quantize(_SIX)

"""Ratios of one financial statement.

Invariant: one rounding, to six places, at the end; an input that is not disclosed or a denominator
of zero makes the ratio unknown. A new ratio is one function and one entry of a table.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from connector.model import Statement
from connector.rules.snapshot import Unknown

NOT_DISCLOSED = Unknown("not_disclosed")
ZERO = Unknown("zero_denominator")
SIX = Decimal("0.000001")

Ratio = Callable[[Statement], Decimal | Unknown]


def ratio(numerator: int | Decimal | None, denominator: int | Decimal | None) -> Decimal | Unknown:
    """``numerator`` / ``denominator``, rounded to six places."""
    if numerator is None or denominator is None:
        return NOT_DISCLOSED
    if not denominator:
        return ZERO
    return (Decimal(numerator) / Decimal(denominator)).quantize(SIX)


def net_worth(s: Statement) -> int | None:
    """Equity, else assets less liabilities."""
    if s.equity is not None:
        return s.equity
    if s.total_assets is None or s.total_liabilities is None:
        return None
    return s.total_assets - s.total_liabilities


def _debt_ratio(s: Statement) -> Decimal | Unknown:
    return ratio(s.total_liabilities, s.total_assets)


def _current_ratio(s: Statement) -> Decimal | Unknown:
    return ratio(s.current_assets, s.current_liabilities)


def _quick_ratio(s: Statement) -> Decimal | Unknown:
    if s.current_assets is None or s.inventory is None:
        return NOT_DISCLOSED
    return ratio(s.current_assets - s.inventory - (s.prepaid_expenses or 0), s.current_liabilities)


def _cash_cover(s: Statement) -> Decimal | Unknown:
    return ratio(s.cash, s.current_liabilities)


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


def _interest_burden(s: Statement) -> Decimal | Unknown:
    return ratio(s.interest_expense, s.revenue)


def _revenue_diversity(s: Statement) -> Decimal | Unknown:
    """1 − Herfindahl index of the sources; losses of a source make no share."""
    sources = [amount for amount in s.revenue_by_source if amount > 0]
    total = sum(sources)
    if not s.revenue_by_source:
        return NOT_DISCLOSED
    if not total:
        return ZERO
    return (1 - Decimal(sum(amount * amount for amount in sources)) / (total * total)).quantize(SIX)


# Ratios of balances alone take the newest statement, all others the newest full year.
BALANCE: dict[str, Ratio] = {
    "debt_ratio": _debt_ratio,
    "current_ratio": _current_ratio,
    "quick_ratio": _quick_ratio,
    "cash_cover": _cash_cover,
}
YEARLY: dict[str, Ratio] = {
    "net_margin": _net_margin,
    "operating_margin": _operating_margin,
    "cash_flow_cover": _cash_flow_cover,
    "interest_cover": _interest_cover,
    "cost_ratio": _cost_ratio,
    "interest_burden": _interest_burden,
    "revenue_diversity": _revenue_diversity,
}

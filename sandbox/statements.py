"""Financial statements that follow a company's health.

Invariant: total assets = total liabilities + equity; parts do not exceed their whole; every figure is
a whole number of major units, given in minor units.
"""

from __future__ import annotations

import datetime as dt
from random import Random

from sandbox.money import LOCAL_CURRENCY, from_fen, unit
from sandbox.world import Company, Financials

YEARS = 3
_FILED_AFTER = dt.timedelta(days=120)
"""Accounts of a year are known four months after its end."""


def statements(rng: Random, company: Company, purchases: int, today: dt.date) -> tuple[Financials, ...]:
    """The last years of ``company``, oldest first; empty for those that disclose nothing.

    ``purchases`` is what it buys from us in a year, in fen; its own revenue is a multiple of it.
    """
    years = rng.choices((YEARS, 2, 1, 0), weights=(80, 5, 3, 12))[0]
    if company.sole_trader or not years:
        return ()
    month, day = (3, 31) if company.country == "JP" else (12, 31)
    end = dt.date(today.year, month, day)
    while end + _FILED_AFTER > today:
        end = end.replace(year=end.year - 1)
    currency = LOCAL_CURRENCY[company.country]
    revenue = from_fen(purchases, currency) * rng.randint(8, 60)
    growth = round(-250 + 400 * company.health + rng.gauss(0, 40))
    # Going back in time, health wanders a little around what it is today.
    found: list[Financials] = []
    for back in range(years):
        health = min(1.0, max(0.0, company.health + rng.gauss(0, 0.03) * back))
        period_end = end.replace(year=end.year - back)
        found.append(_year(rng, health, revenue, period_end, currency))
        revenue = revenue * 1000 // max(500, 1000 + growth + rng.randint(-60, 60))
    return tuple(reversed(found))


def _year(rng: Random, health: float, revenue: int, end: dt.date, currency: str) -> Financials:
    def part(whole: int, share: float) -> int:
        """``share`` of ``whole``, in whole major units."""
        one = unit(currency)
        return whole * round(share * 10_000) // 10_000 // one * one

    revenue = part(revenue, 1)
    total_assets = part(revenue, rng.uniform(0.6, 1.3))
    equity = part(total_assets, -0.08 + 0.72 * health + rng.gauss(0, 0.05))
    total_liabilities = total_assets - equity
    current_assets = part(total_assets, rng.uniform(0.45, 0.72))
    current_ratio = max(0.35, 0.55 + 1.7 * health + rng.gauss(0, 0.12))
    current_liabilities = min(part(current_assets, 1 / current_ratio), total_liabilities)
    operating_profit = part(revenue, -0.09 + 0.19 * health + rng.gauss(0, 0.015))
    interest = part(total_liabilities, rng.uniform(0.012, 0.03))
    before_tax = operating_profit - interest
    net_profit = part(before_tax, 0.75) if before_tax > 0 else before_tax
    inventory = part(current_assets, rng.uniform(0.15, 0.35))
    receivables = part(current_assets, rng.uniform(0.2, 0.4))
    cash = part(current_assets, rng.uniform(0.02, 0.05) + 0.15 * health)
    return Financials(
        period_end=end,
        currency=currency,
        revenue=revenue,
        operating_profit=operating_profit,
        interest=interest,
        net_profit=net_profit,
        total_assets=total_assets,
        current_assets=current_assets,
        inventory=inventory,
        receivables=receivables,
        cash=cash,
        total_liabilities=total_liabilities,
        current_liabilities=current_liabilities,
        equity=equity,
        operating_cash_flow=net_profit + part(revenue, rng.uniform(-0.03, 0.05)),
    )

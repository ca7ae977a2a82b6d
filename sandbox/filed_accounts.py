"""Annual accounts as a Creditsafe report carries them.

Invariant: amounts are whole major units of the statement's own currency; a ratio without a sensible
denominator is left out.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sandbox.money import unit
from sandbox.world import Financials


def stamp(day: dt.date) -> str:
    """A day as the vendor writes it, as a moment at midnight."""
    return f"{day.isoformat()}T00:00:00Z"


def general(year: Financials) -> dict[str, Any]:
    """One year in the vendor's country-independent form."""
    one = unit(year.currency)
    before_tax = year.operating_profit - year.interest
    return {
        "type": "GlobalFinancialsGGS",
        "yearEndDate": stamp(year.period_end),
        "numberOfWeeks": 52,
        "currency": year.currency,
        "consolidatedAccounts": False,
        "profitAndLoss": {
            "revenue": year.revenue // one,
            "operatingCosts": (year.revenue - year.operating_profit) // one,
            "operatingProfit": year.operating_profit // one,
            "financialExpenses": year.interest // one,
            "profitBeforeTax": before_tax // one,
            "tax": (before_tax - year.net_profit) // one,
            "profitAfterTax": year.net_profit // one,
        },
        "balanceSheet": {
            "totalAssets": year.total_assets // one,
            "totalCurrentAssets": year.current_assets // one,
            "totalInventories": year.inventory // one,
            "totalReceivables": year.receivables // one,
            "cash": year.cash // one,
            "totalLiabilities": year.total_liabilities // one,
            "totalCurrentLiabilities": year.current_liabilities // one,
            "totalLongTermLiabilities": (year.total_liabilities - year.current_liabilities) // one,
            "totalShareholdersEquity": year.equity // one,
        },
        "otherFinancials": {
            "netWorth": year.equity // one,
            "workingCapital": (year.current_assets - year.current_liabilities) // one,
        },
        "ratios": _ratios(year),
    }


def _ratios(year: Financials) -> dict[str, float]:
    found: dict[str, float] = {}
    if year.current_liabilities > 0:
        quick = year.current_assets - year.inventory
        found["currentRatio"] = round(year.current_assets / year.current_liabilities, 2)
        found["liquidityRatioOrAcidTest"] = round(quick / year.current_liabilities, 2)
    if year.equity > 0:
        found["gearing"] = round(100 * year.total_liabilities / year.equity, 2)
    if year.revenue > 0:
        found["debtorDays"] = round(365 * year.receivables / year.revenue, 2)
    return found


def british(year: Financials) -> dict[str, Any]:
    """One year in the national form of British companies; it has the operating cash flow."""
    one = unit(year.currency)
    return {
        "type": "LocalFinancialsCSUK",
        "yearEndDate": stamp(year.period_end),
        "numberOfWeeks": 52,
        "currency": year.currency,
        "consolidatedAccounts": False,
        "profitAndLoss": {
            "turnover": year.revenue // one,
            "profitAfterTax": year.net_profit // one,
        },
        "balanceSheet": {
            "totalCurrentAssets": year.current_assets // one,
            "tradeDebtors": year.receivables // one,
        },
        "cashFlow": {"netCashFlowFromOperations": year.operating_cash_flow // one},
    }

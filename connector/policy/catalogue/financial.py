"""Facts from financial statements.

Invariant: every ratio is unknown when one of its inputs is not disclosed or its denominator is
zero. Flows (revenue, profit, cash flow) come from the newest statement of twelve months, balances
from the newest statement of any length; a ratio of a flow to a balance takes both from the former.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

FINANCIAL: tuple[FactSpec, ...] = (
    FactSpec(
        "debt_ratio", "ratio", "%", "Debt to assets", "资产负债率",
        "total liabilities / total assets", "statement", "lower",
    ),
    FactSpec(
        "current_ratio", "ratio", "times", "Current ratio", "流动比率",
        "current assets / current liabilities", "statement", "higher",
    ),
    FactSpec(
        "quick_ratio", "ratio", "times", "Quick ratio", "速动比率",
        "(current assets - inventory - prepaid expenses where listed) / current liabilities",
        "statement", "higher",
    ),
    FactSpec(
        "net_margin", "ratio", "%", "Net profit margin", "净利率",
        "net profit / revenue", "statement", "higher",
    ),
    FactSpec(
        "operating_margin", "ratio", "%", "Operating margin", "营业利润率",
        "operating profit (EBIT) / revenue", "statement", "higher",
    ),
    FactSpec(
        "cash_flow_cover", "ratio", "times", "Operating cash flow to current liabilities",
        "经营现金流与流动负债比", "operating cash flow / current liabilities", "statement", "higher",
    ),
    FactSpec(
        "interest_cover", "ratio", "times", "Interest cover", "利息保障倍数",
        "operating profit (EBIT) / interest expense", "statement", "higher",
    ),
    FactSpec(
        "cost_ratio", "ratio", "%", "Operating costs to revenue", "成本费用率",
        "operating costs / revenue", "statement", "lower",
    ),
    FactSpec(
        "revenue_level", "money", "minor units", "Annual revenue", "年营业收入",
        "revenue of the newest twelve-month statement", "statement", "higher",
    ),
    FactSpec(
        "revenue_growth", "ratio", "%", "Revenue growth", "营业收入增长率",
        "revenue / revenue of the year before - 1", "statement", "higher", low=-1,
    ),
    FactSpec(
        "revenue_stability", "ratio", "%", "Revenue stability", "收入稳定性",
        "1 - sample standard deviation / mean of yearly revenue, floored at 0; "
        "needs as many years as the policy says (3)",
        "statement", "higher", low=0, high=1,
    ),
    FactSpec(
        "altman_z2", "number", "", "Altman Z″ (non-manufacturers, emerging markets)", "Altman Z″ 值",
        "6.56 working capital/TA + 3.26 retained earnings/TA + 6.72 EBIT/TA + 1.05 equity/TL",
        "statement", "higher",
    ),
    FactSpec(
        "net_worth", "money", "minor units", "Net worth", "净资产",
        "equity, else total assets - total liabilities", "statement", "higher",
    ),
    FactSpec(
        "tangible_net_worth", "money", "minor units", "Tangible net worth", "有形净资产",
        "net worth - intangible assets", "statement", "higher",
    ),
)  # fmt: skip

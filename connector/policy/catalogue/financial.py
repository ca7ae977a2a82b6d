"""Facts from financial statements.

Invariant: every ratio is unknown when one of its inputs is not disclosed or its denominator is
zero. Flows (revenue, profit, cash flow) come from the newest statement of twelve months, balances
from the newest statement of any length; a ratio of a flow to a balance takes both from the former.
A change is that of the two newest full years that follow one another; a share changes in points.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

_FIGURES: tuple[FactSpec, ...] = (
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
        "cash_cover", "ratio", "times", "Cash to current liabilities", "现金流动负债比",
        "cash / current liabilities", "statement", "higher",
    ),
    FactSpec(
        "equity_negative", "flag", "", "Debts exceed assets", "资不抵债",
        "net worth <= 0", "statement",
    ),
    FactSpec(
        "working_capital", "money", "minor units", "Working capital", "营运资金",
        "current assets - current liabilities", "statement", "higher",
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
        "interest_burden", "ratio", "%", "Interest to revenue", "利息费用占收入比",
        "interest expense / revenue", "statement", "lower",
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
        "revenue_diversity", "ratio", "%", "Diversity of revenue", "收入来源多样性",
        "1 - Σ(share of a source)², over the sources that the statement lists",
        "statement", "higher", low=0, high=1,
    ),
    FactSpec(
        "altman_z", "number", "", "Altman Z (listed manufacturers)", "Altman Z 值（上市制造业）",
        "1.2 working capital/TA + 1.4 retained earnings/TA + 3.3 EBIT/TA + 0.6 market equity/TL + sales/TA",
        "statement", "higher",
    ),
    FactSpec(
        "altman_z1", "number", "", "Altman Z′ (unlisted manufacturers)", "Altman Z′ 值（非上市制造业）",
        "0.717 working capital/TA + 0.847 retained earnings/TA + 3.107 EBIT/TA + 0.420 equity/TL "
        "+ 0.998 sales/TA",
        "statement", "higher",
    ),
    FactSpec(
        "altman_z2", "number", "", "Altman Z″ (non-manufacturers, emerging markets)", "Altman Z″ 值",
        "6.56 working capital/TA + 3.26 retained earnings/TA + 6.72 EBIT/TA + 1.05 equity/TL",
        "statement", "higher",
    ),
    FactSpec(
        "altman_zone", "text", "", "Altman zone", "Altman 区间",
        "safe, grey or distress, by the model for the kind of firm: Z for a manufacturer with a market "
        "value, Z′ for another manufacturer, Z″ for all others; none for banks and insurers",
        "statement",
    ),
    FactSpec(
        "net_worth", "money", "minor units", "Net worth", "净资产",
        "equity, else total assets - total liabilities", "statement", "higher",
    ),
    FactSpec(
        "tangible_net_worth", "money", "minor units", "Tangible net worth", "有形净资产",
        "net worth - intangible assets", "statement", "higher",
    ),
    FactSpec(
        "statement_age_days", "days", "days", "Age of the statement", "财务报表天数",
        "today - end of the period of the newest statement", "statement", "lower", low=0,
    ),
)  # fmt: skip

# Figures whose change from one year to the next is a fact of its own: ``NAME_change``.
TRENDS: tuple[str, ...] = (
    "debt_ratio", "current_ratio", "net_margin", "operating_margin", "cost_ratio", "cash_flow_cover",
)  # fmt: skip


def _change(of: FactSpec) -> FactSpec:
    return FactSpec(
        f"{of.name}_change", "ratio", of.unit, f"{of.meaning}, change on the year",
        f"{of.meaning_zh}年度变化",
        f"{of.name} - {of.name} of the year before", "statement", of.better,
    )  # fmt: skip


FINANCIAL: tuple[FactSpec, ...] = (
    *_FIGURES,
    *(_change(spec) for spec in _FIGURES if spec.name in TRENDS),
)

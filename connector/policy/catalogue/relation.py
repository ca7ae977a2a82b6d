"""Facts about the business done with the customer.

Invariant: sales include tax, as invoices and orders do.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

RELATION: tuple[FactSpec, ...] = (
    FactSpec(
        "relation_months", "months", "months", "Customer for", "合作月数",
        "whole months since the customer-since date, else since the first document", "account",
        "higher", low=0,
    ),
    FactSpec(
        "sales_12m", "money", "minor units", "Sales incl. tax, 12 months", "近12个月含税销售额",
        "invoices issued, credit notes taken off; orders placed where there are no invoices",
        "documents", "higher",
    ),
    FactSpec(
        "sales_growth", "ratio", "%", "Growth of sales", "销售额增长率",
        "sales of 12 months / those of the 12 months before - 1, by invoices, else by orders; unknown "
        "for a customer of less than two years",
        "documents", "higher", low=-1,
    ),
    FactSpec(
        "orders_12m", "count", "documents", "Orders, 12 months", "近12个月订单数",
        "orders placed, without drafts and cancelled ones", "orders", "higher", low=0,
    ),
    FactSpec(
        "order_interval_days", "number", "days", "Days between orders", "平均下单间隔天数",
        "days from the first to the last order of 12 months / (orders - 1)", "orders", "lower", low=0,
    ),
    FactSpec(
        "days_since_order", "days", "days", "Days since the last order", "距最近下单天数",
        "today - day of the last order placed", "orders", "lower", low=0,
    ),
    FactSpec(
        "order_concentration_12m", "ratio", "%", "Largest order in 12 months", "近12个月最大订单占比",
        "largest order / all orders of 12 months", "orders", "lower", low=0, high=1,
    ),
    FactSpec(
        "portfolio_share", "ratio", "%", "Share of our receivables", "占我方应收总额比",
        "exposure / what all customers together may owe by the policy's concentration cap; unknown "
        "without one",
        "documents", "lower", low=0,
    ),
)  # fmt: skip

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
        "orders_12m", "count", "documents", "Orders, 12 months", "近12个月订单数",
        "orders placed, without drafts and cancelled ones", "orders", "higher", low=0,
    ),
)  # fmt: skip

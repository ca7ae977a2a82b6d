"""Facts about what the customer owes or has ordered, by stage.

Invariant: every document stands in one stage only; stage amounts are unweighted, the total is
weighted by the policy. Money received in advance is negative.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

# The stages, in the order in which a document moves through them.
STAGES: tuple[str, ...] = (
    "open_orders", "delivered", "not_due", "overdue", "disputed", "bills", "prepayment",
)  # fmt: skip

EXPOSURE: tuple[FactSpec, ...] = (
    FactSpec(
        "exposure_open_orders", "money", "minor units", "Open orders", "未交货订单",
        "order amount not invoiced and not paid, within the horizon unless the policy counts all or none",
        "orders", "lower", low=0,
    ),
    FactSpec(
        "exposure_delivered", "money", "minor units", "Delivered, not invoiced", "已交货未开票",
        "the same of delivered orders, without horizon", "orders", "lower", low=0,
    ),
    FactSpec(
        "exposure_not_due", "money", "minor units", "Invoiced, not due", "已开票未到期",
        "open part of invoices that are not overdue", "invoices", "lower", low=0,
    ),
    FactSpec(
        "exposure_overdue", "money", "minor units", "Overdue", "已逾期",
        "open part of overdue invoices", "invoices", "lower", low=0,
    ),
    FactSpec(
        "exposure_disputed", "money", "minor units", "Disputed", "争议中",
        "open part of disputed invoices", "invoices", "lower", low=0,
    ),
    FactSpec(
        "exposure_bills", "money", "minor units", "Bills receivable", "应收票据",
        "payments by bill whose day has not come: the risk ends when the bill is paid", "payments",
        "lower", low=0,
    ),
    FactSpec(
        "exposure_prepayment", "money", "minor units", "Prepayments and credits", "预收款与贷项",
        "money on account, overpayments and credit notes, as a negative amount", "documents", None,
        high=0,
    ),
    FactSpec(
        "exposure", "money", "minor units", "Exposure", "信用占用",
        "Σ stage × weight; not below zero unless the policy lets advances count further; a lower "
        "bound where a rate is missing",
        "documents", "lower",
    ),
)  # fmt: skip

"""Facts from our own invoices: how the customer pays.

Invariant: an invoice is overdue once it is more than the policy's grace days past due; disputed
invoices count only if the policy says so. "Twelve months" are 365 days ending today, "24 months"
730. The behaviour facts look at invoices settled in that time and at those overdue now with their
days so far, so that not paying at all cannot look good.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

PAYMENT: tuple[FactSpec, ...] = (
    FactSpec(
        "overdue_count", "count", "documents", "Invoices overdue", "逾期发票数",
        "number of overdue invoices", "invoices", "lower", low=0,
    ),
    FactSpec(
        "overdue_amount", "money", "minor units", "Amount overdue", "逾期金额",
        "open part of overdue invoices; a lower bound where a rate is missing", "invoices", "lower",
        low=0,
    ),
    FactSpec(
        "overdue_days_max", "days", "days", "Days overdue, longest", "最长逾期天数",
        "today - due date of the oldest overdue invoice, 0 if none; unknown until a first invoice "
        "has been settled or has become overdue",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "late_share_12m", "ratio", "%", "Share of value paid late, 12 months", "近12个月逾期付款金额占比",
        "value of invoices later than the grace days / value of all invoices settled or overdue",
        "invoices", "lower", low=0, high=1,
    ),
    FactSpec(
        "dbt_12m", "number", "days", "Days beyond terms, 12 months", "近12个月加权超期天数",
        "Σ(value × days late) / Σ value; early payment counts as negative days", "invoices", "lower",
    ),
    FactSpec(
        "worst_days_late_12m", "days", "days", "Worst delay, 12 months", "近12个月最长拖欠天数",
        "most days late of the same invoices, 0 if none was late", "invoices", "lower", low=0,
    ),
    FactSpec(
        "defaults_24m", "count", "documents", "Defaults, 24 months", "近24个月违约次数",
        "invoices that came 90 days (policy) past due, still open or settled since, or were written "
        "off; unknown until a first invoice has been settled or has become overdue",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "disputed_amount", "money", "minor units", "Amount disputed", "争议金额",
        "open part of disputed invoices", "invoices", "lower", low=0,
    ),
    FactSpec(
        "paid_invoices_12m", "count", "documents", "Invoices settled, 12 months", "近12个月已结清发票数",
        "number of invoices settled, with a known day", "invoices", "higher", low=0,
    ),
)  # fmt: skip

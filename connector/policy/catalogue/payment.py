"""Facts from our own invoices: how the customer pays.

Invariant: an invoice is overdue once it is more than the policy's grace days past due; disputed
invoices count only if the policy says so. "12 months" are 365 days ending today (3: 91, 6: 182,
24: 730). The behaviour facts look at invoices settled in that time and at those overdue now with
their days so far, so that not paying at all cannot look good.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

# Length of each window in days, shortest first, and its name in months.
WINDOWS: dict[int, int] = {3: 91, 6: 182, 12: 365, 24: 730}

_NOW: tuple[FactSpec, ...] = (
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
        "overdue_share", "ratio", "%", "Share overdue", "逾期占比",
        "amount overdue / open part of all invoices, disputed ones as the policy counts them",
        "invoices", "lower", low=0, high=1,
    ),
    *(
        FactSpec(
            f"overdue_amount_{days}d", "money", "minor units", f"Overdue for {days} days or more",
            f"逾期{days}天及以上金额", f"open part of invoices at least {days} days past due", "invoices",
            "lower", low=0,
        )
        for days in (30, 60, 90)
    ),
    FactSpec(
        "late_interest", "money", "minor units", "Late interest", "逾期利息",
        "Σ open part × yearly rate / 365 × days, beyond the days that bear none; 0 where the policy "
        "takes none",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "disputed_amount", "money", "minor units", "Amount disputed", "争议金额",
        "open part of disputed invoices", "invoices", "lower", low=0,
    ),
    FactSpec(
        "disputed_count", "count", "documents", "Invoices disputed", "争议发票数",
        "open invoices in dispute; unknown where no source says of any invoice whether it is",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "days_since_payment", "days", "days", "Days since the last payment", "距最近付款天数",
        "today - day of the last payment or settlement", "invoices", "lower", low=0,
    ),
    FactSpec(
        "dso", "number", "days", "Days sales outstanding", "应收账款周转天数",
        "open part of all invoices / sales of 12 months × days (365, or those since the first document)",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "dso_delinquent", "number", "days", "Average days delinquent", "平均拖欠天数",
        "DSO - best possible DSO: the same of the overdue part alone", "invoices", "lower", low=0,
    ),
)  # fmt: skip

_RECORD: tuple[FactSpec, ...] = (
    FactSpec(
        "dbt_drift", "number", "days", "Drift of payment days", "付款天数变化",
        "days beyond terms of 3 months - those of 12 months", "invoices", "lower",
    ),
    FactSpec(
        "defaults_24m", "count", "documents", "Defaults, 24 months", "近24个月违约次数",
        "invoices that came 90 days (policy) past due, still open or settled since, or were written "
        "off; unknown until a first invoice has been settled or has become overdue",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "write_offs_24m", "count", "documents", "Write-offs, 24 months", "近24个月核销次数",
        "invoices written off that came due within 24 months; unknown like the defaults",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "written_off_24m", "money", "minor units", "Amount written off, 24 months", "近24个月核销金额",
        "amounts of the same invoices", "invoices", "lower", low=0,
    ),
    FactSpec(
        "broken_promises_12m", "count", "documents", "Broken promises, 12 months", "近12个月失约次数",
        "promises to pay whose day passed without the money; unknown where promises are not recorded",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "dunning_sent", "count", "level", "Dunning level sent", "已发催收级别",
        "highest dunning level that was sent for an invoice that is still open, 0 if none",
        "invoices", "lower", low=0,
    ),
    FactSpec(
        "dunning_unheeded", "count", "level", "Dunning level unheeded", "未响应的催收级别",
        "highest dunning level of which the day to pay has passed with the invoice still open, 0 if none",
        "invoices", "lower", low=0,
    ),
)  # fmt: skip


def _window(months: int) -> tuple[FactSpec, ...]:
    en, zh = f"{months} months", f"近{months}个月"
    return (
        FactSpec(
            f"late_count_{months}m", "count", "documents", f"Invoices late, {en}", f"{zh}逾期发票数",
            "invoices settled later than the grace days, or overdue now", "invoices", "lower", low=0,
        ),
        FactSpec(
            f"late_amount_{months}m", "money", "minor units", f"Amount late, {en}", f"{zh}逾期金额",
            "value of the same invoices", "invoices", "lower", low=0,
        ),
        FactSpec(
            f"late_share_{months}m", "ratio", "%", f"Share of value paid late, {en}",
            f"{zh}逾期付款金额占比",
            "value of invoices later than the grace days / value of all invoices settled or overdue",
            "invoices", "lower", low=0, high=1,
        ),
        FactSpec(
            f"dbt_{months}m", "number", "days", f"Days beyond terms, {en}", f"{zh}加权超期天数",
            "Σ(value × days late) / Σ value; early payment counts as negative days, or as none if the "
            "policy says so",
            "invoices", "lower",
        ),
        FactSpec(
            f"worst_days_late_{months}m", "days", "days", f"Worst delay, {en}", f"{zh}最长拖欠天数",
            "most days late of the same invoices, 0 if none was late", "invoices", "lower", low=0,
        ),
        FactSpec(
            f"paid_invoices_{months}m", "count", "documents", f"Invoices settled, {en}",
            f"{zh}已结清发票数",
            "number of invoices settled, with a known day", "invoices", "higher", low=0,
        ),
    )  # fmt: skip


PAYMENT: tuple[FactSpec, ...] = (*_NOW, *_RECORD, *(spec for months in WINDOWS for spec in _window(months)))

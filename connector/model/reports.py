"""What agencies say: reports with their scores, statements and negative records."""

from __future__ import annotations

import datetime as dt

from connector.model.base import Country, Currency, Model, Record


class Statement(Model):
    """One period of financial statements, minor units of ``currency``; ``None`` is not disclosed.

    ``operating_profit`` is earnings before interest and tax; ``market_equity`` the market value of a
    listed company's shares at the period's end; ``revenue_by_source`` the revenue split by source
    (customers, products or regions), as far as it is disclosed.
    """

    period_end: dt.date
    months: int = 12
    currency: Currency
    consolidated: bool | None = None
    total_assets: int | None = None
    current_assets: int | None = None
    inventory: int | None = None
    prepaid_expenses: int | None = None
    receivables: int | None = None
    cash: int | None = None
    total_liabilities: int | None = None
    current_liabilities: int | None = None
    equity: int | None = None
    retained_earnings: int | None = None
    intangibles: int | None = None
    revenue: int | None = None
    operating_costs: int | None = None
    operating_profit: int | None = None
    interest_expense: int | None = None
    net_profit: int | None = None
    operating_cash_flow: int | None = None
    market_equity: int | None = None
    revenue_by_source: tuple[int, ...] = ()


class Score(Model):
    """One score exactly as the agency gave it, with its scale beside it, never normalised in place."""

    kind: str
    raw: str
    scale: str
    higher_is_better: bool | None = None
    band: str | None = None
    model: str | None = None
    dated: dt.date | None = None


class Negative(Model):
    """A negative public record: judgment, enforcement, dishonest, insolvency, lien, …

    ``resolved`` is ``None`` when the source does not say. ``exact`` is false for a record matched by
    name alone, which goes to a person and is not counted.
    """

    kind: str
    amount: int | None = None
    currency: Currency | None = None
    filed_on: dt.date | None = None
    resolved_on: dt.date | None = None
    resolved: bool | None = None
    exact: bool = True
    case_no: str | None = None


class Report(Model):
    """A rating agency's report in the common form; the raw answer is kept encrypted beside it.

    ``pd_12m`` is a probability in 0…1 with ``pd_method`` naming where it came from, table and version
    included; ``pd_lower`` and ``pd_upper`` are its bounds where a table gives a range;
    ``limit`` the agency's recommended limit in minor units, up to ``limit_valid_to``. Flags are ``None`` when
    not stated. Only with ``judgments_covered`` does an empty list of ``negatives`` say that there are none.
    ``representative_mark`` is a digest of the legal representative's name: it tells that the person changed,
    not who it is.
    """

    provider: str
    subject_ref: str
    subject_name: str
    model_version: str | None = None
    as_of: dt.date
    scores: tuple[Score, ...] = ()
    band: str | None = None
    pd_12m: float | None = None
    pd_method: str = "none"
    pd_lower: float | None = None
    pd_upper: float | None = None
    limit: int | None = None
    limit_currency: Currency | None = None
    limit_note: str | None = None
    limit_valid_to: dt.date | None = None
    dbt_days: int | None = None
    negatives: tuple[Negative, ...] = ()
    judgments_covered: bool = False
    statements: tuple[Statement, ...] = ()
    insolvent: bool | None = None
    dissolved: bool | None = None
    high_risk: bool | None = None
    deteriorating: bool | None = None
    warnings: tuple[str, ...] = ()
    registered_address: str | None = None
    representative_mark: str | None = None


class ReportRow(Record):
    """One report as a row of an agency's file tells it, before the agency's scales are read.

    ``customer`` is our number of the customer, ``subject_ref`` the agency's of the company. ``grade`` stands
    on ``scale``, as do ``percentile`` and ``score_class``; ``pd`` and ``recommended_limit`` are as written.
    ``unit`` multiplies the accounts, ``limit_unit`` the limit; ``judgments`` counts open records.
    """

    customer: str | None = None
    name: str | None = None
    subject_ref: str | None = None
    uscc: str | None = None
    lei: str | None = None
    duns: str | None = None
    vat: str | None = None
    registration_no: str | None = None
    country: Country | None = None
    as_of: dt.date
    model: str | None = None
    scale: str | None = None
    grade: str | None = None
    outlook: str | None = None
    score: str | None = None
    score_scale: str | None = None
    higher_is_better: bool | None = None
    percentile: str | None = None
    score_class: str | None = None
    pd: str | None = None
    currency: Currency | None = None
    recommended_limit: str | None = None
    limit_unit: str | None = None
    limit_valid_to: dt.date | None = None
    dbt_days: int | None = None
    insolvent: bool | None = None
    dissolved: bool | None = None
    high_risk: bool | None = None
    deteriorating: bool | None = None
    dishonest: bool | None = None
    judgments: int | None = None
    enforcements: int | None = None
    judgments_covered: bool = False
    period_end: dt.date | None = None
    unit: str | None = None
    total_assets: str | None = None
    current_assets: str | None = None
    inventory: str | None = None
    receivables: str | None = None
    cash: str | None = None
    total_liabilities: str | None = None
    current_liabilities: str | None = None
    equity: str | None = None
    revenue: str | None = None
    operating_profit: str | None = None
    net_profit: str | None = None
    operating_cash_flow: str | None = None

"""Records: what is read from outside, in one form for every CRM, ledger and agency.

Invariant: models are frozen; amounts are integers in minor units beside an ISO 4217 currency;
``None`` means unknown and is never read as zero. Dates are calendar days as the source states them;
moments are aware UTC.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Stream(StrEnum):
    """The kinds of record that are pulled, in the order in which they depend on one another."""

    ACCOUNTS = "accounts"
    ORDERS = "orders"
    INVOICES = "invoices"
    PLANS = "plans"
    RECEIPTS = "receipts"
    PAYMENTS = "payments"
    CONTACTS = "contacts"
    USERS = "users"
    VISITS = "visits"
    CREDIT_FILES = "credit_files"
    CREDIT_ACCOUNTS = "credit_accounts"
    REPORTS = "reports"  # from agencies' files; never pulled


class OrderStage(StrEnum):
    """How far a sales order has come. ``CLOSED`` and ``CANCELLED`` orders occupy no credit."""

    DRAFT = "draft"
    OPEN = "open"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class InvoiceState(StrEnum):
    """What became of an invoice. ``OPEN`` covers partly paid ones."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    WRITTEN_OFF = "written_off"


class VisitState(StrEnum):
    """What became of a planned visit."""

    PLANNED = "planned"
    DONE = "done"
    DROPPED = "dropped"


class Model(BaseModel):
    """Base of all records: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Record(Model):
    """Anything read from a connection: the vendor's id, kept as text, and its time of change (UTC)."""

    external_id: Annotated[str, Field(min_length=1)]
    modified_at: dt.datetime | None = None


class Account(Record):
    """A customer as one CRM knows it. Legal identifiers join it with accounts of other CRMs.

    ``uscc`` 统一社会信用代码, ``lei`` twenty characters, ``duns`` nine digits, ``vat`` with country prefix,
    ``registration_no`` valid together with ``country``; ``parent_id`` is the parent's external id;
    ``terms_days`` are agreed; ``is_person`` marks natural persons and sole traders, whose data needs consent;
    ``account_status`` is the source's word for how it stands, ``blacklisted`` its mark of who gets no credit.
    """

    name: Annotated[str, Field(min_length=1)]
    uscc: str | None = None
    lei: str | None = None
    duns: str | None = None
    vat: str | None = None
    registration_no: str | None = None
    country: Country | None = None
    industry: str | None = None
    city: str | None = None
    owner_id: str | None = None
    parent_id: str | None = None
    currency: Currency | None = None
    terms_days: int | None = None
    customer_since: dt.date | None = None
    is_person: bool = False
    account_status: str | None = None
    blacklisted: bool | None = None


class Order(Record):
    """A sales order. ``amount`` incl. tax, minor units.

    ``invoiced`` and ``paid`` are the vendor's own running totals where it has them, minor units;
    ``deliver_on`` decides whether the order lies within the policy's horizon; ``prepaid`` orders
    occupy no credit. ``decision`` is what a user of the CRM, ``decided_by`` (the vendor's id), wants done
    about the order's hold: ``release`` or ``reject``.
    """

    account_id: str
    number: str | None = None
    amount: int
    currency: Currency
    ordered_on: dt.date | None = None
    deliver_on: dt.date | None = None
    stage: OrderStage
    invoiced: int | None = None
    paid: int | None = None
    terms_days: int | None = None
    prepaid: bool = False
    decision: str | None = None
    decided_by: str | None = None


class Invoice(Record):
    """An invoice. ``amount`` incl. tax and ``paid`` in minor units of ``currency``.

    ``paid`` is ``None`` when the source keeps no paid amount: payments then decide. A missing ``due_on`` is
    computed from ``issued_on`` and the terms. ``settled_on`` is the day on which the last part was paid.
    """

    account_id: str
    order_id: str | None = None
    number: str | None = None
    amount: int
    currency: Currency
    issued_on: dt.date | None = None
    due_on: dt.date | None = None
    paid: int | None = None
    settled_on: dt.date | None = None
    state: InvoiceState = InvoiceState.OPEN
    disputed: bool | None = None


class Plan(Record):
    """When part of an order is to be paid, minor units of ``currency``."""

    account_id: str
    order_id: str
    number: str | None = None
    amount: int
    currency: Currency
    due_on: dt.date | None = None


class Receipt(Record):
    """The head of payments that came in together. Where it says so, its day is theirs, and they count
    only if it ``counts``: it may be a draft, or wait for approval."""

    number: str | None = None
    received_on: dt.date | None = None
    counts: bool = True


class Payment(Record):
    """Money received, minor units; allocated to an invoice, to a plan of an order, to an order, or to the
    account alone. ``receipt_id`` is the head that it came in with.

    ``bill_due_on`` is the day on which a bill (应收票据) given in payment falls due; ``None`` for money.
    """

    account_id: str
    invoice_id: str | None = None
    plan_id: str | None = None
    order_id: str | None = None
    receipt_id: str | None = None
    amount: int
    currency: Currency
    paid_on: dt.date | None = None
    bill_due_on: dt.date | None = None


class Contact(Record):
    """A person to talk to at an account: personal data, kept only as far as the mapping names it.

    ``role`` is the title or what the person decides there.
    """

    account_id: str | None = None
    name: Annotated[str, Field(min_length=1)]
    role: str | None = None
    email: str | None = None
    phone: str | None = None


class User(Record):
    """A user of the CRM, so that owners of accounts and visits are shown by name."""

    name: Annotated[str, Field(min_length=1)]
    email: str | None = None
    active: bool = True


class VendorCredit(Record):
    """What the CRM's own credit module grants an account, minor units of ``currency``: it is shown beside
    our limit, or is the limit where the connection says that the module decides. ``balance`` is money that
    was paid in advance."""

    account_id: str
    limit: int | None = None
    balance: int | None = None
    currency: Currency
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None


class VisitResult(Record):
    """What the CRM tells of the task that one of our visits became. ``key`` is our own key; ``due_on`` and
    ``owner_id`` are where somebody moved it; ``result`` is what the visitor found, ``promised_on`` the day
    for which the customer promised to pay, ``photos`` links to pictures, where the CRM has such fields."""

    key: Annotated[str, Field(min_length=1)]
    state: VisitState = VisitState.PLANNED
    due_on: dt.date | None = None
    owner_id: str | None = None
    closed_at: dt.datetime | None = None
    result: str | None = None
    promised_on: dt.date | None = None
    photos: str | None = None


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


RECORD_TYPES: dict[Stream, type[Record]] = {
    Stream.ACCOUNTS: Account,
    Stream.ORDERS: Order,
    Stream.INVOICES: Invoice,
    Stream.PLANS: Plan,
    Stream.RECEIPTS: Receipt,
    Stream.PAYMENTS: Payment,
    Stream.CONTACTS: Contact,
    Stream.USERS: User,
    Stream.VISITS: VisitResult,
    Stream.CREDIT_FILES: VendorCredit,
    Stream.CREDIT_ACCOUNTS: VendorCredit,
    Stream.REPORTS: ReportRow,
}

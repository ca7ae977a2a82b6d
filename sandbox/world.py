"""One consistent economy: the same companies, orders, invoices and payments behind every sandbox.

Invariant: nothing in it happens after ``as_of``; amounts are integers in minor units; what was paid
of an invoice is the sum of its receipts; a document stands in exactly one CRM, and its order and its
receipts stand in the same one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Owner:
    """A sales rep. ``key`` is stable over all CRMs (``rep-01``)."""

    key: str
    name_zh: str
    name_en: str
    mobile: str
    email: str


@dataclass(frozen=True)
class Company:
    """A legal entity. ``crms`` are the CRMs in which it stands (``zoho``, ``fxiaoke`` or both).

    ``health`` 0 (failing) … 1 (excellent) drives payment behaviour, statements and agency reports.
    ``currency`` is the one it is mostly invoiced in. A ``sole_trader`` is a natural person. An empty
    ``country``, ``industry`` or ``city`` is not known.
    """

    key: str
    name: str
    country: str
    uscc: str | None
    duns: str | None
    vat: str | None
    registration_no: str | None
    industry: str
    city: str
    currency: str
    terms_days: int
    customer_since: dt.date
    owner: Owner
    parent_key: str | None
    health: float
    crms: tuple[str, ...]
    sole_trader: bool = False


@dataclass(frozen=True)
class SalesOrder:
    """``stage`` is draft, open, delivered, closed or cancelled; ``crm`` is where it was entered."""

    key: str
    crm: str
    company_key: str
    number: str
    amount: int
    currency: str
    ordered_on: dt.date
    deliver_on: dt.date
    stage: str
    modified_at: dt.datetime


@dataclass(frozen=True)
class SalesInvoice:
    """``paid`` of ``amount`` has come in; ``settled_on`` is set once all of it has."""

    key: str
    crm: str
    company_key: str
    order_key: str | None
    number: str
    amount: int
    currency: str
    issued_on: dt.date
    due_on: dt.date
    paid: int
    settled_on: dt.date | None
    disputed: bool
    modified_at: dt.datetime


@dataclass(frozen=True)
class Receipt:
    """Money that came in for one invoice."""

    key: str
    crm: str
    company_key: str
    order_key: str | None
    invoice_key: str
    amount: int
    currency: str
    paid_on: dt.date
    modified_at: dt.datetime


@dataclass(frozen=True)
class Financials:
    """One year of statements, minor units of the currency of the company's country, in whole major
    units; ``total_assets`` = ``total_liabilities`` + ``equity``."""

    period_end: dt.date
    currency: str
    revenue: int
    operating_profit: int
    interest: int
    net_profit: int
    total_assets: int
    current_assets: int
    inventory: int
    receivables: int
    cash: int
    total_liabilities: int
    current_liabilities: int
    equity: int
    operating_cash_flow: int


@dataclass(frozen=True)
class World:
    """The economy as it stands at ``as_of`` (aware UTC)."""

    as_of: dt.datetime
    owners: tuple[Owner, ...]
    companies: tuple[Company, ...]
    orders: tuple[SalesOrder, ...]
    invoices: tuple[SalesInvoice, ...]
    receipts: tuple[Receipt, ...]
    financials: dict[str, tuple[Financials, ...]] = field(default_factory=dict)

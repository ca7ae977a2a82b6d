"""What CRMs and ledgers keep: accounts, orders, invoices, payments, and what belongs to them."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from connector.model.base import Country, Currency, Record


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
    about the order's hold: ``release`` or ``reject``. ``check_key`` is what the first check called it,
    before it had a number.
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
    check_key: str | None = None


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

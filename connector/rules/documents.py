"""What is known of one customer at one moment, as read from the store: the input of all facts.

Invariant: plain, immutable rows, already joined over all CRMs of the customer; amounts in minor units
of their own currency; dates are calendar days; nothing here has been judged yet.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import NamedTuple

from connector.model import Report


class OrderDoc(NamedTuple):
    """A sales order; ``id`` is unique over all connections (``connection/external id``)."""

    id: str
    number: str | None
    amount: int
    currency: str
    ordered_on: dt.date | None
    deliver_on: dt.date | None
    stage: str
    invoiced: int | None
    paid: int | None
    prepaid: bool


class InvoiceDoc(NamedTuple):
    """An invoice; ``order_id`` refers to ``OrderDoc.id``."""

    id: str
    number: str | None
    order_id: str | None
    amount: int
    currency: str
    issued_on: dt.date | None
    due_on: dt.date | None
    paid: int | None
    settled_on: dt.date | None
    state: str
    disputed: bool | None


class PlanDoc(NamedTuple):
    """When part of an order is to be paid; ``order_id`` refers to ``OrderDoc.id``."""

    id: str
    order_id: str
    number: str | None
    amount: int
    currency: str
    due_on: dt.date | None


class PaymentDoc(NamedTuple):
    """A payment, allocated to an invoice, an order or neither. ``bill_due_on`` is the day on which a bill
    (应收票据) given in payment falls due: until then the risk stays; ``None`` for money."""

    id: str
    invoice_id: str | None
    order_id: str | None
    amount: int
    currency: str
    paid_on: dt.date | None
    bill_due_on: dt.date | None = None


class PromiseDoc(NamedTuple):
    """A promise to pay ``amount`` by ``due_on``, made on ``made_on``: for the invoice ``invoice_id`` (as
    ``InvoiceDoc.id``), else for whatever is open. ``outcome`` is what a person said came of it: ``kept``,
    ``broken`` or ``withdrawn``; ``None`` leaves it to the money."""

    id: int
    made_on: dt.date
    due_on: dt.date
    amount: int
    currency: str
    invoice_id: str | None = None
    outcome: str | None = None


class DunnedDoc(NamedTuple):
    """A dunning level of the invoice ``invoice_id`` (as ``InvoiceDoc.id``) and the day on which its letter
    was sent (``None`` while the letter is under way); ``pay_by`` is the last day that the letter names."""

    invoice_id: str
    level: int
    sent_on: dt.date | None
    pay_by: dt.date | None = None


class ReportDoc(NamedTuple):
    """An agency report and when it was fetched (aware UTC)."""

    report: Report
    fetched_at: dt.datetime


class AdviceDoc(NamedTuple):
    """A consultant's report (``kind`` ``consultant``) or a trade reference (``reference``): what its author
    recommends, and the last day on which it counts, if it names one."""

    kind: str
    author: str
    dated: dt.date
    amount: int | None = None
    currency: str | None = None
    risk_class: str | None = None
    valid_to: dt.date | None = None


class LimitEntry(NamedTuple):
    """A limit set by a person: ``kind`` ``base``, ``seasonal`` or ``temporary``, or a sum that secures it:
    ``insured`` or ``guaranteed``, of which ``cover_bp`` / 10000 would be paid; ``state`` ``none``,
    ``amount`` or ``unlimited``; valid on days in ``[valid_from, valid_to]``; ``valid_to`` ``None`` is
    open-ended; a season from one ``MM-DD`` to another, every year. Or what a CRM's own module grants where
    that decides: ``credit_file`` or ``credit_account``, read from ``source``."""

    kind: str
    state: str
    amount: int | None
    currency: str
    valid_from: dt.date
    valid_to: dt.date | None
    season_from: str | None = None
    season_to: str | None = None
    cover_bp: int | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything about one customer. ``limits_by`` is the CRM whose own credit module decides on its limit
    (``None``: we do). ``hold_placed`` is the reason of a hold set by a person;
    ``terms_days`` the payment terms agreed; ``reviewed_on`` the day from which the review
    calendar counts: of the last review, or of the first sight of a customer never reviewed;
    ``account_statuses`` what the CRMs call the status of its accounts; ``blacklisted`` whether a CRM or a
    person has it on a blacklist; ``promises`` those to pay (none: nobody recorded any);
    ``dunned`` the dunning levels of invoices that were not paid since. ``agency_chosen`` is
    the agency that a person believes where agencies contradict one another.
    """

    customer_id: int
    name: str
    country: str | None = None
    industry: str | None = None
    is_person: bool = False
    customer_since: dt.date | None = None
    terms_days: int | None = None
    hold_placed: str | None = None
    reviewed_on: dt.date | None = None
    orders: tuple[OrderDoc, ...] = ()
    invoices: tuple[InvoiceDoc, ...] = ()
    payments: tuple[PaymentDoc, ...] = ()
    reports: tuple[ReportDoc, ...] = ()
    limits: tuple[LimitEntry, ...] = field(default=())
    limits_by: str | None = None
    group_id: int | None = None
    agency_chosen: str | None = None
    account_statuses: tuple[str, ...] = ()
    blacklisted: bool | None = None
    promises: tuple[PromiseDoc, ...] = ()
    advice: tuple[AdviceDoc, ...] = ()
    dunned: tuple[DunnedDoc, ...] = ()

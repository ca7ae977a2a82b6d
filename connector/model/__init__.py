"""Records: what is read from outside, in one form for every CRM, ledger and agency.

Invariant: models are frozen; amounts are integers in minor units beside an ISO 4217 currency;
``None`` means unknown and is never read as zero. Dates are calendar days as the source states them;
moments are aware UTC.
"""

from __future__ import annotations

from connector.model.base import Country, Currency, Model, Record
from connector.model.records import (
    Account,
    Contact,
    Invoice,
    InvoiceState,
    Order,
    OrderStage,
    Payment,
    Plan,
    Receipt,
    Stream,
    User,
    VendorCredit,
    VisitResult,
    VisitState,
)
from connector.model.reports import Negative, Report, ReportRow, Score, Statement

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

__all__ = [
    "RECORD_TYPES",
    "Account",
    "Contact",
    "Country",
    "Currency",
    "Invoice",
    "InvoiceState",
    "Model",
    "Negative",
    "Order",
    "OrderStage",
    "Payment",
    "Plan",
    "Receipt",
    "Record",
    "Report",
    "ReportRow",
    "Score",
    "Statement",
    "Stream",
    "User",
    "VendorCredit",
    "VisitResult",
    "VisitState",
]

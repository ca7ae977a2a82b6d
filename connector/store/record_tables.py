"""The tables of what is read from outside, in the form of ``connector.store.tables``.

Invariant: every record keeps the vendor's id, a digest of its mapped fields, when it was first and last
seen, and whether the vendor deleted it; a row that does not fit is a reject, never lost.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connector.store.columns import Moment, column, identity, metadata, optional


def _record(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
        column("external_id", sa.Text, primary_key=True),
        column("digest", sa.Text),
        optional("modified_at", Moment),
        column("first_seen", Moment),
        column("last_seen", Moment),
        column("deleted", sa.Boolean, server_default=sa.false()),
        *columns,
    )


account = _record(
    "account",
    column("name", sa.Text),
    optional("uscc", sa.Text),
    optional("lei", sa.Text),
    optional("duns", sa.Text),
    optional("vat", sa.Text),
    optional("registration_no", sa.Text),
    optional("country", sa.Text),
    optional("industry", sa.Text),
    optional("city", sa.Text),
    optional("owner_id", sa.Text),
    optional("parent_id", sa.Text),
    optional("currency", sa.Text),
    optional("terms_days", sa.Integer),
    optional("customer_since", sa.Date),
    column("is_person", sa.Boolean),
    optional("account_status", sa.Text),
    optional("blacklisted", sa.Boolean),
    optional("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("linked_by", sa.Text, server_default="auto"),  # auto, or person: then never moved by itself
)
sa.Index(
    "ix_account_parent",
    account.c.connection_id,
    account.c.parent_id,
    sqlite_where=account.c.parent_id.is_not(None),
    postgresql_where=account.c.parent_id.is_not(None),
)

# Whose account it was from when on; the account itself has only the owner of today.
account_owner = sa.Table(
    "account_owner",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("account_id", sa.Text, primary_key=True),
    column("since", Moment, primary_key=True),
    optional("owner_id", sa.Text),
)

sales_order = _record(
    "sales_order",
    column("account_id", sa.Text),
    optional("number", sa.Text),
    column("amount", sa.BigInteger),
    column("currency", sa.Text),
    optional("ordered_on", sa.Date),
    optional("deliver_on", sa.Date),
    column("stage", sa.Text),
    optional("invoiced", sa.BigInteger),
    optional("paid", sa.BigInteger),
    optional("terms_days", sa.Integer),
    column("prepaid", sa.Boolean),
    optional("decision", sa.Text),  # what a user of the CRM wants done about its hold
    optional("decided_by", sa.Text),
    optional("check_key", sa.Text),  # what its first check called it
)
sa.Index("ix_sales_order_account", sales_order.c.connection_id, sales_order.c.account_id)
sa.Index("ix_sales_order_number", sales_order.c.connection_id, sales_order.c.number)

invoice = _record(
    "invoice",
    column("account_id", sa.Text),
    optional("order_id", sa.Text),
    optional("number", sa.Text),
    column("amount", sa.BigInteger),
    column("currency", sa.Text),
    optional("issued_on", sa.Date),
    optional("due_on", sa.Date),
    optional("paid", sa.BigInteger),
    optional("settled_on", sa.Date),
    column("state", sa.Text),
    optional("disputed", sa.Boolean),
)
sa.Index("ix_invoice_account", invoice.c.connection_id, invoice.c.account_id)

plan = _record(
    "plan",
    column("account_id", sa.Text),
    column("order_id", sa.Text),
    optional("number", sa.Text),
    column("amount", sa.BigInteger),
    column("currency", sa.Text),
    optional("due_on", sa.Date),
)
sa.Index("ix_plan_account", plan.c.connection_id, plan.c.account_id)

receipt = _record(
    "receipt",
    optional("number", sa.Text),
    optional("received_on", sa.Date),
    column("counts", sa.Boolean),
)

payment = _record(
    "payment",
    column("account_id", sa.Text),
    optional("invoice_id", sa.Text),
    optional("plan_id", sa.Text),
    optional("order_id", sa.Text),
    optional("receipt_id", sa.Text),
    column("amount", sa.BigInteger),
    column("currency", sa.Text),
    optional("paid_on", sa.Date),
    optional("bill_due_on", sa.Date),  # of a bill given in payment: until then the risk stays
)
sa.Index("ix_payment_account", payment.c.connection_id, payment.c.account_id)
sa.Index("ix_payment_receipt", payment.c.connection_id, payment.c.receipt_id)

# Personal data: only what the mapping names is kept, and none of it is ever logged.
contact = _record(
    "contact",
    optional("account_id", sa.Text),
    column("name", sa.Text),
    optional("role", sa.Text),
    optional("email", sa.Text),
    optional("phone", sa.Text),
)
sa.Index("ix_contact_account", contact.c.connection_id, contact.c.account_id)

crm_user = _record(
    "crm_user",
    column("name", sa.Text),
    optional("email", sa.Text),
    column("active", sa.Boolean),
)


def _vendor_credit(name: str) -> sa.Table:
    """What the CRM's own credit modules say: shown beside our limit, or the limit where they decide."""
    table = _record(
        name,
        column("account_id", sa.Text),
        optional("limit", sa.BigInteger),
        optional("balance", sa.BigInteger),
        column("currency", sa.Text),
        optional("valid_from", sa.Date),
        optional("valid_to", sa.Date),
    )
    sa.Index(f"ix_{name}_account", table.c.connection_id, table.c.account_id)
    return table


credit_file = _vendor_credit("credit_file")
credit_account = _vendor_credit("credit_account")

RECORDS = {
    "accounts": account,
    "orders": sales_order,
    "invoices": invoice,
    "plans": plan,
    "receipts": receipt,
    "payments": payment,
    "contacts": contact,
    "users": crm_user,
    "credit_files": credit_file,
    "credit_accounts": credit_account,
}

reject = sa.Table(
    "reject",
    metadata,
    identity(),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("stream", sa.Text),
    column("external_id", sa.Text),
    column("code", sa.Text),
    column("field", sa.Text),
    column("value", sa.Text),
    column("message", sa.Text),
    column("raw", sa.Text),
    optional("modified_at", Moment),
    column("first_seen", Moment),
    column("last_seen", Moment),
    sa.UniqueConstraint("connection_id", "stream", "external_id"),
)

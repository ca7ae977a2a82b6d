"""The tables, for SQLite and PostgreSQL alike (SQLAlchemy Core).

Invariant: money is a BIGINT of minor units beside an ISO currency; moments are BIGINT microseconds UTC
(``Moment``); days are dates; connections are small integers; JSON is text. Nothing is deleted that
a person may have to answer for.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Moment(sa.types.TypeDecorator[dt.datetime]):
    """An aware UTC datetime, stored as microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> int | None:
        """Aware datetimes only: a naive one would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Any) -> dt.datetime | None:
        """Back to an aware UTC datetime."""
        return None if value is None else _EPOCH + value * _MICROSECOND


Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _column(name: str, kind: Any, *more: Any, **options: Any) -> sa.Column[Any]:
    options.setdefault("nullable", False)
    return sa.Column(name, kind, *more, **options)


def _optional(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, **options)


def _id() -> sa.Column[Any]:
    return sa.Column("id", Key, primary_key=True, autoincrement=True)


connection = sa.Table(
    "connection",
    metadata,
    _id(),
    _column("name", sa.Text, unique=True),
    _column("role", sa.Text),  # crm, bureau or ledger
    _column("kind", sa.Text),
    _column("settings", sa.Text),
    _column("created_at", Moment),
)

secret = sa.Table(
    "secret",
    metadata,
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    _column("name", sa.Text, primary_key=True),
    _column("value", sa.Text),
    _optional("expires_at", Moment),
)

api_key = sa.Table(
    "api_key",
    metadata,
    _id(),
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), index=True),
    _column("digest", sa.Text, unique=True),
    _column("created_at", Moment),
    _optional("revoked_at", Moment),
)

field_name = sa.Table(
    "field_name",
    metadata,
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    _column("target", sa.Text, primary_key=True),
    _column("name", sa.Text, primary_key=True),
    _column("api_name", sa.Text),
)

budget = sa.Table(
    "budget",
    metadata,
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    _column("bucket", sa.Text, primary_key=True),
    _column("window_start", Moment),
    _column("used", sa.Integer),
)

cursor = sa.Table(
    "cursor",
    metadata,
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    _column("stream", sa.Text, primary_key=True),
    _optional("watermark", Moment),  # everything up to here is stored
    _optional("until", Moment),  # end of the window under way
    _column("slices", sa.Text, server_default="[]"),  # what of that window is still to be read
    _optional("gone_since", Moment),  # deletions are known up to here
    _column("updated_at", Moment),
)


def _record(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
        _column("external_id", sa.Text, primary_key=True),
        _column("digest", sa.Text),
        _optional("modified_at", Moment),
        _column("first_seen", Moment),
        _column("last_seen", Moment),
        _column("deleted", sa.Boolean, server_default=sa.false()),
        *columns,
    )


account = _record(
    "account",
    _column("name", sa.Text),
    _optional("uscc", sa.Text),
    _optional("duns", sa.Text),
    _optional("vat", sa.Text),
    _optional("registration_no", sa.Text),
    _optional("country", sa.Text),
    _optional("industry", sa.Text),
    _optional("city", sa.Text),
    _optional("owner_id", sa.Text),
    _optional("parent_id", sa.Text),
    _optional("currency", sa.Text),
    _optional("terms_days", sa.Integer),
    _optional("customer_since", sa.Date),
    _column("is_person", sa.Boolean),
    _optional("customer_id", sa.ForeignKey("customer.id"), index=True),
    _column("linked_by", sa.Text, server_default="auto"),  # auto, or person: then never moved by itself
)

sales_order = _record(
    "sales_order",
    _column("account_id", sa.Text),
    _optional("number", sa.Text),
    _column("amount", sa.BigInteger),
    _column("currency", sa.Text),
    _optional("ordered_on", sa.Date),
    _optional("deliver_on", sa.Date),
    _column("stage", sa.Text),
    _optional("invoiced", sa.BigInteger),
    _optional("paid", sa.BigInteger),
    _optional("terms_days", sa.Integer),
    _column("prepaid", sa.Boolean),
)
sa.Index("ix_sales_order_account", sales_order.c.connection_id, sales_order.c.account_id)
sa.Index("ix_sales_order_number", sales_order.c.connection_id, sales_order.c.number)

invoice = _record(
    "invoice",
    _column("account_id", sa.Text),
    _optional("order_id", sa.Text),
    _optional("number", sa.Text),
    _column("amount", sa.BigInteger),
    _column("currency", sa.Text),
    _optional("issued_on", sa.Date),
    _optional("due_on", sa.Date),
    _optional("paid", sa.BigInteger),
    _optional("settled_on", sa.Date),
    _column("state", sa.Text),
    _optional("disputed", sa.Boolean),
)
sa.Index("ix_invoice_account", invoice.c.connection_id, invoice.c.account_id)

payment = _record(
    "payment",
    _column("account_id", sa.Text),
    _optional("invoice_id", sa.Text),
    _optional("order_id", sa.Text),
    _column("amount", sa.BigInteger),
    _column("currency", sa.Text),
    _optional("paid_on", sa.Date),
)
sa.Index("ix_payment_account", payment.c.connection_id, payment.c.account_id)

RECORDS = {"accounts": account, "orders": sales_order, "invoices": invoice, "payments": payment}

reject = sa.Table(
    "reject",
    metadata,
    _id(),
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    _column("stream", sa.Text),
    _column("external_id", sa.Text),
    _column("code", sa.Text),
    _column("field", sa.Text),
    _column("value", sa.Text),
    _column("message", sa.Text),
    _column("raw", sa.Text),
    _optional("modified_at", Moment),
    _column("first_seen", Moment),
    _column("last_seen", Moment),
    sa.UniqueConstraint("connection_id", "stream", "external_id"),
)

credit_group = sa.Table(
    "credit_group",
    metadata,
    _id(),
    _column("key", sa.Text, unique=True),  # the root account, or a name given by a person
    _column("name", sa.Text),
    _column("created_at", Moment),
)

customer = sa.Table(
    "customer",
    metadata,
    _id(),
    _column("name", sa.Text),
    _optional("country", sa.Text),
    _optional("industry", sa.Text),
    _optional("customer_since", sa.Date),
    _optional("terms_days", sa.Integer),
    _column("is_person", sa.Boolean, server_default=sa.false()),
    _optional("group_id", sa.ForeignKey("credit_group.id"), index=True),
    _optional("hold_placed", sa.Text),
    _column("changes", sa.BigInteger, server_default="1"),  # grows with every change of a fact
    _column("assessed", sa.BigInteger, server_default="0"),  # the value of changes last assessed
    _optional("due_at", Moment, index=True),  # when time alone changes the assessment
    _column("created_at", Moment),
)
sa.Index(
    "ix_customer_dirty",
    customer.c.id,
    sqlite_where=customer.c.changes > customer.c.assessed,
    postgresql_where=customer.c.changes > customer.c.assessed,
)

# One row for each identifier by which a customer is known; it joins accounts over CRMs.
identifier = sa.Table(
    "identifier",
    metadata,
    _column("kind", sa.Text, primary_key=True),
    _column("value", sa.Text, primary_key=True),
    _column("customer_id", sa.ForeignKey("customer.id"), index=True),
)

credit_line = sa.Table(
    "credit_line",
    metadata,
    _column("subject", sa.Text, primary_key=True),  # customer or group
    _column("subject_id", Key, primary_key=True, autoincrement=False),
    _column("currency", sa.Text),
    _column("limit_state", sa.Text),  # none, amount, unlimited
    _optional("limit_minor", sa.BigInteger),
    _column("exposure", sa.BigInteger, server_default="0"),
    _column("reserved", sa.BigInteger, server_default="0"),
    _column("status", sa.Text),  # ok, watch, hold, stop
    _column("incomplete", sa.Boolean, server_default=sa.false()),  # exposure is a lower bound only
    _column("version", sa.BigInteger, server_default="1"),
    _optional("policy_hash", sa.Text),
    _optional("as_of", Moment),
)

assessment = sa.Table(
    "assessment",
    metadata,
    _id(),
    _column("customer_id", sa.ForeignKey("customer.id"), index=True),
    _column("as_of", Moment),
    _column("policy_hash", sa.Text),
    _column("digest", sa.Text),  # of the outcome, to tell whether anything changed
    _column("facts", sa.LargeBinary),  # deflated JSON, enough to replay
    _column("outcome", sa.LargeBinary),  # deflated JSON, with every step
    _column("status", sa.Text),
    _optional("risk_class", sa.Text),
    _column("created_at", Moment),
)

policy_version = sa.Table(
    "policy_version",
    metadata,
    _column("hash", sa.Text, primary_key=True),
    _column("name", sa.Text),
    _column("version", sa.Text),
    _column("content", sa.Text),
    _column("first_used_at", Moment),
)

limit_entry = sa.Table(
    "limit_entry",
    metadata,
    _id(),
    _column("subject", sa.Text),
    _column("subject_id", Key),
    _column("kind", sa.Text),  # base or temporary
    _column("state", sa.Text),
    _optional("amount", sa.BigInteger),
    _column("currency", sa.Text),
    _column("valid_from", sa.Date),
    _optional("valid_to", sa.Date),
    _column("reason", sa.Text),
    _column("actor", sa.Text),
    _column("at", Moment),
)
sa.Index("ix_limit_entry_subject", limit_entry.c.subject, limit_entry.c.subject_id)

reservation = sa.Table(
    "reservation",
    metadata,
    _id(),
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    _column("order_key", sa.Text),
    _column("revision", sa.Text),
    _column("account_id", sa.Text),
    _column("customer_id", sa.ForeignKey("customer.id"), index=True),
    _optional("group_id", sa.ForeignKey("credit_group.id")),
    _column("amount", sa.BigInteger),  # of the order, in its currency
    _column("currency", sa.Text),
    _column("reserved", sa.BigInteger),  # taken from the customer's line, in that line's currency
    _column("group_reserved", sa.BigInteger, server_default="0"),  # taken from the group's, in its own
    _column("state", sa.Text),  # active, replaced, consumed, released, expired, refused
    _column("answer", sa.Text),
    _column("created_at", Moment),
    _column("expires_at", Moment),
    sa.UniqueConstraint("connection_id", "order_key", "revision"),
)
# An order has one active reservation at most, whatever happens at the same moment.
sa.Index(
    "uq_reservation_active_order",
    reservation.c.connection_id,
    reservation.c.order_key,
    unique=True,
    sqlite_where=reservation.c.state == "active",
    postgresql_where=reservation.c.state == "active",
)
sa.Index(
    "ix_reservation_active",
    reservation.c.expires_at,
    sqlite_where=reservation.c.state == "active",
    postgresql_where=reservation.c.state == "active",
)

hold = sa.Table(
    "hold",
    metadata,
    _id(),
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    _column("order_key", sa.Text),
    _column("account_id", sa.Text),
    _optional("customer_id", sa.ForeignKey("customer.id"), index=True),
    _column("amount", sa.BigInteger),
    _column("currency", sa.Text),
    _column("state", sa.Text),  # pending, released, rejected
    _column("reasons", sa.Text),
    _column("created_at", Moment),
    _column("updated_at", Moment),
    sa.UniqueConstraint("connection_id", "order_key"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    _id(),
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    _column("target", sa.Text),  # account or visit
    _column("external_id", sa.Text),  # the account written to, or that the visit is about
    _column("key", sa.Text, server_default=""),
    _column("payload", sa.Text),
    _column("digest", sa.Text),
    _column("version", sa.BigInteger, server_default="1"),
    _column("priority", sa.Integer),  # lower goes first: holds 0, tasks 5, other fields 9
    _column("state", sa.Text),  # pending or dead
    _column("attempts", sa.Integer, server_default="0"),
    _column("due_at", Moment),
    _column("error", sa.Text, server_default=""),
    _column("created_at", Moment),
    sa.UniqueConstraint("connection_id", "target", "external_id", "key"),
)
sa.Index("ix_outbox_due", outbox.c.connection_id, outbox.c.state, outbox.c.priority, outbox.c.id)

written = sa.Table(
    "written",
    metadata,
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    _column("target", sa.Text, primary_key=True),
    _column("external_id", sa.Text, primary_key=True),
    _column("key", sa.Text, primary_key=True),
    _column("digest", sa.Text),
    _column("vendor_id", sa.Text, server_default=""),
    _column("at", Moment),
)

visit = sa.Table(
    "visit",
    metadata,
    _id(),
    _column("key", sa.Text, unique=True),
    _column("customer_id", sa.ForeignKey("customer.id"), index=True),
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    _column("account_id", sa.Text),
    _optional("owner_id", sa.Text),
    _column("due_on", sa.Date),
    _column("reason", sa.Text),
    _column("priority", sa.Text),
    _column("state", sa.Text),  # planned, done, dropped
    _column("created_at", Moment),
)

report = sa.Table(
    "report",
    metadata,
    _id(),
    _column("customer_id", sa.ForeignKey("customer.id"), index=True),
    _column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    _column("provider", sa.Text),
    _column("subject_ref", sa.Text),
    _column("as_of", sa.Date),
    _column("fetched_at", Moment),
    _column("body", sa.Text),
    _column("raw", sa.Text),  # the agency's answer, encrypted
    _column("raw_sha256", sa.Text),
)

consent = sa.Table(
    "consent",
    metadata,
    _id(),
    _column("customer_id", sa.ForeignKey("customer.id"), index=True),
    _column("basis", sa.Text),  # consent or legal_basis
    _column("purpose", sa.Text),
    _column("evidence", sa.Text),
    _column("evidence_sha256", sa.Text, server_default=""),
    _column("valid_from", sa.Date),
    _optional("valid_to", sa.Date),
    _optional("revoked_at", Moment),
    _column("actor", sa.Text),
    _column("at", Moment),
)

journal = sa.Table(
    "journal",
    metadata,
    _id(),
    _column("at", Moment, index=True),
    _column("actor", sa.Text),
    _column("act", sa.Text),
    _column("subject", sa.Text),
    _column("detail", sa.Text),
)

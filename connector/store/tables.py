"""The tables, for SQLite and PostgreSQL alike (SQLAlchemy Core).

Invariant: money is a BIGINT of minor units beside an ISO currency; moments are BIGINT microseconds UTC
(``Moment``); days are dates; connections are small integers; JSON is text. Nothing is deleted that
a person may have to answer for.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store import (  # noqa: F401 - of the same metadata
    agency_tables,
    conduct_tables,
    daemon_tables,
    decision_tables,
    dunning_tables,
    gate_tables,
    hook_tables,
    record_tables,
    review_tables,
    signal_tables,
)
from connector.store.columns import Key, Moment, column, identity, metadata, optional

connection = sa.Table(
    "connection",
    metadata,
    identity(),
    column("name", sa.Text, unique=True),
    column("role", sa.Text),  # crm, bureau, ledger, agency_file or channel
    column("kind", sa.Text),
    column("settings", sa.Text),
    column("created_at", Moment),
)

secret = sa.Table(
    "secret",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("name", sa.Text, primary_key=True),
    column("value", sa.Text),
    optional("expires_at", Moment),
)

api_key = sa.Table(
    "api_key",
    metadata,
    identity(),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), index=True),
    column("digest", sa.Text, unique=True),
    column("created_at", Moment),
    optional("revoked_at", Moment),
    column("label", sa.Text, server_default="plugin"),  # what it is for: two of a label may be valid
    column("scopes", sa.Text, server_default="check,read"),
    optional("actor", sa.Text),  # as whom it decides, unless the call names a user of the CRM
    optional("expires_at", Moment),
    optional("secret", sa.Text),  # of a key that signs its calls, encrypted
)

field_name = sa.Table(
    "field_name",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("target", sa.Text, primary_key=True),
    column("name", sa.Text, primary_key=True),
    column("api_name", sa.Text),
)

budget = sa.Table(
    "budget",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("bucket", sa.Text, primary_key=True),
    column("window_start", Moment, primary_key=True),  # of the part of the window that is counted here
    column("used", sa.Integer),
)

cursor = sa.Table(
    "cursor",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("stream", sa.Text, primary_key=True),
    optional("watermark", Moment),  # everything up to here is stored
    optional("until", Moment),  # end of the window under way
    column("slices", sa.Text, server_default="[]"),  # what of that window is still to be read
    optional("bulk", sa.Text),  # where a bulk read of that window stands
    optional("gone_since", Moment),  # deletions are known up to here
    column("updated_at", Moment),
)


credit_group = sa.Table(
    "credit_group",
    metadata,
    identity(),
    column("key", sa.Text, unique=True),  # the root account, or a name given by a person
    column("name", sa.Text),
    optional("parent_id", Key, index=True),  # the group that this one is part of
    column("share_bp", sa.Integer, server_default="10000"),  # of its exposure, what counts in the parent
    column("ring_fenced", sa.Boolean, server_default=sa.false()),  # stands apart from the parent
    column("created_at", Moment),
)

customer = sa.Table(
    "customer",
    metadata,
    identity(),
    column("name", sa.Text),
    optional("country", sa.Text),
    optional("industry", sa.Text),
    optional("customer_since", sa.Date),
    optional("terms_days", sa.Integer),
    column("is_person", sa.Boolean, server_default=sa.false()),
    optional("group_id", sa.ForeignKey("credit_group.id"), index=True),
    column("group_share_bp", sa.Integer, server_default="10000"),  # of its exposure, what counts there
    column("ring_fenced", sa.Boolean, server_default=sa.false()),  # stands apart from its group
    optional("hold_placed", sa.Text),
    column("changes", sa.BigInteger, server_default="1"),  # grows with every change of a fact
    column("assessed", sa.BigInteger, server_default="0"),  # the value of changes last assessed
    optional("due_at", Moment, index=True),  # when time alone changes the assessment
    column("created_at", Moment),
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
    column("kind", sa.Text, primary_key=True),
    column("value", sa.Text, primary_key=True),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
)

credit_line = sa.Table(
    "credit_line",
    metadata,
    column("subject", sa.Text, primary_key=True),  # customer or group
    column("subject_id", Key, primary_key=True, autoincrement=False),
    column("currency", sa.Text),
    column("limit_state", sa.Text),  # none, amount, unlimited
    optional("limit_minor", sa.BigInteger),
    column("exposure", sa.BigInteger, server_default="0"),
    column("reserved", sa.BigInteger, server_default="0"),
    column("status", sa.Text),  # ok, watch, hold, stop
    column("incomplete", sa.Boolean, server_default=sa.false()),  # exposure is a lower bound only
    column("version", sa.BigInteger, server_default="1"),
    optional("policy_hash", sa.Text),
    optional("as_of", Moment),
)

assessment = sa.Table(
    "assessment",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("as_of", Moment),
    column("policy_hash", sa.Text),
    column("digest", sa.Text),  # of the outcome, to tell whether anything changed
    column("facts", sa.LargeBinary),  # deflated JSON, enough to replay
    column("outcome", sa.LargeBinary),  # deflated JSON, with every step
    column("status", sa.Text),
    optional("risk_class", sa.Text),
    column("created_at", Moment),
)

policy_version = sa.Table(
    "policy_version",
    metadata,
    column("hash", sa.Text, primary_key=True),
    column("name", sa.Text),
    column("version", sa.Text),
    column("content", sa.Text),
    column("first_used_at", Moment),
)

limit_entry = sa.Table(
    "limit_entry",
    metadata,
    identity(),
    column("subject", sa.Text),
    column("subject_id", Key),
    column("kind", sa.Text),  # base, temporary, seasonal, insured, guaranteed
    column("state", sa.Text),
    optional("amount", sa.BigInteger),
    column("currency", sa.Text),
    column("valid_from", sa.Date),
    optional("valid_to", sa.Date),
    optional("season_from", sa.Text),  # MM-DD: a seasonal limit holds every year from this day
    optional("season_to", sa.Text),  # MM-DD, that day included; before season_from: over the new year
    optional("cover_bp", sa.Integer),  # of an insured or guaranteed sum, what would be paid
    optional("request_id", Key),  # the request that led to it, if others had to agree
    column("reason", sa.Text),
    column("actor", sa.Text),
    column("at", Moment),
)
sa.Index("ix_limit_entry_subject", limit_entry.c.subject, limit_entry.c.subject_id)

reservation = sa.Table(
    "reservation",
    metadata,
    identity(),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("order_key", sa.Text),
    column("revision", sa.Text),
    column("account_id", sa.Text),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("amount", sa.BigInteger),  # of the order, in its currency
    column("currency", sa.Text),
    column("reserved", sa.BigInteger),  # taken from the customer's line, in that line's currency
    column("state", sa.Text),  # active, replaced, consumed, released, expired, refused
    optional("rates", sa.Text),  # JSON: currency, rate and its day, by which the amount was counted
    column("answer", sa.Text),
    column("created_at", Moment),
    column("expires_at", Moment),
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

# What a reservation takes from the lines of the groups above the customer, in each line's currency.
reservation_group = sa.Table(
    "reservation_group",
    metadata,
    column("reservation_id", sa.ForeignKey("reservation.id", ondelete="CASCADE"), primary_key=True),
    column("group_id", sa.ForeignKey("credit_group.id"), primary_key=True, index=True),
    column("reserved", sa.BigInteger),
)

hold = sa.Table(
    "hold",
    metadata,
    identity(),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("order_key", sa.Text),
    column("account_id", sa.Text),
    optional("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("amount", sa.BigInteger),
    column("currency", sa.Text),
    column("state", sa.Text),  # pending, ready, released, rejected, forced, withdrawn
    column("reasons", sa.Text),
    column("created_at", Moment),
    column("updated_at", Moment),
    column("round", sa.Integer, server_default="1"),  # grows whenever it is opened again
    column("checkpoint", sa.Text, server_default="order_save"),  # the step that was refused
    optional("terms_days", sa.Integer),  # that the order asks for
    optional("excess", sa.BigInteger),  # what a release lets through, in the policy's currency
    # What was released: until when, up to which amount (in the order's currency), on which terms.
    optional("released_until", Moment),
    optional("released_amount", sa.BigInteger),
    optional("released_terms_days", sa.Integer),
    optional("released_by", sa.Text),
    optional("release_code", sa.Text),
    column("told", sa.Text, server_default=""),  # the round and state that the CRM was told of last
    column("flagged", sa.Boolean, server_default=sa.false()),  # the order in the CRM has, or will get, a flag
    sa.UniqueConstraint("connection_id", "order_key"),
    sa.Index("ix_hold_state", "connection_id", "state"),
    sa.Index("ix_hold_flagged", "connection_id", "flagged"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    identity(),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("target", sa.Text),  # account, order, visit or note
    column("external_id", sa.Text),  # the row written to, or that the visit or note is about
    column("key", sa.Text, server_default=""),
    column("payload", sa.Text),
    column("digest", sa.Text),
    column("version", sa.BigInteger, server_default="1"),
    column("priority", sa.Integer),  # lower goes first: holds 0, tasks 5, other fields 9
    column("state", sa.Text),  # pending or dead
    column("attempts", sa.Integer, server_default="0"),
    column("due_at", Moment),
    column("error", sa.Text, server_default=""),
    column("tried", sa.Boolean, server_default=sa.false()),  # it may have been carried out already
    optional("stale_at", Moment),  # the CRM's row changed after this: wait until it was read again
    column("created_at", Moment),
    sa.UniqueConstraint("connection_id", "target", "external_id", "key"),
)
sa.Index("ix_outbox_due", outbox.c.connection_id, outbox.c.state, outbox.c.priority, outbox.c.id)

written = sa.Table(
    "written",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("target", sa.Text, primary_key=True),
    column("external_id", sa.Text, primary_key=True),
    column("key", sa.Text, primary_key=True),
    column("digest", sa.Text),
    column("payload", sa.Text, server_default=""),  # the values, so that only what differs is written
    column("vendor_id", sa.Text, server_default=""),
    column("at", Moment),
)

# What was found out about a tenant: whether it locks rows by itself, which fields did not stick.
discovery = sa.Table(
    "discovery",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("name", sa.Text, primary_key=True),
    column("value", sa.Text),
    column("at", Moment),
)

visit = sa.Table(
    "visit",
    metadata,
    identity(),
    column("key", sa.Text, unique=True),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("account_id", sa.Text),
    optional("owner_id", sa.Text),
    column("due_on", sa.Date),
    column("reason", sa.Text),
    column("priority", sa.Text),
    column("state", sa.Text),  # planned, done, dropped
    column("created_at", Moment),
    # What the CRM tells of the task that was made of it.
    optional("task_id", sa.Text),
    optional("closed_at", Moment),
    optional("result", sa.Text),
    optional("reported_at", Moment),  # the task's time of change
    optional("promised_on", sa.Date),  # the day for which the customer promised to pay
    optional("photos", sa.Text),  # links
    # Noticed by us: it was still open so long after its day that it counts as missed.
    optional("missed_at", Moment),
)

report = sa.Table(
    "report",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("provider", sa.Text),
    column("subject_ref", sa.Text),
    column("as_of", sa.Date),
    column("fetched_at", Moment),
    column("body", sa.Text),
    column("raw", sa.Text),  # the agency's answer, encrypted
    column("raw_sha256", sa.Text),
)

consent = sa.Table(
    "consent",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("basis", sa.Text),  # consent or legal_basis
    column("purpose", sa.Text),
    column("evidence", sa.Text),
    column("evidence_sha256", sa.Text, server_default=""),
    column("valid_from", sa.Date),
    optional("valid_to", sa.Date),
    optional("revoked_at", Moment),
    column("actor", sa.Text),
    column("at", Moment),
)

# A chain: ``hash`` covers the entry and the hash of the one before it; ``number`` counts without a gap.
journal = sa.Table(
    "journal",
    metadata,
    identity(),
    column("at", Moment, index=True),
    column("actor", sa.Text),
    column("act", sa.Text),
    column("subject", sa.Text, index=True),
    column("detail", sa.Text),
    column("number", sa.BigInteger, unique=True),
    column("hash", sa.Text),
)

# One row: the number and the hash of the last entry, so that a journal cut off at its end is found.
journal_head = sa.Table(
    "journal_head",
    metadata,
    identity(),
    column("number", sa.BigInteger),
    column("hash", sa.Text),
)

"""The tables of what people decide about agencies' answers, and of what others advise.

Invariant: in the form of ``connector.store.tables``.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Moment, column, identity, metadata, optional

# A company of an agency that may be the customer, because its name resembles the customer's.
agency_match = sa.Table(
    "agency_match",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE")),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("ref", sa.Text),
    column("name", sa.Text),
    column("confidence_bp", sa.Integer),  # likeness in hundredths of a percent
    column("state", sa.Text),  # open, accepted or declined
    column("seen_at", Moment),
    optional("decided_by", sa.Text),
    optional("decided_at", Moment),
    sa.UniqueConstraint("customer_id", "connection_id", "ref"),
)

# What reports cost by day (2026-11-28) and month (2026-11), minor units.
agency_spend = sa.Table(
    "agency_spend",
    metadata,
    column("period", sa.Text, primary_key=True),
    column("currency", sa.Text, primary_key=True),
    column("amount", sa.BigInteger),
)

# Agencies whose newest reports are grades apart: a person says which one speaks until one of them changes.
agency_dispute = sa.Table(
    "agency_dispute",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id", ondelete="CASCADE"), index=True),
    column("reports", sa.Text),  # which reports: "agency:date" of both, in order
    column("evidence", sa.Text),  # JSON: probability and grade by agency
    column("state", sa.Text),  # open, settled or over
    column("found_at", Moment),
    optional("chosen", sa.Text),  # the provider that speaks
    column("reason", sa.Text, server_default=""),
    optional("decided_by", sa.Text),
    optional("decided_at", Moment),
    sa.UniqueConstraint("customer_id", "reports"),
)

# A consultant's report or a trade reference: a dated document with what its author recommends.
advice = sa.Table(
    "advice",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("kind", sa.Text),  # consultant or reference
    column("author", sa.Text),
    column("dated", sa.Date),
    optional("amount", sa.BigInteger),  # the recommended limit
    optional("currency", sa.Text),
    optional("risk_class", sa.Text),  # in the policy's words
    optional("valid_to", sa.Date),
    column("note", sa.Text, server_default=""),
    column("evidence", sa.Text, server_default=""),
    column("evidence_sha256", sa.Text, server_default=""),
    optional("withdrawn_at", Moment),
    column("withdrawn_reason", sa.Text, server_default=""),
    column("actor", sa.Text),
    column("at", Moment),
)

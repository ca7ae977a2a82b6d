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

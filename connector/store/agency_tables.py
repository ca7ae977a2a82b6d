"""The tables of what people decide about agencies' answers, in the form of ``connector.store.tables``."""

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

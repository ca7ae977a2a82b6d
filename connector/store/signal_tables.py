"""The tables of early warning: what was noticed about a customer, and whom it was told.

Invariant: one live signal a customer, kind and key; what ended stays, with who and why,
until privacy wants it gone.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Moment, column, identity, metadata, optional

signal = sa.Table(
    "signal",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("kind", sa.Text),  # as the policy names it, such as overdue_started
    column("key", sa.Text),  # what it is about, such as an invoice or a band; "" for the customer as a whole
    column("episode", sa.Integer),  # 1 for the first time, counted up whenever it comes back
    column("severity", sa.Text),  # info, warning or alarm
    column("evidence", sa.Text),  # JSON: numbers, days, documents
    column("state", sa.Text, index=True),  # open, acknowledged, snoozed, closed
    column("raised_at", Moment),
    column("seen_at", Moment),  # when its cause was last there
    optional("snoozed_until", sa.Date),
    optional("owner", sa.Text),
    optional("deadline", sa.Date),
    optional("closed_at", Moment),
    # Who acknowledged, snoozed or closed it, and why.
    optional("actor", sa.Text),
    column("reason", sa.Text, server_default=""),
    optional("decided_at", Moment),
    sa.UniqueConstraint("customer_id", "kind", "key", "episode"),
)
sa.Index("ix_signal_old", signal.c.kind, signal.c.state, signal.c.seen_at)

# Pending messages: a signal is told once by each channel, again only as it gets more severe.
telling = sa.Table(
    "telling",
    metadata,
    identity(),
    column("signal_id", sa.ForeignKey("signal.id"), index=True),
    column("severity", sa.Text),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("state", sa.Text, index=True),  # pending, sending, done, dead, moot
    column("attempts", sa.Integer, server_default=sa.text("0")),
    column("due_at", Moment),
    column("error", sa.Text, server_default=""),
    column("created_at", Moment),
    optional("sent_at", Moment),
    sa.UniqueConstraint("signal_id", "severity", "connection_id"),
)

# What the policy makes of a signal, once each.
deed = sa.Table(
    "deed",
    metadata,
    identity(),
    column("signal_id", sa.ForeignKey("signal.id"), index=True),
    column("action", sa.Text),  # visit, review, hold, lower_limit, ask_agency
    column("state", sa.Text, index=True),  # wanted, done, moot, failed
    column("detail", sa.Text, server_default=""),
    column("wanted_at", Moment),
    optional("done_at", Moment),
    sa.UniqueConstraint("signal_id", "action"),
)

# How far a channel has told of credit acts: up to which number of the journal.
notice_cursor = sa.Table(
    "notice_cursor",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("number", sa.BigInteger),
    optional("sending", sa.BigInteger),  # the last number of the message under way
    column("due_at", Moment),  # not before; while a message is being sent: when that began
    column("attempts", sa.Integer),
    column("error", sa.Text, server_default=""),
)

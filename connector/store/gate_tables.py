"""The tables of the gate: who decided on a hold, which orders got past it, who calls the service and when
it was up.

Invariant: what people decided and what got past is kept for good; what only guards the service (counts of
calls, nonces, beats) is swept when its time is over.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Moment, column, identity, metadata, optional

# One person's word on a hold, in one of its rounds: a release may take two of them.
hold_decision = sa.Table(
    "hold_decision",
    metadata,
    column("hold_id", sa.ForeignKey("hold.id", ondelete="CASCADE"), primary_key=True),
    column("round", sa.Integer, primary_key=True),
    column("actor_key", sa.Text, primary_key=True),  # whoever spells a name otherwise is the same person
    column("actor", sa.Text),
    column("code", sa.Text),
    column("note", sa.Text),
    column("terms", sa.Text),  # what was to be released, as JSON
    column("at", Moment),
)

# An order that reached the CRM with more credit than any check had granted it.
past_gate = sa.Table(
    "past_gate",
    metadata,
    identity(),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("order_id", sa.Text),  # the CRM's id
    column("order_key", sa.Text),  # how a check would have named it
    column("account_id", sa.Text),
    optional("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("amount", sa.BigInteger),
    column("currency", sa.Text),
    column("excess", sa.BigInteger),  # what no check had granted, in the customer's line's currency
    column("how", sa.Text),
    column("found_at", Moment),
    column("state", sa.Text),  # found, listed, passed, held
    optional("judged_at", Moment),
    sa.UniqueConstraint("connection_id", "order_id"),
)
sa.Index("ix_past_gate_state", past_gate.c.state)

# When the service was up: one row a process, its end moved on while it lives.
gate_beat = sa.Table(
    "gate_beat",
    metadata,
    identity(),
    column("started_at", Moment),
    column("seen_at", Moment, index=True),
)

# Signed calls that were heard: each counts once.
api_nonce = sa.Table(
    "api_nonce",
    metadata,
    column("key_id", sa.ForeignKey("api_key.id", ondelete="CASCADE"), primary_key=True),
    column("nonce", sa.Text, primary_key=True),
    column("at", Moment, index=True),
)

# Calls by key and minute, leased in packets by the processes of the service.
api_use = sa.Table(
    "api_use",
    metadata,
    column("key_id", sa.ForeignKey("api_key.id", ondelete="CASCADE"), primary_key=True),
    column("minute", Moment, primary_key=True),
    column("used", sa.Integer),
)

"""The tables of notifications, in the form of ``connector.store.tables``.

Invariant: a hint keeps no value of a record, only which one is to be read again; there is one row a record.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Moment, column, identity, metadata, optional

# What a CRM was last asked to tell us, and what came of it.
subscription = sa.Table(
    "subscription",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("url", sa.Text),
    column("objects", sa.Text),  # JSON list
    column("channels", sa.Text),  # JSON, the vendor's channel by object
    column("refused", sa.Text, server_default="{}"),  # JSON, the vendor's words by object
    column("subscribed_at", Moment),
    column("renewed_at", Moment),
    optional("expires_at", Moment),
    optional("renew_at", Moment),
    column("events", sa.BigInteger, server_default="0"),
    optional("last_event_at", Moment),
    column("forged", sa.BigInteger, server_default="0"),  # calls that could not prove themselves
    optional("last_forged_at", Moment),
)

inbox = sa.Table(
    "inbox",
    metadata,
    identity(),
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE")),
    column("object", sa.Text),  # as the vendor calls it
    column("external_id", sa.Text),
    column("operation", sa.Text, server_default=""),  # created, changed, deleted, or not said
    column("version", sa.BigInteger, server_default="1"),  # grows with every hint
    column("state", sa.Text),  # pending or dead
    column("attempts", sa.Integer, server_default="0"),
    column("due_at", Moment),
    optional("claim", sa.Text),  # who is reading it again
    optional("leased_until", Moment),  # and how long nobody else may
    column("error", sa.Text, server_default=""),
    column("first_seen", Moment),
    column("last_seen", Moment),
    sa.UniqueConstraint("connection_id", "object", "external_id"),
)
# Ids of events that were taken in, so that one that comes again counts once.
hook_message = sa.Table(
    "hook_message",
    metadata,
    column("connection_id", sa.ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True),
    column("message_id", sa.Text, primary_key=True),
    column("at", Moment),
)
sa.Index("ix_inbox_due", inbox.c.connection_id, inbox.c.object, inbox.c.state, inbox.c.due_at)

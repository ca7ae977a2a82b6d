"""The tables of dunning: letters to customers, the level that each brought an invoice to, and addresses.

Invariant: an invoice has each level once while its dunning runs, whatever happens at the same moment; what
was written is kept, and nothing of it is deleted. Texts and addresses are encrypted.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Moment, column, identity, metadata, optional

dunning_letter = sa.Table(
    "dunning_letter",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("plan", sa.Text, index=True),  # the code of the preview that it was shown in
    column("level", sa.Integer),
    column("letter", sa.Text),  # the template
    column("language", sa.Text),
    column("channel", sa.Text),  # email or post
    column("address", sa.Text),  # encrypted; "" for post
    column("subject", sa.Text),  # encrypted
    column("body", sa.Text),  # encrypted
    column("body_sha256", sa.Text),
    column("message_id", sa.Text, unique=True),
    column("state", sa.Text, index=True),  # waiting, sending, sent, failed, doubtful, withdrawn
    column("written_on", sa.Date),
    column("pay_by", sa.Date),
    column("actor", sa.Text),
    column("created_at", Moment),
    column("due_at", Moment),  # when it is tried next; while sending: until when the sender has it
    column("attempts", sa.Integer, server_default="0"),
    column("error", sa.Text, server_default=""),
    optional("sent_on", sa.Date),
    optional("sent_at", Moment),
)

dunning_step = sa.Table(
    "dunning_step",
    metadata,
    identity(),
    column("letter_id", sa.ForeignKey("dunning_letter.id"), index=True),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("invoice", sa.Text),  # connection/external id
    column("number", sa.Text, server_default=""),
    column("level", sa.Integer),
    column("days", sa.Integer),
    column("amount", sa.BigInteger),  # what was open
    column("interest", sa.BigInteger),
    column("currency", sa.Text),
    optional("sent_on", sa.Date),
    optional("ended_at", Moment),  # the invoice was paid or its day moved, or the letter withdrawn
    column("ended", sa.Text, server_default=""),  # settled or withdrawn
)
sa.Index(
    "uq_dunning_step_running",
    dunning_step.c.invoice,
    dunning_step.c.level,
    unique=True,
    sqlite_where=dunning_step.c.ended_at.is_(None),
    postgresql_where=dunning_step.c.ended_at.is_(None),
)

# Where a customer's letters go.
dunning_contact = sa.Table(
    "dunning_contact",
    metadata,
    column("customer_id", sa.ForeignKey("customer.id"), primary_key=True),
    column("channel", sa.Text),
    optional("language", sa.Text),
    column("address", sa.Text),  # encrypted
    column("actor", sa.Text),
    column("at", Moment),
)

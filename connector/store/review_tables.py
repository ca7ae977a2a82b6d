"""The tables of credit reviews: the case, its checklist, its evidence, and what people said.

Invariant: a customer has one live case at most (``live_for`` is unique, and empty once the case has ended);
nothing is deleted.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Moment, column, identity, metadata, optional

review_case = sa.Table(
    "review_case",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    optional("live_for", sa.BigInteger, unique=True),
    column("origin", sa.Text),  # calendar, person, event
    column("reason", sa.Text),
    column("due_on", sa.Date, index=True),
    column("state", sa.Text),  # open, recommended, approved, closed
    column("opened_at", Moment),
    column("opened_by", sa.Text),
    optional("owner", sa.Text),
    column("escalation", sa.Integer, server_default="0"),  # 0 none, 1 told, 2 with the higher role
    optional("asked_for", sa.Text),  # key of the task that asks the customer for statements
    column("round", sa.Integer, server_default="0"),  # grows with each recommendation
    optional("recommended", sa.Text),  # JSON
    optional("recommended_by", sa.Text),
    optional("recommended_at", Moment),
    optional("needs", sa.Integer),
    optional("signed_as", sa.Text),
    optional("ended_at", Moment),
    optional("ended_by", sa.Text),
    optional("reviewed_on", sa.Date),  # only of what was approved
    optional("outcome", sa.Text),  # JSON
)

review_item = sa.Table(
    "review_item",
    metadata,
    identity(),
    column("case_id", sa.ForeignKey("review_case.id")),
    column("position", sa.Integer),
    column("key", sa.Text),
    column("say", sa.Text),  # JSON, text by language, as the policy had it
    column("required", sa.Boolean),
    column("state", sa.Text),  # open, done, not_applicable
    column("note", sa.Text, server_default=""),
    optional("actor", sa.Text),
    optional("at", Moment),
    sa.UniqueConstraint("case_id", "key"),
)

review_evidence = sa.Table(
    "review_evidence",
    metadata,
    identity(),
    column("case_id", sa.ForeignKey("review_case.id")),
    column("key", sa.Text),  # SHA-256 of the file, or the link
    column("kind", sa.Text),  # file, link
    column("name", sa.Text),
    optional("bytes", sa.BigInteger),
    column("note", sa.Text),
    column("actor", sa.Text),
    column("at", Moment),
    sa.UniqueConstraint("case_id", "key"),
)

review_verdict = sa.Table(
    "review_verdict",
    metadata,
    identity(),
    column("case_id", sa.ForeignKey("review_case.id")),
    column("round", sa.Integer),
    column("actor_key", sa.Text),
    column("actor", sa.Text),
    column("verdict", sa.Text),  # approve, decline
    column("note", sa.Text),
    column("at", Moment),
    sa.UniqueConstraint("case_id", "round", "actor_key"),
)

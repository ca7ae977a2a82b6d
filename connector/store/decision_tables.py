"""The tables of what people decide together: limits that others agree to, policies put in force.

Invariant: who asked, who agreed and when are kept for good; nothing here is deleted.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Key, Moment, column, identity, metadata, optional

# A limit that others must agree to. Its entry is made when the last of them has.
limit_request = sa.Table(
    "limit_request",
    metadata,
    identity(),
    column("subject", sa.Text),
    column("subject_id", Key),
    column("wanted", sa.Text),  # the entry as JSON
    column("needs", sa.Integer),  # approvals by others
    column("role", sa.Text),  # of those, by the policy
    column("state", sa.Text, index=True),  # pending, approved, declined
    column("reason", sa.Text),
    column("actor", sa.Text),
    column("at", Moment),
    column("expires_at", Moment),
    optional("decided_at", Moment),
)

limit_decision = sa.Table(
    "limit_decision",
    metadata,
    column("request_id", sa.ForeignKey("limit_request.id"), primary_key=True),
    column("actor_key", sa.Text, primary_key=True),  # whoever spells a name otherwise is the same person
    column("actor", sa.Text),
    column("verdict", sa.Text),  # approve or decline
    column("note", sa.Text),
    column("at", Moment),
)

# A change of the policy in force. Pending ones wait for a second person.
policy_activation = sa.Table(
    "policy_activation",
    metadata,
    identity(),
    column("hash", sa.Text),
    optional("from_hash", sa.Text),
    column("name", sa.Text),
    column("version", sa.Text),
    column("content", sa.Text),
    column("swing", sa.Text),  # JSON: what it changes
    column("state", sa.Text),  # pending, active, withdrawn
    column("reason", sa.Text),
    column("actor", sa.Text),
    column("at", Moment),
    optional("confirmed_by", sa.Text),
    optional("confirmed_at", Moment),
)

# What the policy would decide about a natural person: in force only when a person has said so.
person_review = sa.Table(
    "person_review",
    metadata,
    identity(),
    column("customer_id", sa.ForeignKey("customer.id"), index=True),
    column("decision", sa.Text),  # digest of what is decided: status, class, limit, terms
    column("proposed", sa.Text),  # the same, as JSON
    column("state", sa.Text),  # proposed, confirmed, rejected, superseded
    column("applied", sa.Boolean, server_default=sa.false()),  # a confirmed one is in force
    column("reason", sa.Text, server_default=""),  # the reviewer's own words
    optional("actor", sa.Text),
    column("created_at", Moment),
    optional("decided_at", Moment),
)

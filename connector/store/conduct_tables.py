"""The tables of what people record about a customer's conduct where no CRM has a field for it.

Invariant: who recorded it, when and why are kept for good, and so is who ended it; nothing is deleted.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from connector.store.columns import Moment, column, identity, metadata, optional


def _recorded(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        identity(),
        column("customer_id", sa.ForeignKey("customer.id"), index=True),
        *columns,
        column("reason", sa.Text),
        column("actor", sa.Text),
        column("at", Moment),
        optional("ended_reason", sa.Text),
        optional("ended_by", sa.Text),
        optional("ended_at", Moment),
    )


# A promise to pay. ``outcome`` is what a person says came of it, where the money does not tell.
promise = _recorded(
    "promise",
    optional("invoice", sa.Text),  # connection/external id; without one any money keeps it
    column("amount", sa.BigInteger),
    column("currency", sa.Text),
    column("made_on", sa.Date),
    column("due_on", sa.Date),
    optional("outcome", sa.Text),  # kept, broken, withdrawn
    optional("visit_key", sa.Text, index=True),  # the visit from which it was brought home
)

# A customer whom people have ruled out, until somebody ends it.
blacklisting = _recorded("blacklisting")

# An invoice that the customer contests, until it is settled between the two.
dispute = _recorded("dispute", column("invoice", sa.Text))  # connection/external id

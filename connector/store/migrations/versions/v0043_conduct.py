"""Account status and blacklist mark of accounts; promises, blacklist and disputes that people record; the
rates by which a reservation was counted."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns and tables; nothing that is there changes its meaning."""
    op.add_column("account", sa.Column("account_status", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("blacklisted", sa.Boolean(), nullable=True))
    op.add_column("reservation", sa.Column("rates", sa.Text(), nullable=True))
    _recorded(
        "promise",
        sa.Column("invoice", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
    )
    _recorded("blacklisting")
    _recorded("dispute", sa.Column("invoice", sa.Text(), nullable=False))


def _recorded(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        *columns,
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f(f"fk_{name}_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_customer_id"), name, ["customer_id"])


def downgrade() -> None:
    """Not offered: what people recorded would be lost."""
    raise NotImplementedError

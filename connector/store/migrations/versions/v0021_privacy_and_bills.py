"""Decisions about natural persons that wait for a reviewer; bills receivable among the payments."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0010"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add a table and a column; nothing that is there changes its meaning."""
    op.add_column("payment", sa.Column("bill_due_on", sa.Date(), nullable=True))
    op.create_table(
        "person_review",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("proposed", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("applied", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_person_review_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_review")),
    )
    op.create_index(op.f("ix_person_review_customer_id"), "person_review", ["customer_id"])


def downgrade() -> None:
    """Not offered: decisions that people answer for would be lost."""
    raise NotImplementedError

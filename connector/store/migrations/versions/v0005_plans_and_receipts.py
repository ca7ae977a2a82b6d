"""Payment plans, receipts, and what the CRM's own credit modules say."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add them; payments learn of their receipt and plan when they are read again."""
    _create_records(
        "plan",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
    )
    op.create_index("ix_plan_account", "plan", ["connection_id", "account_id"], unique=False)
    _create_records(
        "receipt",
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
    )
    for name in ("credit_file", "credit_account"):
        _create_records(
            name,
            sa.Column("account_id", sa.Text(), nullable=False),
            sa.Column("limit", sa.BigInteger(), nullable=True),
            sa.Column("balance", sa.BigInteger(), nullable=True),
            sa.Column("currency", sa.Text(), nullable=False),
            sa.Column("valid_from", sa.Date(), nullable=True),
            sa.Column("valid_to", sa.Date(), nullable=True),
        )
        op.create_index(f"ix_{name}_account", name, ["connection_id", "account_id"], unique=False)
    op.add_column("payment", sa.Column("plan_id", sa.Text(), nullable=True))
    op.add_column("payment", sa.Column("receipt_id", sa.Text(), nullable=True))
    op.create_index("ix_payment_receipt", "payment", ["connection_id", "receipt_id"], unique=False)


def downgrade() -> None:
    """Drop it again."""
    op.drop_index("ix_payment_receipt", table_name="payment")
    op.drop_column("payment", "receipt_id")
    op.drop_column("payment", "plan_id")
    for name in ("credit_account", "credit_file"):
        op.drop_index(f"ix_{name}_account", table_name=name)
        op.drop_table(name)
    op.drop_table("receipt")
    op.drop_index("ix_plan_account", table_name="plan")
    op.drop_table("plan")


def _create_records(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
            name=op.f(f"fk_{name}_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "external_id", name=op.f(f"pk_{name}")),
    )

"""Writes that must not be doubled nor undo what people did, and what was found out about a tenant."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the marks of the outbox and the discoveries."""
    with op.batch_alter_table("outbox") as table:
        table.add_column(sa.Column("tried", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("stale_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "discovery",
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_discovery_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", "name", name=op.f("pk_discovery")),
    )

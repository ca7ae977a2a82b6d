"""Events are taken in once; what was written last is kept, so that only what differs is written."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the ids of events, and the values behind what was written."""
    op.create_table(
        "hook_message",
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
            name=op.f("fk_hook_message_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "message_id", name=op.f("pk_hook_message")),
    )
    with op.batch_alter_table("written") as table:
        table.add_column(sa.Column("payload", sa.Text(), server_default="", nullable=False))

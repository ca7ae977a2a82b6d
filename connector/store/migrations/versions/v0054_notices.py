"""Notices: how far each channel has told of credit acts."""

import sqlalchemy as sa
from alembic import op

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    """Add one table."""
    op.create_table(
        "notice_cursor",
        sa.Column("connection_id", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sending", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
            name=op.f("fk_notice_cursor_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_notice_cursor")),
    )


def downgrade() -> None:
    """Not offered: acts would be told again."""
    raise NotImplementedError

"""Signals: whom they were told, and what the policy made of them."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "telling",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("signal_id", KEY, nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("connection_id", KEY, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_telling_connection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["signal_id"], ["signal.id"], name=op.f("fk_telling_signal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telling")),
        sa.UniqueConstraint(
            "signal_id", "severity", "connection_id", name=op.f("uq_telling_signal_id_severity_connection_id")
        ),
    )
    op.create_index(op.f("ix_telling_signal_id"), "telling", ["signal_id"])
    op.create_index(op.f("ix_telling_state"), "telling", ["state"])
    op.create_table(
        "deed",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("signal_id", KEY, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("wanted_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["signal_id"], ["signal.id"], name=op.f("fk_deed_signal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deed")),
        sa.UniqueConstraint("signal_id", "action", name=op.f("uq_deed_signal_id_action")),
    )
    op.create_index(op.f("ix_deed_signal_id"), "deed", ["signal_id"])
    op.create_index(op.f("ix_deed_state"), "deed", ["state"])


def downgrade() -> None:
    """Not offered: what was told and done would be lost."""
    raise NotImplementedError

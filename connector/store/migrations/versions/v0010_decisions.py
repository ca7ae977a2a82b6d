"""Group trees, seasonal and insured limits, requests that others agree to, policies put in force."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns and tables; nothing that is there changes its meaning."""
    op.add_column("credit_group", sa.Column("parent_id", KEY, nullable=True))
    op.create_index(op.f("ix_credit_group_parent_id"), "credit_group", ["parent_id"])
    op.add_column("credit_group", sa.Column("share_bp", sa.Integer(), server_default="10000", nullable=False))
    op.add_column(
        "credit_group", sa.Column("ring_fenced", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "customer", sa.Column("group_share_bp", sa.Integer(), server_default="10000", nullable=False)
    )
    op.add_column(
        "customer", sa.Column("ring_fenced", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("limit_entry", sa.Column("season_from", sa.Text(), nullable=True))
    op.add_column("limit_entry", sa.Column("season_to", sa.Text(), nullable=True))
    op.add_column("limit_entry", sa.Column("cover_bp", sa.Integer(), nullable=True))
    op.add_column("limit_entry", sa.Column("request_id", KEY, nullable=True))
    _requests()
    op.create_table(
        "policy_activation",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("from_hash", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("swing", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_activation")),
    )
    _group_reservations()


def _requests() -> None:
    op.create_table(
        "limit_request",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", KEY, nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("needs", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_request")),
    )
    op.create_index(op.f("ix_limit_request_state"), "limit_request", ["state"])
    op.create_table(
        "limit_decision",
        sa.Column("request_id", KEY, nullable=False),
        sa.Column("actor_key", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["limit_request.id"], name=op.f("fk_limit_decision_request_id")
        ),
        sa.PrimaryKeyConstraint("request_id", "actor_key", name=op.f("pk_limit_decision")),
    )


def _group_reservations() -> None:
    """What a reservation takes from each group above it; until now there was one group at most."""
    op.create_table(
        "reservation_group",
        sa.Column("reservation_id", KEY, nullable=False),
        sa.Column("group_id", KEY, nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["reservation.id"],
            name=op.f("fk_reservation_group_reservation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["credit_group.id"], name=op.f("fk_reservation_group_group_id")
        ),
        sa.PrimaryKeyConstraint("reservation_id", "group_id", name=op.f("pk_reservation_group")),
    )
    op.create_index(op.f("ix_reservation_group_group_id"), "reservation_group", ["group_id"])
    op.execute(
        "INSERT INTO reservation_group (reservation_id, group_id, reserved) "
        "SELECT id, group_id, group_reserved FROM reservation WHERE group_id IS NOT NULL"
    )


def downgrade() -> None:
    """Not offered: decisions that people answer for would be lost."""
    raise NotImplementedError

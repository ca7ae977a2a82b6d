"""The gate: states and releases of holds, orders that got past, keys with scope and end, calls and beats."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns and tables; what is there keeps its meaning: keys may check and read as before."""
    for name, kind in (("decision", sa.Text()), ("decided_by", sa.Text())):
        op.add_column("sales_order", sa.Column(name, kind, nullable=True))
    _holds()
    _keys()
    op.create_table(
        "past_gate",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("connection_id", KEY, nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("excess", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        _of("past_gate", "connection_id", "connection.id"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_past_gate_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_gate")),
        sa.UniqueConstraint("connection_id", "order_id", name=op.f("uq_past_gate_connection_id_order_id")),
    )
    op.create_index(op.f("ix_past_gate_customer_id"), "past_gate", ["customer_id"])
    op.create_index("ix_past_gate_state", "past_gate", ["state"])
    op.create_table(
        "gate_beat",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_beat")),
    )
    op.create_index(op.f("ix_gate_beat_seen_at"), "gate_beat", ["seen_at"])


def _holds() -> None:
    for name, kind in (
        ("terms_days", sa.Integer()),
        ("excess", sa.BigInteger()),
        ("released_until", sa.BigInteger()),
        ("released_amount", sa.BigInteger()),
        ("released_terms_days", sa.Integer()),
        ("released_by", sa.Text()),
        ("release_code", sa.Text()),
    ):
        op.add_column("hold", sa.Column(name, kind, nullable=True))
    op.add_column("hold", sa.Column("told", sa.Text(), server_default="", nullable=False))
    op.add_column("hold", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    op.add_column("hold", sa.Column("checkpoint", sa.Text(), server_default="order_save", nullable=False))
    op.create_table(
        "hold_decision",
        sa.Column("hold_id", KEY, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("actor_key", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _of("hold_decision", "hold_id", "hold.id"),
        sa.PrimaryKeyConstraint("hold_id", "round", "actor_key", name=op.f("pk_hold_decision")),
    )


def _keys() -> None:
    op.add_column("api_key", sa.Column("label", sa.Text(), server_default="plugin", nullable=False))
    op.add_column("api_key", sa.Column("scopes", sa.Text(), server_default="check,read", nullable=False))
    for name, kind in (("actor", sa.Text()), ("expires_at", sa.BigInteger()), ("secret", sa.Text())):
        op.add_column("api_key", sa.Column(name, kind, nullable=True))
    op.create_table(
        "api_nonce",
        sa.Column("key_id", KEY, nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _of("api_nonce", "key_id", "api_key.id"),
        sa.PrimaryKeyConstraint("key_id", "nonce", name=op.f("pk_api_nonce")),
    )
    op.create_index(op.f("ix_api_nonce_at"), "api_nonce", ["at"])
    op.create_table(
        "api_use",
        sa.Column("key_id", KEY, nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        _of("api_use", "key_id", "api_key.id"),
        sa.PrimaryKeyConstraint("key_id", "minute", name=op.f("pk_api_use")),
    )


def _of(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    """The rows go with the one that they belong to."""
    return sa.ForeignKeyConstraint([column], [owner], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def downgrade() -> None:
    """Not offered: decisions that people answer for would be lost."""
    raise NotImplementedError

"""Who owned which account when, for figures of past months; promises that visitors brought home."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add a table and a column. Owners count from now on: who owned an account before is not known."""
    op.create_table(
        "account_owner",
        sa.Column("connection_id", KEY, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connection.id"],
            name=op.f("fk_account_owner_connection_id_connection"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "account_id", "since", name=op.f("pk_account_owner")),
    )
    op.execute(
        "INSERT INTO account_owner (connection_id, account_id, since, owner_id) "
        f"SELECT connection_id, external_id, {_NOW[op.get_bind().dialect.name]}, owner_id FROM account"
    )
    op.add_column("promise", sa.Column("visit_key", sa.Text(), nullable=True))
    op.create_index(op.f("ix_promise_visit_key"), "promise", ["visit_key"], unique=False)


# Microseconds since 1970 UTC, as moments are stored.
_NOW = {
    "sqlite": "CAST(strftime('%s', 'now') AS INTEGER) * 1000000",
    "postgresql": "CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT)",
}


def downgrade() -> None:
    """Not offered: the history would be lost."""
    raise NotImplementedError

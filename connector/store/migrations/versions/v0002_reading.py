"""Contacts, users, results of visits, bulk reads, and call budgets by part of their window."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what reading needs; calls that were counted stay counted."""
    op.add_column("cursor", sa.Column("bulk", sa.Text(), nullable=True))
    op.add_column("visit", sa.Column("task_id", sa.Text(), nullable=True))
    op.add_column("visit", sa.Column("closed_at", sa.BigInteger(), nullable=True))
    op.add_column("visit", sa.Column("result", sa.Text(), nullable=True))
    op.add_column("visit", sa.Column("reported_at", sa.BigInteger(), nullable=True))
    _create_records(
        "contact",
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
    )
    op.create_index("ix_contact_account", "contact", ["connection_id", "account_id"], unique=False)
    _create_records(
        "crm_user",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
    )
    _recreate_budget("connection_id", "bucket", "window_start")


def downgrade() -> None:
    """Drop it again; what was counted of call budgets is forgotten."""
    op.execute("DELETE FROM budget")
    _recreate_budget("connection_id", "bucket")
    op.drop_table("crm_user")
    op.drop_index("ix_contact_account", table_name="contact")
    op.drop_table("contact")
    for name in ("reported_at", "result", "closed_at", "task_id"):
        op.drop_column("visit", name)
    op.drop_column("cursor", "bulk")


def _recreate_budget(*key: str) -> None:
    """The table with another primary key and the same rows: there are but a few."""
    names = ("connection_id", "bucket", "window_start", "used")
    kept = [dict(row._mapping) for row in op.get_bind().execute(sa.text("SELECT * FROM budget"))]
    op.drop_table("budget")
    table = op.create_table(
        "budget",
        sa.Column("connection_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_budget_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_budget")),
    )
    op.bulk_insert(table, [{name: row[name] for name in names} for row in kept])


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

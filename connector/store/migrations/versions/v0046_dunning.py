"""Dunning letters, the levels of invoices, and where letters go."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add three tables; nothing that is there changes its meaning."""
    op.create_table(
        "dunning_letter",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("written_on", sa.Date(), nullable=False),
        sa.Column("pay_by", sa.Date(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_dunning_letter_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_letter")),
        sa.UniqueConstraint("message_id", name=op.f("uq_dunning_letter_message_id")),
    )
    op.create_index(op.f("ix_dunning_letter_customer_id"), "dunning_letter", ["customer_id"])
    op.create_index(op.f("ix_dunning_letter_plan"), "dunning_letter", ["plan"])
    op.create_index(op.f("ix_dunning_letter_state"), "dunning_letter", ["state"])
    op.create_table(
        "dunning_step",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("letter_id", KEY, nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("invoice", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), server_default="", nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("interest", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["dunning_letter.id"], name=op.f("fk_dunning_step_letter_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_dunning_step_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_step")),
    )
    op.create_index(op.f("ix_dunning_step_letter_id"), "dunning_step", ["letter_id"])
    op.create_index(op.f("ix_dunning_step_customer_id"), "dunning_step", ["customer_id"])
    running = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_dunning_step_running",
        "dunning_step",
        ["invoice", "level"],
        unique=True,
        sqlite_where=running,
        postgresql_where=running,
    )
    op.create_table(
        "dunning_contact",
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_dunning_contact_customer_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_dunning_contact")),
    )


def downgrade() -> None:
    """Not offered: letters that people answer for would be lost."""
    raise NotImplementedError

"""Queue: the jobs of the workers on PostgreSQL, and which daemons and workers there are."""

import sqlalchemy as sa
from alembic import op

from connector.store import queue

revision = "0052"
down_revision = "0050"


def upgrade() -> None:
    """Add the queue as procrastinate 3.10 has it, and one table."""
    op.create_table(
        "process",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_process")),
    )
    if op.get_bind().dialect.name == "postgresql":
        queue.lay(op.get_bind(), upto="03.04.00_50")


def downgrade() -> None:
    """Not offered: what waits in the queue would be lost."""
    raise NotImplementedError

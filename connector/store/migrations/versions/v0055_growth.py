"""What a cycle looks up is found without reading the whole portfolio."""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    """Add indexes on who has a parent, and on signals whose cause was not seen for long."""
    named = sa.text("parent_id IS NOT NULL")
    op.create_index(
        "ix_account_parent",
        "account",
        ["connection_id", "parent_id"],
        sqlite_where=named,
        postgresql_where=named,
    )
    op.create_index("ix_signal_old", "signal", ["kind", "state", "seen_at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_signal_old", "signal")
    op.drop_index("ix_account_parent", "account")

"""What a cycle looks up is found without reading the whole portfolio."""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    """Add an index on who has a parent."""
    named = sa.text("parent_id IS NOT NULL")
    op.create_index(
        "ix_account_parent",
        "account",
        ["connection_id", "parent_id"],
        sqlite_where=named,
        postgresql_where=named,
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_account_parent", "account")

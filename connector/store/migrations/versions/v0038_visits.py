"""What came of a visit beyond its text, and visits that were missed."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Add columns; nothing that is there changes its meaning."""
    op.add_column("visit", sa.Column("promised_on", sa.Date(), nullable=True))
    op.add_column("visit", sa.Column("photos", sa.Text(), nullable=True))
    op.add_column("visit", sa.Column("missed_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Not offered: what people wrote down would be lost."""
    raise NotImplementedError

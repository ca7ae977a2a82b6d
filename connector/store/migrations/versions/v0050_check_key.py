"""Orders: what the first check called an order that had no number yet."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0048"


def upgrade() -> None:
    """Add a column."""
    op.add_column("sales_order", sa.Column("check_key", sa.Text(), nullable=True))


def downgrade() -> None:
    """Not offered: reservations of new orders would not find their order."""
    raise NotImplementedError

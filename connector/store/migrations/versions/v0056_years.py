"""Holds that are over are not looked at again: which orders have a flag is kept with the hold. Pauses know
how often in a row a fault was for a person to put right."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    """Add the columns, ``flagged`` true where the CRM has the order, and indexes on the holds that go on."""
    column = sa.Column("flagged", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("hold", column)
    op.execute(
        "UPDATE hold SET flagged = true WHERE EXISTS (SELECT 1 FROM sales_order AS o WHERE "
        "o.connection_id = hold.connection_id AND o.external_id = hold.order_key) OR EXISTS (SELECT 1 FROM "
        "sales_order AS o WHERE o.connection_id = hold.connection_id AND o.number = hold.order_key)"
    )
    op.add_column("pause", sa.Column("refusals", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_hold_state", "hold", ["connection_id", "state"])
    op.create_index("ix_hold_flagged", "hold", ["connection_id", "flagged"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_hold_flagged", "hold")
    op.drop_index("ix_hold_state", "hold")
    op.drop_column("pause", "refusals")
    op.drop_column("hold", "flagged")

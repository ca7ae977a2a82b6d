"""The journal becomes a chain of hashes; what it holds already is chained in the order it was written."""

import hashlib

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0021"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORIGIN = "0" * 64
PART = 1_000


def upgrade() -> None:
    """Number and hash for every entry, and the head that names the last one."""
    op.add_column("journal", sa.Column("number", sa.BigInteger(), nullable=True))
    op.add_column("journal", sa.Column("hash", sa.Text(), nullable=True))
    head = op.create_table(
        "journal_head",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_head")),
    )
    number, last = _chain(op.get_bind())
    op.bulk_insert(head, [{"number": number, "hash": last}])
    with op.batch_alter_table("journal") as journal:
        journal.alter_column("number", existing_type=sa.BigInteger(), nullable=False)
        journal.alter_column("hash", existing_type=sa.Text(), nullable=False)
        journal.create_unique_constraint(op.f("uq_journal_number"), ["number"])
    op.create_index(op.f("ix_journal_subject"), "journal", ["subject"])


def _chain(bind: sa.Connection) -> tuple[int, str]:
    kept = sa.table(
        "journal",
        *(sa.column(n) for n in ("id", "at", "actor", "act", "subject", "detail", "number", "hash")),
    )
    change = (
        kept.update()
        .where(kept.c.id == sa.bindparam("entry"))
        .values(number=sa.bindparam("its_number"), hash=sa.bindparam("its_hash"))
    )
    number, last, after = 0, ORIGIN, 0
    while True:
        rows = bind.execute(sa.select(kept).where(kept.c.id > after).order_by(kept.c.id).limit(PART)).all()
        if not rows:
            return number, last
        chained = []
        for row in rows:
            number += 1
            text = orjson.dumps([last, number, row.at, row.actor, row.act, row.subject, row.detail])
            last = hashlib.sha256(text).hexdigest()
            chained.append({"entry": row.id, "its_number": number, "its_hash": last})
        bind.execute(change, chained)
        after = rows[-1].id


def downgrade() -> None:
    """Not offered: an entry without its hash proves nothing."""
    raise NotImplementedError

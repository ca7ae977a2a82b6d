"""Locks that last as long as a transaction, for all processes on all machines that share a store.

Invariant: a lock belongs to the PostgreSQL schema in which it is taken, so that companies on one database
never wait for one another. SQLite has one writer as it is, and needs none.
"""

from __future__ import annotations

import sqlalchemy as sa


def take(tx: sa.Connection, label: str) -> None:
    """Wait until nobody else in this store holds ``label``, and hold it until the transaction ends."""
    if tx.dialect.name == "sqlite":
        return
    # Before its schema is made a store has none: then it is known by where it looks for one.
    schema = sa.func.coalesce(sa.func.current_schema(), sa.func.current_setting("search_path"))
    number = sa.func.hashtextextended(sa.func.concat(schema, f":{label}"), 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

"""Discoveries: what was found out about a tenant and cannot be known from its configuration.

Invariant: one value for each name, the latest; a discovery may be lost without harm, for it can be made
again.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
import sqlalchemy as sa

from connector.store.tables import connection, discovery
from connector.store.upsert import upsert

GUARD, STUCK = "guard", "stuck"


def keep(tx: sa.Connection, connection_id: int, name: str, value: Any, now: dt.datetime) -> None:
    """Remember ``value`` (plain data) under ``name``."""
    text = orjson.dumps(value).decode()
    row = {"connection_id": connection_id, "name": name, "value": text, "at": now}
    upsert(tx, discovery, [row], guarded=False)


def known(tx: sa.Connection, connection_id: int, name: str) -> Any:
    """What is remembered under ``name``, ``None`` if nothing is."""
    query = sa.select(discovery.c.value).where(
        discovery.c.connection_id == connection_id, discovery.c.name == name
    )
    text = tx.execute(query).scalar()
    return None if text is None else orjson.loads(text)


def starting_with(tx: sa.Connection, prefix: str) -> list[tuple[str, str, Any]]:
    """(connection, name, value) of all connections, for names that start with ``prefix``."""
    query = (
        sa.select(connection.c.name.label("connection"), discovery.c.name, discovery.c.value)
        .join_from(discovery, connection, discovery.c.connection_id == connection.c.id)
        .where(discovery.c.name.startswith(prefix, autoescape=True))
        .order_by(connection.c.id, discovery.c.name)
    )
    return [(row.connection, row.name, orjson.loads(row.value)) for row in tx.execute(query)]

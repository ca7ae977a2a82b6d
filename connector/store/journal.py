"""The journal: who did what, when, to whom. Entries are only ever added."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa

from connector.store.tables import journal


def add(
    tx: sa.Connection, at: dt.datetime, actor: str, act: str, subject: str, detail: Mapping[str, Any]
) -> None:
    """One entry, in the caller's transaction, so that the act and its record stand or fall together."""
    text = orjson.dumps(dict(detail), default=str).decode()
    tx.execute(journal.insert().values(at=at, actor=actor, act=act, subject=subject, detail=text))


def entries(connection: sa.Connection, subject: str | None = None) -> list[sa.Row[Any]]:
    """Entries, oldest first; those about one ``subject`` if given."""
    query = sa.select(journal).order_by(journal.c.id)
    if subject is not None:
        query = query.where(journal.c.subject == subject)
    return list(connection.execute(query).all())

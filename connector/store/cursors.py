"""Cursors: how far each stream of a connection has been read.

Invariant: the watermark moves only in the transaction that stores the last page it covers; a window
that was interrupted goes on where it stood, slice by slice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import sqlalchemy as sa

from connector.adapter import BulkPlace, Slice
from connector.store.tables import cursor
from connector.store.upsert import upsert


@dataclass(frozen=True)
class Cursor:
    """Everything changed up to ``watermark`` is stored; of the window up to ``until`` the ``slices`` are
    still to be read; deletions are known up to ``gone_since``. All aware UTC. While the window is read
    in bulk, ``bulk`` is the place there."""

    watermark: dt.datetime | None = None
    until: dt.datetime | None = None
    slices: tuple[Slice, ...] = ()
    gone_since: dt.datetime | None = None
    bulk: BulkPlace | None = None


def load(connection: sa.Connection, connection_id: int, stream: str) -> Cursor:
    """The cursor of a stream; an empty one when it was never read."""
    query = sa.select(cursor).where(cursor.c.connection_id == connection_id, cursor.c.stream == stream)
    row = connection.execute(query).one_or_none()
    if row is None:
        return Cursor()
    slices = tuple(
        Slice(dt.datetime.fromisoformat(since), dt.datetime.fromisoformat(until), after)
        for since, until, after in orjson.loads(row.slices)
    )
    return Cursor(row.watermark, row.until, slices, row.gone_since, _place(row.bulk))


def save(tx: sa.Connection, connection_id: int, stream: str, value: Cursor, now: dt.datetime) -> None:
    """Keep the cursor, in the caller's transaction."""
    row = {
        "connection_id": connection_id,
        "stream": stream,
        "watermark": value.watermark,
        "until": value.until,
        "slices": _text(value.slices),
        "gone_since": value.gone_since,
        "bulk": _bulk_text(value.bulk),
        "updated_at": now,
    }
    upsert(tx, cursor, [row], guarded=False)


def _text(slices: Sequence[Slice]) -> str:
    return orjson.dumps([[s.since.isoformat(), s.until.isoformat(), s.after] for s in slices]).decode()


def _bulk_text(place: BulkPlace | None) -> str | None:
    if place is None:
        return None
    return orjson.dumps([place.began.isoformat(), place.job, place.stored]).decode()


def _place(text: str | None) -> BulkPlace | None:
    if not text:
        return None
    began, job, stored = orjson.loads(text)
    return BulkPlace(dt.datetime.fromisoformat(began), job, stored)

"""Subscriptions: what a CRM was asked to tell, until when, and whether it does.

Invariant: counts and moments only; the secret that proves an event is among the connection's secrets.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import orjson
import sqlalchemy as sa

from connector.adapter import Subscription
from connector.store.hook_tables import inbox, subscription
from connector.store.tables import connection
from connector.store.upsert import upsert


@dataclass(frozen=True)
class Standing:
    """A subscription and what came of it: ``waiting`` and ``dead`` rows of the inbox, the oldest waiting
    since ``oldest``."""

    connection: str
    subscription: Subscription
    subscribed_at: dt.datetime
    events: int
    last_event_at: dt.datetime | None
    forged: int
    last_forged_at: dt.datetime | None
    waiting: int
    dead: int
    oldest: dt.datetime | None


def load(tx: sa.Connection, connection_id: int) -> Subscription | None:
    """What is subscribed on a connection."""
    query = sa.select(subscription).where(subscription.c.connection_id == connection_id)
    row = tx.execute(query).one_or_none()
    return None if row is None else _read(row)


def save(tx: sa.Connection, connection_id: int, value: Subscription, now: dt.datetime) -> None:
    """Keep a subscription that was made or renewed; its counts go on."""
    row = {
        "connection_id": connection_id,
        "url": value.url,
        "objects": orjson.dumps(list(value.objects)).decode(),
        "channels": orjson.dumps(dict(value.channels)).decode(),
        "refused": orjson.dumps(dict(value.refused)).decode(),
        "renewed_at": now,
        "expires_at": value.expires_at,
        "renew_at": value.renew_at,
    }
    if load(tx, connection_id) is not None:
        tx.execute(sa.update(subscription).where(_of(connection_id)).values(**row))
    else:
        upsert(tx, subscription, [row | {"subscribed_at": now}], guarded=False)


def drop(tx: sa.Connection, connection_id: int) -> None:
    """Nothing is subscribed any more."""
    tx.execute(sa.delete(subscription).where(_of(connection_id)))


def heard(tx: sa.Connection, connection_id: int, now: dt.datetime) -> None:
    """An event came."""
    values = {"events": subscription.c.events + 1, "last_event_at": now}
    tx.execute(sa.update(subscription).where(_of(connection_id)).values(**values))


def forged(tx: sa.Connection, connection_id: int, count: int, now: dt.datetime) -> None:
    """So many calls came that could not prove themselves."""
    values = {"forged": subscription.c.forged + count, "last_forged_at": now}
    tx.execute(sa.update(subscription).where(_of(connection_id)).values(**values))


def standings(tx: sa.Connection) -> list[Standing]:
    """All subscriptions, in order of their connections."""
    dead = inbox.c.state == "dead"
    rows = (
        sa.select(
            inbox.c.connection_id,
            sa.func.sum(sa.case((dead, 0), else_=1)).label("waiting"),
            sa.func.sum(sa.case((dead, 1), else_=0)).label("dead"),
            sa.func.min(sa.case((dead, None), else_=inbox.c.first_seen)).label("oldest"),
        )
        .group_by(inbox.c.connection_id)
        .subquery()
    )
    query = (
        sa.select(connection.c.name, subscription, rows.c.waiting, rows.c.dead, rows.c.oldest)
        .join_from(subscription, connection, subscription.c.connection_id == connection.c.id)
        .outerjoin(rows, rows.c.connection_id == subscription.c.connection_id)
        .order_by(connection.c.id)
    )
    return [
        Standing(
            row.name,
            _read(row),
            row.subscribed_at,
            row.events,
            row.last_event_at,
            row.forged,
            row.last_forged_at,
            int(row.waiting or 0),
            int(row.dead or 0),
            row.oldest,
        )
        for row in tx.execute(query)
    ]


def _of(connection_id: int) -> sa.ColumnElement[bool]:
    return subscription.c.connection_id == connection_id


def _read(row: sa.Row[tuple[object, ...]]) -> Subscription:
    return Subscription(
        objects=tuple(orjson.loads(row.objects)),
        url=row.url,
        channels=orjson.loads(row.channels),
        expires_at=row.expires_at,
        renew_at=row.renew_at,
        refused=orjson.loads(row.refused),
    )

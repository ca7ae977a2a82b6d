"""Documents of a ledger file, stored in bulk.

Invariant: the same rows, digests and marks come of it as of ``connector.store.records``, in the caller's
transaction; only the way is shorter: no object is made of a row, and a row whose digest stands in the
store already costs one comparison.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Container, Iterator, Sequence
from operator import itemgetter
from typing import Any

import orjson
import sqlalchemy as sa

from connector.model import InvoiceState, Stream
from connector.store import customers
from connector.store.record_tables import RECORDS, account
from connector.store.upsert import batches, upsert

PART = 5_000


def known_accounts(tx: sa.Connection, connection_id: int, ids: Sequence[str]) -> set[str]:
    """Which of these accounts are in the store."""
    known: set[str] = set()
    for part in batches(ids):
        query = sa.select(account.c.external_id).where(
            account.c.connection_id == connection_id, account.c.external_id.in_(part)
        )
        known.update(tx.execute(query).scalars())
    return known


def empty(tx: sa.Connection, connection_id: int, stream: Stream) -> bool:
    """Whether the store holds no document of a stream yet."""
    table = RECORDS[stream]
    query = sa.select(table.c.external_id).where(table.c.connection_id == connection_id).limit(1)
    return tx.execute(query).first() is None


def store(
    tx: sa.Connection,
    connection_id: int,
    stream: Stream,
    rows: Sequence[dict[str, Any]],
    now: dt.datetime,
    *,
    first: bool,
) -> int:
    """Store documents whose accounts are known, each id once; how many changed. Their customers are
    marked. ``first`` says that none of them can be there yet, so that nothing is compared.

    ``rows`` come from ``Reader.flat`` and are completed here.
    """
    for row in rows:
        row["digest"] = digest(row)
    known = {} if first else digests(tx, connection_id, stream, [row["external_id"] for row in rows])
    changed = [row for row in rows if known.get(row["external_id"]) != row["digest"]]
    common = {
        "connection_id": connection_id,
        "modified_at": None,
        "first_seen": now,
        "last_seen": now,
        "deleted": False,
    }
    # By account, so that the index over accounts is gone through once and not to and fro.
    changed.sort(key=itemgetter("account_id"))
    for row in changed:
        row.update(common)
    upsert(tx, RECORDS[stream], changed)
    customers.touch(tx, connection_id, {row["account_id"] for row in changed})
    return len(changed)


def unseen(
    tx: sa.Connection, connection_id: int, stream: Stream, seen: Container[int]
) -> Iterator[list[str]]:
    """Living documents that a snapshot did not hold, in parts; ``seen`` are the hashes of those it held."""
    table = RECORDS[stream]
    last = ""
    while True:
        query = (
            sa.select(table.c.external_id)
            .where(
                table.c.connection_id == connection_id,
                table.c.external_id > last,
                table.c.deleted.is_(False),
            )
            .order_by(table.c.external_id)
            .limit(PART)
        )
        found = list(tx.execute(query).scalars())
        if not found:
            return
        last = found[-1]
        yield [one for one in found if hash(one) not in seen]


def settle(tx: sa.Connection, connection_id: int, ids: Sequence[str], now: dt.datetime) -> int:
    """Take open invoices for paid: a list of open items no longer holds them. The day is not known. They
    come back when a later file holds them again."""
    table = RECORDS[Stream.INVOICES]
    count = 0
    for part in batches(ids):
        here = sa.and_(
            table.c.connection_id == connection_id,
            table.c.external_id.in_(part),
            table.c.state == InvoiceState.OPEN.value,
            table.c.deleted.is_(False),
        )
        concerned = set(tx.execute(sa.select(table.c.account_id).where(here)).scalars())
        values = {"state": InvoiceState.PAID.value, "digest": "settled", "last_seen": now}
        count += tx.execute(sa.update(table).where(here).values(**values)).rowcount
        if concerned:
            customers.touch(tx, connection_id, concerned)
    return count


def digest(row: dict[str, Any]) -> str:
    """What tells whether a document has changed, of what ``Reader.flat`` gives."""
    return hashlib.blake2b(orjson.dumps(row), digest_size=12).hexdigest()


def digests(tx: sa.Connection, connection_id: int, stream: Stream, ids: Sequence[str]) -> dict[str, str]:
    """The digests of those of these documents that are in the store."""
    table = RECORDS[stream]
    known: dict[str, str] = {}
    for part in batches(ids):
        query = sa.select(table.c.external_id, table.c.digest).where(
            table.c.connection_id == connection_id,
            table.c.external_id.in_(part),
            table.c.deleted.is_(False),
        )
        known.update((found, digest) for found, digest in tx.execute(query))
    return known

"""The move of a company from SQLite to PostgreSQL, and what proves that nothing was lost on the way.

Invariant: the copy becomes the store only after every row was found equal, the journal's chain holds in it,
and its secrets can be read with the key that is configured.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from cryptography.fernet import InvalidToken, MultiFernet

from connector.admin import audit
from connector.errors import Halt
from connector.store import journal
from connector.store.copying import Copy
from connector.store.engine import Store
from connector.store.journal import Head
from connector.store.tables import api_key, secret

MOVED = "store_moved"


@dataclass(frozen=True)
class Moved:
    """What was moved and found equal: rows by table, the journal's head (as in the original), and how many
    secrets could be read."""

    rows: dict[str, int]
    head: Head
    secrets: int


def move(
    source: Store,
    target: Store,
    cipher: MultiFernet,
    now: dt.datetime,
    *,
    actor: str,
    tell: Callable[[str, int], None],
) -> Moved:
    """Copy, compare, and make the copy the store; ``tell`` hears tables and rows while they are copied.

    Raises ``Halt`` with what stands in the way; run again it goes on where it was.
    """
    copy = Copy(source, target)
    try:
        for name, count in copy.rows():
            tell(name, count)
        rows = dict(copy.compare())
        proof = audit.verify(target)
        if proof.breaks:
            raise Halt(
                f"the journal of the copy does not hold: {proof.breaks[0].what}",
                where=f"entry {proof.breaks[0].number}",
                todo="'creditgate db copy --abandon', then see 'creditgate audit verify' here",
            )
        moved = Moved(rows, proof.head, _readable(target, cipher))
        detail = {"from": source.name, "to": target.name, "rows": sum(rows.values())}
        copy.finish(lambda tx: journal.add(tx, now, actor, MOVED, "store", detail))
    finally:
        copy.close()
    return moved


def _readable(store: Store, cipher: MultiFernet) -> int:
    """How many secrets there are, each read once; ``Halt`` if the key is not theirs."""
    query = sa.union_all(
        sa.select(
            sa.literal("secret of connection ") + sa.cast(secret.c.connection_id, sa.Text), secret.c.value
        ),
        sa.select(sa.literal("API key ") + sa.cast(api_key.c.id, sa.Text), api_key.c.secret).where(
            api_key.c.secret.is_not(None)
        ),
    )
    with store.read() as tx:
        kept = tx.execute(query).all()
    for name, text in kept:
        try:
            cipher.decrypt(text.encode())
        except InvalidToken:
            raise Halt(
                "this cannot be read with the present key",
                where=name,
                todo="restore the key (CREDITGATE_KEY or secret.key), then run this again",
            ) from None
    return len(kept)

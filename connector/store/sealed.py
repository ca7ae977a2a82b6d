"""What is encrypted in the store, and its way under a newer key.

Invariant: every column that holds ciphertext stands in ``COLUMNS``, or holds it under ``SEALED`` in its JSON
(``IN_JSON``). A value is replaced only where it still is what was decrypted, so that whoever writes meanwhile
wins; run again after a kill, what was done is passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from connector.store.dunning_tables import dunning_contact, dunning_letter
from connector.store.engine import Store
from connector.store.record_tables import reject
from connector.store.tables import api_key, report, secret

SEALED = "sealed"
COLUMNS: tuple[sa.Column[Any], ...] = (
    secret.c.value,
    api_key.c.secret,
    report.c.raw,
    dunning_letter.c.address,
    dunning_letter.c.subject,
    dunning_letter.c.body,
    dunning_contact.c.address,
)
IN_JSON: tuple[sa.Column[Any], ...] = (reject.c.raw,)
BATCH = 200


@dataclass
class Sealing:
    """How many values there are, how many under which key (by its place, 0 the newest), how many under none
    of them, and how many were put under the newest one."""

    by_key: Counter[int] = field(default_factory=Counter)
    unreadable: int = 0
    moved: int = 0

    @property
    def older(self) -> int:
        """Values that need a key other than the newest."""
        return sum(count for place, count in self.by_key.items() if place)


def look(store: Store, keys: Sequence[Fernet]) -> Sealing:
    """Under which keys the values are; nothing is changed."""
    found = Sealing()
    for column in (*COLUMNS, *IN_JSON):
        for batch in _batches(store, column):
            for _, value in batch:
                _count(found, keys, _token(column, value))
    return found


def reencrypt(
    store: Store, keys: Sequence[Fernet], report: Callable[[int], None] = lambda done: None
) -> Sealing:
    """Put every value under the newest key, in small transactions; what was found, and how many moved."""
    found, ring = Sealing(), MultiFernet(keys)
    for column in (*COLUMNS, *IN_JSON):
        for batch in _batches(store, column):
            changes = []
            for key, value in batch:
                token = _token(column, value)
                if _count(found, keys, token):
                    changes.append((key, value, _with(column, value, ring.rotate(token).decode())))
            found.moved += _replace(store, column, changes)
            report(found.moved)
    return found


def _count(found: Sealing, keys: Sequence[Fernet], token: bytes) -> bool:
    """Count a value; whether it should go under the newest key."""
    if not token:
        return False
    for place, key in enumerate(keys):
        try:
            key.decrypt(token)
        except InvalidToken:
            continue
        found.by_key[place] += 1
        return place > 0
    found.unreadable += 1
    return False


def _batches(store: Store, column: sa.Column[Any]) -> Iterator[list[tuple[tuple[Any, ...], str]]]:
    """The values of a column with the keys of their rows, in order of these."""
    keys = list(column.table.primary_key.columns)
    last: tuple[Any, ...] | None = None
    while True:
        query = sa.select(*keys, column).where(column.is_not(None), column != "").order_by(*keys).limit(BATCH)
        if last is not None:
            values = [sa.literal(value, key.type) for key, value in zip(keys, last, strict=True)]
            query = query.where(sa.tuple_(*keys) > sa.tuple_(*values))
        with store.read() as tx:
            rows = [(tuple(row[:-1]), str(row[-1])) for row in tx.execute(query)]
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _replace(
    store: Store, column: sa.Column[Any], changes: Sequence[tuple[tuple[Any, ...], str, str]]
) -> int:
    if not changes:
        return 0
    keys, moved = list(column.table.primary_key.columns), 0
    with store.write() as tx:
        for of, before, after in changes:
            mine = [key == value for key, value in zip(keys, of, strict=True)]
            update = sa.update(column.table).where(*mine, column == before).values({column.name: after})
            moved += tx.execute(update).rowcount
    return moved


def _token(column: sa.Column[Any], value: str) -> bytes:
    if column in IN_JSON:
        found = orjson.loads(value)
        ours = isinstance(found, dict) and found.keys() == {SEALED}
        return str(found[SEALED]).encode() if ours else b""
    return value.encode()


def _with(column: sa.Column[Any], value: str, token: str) -> str:
    if column in IN_JSON:
        return orjson.dumps({SEALED: token}).decode()
    return token

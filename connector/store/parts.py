"""Parts: how several workers share the customers to assess, and the writes to one connection.

Invariant: of parts with the same count each customer and each write belongs to exactly one. Customers of one
group stay together, for what is noticed about one concerns the others; so do all writes to one record of the
CRM, which thus keep their order. Nobody pushes a write while somebody else pushes its part, or one that is
cut otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from connector.errors import Halt
from connector.store.engine import Store
from connector.store.tables import customer, outbox

# Writes are cut into so many by their record, and parts are made of these.
BUCKETS = 64


@dataclass(frozen=True)
class Part:
    """``number`` (from 1) of ``of`` parts."""

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of <= BUCKETS:
            raise ValueError(
                f"{self.number}/{self.of} is no part: write 1/2 for the first of two; of {BUCKETS} at most"
            )

    @classmethod
    def parsed(cls, text: str) -> Part:
        """``1/2`` as a part; ``ValueError`` when it is none."""
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal()):
            raise ValueError(f"{text!r} is no part: write 1/2 for the first of two")
        return cls(int(number), int(of))


def customers_of(part: Part | None) -> sa.ColumnElement[bool]:
    """The customers of a part, or all."""
    if part is None:
        return sa.true()
    return sa.func.coalesce(customer.c.group_id, customer.c.id) % part.of == part.number - 1


def rows_of(part: Part | None) -> sa.ColumnElement[bool]:
    """The rows of the outbox of a part, or all; a part on PostgreSQL only."""
    if part is None:
        return sa.true()
    return _bucket(outbox.c.external_id) % part.of == part.number - 1


def _bucket(text: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    return sa.func.hashtext(text).bitwise_and(BUCKETS - 1)


@contextmanager
def alone(store: Store, connection_id: int, part: Part | None) -> Iterator[None]:
    """Wait until nobody else pushes (this part) to the connection, and keep others from it.

    Raises ``Halt`` for a part on SQLite, where one process writes at a time.
    """
    if store.is_sqlite:
        if part is not None:
            raise Halt(
                "on SQLite the writes to a connection are not shared",
                where=store.name,
                todo="leave --part out",
            )
        yield
        return
    first, step = (part.number - 1, part.of) if part else (0, 1)
    with store.translated(), store.engine.connect() as connection, connection.begin():
        label = sa.func.hashtextextended(
            sa.func.concat(sa.func.current_schema(), f":push {connection_id}"), 0
        )
        # In order, so that two that want the same never wait for one another.
        bucket = sa.func.generate_series(first, BUCKETS - 1, step).column_valued("bucket")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(label + bucket))).all()
        yield

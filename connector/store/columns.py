"""What the columns of all tables are made of.

Invariant: a moment is an aware UTC datetime, stored as microseconds since 1970; columns are NOT NULL
unless they say otherwise; constraints are named by one convention in both databases.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Moment(sa.types.TypeDecorator[dt.datetime]):
    """An aware UTC datetime, stored as microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> int | None:
        """Aware datetimes only: a naive one would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Any) -> dt.datetime | None:
        """Back to an aware UTC datetime."""
        return None if value is None else _EPOCH + value * _MICROSECOND


Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def column(name: str, kind: Any, *more: Any, **options: Any) -> sa.Column[Any]:
    """A column that must have a value."""
    options.setdefault("nullable", False)
    return sa.Column(name, kind, *more, **options)


def optional(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    """A column that may be empty: NULL is unknown."""
    return sa.Column(name, kind, nullable=True, **options)


def identity() -> sa.Column[Any]:
    """The surrogate key."""
    return sa.Column("id", Key, primary_key=True, autoincrement=True)

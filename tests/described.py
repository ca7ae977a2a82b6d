"""A store's schema as the database itself tells it, in a form that two stores can be compared by."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def described(tx: sa.Connection) -> dict[str, Any]:
    """Tables with their columns, keys and indexes; the order of columns, which nothing rests on, left out."""
    look = sa.inspect(tx)
    return {name: _table(look, name) for name in look.get_table_names()}


def _table(look: Any, name: str) -> dict[str, Any]:
    return {
        "columns": {one["name"]: _column(one) for one in look.get_columns(name)},
        "key": look.get_pk_constraint(name),
        "parents": _sorted(look.get_foreign_keys(name)),
        "unique": _sorted(look.get_unique_constraints(name)),
        "checks": _sorted(look.get_check_constraints(name)),
        "indexes": _sorted(_index(one) for one in look.get_indexes(name)),
    }


def _column(one: dict[str, Any]) -> tuple[str, bool, str]:
    return str(one["type"]), one["nullable"], str(one["default"])


def _index(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "dialect_options": {k: str(v) for k, v in one.get("dialect_options", {}).items()}}


def _sorted(found: Any) -> list[Any]:
    return sorted(found, key=str)

"""Zoho's rows in the connector's form: which columns to ask for, and what comes back.

Invariant: ids are text, lookups are ``{"id": text, …}`` whether Zoho sent an object or the bare id, and
a time of change is an instant, whatever its offset; the same record reads alike by every way of reading.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from connector.adapter import Row

OURS = ("id", "Modified_Time")


def column(path: str) -> str:
    """The column to select: a lookup gives its id and name by itself, other paths are joins."""
    root, _, rest = path.partition(".")
    return root if rest in ("", "id", "name") else path


def columns(paths: Sequence[str]) -> list[str]:
    """The columns of the mapped paths, each once."""
    return list(dict.fromkeys(column(path) for path in paths))


def groups(names: Sequence[str], most: int) -> list[list[str]]:
    """Columns in parts of at most ``most``; one empty part when there are none."""
    return [list(names[at : at + most]) for at in range(0, max(len(names), 1), most)]


def join(rows: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the columns of both readings; rows that changed between them are left out: their new
    time of change lies in the next window."""
    more = {str(row["id"]): row for row in others}
    return [
        {**row, **more[key]}
        for row in rows
        if (key := str(row["id"])) in more and more[key].get("Modified_Time") == row.get("Modified_Time")
    ]


def to_row(row: Mapping[str, Any], paths: Sequence[str]) -> Row:
    """One record as the connector takes it."""
    data = dict(row)
    data["id"] = str(row["id"])
    for path in paths:
        root, _, rest = path.partition(".")
        if rest in ("id", "name"):
            data[root] = _lookup(data.get(root))
    changed = row.get("Modified_Time")
    moment = dt.datetime.fromisoformat(str(changed)).astimezone(dt.UTC) if changed else None
    return Row(data["id"], moment, data)


def _lookup(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {**value, "id": str(value["id"])} if value.get("id") is not None else dict(value)
    return {"id": str(value)}

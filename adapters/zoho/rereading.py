"""Reading single records again by their ids.

Invariant: a row is handed over whole; one that changed while its parts were read is read once more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from adapters.zoho import rows as forms
from connector.adapter import Row
from connector.errors import Retry

# Vendor manual: 'in' takes 50 values.
REREAD_BATCH = 50
_TURNS = 3

Read = Callable[[Sequence[str], Sequence[str]], Sequence[dict[str, Any]]]
"""(columns, ids) → the rows that exist and may be seen."""


def whole_rows(paths: Sequence[str], most: int, ids: Collection[str], read: Read) -> list[Row]:
    """The rows with these ids, read in parts of at most ``most`` columns; those that are no Zoho ids are
    not asked for. Raises ``Retry`` when they change faster than they are read."""
    left = {one for one in ids if one.isdecimal()}
    rows: list[Row] = []
    for _ in range(_TURNS):
        if not left:
            return rows
        parts = [_by_id(read, names, sorted(left)) for names in forms.groups(forms.columns(paths), most)]
        whole = [key for key in parts[0] if _same(parts, key)]
        rows += [forms.to_row(_joined(parts, key), paths) for key in whole]
        # What the first part has and the others do not, or not at the same state, changed meanwhile.
        left = parts[0].keys() - set(whole)
    if left:
        raise Retry(f"{len(left)} records change faster than they can be read", todo="run again later")
    return rows


def _by_id(read: Read, names: Sequence[str], ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), REREAD_BATCH):
        found |= {str(row["id"]): row for row in read(names, ids[start : start + REREAD_BATCH])}
    return found


def _same(parts: Sequence[Mapping[str, Any]], key: str) -> bool:
    states = [part[key].get("Modified_Time") if key in part else None for part in parts]
    return all(key in part for part in parts) and len(set(states)) == 1


def _joined(parts: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for part in parts:
        joined |= part[key]
    return joined

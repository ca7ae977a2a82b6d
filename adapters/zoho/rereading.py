"""Reading single records again by their ids, as one query a batch.

Invariant: a row is handed over whole; one that changed while its parts were read is read once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.zoho.client import Client
from adapters.zoho.records import QUERY_COLUMNS, Records, query_weight
from adapters.zoho.rows import columns, groups, to_row
from connector.adapter import Row
from connector.errors import Halt, Retry

# Vendor manual: 'in' takes 50 values.
BATCH = 50
_LIMIT = 200
_TURNS = 3


class Rereading:
    """Reads rows of any object by id."""

    def __init__(self, client: Client, records: Records) -> None:
        self._client = client
        self._records = records

    def rows(self, object_name: str, wanted: Sequence[str], ids: Sequence[str]) -> list[Row]:
        """The rows that exist and may be seen; those that are no Zoho ids cannot. See ``Crm.reread``."""
        paths = self._records.known(object_name, wanted)
        parts_of_columns = groups(columns(paths), QUERY_COLUMNS)
        left = {one for one in ids if one.isdecimal()}
        rows: list[Row] = []
        for _ in range(_TURNS):
            parts = [self._query(object_name, names, sorted(left)) for names in parts_of_columns]
            whole = [key for key in parts[0] if _same(parts, key)]
            rows += [to_row(_joined(parts, key), paths) for key in whole]
            # What the first query finds and the others do not, or not at the same state, changed meanwhile.
            left = parts[0].keys() - set(whole)
            if not left:
                return rows
        raise Retry(
            f"{len(left)} records change faster than they can be read",
            where=f"{self._client.context.connection} {object_name}",
            todo="run again later",
        )

    def _query(self, object_name: str, names: Sequence[str], ids: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for start in range(0, len(ids), BATCH):
            listed = ", ".join(f"'{one}'" for one in ids[start : start + BATCH])
            query = (
                f"select {', '.join([*names, 'Modified_Time', 'id'])} from {object_name} "
                f"where id in ({listed}) limit {_LIMIT}"
            )
            body = self._client.call(
                "POST",
                "coql",
                scope="ZohoCRM.coql.READ",
                about=object_name,
                weight=query_weight(_LIMIT),
                body={"select_query": query},
            )
            rows = [] if body is None else body.get("data")
            if not isinstance(rows, list):
                raise Halt(
                    f"the answer to a query on {object_name} holds no rows",
                    where=f"{self._client.context.connection} {object_name}",
                    todo="check 'object' in the mapping",
                )
            found |= {str(row["id"]): row for row in rows}
        return found


def _same(parts: Sequence[Mapping[str, Any]], key: str) -> bool:
    return all(key in part and part[key]["Modified_Time"] == parts[0][key]["Modified_Time"] for part in parts)


def _joined(parts: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for part in parts:
        joined |= part[key]
    return joined

"""Reading records: COQL by window and id, and the list of deleted records.

Invariant: a slice is walked by id, never by page number or offset, so that neither a wall of rows nor
a row that changes meanwhile makes another one disappear. Only columns that the tenant has are asked
for; a row is handed over whole or, when it changed while its parts were read, left to the next window.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.zoho.client import Client, instant
from adapters.zoho.fields import Fields
from connector.adapter import Page, Row, Slice
from connector.errors import Halt, Retry

# Vendor manual: Query API limitations. Two of the fifty columns are ours: id and Modified_Time.
QUERY_ROWS, QUERY_COLUMNS = 2_000, 48
DELETED_ROWS = 200


class Records:
    """Reads rows and deletions of any object."""

    def __init__(self, client: Client, fields: Fields) -> None:
        self._client = client
        self._fields = fields

    def fetch(self, object_name: str, wanted: Sequence[str], part: Slice) -> Page:
        """One page of at most 2,000 rows in order of id.

        ``wanted`` are field paths: ``Account_Name.id`` reaches into a lookup. Fields unknown to the
        tenant are left out. Raises ``Halt`` naming the object when it cannot be queried.
        """
        paths = self._known(object_name, wanted)
        columns = list(dict.fromkeys(_column(path) for path in paths))
        groups = [columns[at : at + QUERY_COLUMNS] for at in range(0, max(len(columns), 1), QUERY_COLUMNS)]
        after = part.after
        while True:
            rows, more = self._query(object_name, groups[0], part, after, None)
            if not rows:
                return Page((), more=False)
            last = str(rows[-1]["id"])
            if more and last == after:
                raise Retry(
                    f"Zoho gives the same page of {object_name} again and again",
                    where=f"{self._client.context.connection} {object_name} after id {after}",
                    todo="run again later",
                )
            for group in groups[1:]:
                others, _ = self._query(object_name, group, part, after, last)
                rows = _join(rows, others)
            if rows or not more:
                return Page([_row(row, paths) for row in rows], more)
            after = last

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        """Ids of rows deleted since ``since``, from the bin or for good."""
        page, more = 1, True
        while more:
            body = self._client.call(
                "GET",
                f"{object_name}/deleted",
                scope=f"ZohoCRM.modules.{object_name.replace('_', '').lower()}.READ",
                about=object_name,
                weight=2,
                params={"type": "all", "page": page, "per_page": DELETED_ROWS},
                headers={"If-Modified-Since": instant(since)},
            )
            rows = (body or {}).get("data") or []
            yield from (str(row["id"]) for row in rows)
            more = bool(rows) and bool((body or {}).get("info", {}).get("more_records"))
            page += 1

    def _known(self, object_name: str, wanted: Sequence[str]) -> list[str]:
        have = self._fields.of(object_name)
        return [path for path in wanted if path.split(".")[0] in have and path not in ("id", "Modified_Time")]

    def _query(
        self,
        object_name: str,
        columns: Sequence[str],
        part: Slice,
        after: str | None,
        upto: str | None,
    ) -> tuple[list[dict[str, Any]], bool]:
        query = (
            f"select {', '.join([*columns, 'Modified_Time', 'id'])} from {object_name} "
            f"where {_criteria(part, after, upto)} order by id asc limit {QUERY_ROWS}"
        )
        body = self._client.call(
            "POST",
            "coql",
            scope="ZohoCRM.coql.READ",
            about=object_name,
            weight=query_weight(QUERY_ROWS),
            body={"select_query": query},
        )
        if body is None:
            return [], False
        rows = body.get("data")
        if not isinstance(rows, list):
            raise Halt(
                f"the answer to a query on {object_name} holds no rows",
                where=f"{self._client.context.connection} {object_name}",
                todo="check 'object' in the mapping",
            )
        return rows, bool((body.get("info") or {}).get("more_records"))


def query_weight(limit: int) -> int:
    """API credits of one query by its LIMIT (vendor manual: Query API overview)."""
    return 1 if limit <= 200 else 2 if limit <= 1_000 else 3


def _criteria(part: Slice, after: str | None, upto: str | None) -> str:
    """The WHERE clause, paired in brackets as COQL wants it.

    Change times have whole seconds; both ends are rounded down, which loses nothing: a row changed
    within the second of ``since`` is read again rather than missed.
    """
    text = f"(Modified_Time >= '{instant(part.since)}' and Modified_Time <= '{instant(part.until)}')"
    for sign, mark in ((">", after), ("<=", upto)):
        if mark is not None:
            if not mark.isdigit():
                raise Halt(f"{mark!r} is no Zoho record id", todo="reset the stream's cursor")
            text = f"({text} and id {sign} '{mark}')"
    return text


def _column(path: str) -> str:
    """The column to select: a lookup gives its id and name by itself, other paths are joins."""
    root, _, rest = path.partition(".")
    return root if rest in ("", "id", "name") else path


def _join(rows: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the columns of both queries; rows that changed between them are left out: their new
    time of change lies in the next window."""
    more = {str(row["id"]): row for row in others}
    return [
        {**row, **more[key]}
        for row in rows
        if (key := str(row["id"])) in more and more[key]["Modified_Time"] == row["Modified_Time"]
    ]


def _row(row: Mapping[str, Any], paths: Sequence[str]) -> Row:
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
    """A lookup as ``{"id": text, …}``, whether Zoho sent an object or the bare id."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {**value, "id": str(value["id"])} if value.get("id") is not None else dict(value)
    return {"id": str(value)}

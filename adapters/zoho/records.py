"""Reading records: COQL by window and id, the list where COQL cannot, and the list of deleted records.

Invariant: a slice is walked by id, never by page number or offset, so that neither a wall of rows nor
a row that changes meanwhile makes another one disappear. Only columns that the tenant has are asked
for; a row is handed over whole or, when it changed while its parts were read, left to the next window.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from adapters.zoho import faults
from adapters.zoho.client import Client, Refused, instant
from adapters.zoho.deletions import deleted
from adapters.zoho.fields import Fields
from adapters.zoho.lists import LIST_FIELDS, USERS, Lists
from adapters.zoho.rereading import whole_rows
from adapters.zoho.rows import OURS, column, columns, groups, join, to_row
from connector.adapter import Missing, Page, Row, Slice
from connector.errors import Halt, Retry

# Vendor manual: Query API limitations. Two of the fifty columns are ours: id and Modified_Time.
QUERY_ROWS, QUERY_COLUMNS = 2_000, 48
FEW_ROWS = 200  # the most that one credit gives
# The module, or the user's right to see it, is not there; or COQL does not reach so far.
_UNSEEN = ("INVALID_MODULE", "NO_PERMISSION", "NOT_SUPPORTED", "NO_FIELDS")
_UNQUERIED = ("INVALID_MODULE", "NOT_SUPPORTED", faults.SCOPE_LACKS)

T = TypeVar("T")


class Records:
    """Reads rows and deletions of any object."""

    def __init__(self, client: Client, fields: Fields) -> None:
        self._client = client
        self._fields = fields
        self._lists = Lists(client)
        # What this org's COQL turned out not to take: whole objects, and columns of objects.
        self._listed: set[str] = set()
        self._odd: dict[str, set[str]] = {}

    def missing(self, object_name: str, wanted: Sequence[str]) -> Missing:
        """See ``Crm.missing``: what the field metadata does not show, and what turned out to be odd."""
        if object_name == USERS:
            return Missing()
        try:
            have = self._fields.of(object_name)
        except Refused as refused:
            if refused.code not in _UNSEEN:
                raise
            return Missing(object=f"{refused.what}; {refused.todo}")
        odd = self._odd.get(object_name, set())
        lacking = (p for p in wanted if p != "id" and (p.split(".")[0] not in have or column(p) in odd))
        return Missing(fields=tuple(lacking))

    def fetch(self, object_name: str, wanted: Sequence[str], part: Slice) -> Page:
        """One page in order of id: of at most 2,000 rows by COQL, of 200 where only the list goes.

        ``wanted`` are field paths: ``Account_Name.id`` reaches into a lookup. Fields unknown to the
        tenant are left out. Raises ``Halt`` naming the object when it cannot be read.
        """
        if object_name == USERS:
            return self._lists.users()
        timed = "Modified_Time" in self._fields.of(object_name)
        if timed and object_name not in self._listed:
            try:
                return self._queried(
                    object_name, wanted, lambda paths: self._by_query(object_name, paths, part)
                )
            except Refused as refused:
                if refused.code not in _UNQUERIED:
                    raise
                self._listed.add(object_name)
        return self._lists.fetch(object_name, self.known(object_name, wanted), part, timed=timed)

    def reread(self, object_name: str, wanted: Sequence[str], ids: Sequence[str]) -> list[Row]:
        """See ``Crm.reread``; by COQL, by the list where only that goes."""
        if object_name == USERS:
            return [row for row in self._lists.users().rows if row.external_id in ids]
        timed = "Modified_Time" in self._fields.of(object_name)
        if timed and object_name not in self._listed:
            try:
                return self._queried(object_name, wanted, lambda paths: self._by_ids(object_name, paths, ids))
            except Refused as refused:
                if refused.code not in _UNQUERIED:
                    raise
                self._listed.add(object_name)
        paths = self.known(object_name, wanted)
        return whole_rows(
            paths,
            LIST_FIELDS,
            ids,
            lambda names, some: self._lists.rows(object_name, names, some, timed=timed),
        )

    def _by_ids(self, object_name: str, paths: Sequence[str], ids: Sequence[str]) -> list[Row]:
        def read(names: Sequence[str], some: Sequence[str]) -> list[dict[str, Any]]:
            listed = ", ".join(f"'{one}'" for one in some)
            rows, _ = self._query(object_name, names, f"id in ({listed})", FEW_ROWS)
            return rows

        return whole_rows(paths, QUERY_COLUMNS, ids, read)

    def _queried(self, object_name: str, wanted: Sequence[str], read: Callable[[Sequence[str]], T]) -> T:
        while True:
            paths = self.known(object_name, wanted)
            try:
                return read(paths)
            except Refused as refused:
                # One column that cannot be queried must not keep the others away.
                if refused.column not in columns(paths):
                    raise
                self._odd.setdefault(object_name, set()).add(refused.column)

    def _by_query(self, object_name: str, paths: Sequence[str], part: Slice) -> Page:
        parts = groups(columns(paths), QUERY_COLUMNS)
        after = part.after
        while True:
            criteria = f"{_criteria(part, after, None)} order by id asc"
            rows, more = self._query(object_name, parts[0], criteria, QUERY_ROWS)
            if not rows:
                return Page((), more=False)
            last = str(rows[-1]["id"])
            if more and last == after:
                raise Retry(
                    f"Zoho gives the same page of {object_name} again and again",
                    where=f"{self._client.context.connection} {object_name} after id {after}",
                    todo="run again later",
                )
            for names in parts[1:]:
                criteria = f"{_criteria(part, after, last)} order by id asc"
                others, _ = self._query(object_name, names, criteria, QUERY_ROWS)
                rows = join(rows, others)
            if rows or not more:
                return Page([to_row(row, paths) for row in rows], more)
            after = last

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        """Ids of rows deleted since ``since``. Users are never deleted."""
        return iter(()) if object_name == USERS else deleted(self._client, object_name, since)

    def known(self, object_name: str, wanted: Sequence[str]) -> list[str]:
        """Those of the mapped paths that the org shows and lets be read."""
        have = self._fields.of(object_name)
        odd = self._odd.get(object_name, set())
        return [p for p in wanted if p.split(".")[0] in have and p not in OURS and column(p) not in odd]

    def _query(
        self,
        object_name: str,
        columns: Sequence[str],
        criteria: str,
        limit: int,
    ) -> tuple[list[dict[str, Any]], bool]:
        # COQL knows no parameters: names are the mapping's, and criteria are made of times and ids alone.
        names = ", ".join([*columns, "Modified_Time", "id"])
        query = f"select {names} from {object_name} where {criteria} limit {limit}"  # noqa: S608 - as above
        body = self._client.call(
            "POST",
            "coql",
            scope="ZohoCRM.coql.READ",
            about=object_name,
            weight=query_weight(limit),
            body={"select_query": query},
            heavy=True,
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
    return f"({text} and {part.having} is not null)" if part.having else text

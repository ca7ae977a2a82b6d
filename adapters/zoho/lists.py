"""Reading by list, where COQL cannot: modules that it does not know or that keep no time of change,
tokens without its scope; and the org's users, who are no records.

Invariant: pages hang together by their tokens, in order of id; a walk that lost its token begins anew
and passes over what it had, and a token that comes back ends the walk with an error, not in a circle.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adapters.zoho import rows as forms
from adapters.zoho.client import Client, Refused, instant
from connector.adapter import Page, Row, Slice
from connector.errors import Halt, Retry

USERS = "users"
# Vendor manual: Get Records. The id is always given, the time of change is one of the fifty.
LIST_ROWS, LIST_FIELDS = 200, 49
_STALE = ("EXPIRED_VALUE", "TOKEN_BOUND_DATA_MISMATCH")
# Before this everything is asked for, not what changed since.
_LONG_AGO = 2001

Token = tuple[str, str | None, str]


class Lists:
    """Reads pages of lists. Tokens of pages to come are kept in memory only."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tokens: dict[Token, str] = {}
        self._lock = threading.Lock()

    def fetch(self, object_name: str, paths: Sequence[str], part: Slice, *, timed: bool) -> Page:
        """One page of at most 200 rows after ``part.after``; without a time of change (``timed``) the
        slice's times mean nothing and all rows come."""
        names = forms.columns(paths)
        joined = [name for name in names if "." in name]
        if joined:
            raise Halt(
                f"{joined[0]} can only be read by a query, and {object_name} cannot be queried",
                where=f"{self._client.context.connection} {object_name}",
                todo="give the token the scope ZohoCRM.coql.READ, or take the field out of the mapping",
            )
        since = instant(part.since) if timed and part.since.year >= _LONG_AGO else None
        groups = forms.groups(names, LIST_FIELDS)
        token = self._token((object_name, since, part.after or ""))
        restarted = False
        while True:
            try:
                found, following = self._page(object_name, groups[0], since, token, timed=timed)
            except Refused as refused:
                if refused.code not in _STALE or token is None or restarted:
                    raise
                token, restarted = None, True
                continue
            if following is not None and following == token:
                raise Retry(
                    f"Zoho gives the same page of {object_name} again and again",
                    where=f"{self._client.context.connection} {object_name} after id {part.after}",
                    todo="run again later",
                )
            token = following
            fresh = [row for row in found if part.after is None or int(row["id"]) > int(part.after)]
            if not fresh and token is not None:
                continue
            whole = self._completed(object_name, groups[1:], fresh, timed=timed) if fresh else []
            if fresh and token is not None:
                # Where a row of the page was left out, the walk still goes on after the last one.
                if not whole:
                    part = replace(part, after=str(fresh[-1]["id"]))
                    continue
                self._keep((object_name, since, str(whole[-1]["id"])), token)
            return Page([forms.to_row(row, paths) for row in whole], token is not None, divisible=False)

    def rows(
        self, object_name: str, names: Sequence[str], ids: Sequence[str], *, timed: bool
    ) -> list[dict[str, Any]]:
        """Rows by their ids, in no particular order."""
        params = {"ids": ",".join(ids), "per_page": LIST_ROWS}
        body = self._read(object_name, names, params, None, timed=timed)
        return list((body or {}).get("data") or [])

    def users(self) -> Page:
        """All users of the org, active or not; there are few."""
        found: list[dict[str, Any]] = []
        page, more = 1, True
        while more:
            body = self._client.call(
                "GET",
                "users",
                scope="ZohoCRM.users.READ",
                about=USERS,
                params={"type": "AllUsers", "page": page, "per_page": LIST_ROWS},
            )
            some = (body or {}).get("users") or []
            found += some
            more = bool(some) and bool(((body or {}).get("info") or {}).get("more_records"))
            page += 1
        people = {str(one["id"]): {**one, "id": str(one["id"])} for one in found if one.get("id")}
        rows = [Row(key, None, people[key]) for key in sorted(people, key=int)]
        return Page(rows, more=False, divisible=False)

    def _page(
        self, object_name: str, names: Sequence[str], since: str | None, token: str | None, *, timed: bool
    ) -> tuple[list[dict[str, Any]], str | None]:
        """The rows of a page and the token of the next one."""
        params: dict[str, Any] = {"per_page": LIST_ROWS, "sort_by": "id", "sort_order": "asc"}
        if token is not None:
            params["page_token"] = token
        body = self._read(object_name, names, params, since, timed=timed)
        info = (body or {}).get("info") or {}
        following = info.get("next_page_token") if info.get("more_records") else None
        if info.get("more_records") and not following:
            raise Halt(
                f"the list of {object_name} ends before its last record",
                where=f"{self._client.context.connection} {object_name}",
                todo="report this: Zoho named no token for the next page",
            )
        return list((body or {}).get("data") or []), str(following) if following else None

    def _completed(
        self,
        object_name: str,
        groups: Sequence[Sequence[str]],
        found: list[dict[str, Any]],
        *,
        timed: bool,
    ) -> list[dict[str, Any]]:
        """The rows with the columns that did not fit into the first call."""
        for names in groups:
            ids = [str(row["id"]) for row in found]
            found = forms.join(found, self.rows(object_name, names, ids, timed=timed))
            if not found:
                break
        return found

    def _read(
        self,
        object_name: str,
        names: Sequence[str],
        params: dict[str, Any],
        since: str | None,
        *,
        timed: bool,
    ) -> dict[str, Any] | None:
        fields = [*names, *(("Modified_Time",) if timed else ())] or ["id"]
        return self._client.call(
            "GET",
            object_name,
            scope=f"ZohoCRM.modules.{object_name.replace('_', '').lower()}.READ",
            about=object_name,
            params={"fields": ",".join(fields), **params},
            headers={"If-Modified-Since": since} if since else None,
        )

    def _token(self, place: Token) -> str | None:
        with self._lock:
            return self._tokens.pop(place, None)

    def _keep(self, place: Token, token: str) -> None:
        with self._lock:
            self._tokens[place] = token

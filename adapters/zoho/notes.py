"""Notes on records: each carries a mark of our key, because nothing in Zoho keeps two equal ones apart.

Invariant: a note that may have been written already is looked for by its mark before it is written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.zoho.client import Client
from connector.adapter import Write

# Vendor manual: Create Notes.
TITLE, CONTENT = 120, 65_535
PAGE = 200
PARENT = "Accounts"


class Notes:
    """Looks for and builds notes on accounts."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def found(self, writes: Sequence[Write]) -> dict[int, str]:
        """Ids of those notes that are there already, by position. Only what may have been sent before is
        looked for."""
        there = {}
        for at, write in enumerate(writes):
            if write.repeated:
                number = self._look(write)
                if number:
                    there[at] = number
        return there

    def _look(self, write: Write) -> str:
        mark = _mark(write)
        for row in self._of(write.external_id):
            if mark in str(row.get("Note_Content") or ""):
                return str(row["id"])
        return ""

    def _of(self, account: str) -> Iterator[Mapping[str, Any]]:
        """The notes on an account (vendor manual: Get Notes of a record)."""
        page, more = 1, True
        while more:
            body = self._client.call(
                "GET",
                f"{PARENT}/{account}/Notes",
                scope="ZohoCRM.modules.notes.READ",
                about="Notes",
                params={"fields": "Note_Title,Note_Content", "page": page, "per_page": PAGE},
            )
            rows = (body or {}).get("data") or []
            yield from rows
            more = bool(rows) and bool(((body or {}).get("info") or {}).get("more_records"))
            page += 1


def record(write: Write) -> dict[str, Any]:
    """The body of one note."""
    mark = f"\n\n{_mark(write)}"
    title = str(write.values.get("Note_Title") or "")
    text = str(write.values.get("Note_Content") or "")
    return {
        "Note_Title": title if len(title) <= TITLE else f"{title[: TITLE - 1]}…",
        "Note_Content": f"{text[: CONTENT - len(mark)]}{mark}",
        "Parent_Id": {"id": write.external_id, "module": {"api_name": PARENT}},
    }


def _mark(write: Write) -> str:
    key = f"{write.external_id}:{write.key}".encode()
    return f"[CreditGate {hashlib.blake2b(key, digest_size=6).hexdigest()}]"

"""The list of deleted records (vendor manual: Get Deleted Records).

Invariant: the list is walked to its end, of what was deleted for good and of what lies in the bin. How
long Zoho keeps the list is not documented.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from adapters.zoho.client import Client, instant

ROWS = 200


def deleted(client: Client, object_name: str, since: dt.datetime) -> Iterator[str]:
    """Ids of rows deleted since ``since``, from the bin or for good."""
    page, more = 1, True
    while more:
        body = client.call(
            "GET",
            f"{object_name}/deleted",
            scope=f"ZohoCRM.modules.{object_name.replace('_', '').lower()}.READ",
            about=object_name,
            weight=2,
            params={"type": "all", "page": page, "per_page": ROWS},
            headers={"If-Modified-Since": instant(since)},
        )
        rows = (body or {}).get("data") or []
        yield from (str(row["id"]) for row in rows)
        more = bool(rows) and bool((body or {}).get("info", {}).get("more_records"))
        page += 1

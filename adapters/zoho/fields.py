"""What fields this tenant has: Zoho's field metadata, read once an object and kept.

Invariant: one odd field never hides the others: only ``api_name`` is needed, every other key of a
metadata row may be missing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.zoho.client import Client, Refused


@dataclass(frozen=True)
class VendorField:
    """One field as the tenant has it. ``options`` are the values of a pick list
    as records carry them; ``target`` is the module that a lookup leads to."""

    api_name: str
    id: str
    label: str
    data_type: str
    unique: bool
    options: tuple[str, ...]
    target: str = ""
    custom: bool = False


class Fields:
    """Fields by object; the first question about an object costs one call."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, dict[str, VendorField]] = {}
        self._lock = threading.Lock()

    def of(self, object_name: str, *, fresh: bool = False) -> Mapping[str, VendorField]:
        """Fields by API name; ``fresh`` asks again. ``Halt`` when the object is not to be seen."""
        with self._lock:
            if fresh or object_name not in self._known:
                self._known[object_name] = self._read(object_name)
            return self._known[object_name]

    def _read(self, object_name: str) -> dict[str, VendorField]:
        body = self._client.call(
            "GET",
            "settings/fields",
            scope="ZohoCRM.settings.fields.READ",
            about=object_name,
            params={"module": object_name},
        )
        rows = (body or {}).get("fields") or []
        if not rows:
            raise Refused(
                f"Zoho shows no fields of {object_name}",
                code="NO_FIELDS",
                where=f"{self._client.context.connection} {object_name}",
                todo="check 'object' in the mapping and that the user's profile shows the module",
            )
        return {str(row["api_name"]): _field(row) for row in rows if row.get("api_name")}


def _field(row: Mapping[str, Any]) -> VendorField:
    values = row.get("pick_list_values") or ()
    return VendorField(
        api_name=str(row["api_name"]),
        id=str(row.get("id") or ""),
        label=str(row.get("field_label") or row.get("display_label") or ""),
        data_type=str(row.get("data_type") or ""),
        # An empty object here means "not unique"; a filled one says how case counts.
        unique=bool(row.get("unique")),
        options=tuple(str(one["actual_value"]) for one in values if one.get("actual_value")),
        target=str(((row.get("lookup") or {}).get("module") or {}).get("api_name") or ""),
        custom=row.get("custom_field") is True,
    )

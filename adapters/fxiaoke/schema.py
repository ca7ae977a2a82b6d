"""What the tenant's objects look like: fields, types and options, read from describe and kept a while.

Invariant: option values are opaque and differ by tenant, so only labels are compared, and a label or
value that is not known is asked for anew before it is called unknown.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.fxiaoke.client import Client, Raw
from connector.errors import Reject

KEEP = dt.timedelta(hours=1)
# An unknown label is asked for anew at most this often.
ASK_AGAIN = dt.timedelta(seconds=5)
JUST_NOW = dt.timedelta(0)


@dataclass(frozen=True)
class Field:
    """One field of an object. ``options`` maps option values to labels; ``unique`` is ``None`` when the
    description does not say."""

    api_name: str
    label: str
    type: str
    options: Mapping[str, str]
    active: bool
    custom: bool
    unique: bool | None
    max_length: int | None = None
    decimals: int | None = None
    system: bool = False
    target: str = ""


class Schemas:
    """Descriptions of objects, cached for an hour. Safe for use by several threads."""

    def __init__(self, client: Client, now: Callable[[], dt.datetime]) -> None:
        self._client = client
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[dt.datetime, dict[str, Field]]] = {}
        self._objects: tuple[dt.datetime, dict[str, Raw]] | None = None

    def objects(self, *, no_older: dt.timedelta = KEEP) -> Mapping[str, Raw]:
        """The tenant's objects by API name, as the vendor lists them."""
        with self._lock:
            now = self._now()
            if self._objects is None or now - self._objects[0] >= no_older:
                listed = {str(one.get("describeApiName")): one for one in self._client.objects()}
                self._objects = (now, listed)
            return self._objects[1]

    def of(self, object_name: str, *, no_older: dt.timedelta = KEEP) -> Mapping[str, Field]:
        """Fields of ``object_name`` by API name, read again at the age of ``no_older``."""
        with self._lock:
            now = self._now()
            read_at, fields = self._kept.get(object_name, (None, {}))
            if read_at is None or now - read_at >= no_older:
                described = self._client.describe(object_name)
                fields = {name: _field(name, raw) for name, raw in described.items()}
                self._kept[object_name] = (now, fields)
            return fields

    def label(self, object_name: str, field: str, value: Any) -> str | None:
        """The label of option ``value``; ``None`` when even a fresh description knows no such value."""
        for age in (KEEP, ASK_AGAIN):
            found = self.of(object_name, no_older=age).get(field)
            if found and str(value) in found.options:
                return found.options[str(value)]
        return None

    def value(self, object_name: str, field: str, label: str) -> str:
        """The option value behind ``label``.

        Raises ``Reject`` when the tenant has no such option: a guess would write a wrong status.
        """
        for age in (KEEP, ASK_AGAIN):
            found = self.of(object_name, no_older=age).get(field)
            values = [v for v, text in found.options.items() if text == label] if found else []
            if values:
                return values[0]
        raise Reject(
            f"there is no option labelled {label!r}",
            code="unknown_option",
            field=field,
            value=label,
            where=f"{object_name}.{field}",
            todo="add the option in the vendor's console ('provision' says which), then retry",
        )

    def must_have(self, object_name: str, fields: Iterable[str]) -> None:
        """Raises ``Reject`` naming a field that the tenant lacks: the vendor might drop it silently."""
        for age in (KEEP, ASK_AGAIN):
            known = self.of(object_name, no_older=age)
            missing = [f for f in fields if f not in known]
            if not missing:
                return
        raise Reject(
            f"the tenant has no field {missing[0]}",
            code="unknown_field",
            field=missing[0],
            where=object_name,
            todo="create it in the vendor's console ('provision' says how), then retry",
        )


def _field(name: str, raw: Mapping[str, Any]) -> Field:
    options = {str(o.get("value")): str(o.get("label")) for o in raw.get("options") or []}
    unique = raw.get("is_unique")
    return Field(
        api_name=name,
        label=str(raw.get("label") or ""),
        type=str(raw.get("type") or ""),
        options=options,
        active=raw.get("is_active") is not False,
        custom=raw.get("define_type") == "custom" or name.endswith("__c"),
        unique=unique if isinstance(unique, bool) else None,
        max_length=_whole(raw.get("max_length")),
        decimals=_whole(raw.get("decimal_places")),
        system=raw.get("define_type") == "system",
        target=str(raw.get("target_api_name") or ""),
    )


def _whole(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None

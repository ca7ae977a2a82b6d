"""Fields and objects of a Fxiaoke tenant, and how ``describe`` shows them.

Invariant: the value of a picklist option says nothing about its label; custom fields and objects end
in ``__c``; formulas, counts, quotes and automatic numbers are never written. A tenant may have given a
field another name: whoever means a standard field asks ``here`` for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.table import Row, Table

MODIFIED, CREATED = "last_modified_time", "create_time"
DECIMALS = ("number", "currency", "percentile")
MOMENTS = ("date", "date_time")
TEXTS = ("text", "long_text", "phone_number", "email", "url", "auto_number")
OPTIONS = ("select_one", "select_many")
NEVER_WRITTEN = ("auto_number", "formula", "count", "quote")


@dataclass
class Field:
    """One field. ``options`` are labels by value; ``target`` is the object of a reference;
    ``system`` fields are kept by the vendor and ignored in writes; ``quoted`` is the type behind a
    quote."""

    api_name: str
    label: str
    type: str
    required: bool = False
    unique: bool = False
    custom: bool = False
    system: bool = False
    active: bool = True
    decimals: int = 2
    max_length: int = 0
    target: str = ""
    quoted: str = ""
    options: dict[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, str]:
        """Option values by label."""
        return {label: value for value, label in self.options.items()}

    @property
    def is_moment(self) -> bool:
        return (self.quoted or self.type) in MOMENTS

    @property
    def is_decimal(self) -> bool:
        return (self.quoted or self.type) in (*DECIMALS, "count", "formula")

    def described(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "api_name": self.api_name,
            "label": self.label,
            "type": self.type,
            "is_required": self.required,
            "is_unique": self.unique,
            "is_active": self.active,
            "define_type": "custom" if self.custom else "system" if self.system else "package",
        }
        if self.type in OPTIONS:
            shown["options"] = [{"value": value, "label": label} for value, label in self.options.items()]
        if self.type in DECIMALS:
            shown["decimal_places"] = self.decimals
        if self.max_length:
            shown["max_length"] = self.max_length
        if self.target:
            shown["target_api_name"] = self.target
        return shown


def opaque(*parts: str) -> str:
    """An option value as the console makes them: nine signs without a meaning."""
    digest = hashlib.sha256("/".join(parts).encode()).digest()
    alphabet = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:9])


def options_of(object_name: str, field_name: str, labels: Iterable[str]) -> dict[str, str]:
    """Options with opaque values for ``labels``."""
    return {opaque(object_name, field_name, label): label for label in labels}


class Object:
    """One object with its rows. ``names`` leads from a standard field to what the tenant calls it;
    ``stale`` keeps, by row, running totals as they were at the row's own last change."""

    def __init__(self, api_name: str, label: str, *, custom: bool = False) -> None:
        self.api_name = api_name
        self.label = label
        self.custom = custom
        self.active = True
        self.fields: dict[str, Field] = {}
        self.names: dict[str, str] = {}
        self.stale: dict[str, Row] = {}
        self._table = Table("_id", (MODIFIED,))
        self._pending: Callable[[], Iterable[Row]] | None = None

    @property
    def table(self) -> Table:
        if self._pending is not None:
            rows, self._pending = self._pending, None
            self._table.load(rows())
        return self._table

    def fill(self, rows: Callable[[], Iterable[Row]]) -> None:
        """Have ``rows`` loaded when the object is first looked at: few clients look at all of them."""
        self._pending = rows

    def add(self, new: Field) -> None:
        self.fields[new.api_name] = new
        if new.unique:
            self._table.make_unique(new.api_name)

    def here(self, name: str) -> str:
        """What the tenant calls the standard field ``name``."""
        return self.names.get(name, name)

    def described(self) -> dict[str, Any]:
        return {
            "api_name": self.api_name,
            "display_name": self.label,
            "define_type": "custom" if self.custom else "package",
            "is_active": self.active,
            "fields": {name: one.described() for name, one in self.fields.items()},
        }

"""Fields and modules of a Zoho org, and how the vendor names and describes them.

Invariant: an api name is unique within its module and never changes; the name of a custom field is
made from its label by the vendor (vendor manual: Create Custom Fields), not chosen by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.table import Table

CREATED, MODIFIED = "Created_Time", "Modified_Time"
LOCKED = "Locked__s"

JSON_TYPES = {
    "text": "string",
    "textarea": "string",
    "email": "string",
    "phone": "string",
    "website": "string",
    "autonumber": "string",
    "picklist": "string",
    "boolean": "boolean",
    "integer": "integer",
    "bigint": "string",
    "currency": "double",
    "double": "double",
    "percent": "double",
    "date": "string",
    "datetime": "string",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
}
"""Types that have a ``json_type``; a tenant also holds fields of other types, which come without one."""

LOOKUPS = ("lookup", "ownerlookup")
NUMBERS = ("integer", "bigint", "currency", "double", "percent")
TEXTS = ("text", "textarea", "email", "phone", "website", "autonumber", "picklist")
USERS = "users"
ANY_MODULE, SE_MODULE = "se_module", "$se_module"
"""Target of a lookup whose module is named by ``$se_module`` beside it; rows keep it there."""


@dataclass
class Field:
    """One field. ``target`` is the module a lookup points to; ``options`` are the picklist's values;
    ``decimals`` is the number of places kept; ``unique`` refuses a second holder of a value."""

    api_name: str
    label: str
    data_type: str
    id: str = ""
    length: int | None = None
    decimals: int | None = None
    mandatory: bool = False
    read_only: bool = False
    custom: bool = False
    unique: bool = False
    target: str = ""
    options: tuple[str, ...] = ()

    def described(self) -> dict[str, Any]:
        """The field as ``GET /settings/fields`` shows it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "api_name": self.api_name,
            "field_label": self.label,
            "display_label": self.label,
            "data_type": self.data_type,
            "system_mandatory": self.mandatory,
            "custom_field": self.custom,
            "read_only": self.read_only,
            "field_read_only": self.read_only,
            "visible": True,
            "unique": {"casesensitive": False} if self.unique else {},
            "pick_list_values": [
                {"display_value": option, "actual_value": option, "sequence_number": i, "type": "used"}
                for i, option in enumerate(self.options, start=1)
            ],
            "lookup": {"module": {"api_name": self.target}} if self.data_type == "lookup" else {},
            "decimal_place": self.decimals,
            "operation_type": {
                "web_view": True,
                "web_create": not self.read_only,
                "web_update": not self.read_only,
                "api_create": not self.read_only,
                "api_update": not self.read_only,
            },
        }
        if self.data_type in JSON_TYPES:
            shown["json_type"] = JSON_TYPES[self.data_type]
            shown["length"] = self.length
        return shown


@dataclass
class Module:
    """One module with its rows; ``name_field`` is what a lookup to it shows."""

    api_name: str
    singular: str
    plural: str
    name_field: str
    id: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    table: Table = field(default_factory=lambda: Table("id", (CREATED, MODIFIED)))
    deleted: list[dict[str, Any]] = field(default_factory=list)

    def add(self, new: Field) -> None:
        self.fields[new.api_name] = new
        if new.unique:
            self.table.make_unique(new.api_name)

    def labelled(self, label: str) -> Field | None:
        wanted = label.casefold()
        return next((f for f in self.fields.values() if f.label.casefold() == wanted), None)

    def described(self) -> dict[str, Any]:
        """The module as ``GET /settings/modules`` shows it."""
        return {
            "id": self.id,
            "api_name": self.api_name,
            "module_name": self.api_name,
            "singular_label": self.singular,
            "plural_label": self.plural,
            "generated_type": "default",
            "status": "visible",
            "visible": True,
            "api_supported": True,
            "creatable": True,
            "editable": True,
            "deletable": True,
            "viewable": True,
        }


def target_of(field: Field, row: Mapping[str, Any]) -> str:
    """The module that a lookup of this row points to."""
    return str(row.get(SE_MODULE, "")) if field.target == ANY_MODULE else field.target


def generated_name(label: str, module: Module) -> str:
    """The api name that the vendor makes from a label: blanks to ``_``, other signs dropped, a number
    on a clash; ``field71`` and the like where no Latin sign is left."""
    base = re.sub(r"[^A-Za-z0-9_]", "", re.sub(r"\s+", "_", label.strip())).strip("_")
    taken = {name.casefold() for name in module.fields}
    if not re.search(r"[A-Za-z]", base):
        base, number = "field", 1
    else:
        number = 0
        if base[0].isdigit():
            base = f"field_{base}"
    while (name := f"{base}{number or ''}").casefold() in taken:
        number += 1
    return name

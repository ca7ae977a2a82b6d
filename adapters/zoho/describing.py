"""What an org of Zoho CRM looks like, for ``mapping suggest`` and ``mapping set``.

Invariant: only metadata is read (Zoho CRM API v8: modules, fields). A token that may not list modules
still has their fields described.
"""

from __future__ import annotations

from adapters.zoho.client import Client, Refused
from adapters.zoho.fields import Fields, VendorField
from adapters.zoho.lists import USERS
from connector.adapter import FieldInfo, ObjectInfo
from connector.errors import Halt

# Zoho's data types → our words; others say nothing that we could use.
_TYPES = {
    "text": "text",
    "email": "text",
    "phone": "text",
    "website": "text",
    "autonumber": "text",
    "textarea": "long_text",
    "currency": "money",
    "double": "number",
    "decimal": "number",
    "percent": "number",
    "integer": "integer",
    "bigint": "integer",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "picklist": "option",
    "multiselectpicklist": "option",
    "lookup": "reference",
    "ownerlookup": "owner",
}
# The users of an org are no module; their fields are the same everywhere (Zoho CRM API v8: users).
_OF_USERS = ("full_name", "first_name", "last_name", "email", "status", "role", "profile")
_LOOKUPS = frozenset({"lookup", "ownerlookup"})


class Descriptions:
    """See the methods of the port."""

    def __init__(self, client: Client, fields: Fields) -> None:
        self._client = client
        self._fields = fields

    def objects(self) -> list[ObjectInfo]:
        """The org's modules; none where the token may not list them."""
        try:
            body = self._client.call(
                "GET", "settings/modules", scope="ZohoCRM.settings.modules.READ", about="modules"
            )
        except Halt:
            return []
        return [
            ObjectInfo(
                api_name=str(row["api_name"]),
                label=str(row.get("plural_label") or row.get("singular_label") or ""),
                active=row.get("api_supported") is not False,
                custom=row.get("generated_type") == "custom",
            )
            for row in (body or {}).get("modules") or []
            if row.get("api_name")
        ]

    def fields_of(self, object_name: str) -> list[FieldInfo]:
        """The fields of a module, asked for anew; none when it is not to be seen."""
        if object_name == USERS:
            return [FieldInfo(name, name.replace("_", " "), "text", name) for name in _OF_USERS]
        try:
            return [_info(one) for one in self._fields.of(object_name, fresh=True).values()]
        except Refused:
            return []


def _info(field: VendorField) -> FieldInfo:
    """A lookup is read by the id in it; a pick list carries its labels as values."""
    return FieldInfo(
        api_name=field.api_name,
        label=field.label,
        type=_TYPES.get(field.data_type, ""),
        path=f"{field.api_name}.id" if field.data_type in _LOOKUPS else field.api_name,
        labels=field.options,
        target=field.target,
        custom=field.custom,
        computed=field.data_type in ("formula", "autonumber"),
    )

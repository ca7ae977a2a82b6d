"""What an admin does in the console: make objects and fields, rename them, switch them off.

Invariant: the vendor's interface can do none of this. A definition that changes moves no row's
last_modified_time; rows follow a field's new name and an option's new value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.fxiaoke.fields import Field, Object, opaque, options_of
from sandbox.fxiaoke.objects import CUSTOMER, common_fields
from sandbox.fxiaoke.tenant import Tenant

_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "max_length": 256},
    "long_text": {"type": "long_text", "max_length": 2000},
    "money": {"type": "currency"},
    "number": {"type": "number"},
    "integer": {"type": "number", "decimals": 0},
    "boolean": {"type": "true_or_false"},
    "date": {"type": "date"},
    "datetime": {"type": "date_time"},
    "option": {"type": "select_one"},
    "options": {"type": "select_many"},
    "owner": {"type": "employee"},
    "reference": {"type": "object_reference", "target": CUSTOMER},
}
"""What an admin picks in the console, by the words of the side door."""

_COMMON = frozenset(field.api_name for field in common_fields())


def create_fields(tenant: Tenant, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make ``fields`` on ``object``, which is made too if it is not there; ``ValueError`` if wrong."""
    for wanted in (*(body.get("objects") or ()), body.get("object")):
        _object_by_hand(tenant, wanted)
    kind = tenant.objects[body["object"]]
    return {"fields": [_field_by_hand(kind, wanted) for wanted in body.get("fields", [])]}


def _object_by_hand(tenant: Tenant, wanted: Any) -> None:
    """Make a custom object if it is not there: an api name, or a mapping with a label too."""
    described = wanted if isinstance(wanted, dict) else {"api_name": wanted}
    api_name = described.get("api_name") or described.get("object")
    if api_name in tenant.objects:
        return
    if not isinstance(api_name, str) or not api_name.endswith("__c"):
        raise ValueError(f"a custom object's name ends in __c, not {api_name!r}")
    made = tenant.objects[api_name] = Object(api_name, described.get("label") or api_name, custom=True)
    for one in common_fields():
        made.add(one)


def _field_by_hand(kind: Object, wanted: Mapping[str, Any]) -> dict[str, Any]:
    settings, label = _TYPES.get(wanted.get("type", "")), wanted.get("label")
    if settings is None or not isinstance(label, str) or not label:
        raise ValueError(f"a field needs a label and a type of {', '.join(_TYPES)}")
    # Whoever chooses no name is given one that means nothing.
    api_name = wanted.get("api_name") or f"field_{opaque(kind.api_name, label)[:5]}__c"
    there = kind.fields.get(api_name)
    if there is None:
        if not isinstance(api_name, str) or not api_name.endswith("__c"):
            raise ValueError(f"a custom field's name ends in __c, not {api_name!r}")
        kind.add(_custom_field(kind, api_name, wanted, settings))
    elif there.type != settings["type"]:
        raise ValueError(f"{kind.api_name} has a field {api_name} of type {there.type}")
    return {"name": wanted.get("name"), "api_name": api_name}


def _custom_field(
    kind: Object, api_name: str, wanted: Mapping[str, Any], settings: Mapping[str, Any]
) -> Field:
    labels = [label for _, label in wanted.get("options") or ()]
    return Field(
        api_name,
        wanted["label"],
        custom=True,
        unique=bool(wanted.get("unique")),
        options=options_of(kind.api_name, api_name, labels),
        **settings,
    )


def vary(tenant: Tenant, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make the tenant's objects differ: ``{object: {label, active, fields: {field: {…}}}}``.

    A field takes ``api_name``, ``label``, ``active``, ``labels`` (new label by old one) and ``options``
    (value by label; the options of other labels go). ``ValueError`` for what is not there.
    """
    for name, wanted in body.items():
        kind = tenant.objects.get(name)
        if kind is None or not isinstance(wanted, Mapping):
            raise ValueError(f"there is no object {name}")
        kind.label = wanted.get("label", kind.label)
        kind.active = bool(wanted.get("active", kind.active))
        for field_name, changes in (wanted.get("fields") or {}).items():
            field = kind.fields.get(kind.here(field_name))
            if field is None:
                raise ValueError(f"{name} has no field {field_name}")
            _vary_field(kind, field, changes)
    return {"objects": {name: tenant.objects[name].described() for name in body}}


def _vary_field(kind: Object, field: Field, changes: Mapping[str, Any]) -> None:
    field.label = changes.get("label", field.label)
    field.active = bool(changes.get("active", field.active))
    renamed = changes.get("labels") or {}
    field.options = {value: renamed.get(label, label) for value, label in field.options.items()}
    if "options" in changes:
        _revalue(kind, field, changes["options"])
    if "api_name" in changes:
        _rename(kind, field, changes["api_name"])


def _revalue(kind: Object, field: Field, values: Mapping[str, str]) -> None:
    """Options with other values, or fewer of them: rows that had one which is gone keep its value."""
    new = {old: values[label] for old, label in field.options.items() if label in values}
    field.options = {value: label for label, value in values.items()}
    for row in kind.table:
        if row.get(field.api_name) in new:
            row[field.api_name] = new[row[field.api_name]]


def _rename(kind: Object, field: Field, to: Any) -> None:
    old = field.api_name
    if old in _COMMON or not isinstance(to, str) or not to or to in kind.fields:
        raise ValueError(f"{kind.api_name}.{old} cannot be called {to!r}")
    standard = next((name for name, here in kind.names.items() if here == old), old)
    kind.names[standard] = to
    for row in kind.table:
        if old in row:
            row[to] = row.pop(old)
    kind.stale.clear()
    del kind.fields[old]
    field.api_name = to
    kind.add(field)
    if field.unique:
        kind.table.make_unique(to)

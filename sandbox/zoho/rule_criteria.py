"""Criteria of rules (record locks, validation): those of bulk read with errors in the words of settings.

Invariant: criteria are checked as a whole when they are given, against the fields of the module, and
never fail when they are asked about a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.zoho.answers import Item, Refused, error, invalid
from sandbox.zoho.conditions import Predicate
from sandbox.zoho.criteria import conditions
from sandbox.zoho.fields import Field, Module
from sandbox.zoho.tenant import Tenant


class BadCriteria(Exception):
    """Criteria that the vendor refuses; ``item`` is its error."""

    def __init__(self, item: Item) -> None:
        super().__init__(item["code"])
        self.item = item


def predicate(tenant: Tenant, module: Module, given: Any, path: str) -> Predicate:
    """Whether a row meets the criteria, whose place in the request is ``path``; ``BadCriteria``."""
    return conditions(tenant, module, _checked(tenant, module, given, path)).holds


def field_names(given: Mapping[str, Any], module: Module) -> list[str]:
    """Api names of the fields that checked criteria ask about, in order."""
    if "group" in given:
        return [name for part in given["group"] for name in field_names(part, module)]
    field = _field(module, given["field"])
    return [field.api_name] if field else []


def _checked(tenant: Tenant, module: Module, given: Any, path: str) -> dict[str, Any]:
    """The criteria with every field named by its api name."""
    if not isinstance(given, dict):
        where = {"api_name": "criteria", "json_path": path}
        raise BadCriteria(invalid({"expected_data_type": "jsonobject", **where}))
    if isinstance(given.get("group"), list):
        parts = [
            _checked(tenant, module, part, f"{path}.group[{i}]") for i, part in enumerate(given["group"])
        ]
        whole = {**given, "group": parts}
        _try(tenant, module, whole, path)
        return whole
    for name in ("field", "comparator"):
        if given.get(name) is None:
            raise BadCriteria(error("MANDATORY_NOT_FOUND", "required field not found", _where(name, path)))
    field = _field(module, given["field"])
    if field is None:
        raise BadCriteria(invalid(_where("api_name", f"{path}.field"), "field not found"))
    whole = {**given, "field": {"api_name": field.api_name}}
    _try(tenant, module, whole, path)
    return whole


def _try(tenant: Tenant, module: Module, criteria: Mapping[str, Any], path: str) -> None:
    try:
        conditions(tenant, module, criteria)
    except Refused as refused:
        code = refused.body["code"]
        if code == "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE":
            where = _where("api_name", f"{path}.field")
            raise BadCriteria(error("NOT_SUPPORTED", "field not supported", where)) from None
        if "LIMIT_EXCEEDED" in code:
            raise BadCriteria(error("LIMIT_EXCEEDED", "limit exceeded", _where("group", path))) from None
        word = "comparator" if "COMPARATOR_IN_CRITERIA" in code else "value"
        word = "group_operator" if code == "GROUP_OPERATOR_NOT_SUPPORTED" else word
        raise BadCriteria(invalid(_where(word, path))) from None


def _field(module: Module, given: Any) -> Field | None:
    """The field named by ``api_name`` or by ``id``."""
    if not isinstance(given, dict):
        return None
    if given.get("api_name") is not None:
        return module.fields.get(given["api_name"])
    return next((f for f in module.fields.values() if f.id == str(given.get("id"))), None)


def _where(name: str, path: str) -> dict[str, Any]:
    return {"api_name": name, "json_path": f"{path}.{name}"}

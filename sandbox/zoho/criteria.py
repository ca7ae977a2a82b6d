"""Criteria as settings hold them, in JSON: ``{"comparator", "field", "value"}`` and groups of these
(vendor manual: Record Locking Configuration, Bulk Read).

Invariant: criteria are checked as a whole when they are given, against the fields of the module, and
never fail when they are asked about a row. They mean what the same conditions mean in COQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.zoho.answers import Item, Refused, error, invalid
from sandbox.zoho.conditions import Conditions, Predicate
from sandbox.zoho.coql import Condition, Literal, Pair
from sandbox.zoho.fields import Field, Module
from sandbox.zoho.tenant import Tenant

COMPARATORS = {
    "equal": "=",
    "not_equal": "!=",
    "greater_than": ">",
    "greater_equal": ">=",
    "less_than": "<",
    "less_equal": "<=",
    "in": "in",
    "not_in": "not in",
    "between": "between",
    "not_between": "not between",
    "contains": "like",
    "not_contains": "not like",
    "starts_with": "like",
    "ends_with": "like",
}
_LISTS = ("in", "not_in", "between", "not_between")
_PATTERNS = {"contains": "%{}%", "not_contains": "%{}%", "starts_with": "{}%", "ends_with": "%{}"}
EMPTY = "${EMPTY}"
MAX_GROUP = 25


class BadCriteria(Exception):
    """Criteria that the vendor refuses; ``item`` is its error."""

    def __init__(self, item: Item) -> None:
        super().__init__(item["code"])
        self.item = item


def predicate(tenant: Tenant, module: Module, given: Any, path: str) -> Predicate:
    """Whether a row meets the criteria; ``BadCriteria`` when they do not fit the module."""
    return Conditions(tenant, module, _checked(tenant, module, given, path)).holds


def field_names(given: Mapping[str, Any], module: Module) -> list[str]:
    """Api names of the fields that checked criteria ask about, in order."""
    if "group" in given:
        return [name for part in given["group"] for name in field_names(part, module)]
    field = _field(module, given["field"])
    return [field.api_name] if field else []


def _checked(tenant: Tenant, module: Module, given: Any, path: str) -> Condition | Pair:
    if not isinstance(given, dict):
        raise BadCriteria(invalid({"expected_data_type": "jsonobject", **_where("criteria", path, "")}))
    if "group" in given:
        return _group(tenant, module, given, path)
    return _condition(tenant, module, given, path)


def _group(tenant: Tenant, module: Module, given: Mapping[str, Any], path: str) -> Condition | Pair:
    operator, group = str(given.get("group_operator")).lower(), given["group"]
    if operator not in ("and", "or"):
        supported = {"supported_values": ["and", "or"]}
        raise BadCriteria(invalid({**_where("group_operator", path), **supported}))
    if not isinstance(group, list) or not group:
        raise BadCriteria(invalid({"expected_data_type": "jsonarray", **_where("group", path)}))
    if len(group) > MAX_GROUP:
        raise BadCriteria(
            error("LIMIT_EXCEEDED", "limit exceeded", {"limit": MAX_GROUP, **_where("group", path)})
        )
    parts = [_checked(tenant, module, part, f"{path}.group[{i}]") for i, part in enumerate(group)]
    whole = parts[0]
    for part in parts[1:]:
        whole = Pair(operator, whole, part)
    return whole


def _condition(tenant: Tenant, module: Module, given: Mapping[str, Any], path: str) -> Condition:
    for name in ("field", "comparator"):
        if given.get(name) is None:
            raise BadCriteria(error("MANDATORY_NOT_FOUND", "required field not found", _where(name, path)))
    field = _field(module, given["field"])
    if field is None:
        raise BadCriteria(invalid(_where("api_name", f"{path}.field"), "field not found"))
    comparator = given["comparator"]
    if comparator not in COMPARATORS:
        supported = {"supported_values": list(COMPARATORS)}
        raise BadCriteria(invalid({**_where("comparator", path), **supported}))
    condition = Condition((field.api_name,), *_compared(comparator, given.get("value")))
    try:
        Conditions(tenant, module, condition)
    except Refused as refused:
        if refused.body["details"].get("reason"):  # the operator does not stand with the type
            where = _where("api_name", f"{path}.field")
            raise BadCriteria(error("NOT_SUPPORTED", "field not supported", where)) from None
        raise BadCriteria(invalid(_where("value", path))) from None
    return condition


def _compared(comparator: str, value: Any) -> tuple[str, tuple[Literal, ...]]:
    """Operator and values of COQL."""
    if value in (None, EMPTY):
        return ("is not null" if comparator == "not_equal" else "is null"), ()
    values = value if comparator in _LISTS and isinstance(value, list) else [value]
    pattern = _PATTERNS.get(comparator, "{}")
    return COMPARATORS[comparator], tuple(_literal(one, pattern) for one in values)


def _literal(value: Any, pattern: str) -> Literal:
    if isinstance(value, bool):
        return Literal("word", "true" if value else "false")
    if isinstance(value, dict):  # a lookup
        return Literal("number", str(value.get("id", "")))
    if isinstance(value, (int, Decimal)):
        return Literal("number", format(value, "f") if isinstance(value, Decimal) else str(value))
    return Literal("string", pattern.format(value))


def _field(module: Module, given: Any) -> Field | None:
    """The field named by ``api_name`` or by ``id``."""
    if not isinstance(given, dict):
        return None
    if given.get("api_name") is not None:
        return module.fields.get(given["api_name"])
    return next((f for f in module.fields.values() if f.id == str(given.get("id"))), None)


def _where(name: str, path: str, last: str | None = None) -> dict[str, Any]:
    end = f".{name}" if last is None else last
    return {"api_name": name, "json_path": f"{path}{end}"}

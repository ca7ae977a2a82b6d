"""Criteria of a bulk read: a tree of groups and conditions → a condition of COQL, which runs it.

Invariant: criteria that the vendor would refuse are refused before a job exists, in upper-case words
(vendor manual: Create Bulk Read Job); no row is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from sandbox.zoho.answers import Refused, refuse
from sandbox.zoho.conditions import Conditions
from sandbox.zoho.coql import Condition, Literal, Pair
from sandbox.zoho.fields import Module
from sandbox.zoho.tenant import Tenant

MAX_CRITERIA, MAX_VALUES = 25, 200
EMPTY = "${EMPTY}"
"""The vendor's word for no value; goes with equal and not_equal."""

_OPERATORS = {
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
_PATTERNS = {"contains": "%{}%", "not_contains": "%{}%", "starts_with": "{}%", "ends_with": "%{}"}
_SEVERAL = ("in", "not_in")
_TWO = ("between", "not_between")


def conditions(tenant: Tenant, module: Module, criteria: Any) -> Conditions:
    """The criteria, ready to run on rows of ``module``. ``Refused`` in the words of bulk read."""
    tree = _Reader().tree(criteria)
    try:
        return Conditions(tenant, module, tree)
    except Refused as refused:
        raise _reworded(refused.body["message"], refused.body["details"]) from None


def _reworded(message: str, details: Mapping[str, Any]) -> Refused:
    name = str(details.get("column_name"))
    if "reason" in details:
        code, text = (
            "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE",
            "field and comparator do not go together",
        )
    elif "value" in details:
        code, text = "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", "field and value do not go together"
    else:
        code, text = "FIELD_IN_CRITERIA_NOT_AVAILABLE", message
    return refuse(400, code, text, api_name=name)


class _Reader:
    def __init__(self) -> None:
        self._count = 0

    def tree(self, node: Any) -> Condition | Pair:
        if not isinstance(node, dict):
            raise _invalid(node)
        if "group" not in node and "group_operator" not in node:
            return self._condition(node)
        operator = str(node.get("group_operator", "")).lower()
        if operator not in ("and", "or"):
            raise refuse(
                400, "GROUP_OPERATOR_NOT_SUPPORTED", "group operator not supported", supported=["and", "or"]
            )
        group = node.get("group")
        if not isinstance(group, list) or not group:
            raise _invalid(node)
        if "field" in node or "comparator" in node:
            raise refuse(400, "AMBIGUOUS_CRITERIA", "a group and a condition in one", **node)
        parts = [self.tree(part) for part in group]
        return reduce(lambda left, right: Pair(operator, left, right), parts)

    def _condition(self, node: Mapping[str, Any]) -> Condition:
        self._count += 1
        if self._count > MAX_CRITERIA:
            raise refuse(400, "CRITERIA_LIMIT_EXCEEDED", "criteria limit exceeded", max_limit=MAX_CRITERIA)
        field = node.get("field")
        name = field.get("api_name") if isinstance(field, dict) else None
        comparator, value = node.get("comparator"), node.get("value")
        if not isinstance(name, str) or not name or "value" not in node:
            raise _invalid(node)
        if comparator not in _OPERATORS:
            raise refuse(
                400,
                "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED",
                "comparator not supported",
                api_name=name,
                supported=list(_OPERATORS),
            )
        path = tuple(name.split("."))
        if value == EMPTY:
            if comparator not in ("equal", "not_equal"):
                raise _misfit(name, comparator, value)
            return Condition(path, "is null" if comparator == "equal" else "is not null")
        return Condition(path, _OPERATORS[comparator], _literals(name, comparator, value))


def _literals(name: str, comparator: str, value: Any) -> tuple[Literal, ...]:
    several = comparator in (*_SEVERAL, *_TWO)
    if several is not isinstance(value, list):
        raise _misfit(name, comparator, value)
    values = value if several else [value]
    if not values or (comparator in _TWO and len(values) != 2):
        raise _misfit(name, comparator, value)
    if len(values) > MAX_VALUES:
        raise refuse(
            400,
            "VALUE_LIMIT_EXCEEDED_IN_CRITERIA",
            "values in criteria exceed the limit",
            max_limit=MAX_VALUES,
        )
    return tuple(_literal(name, comparator, one) for one in values)


def _literal(name: str, comparator: str, value: Any) -> Literal:
    if isinstance(value, bool):
        return Literal("word", str(value).lower())
    if isinstance(value, str):
        return Literal("string", _PATTERNS.get(comparator, "{}").format(value))
    if value is None or isinstance(value, (dict, list)):
        raise _misfit(name, comparator, value)
    return Literal("number", format(value, "f") if not isinstance(value, int) else str(value))


def _misfit(name: str, comparator: Any, value: Any) -> Refused:
    return refuse(
        400,
        "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        "comparator and value do not go together",
        api_name=name,
        comparator=comparator,
        value=value,
    )


def _invalid(node: Any) -> Refused:
    details = {key: node[key] for key in ("field", "comparator", "value") if key in node} if node else {}
    return Refused(
        400,
        {
            "code": "INVALID_CRITERIA",
            "details": details,
            "message": "invalid criteria found",
            "status": "error",
        },
    )

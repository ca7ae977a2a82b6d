"""Conditions of a COQL query: checked against the fields, then run on rows.

Invariant: a condition that the vendor would refuse (unknown column, an operator or a value that does
not fit the type, a multi-line text) is refused before any row is read; empty values meet no condition
but ``is null``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.table import EVERYTHING, Bounds, Row
from sandbox.zoho.answers import Refused, refuse
from sandbox.zoho.coql import Condition, Literal, Pair
from sandbox.zoho.fields import LOOKUPS, NUMBERS, TEXTS, Field, Module
from sandbox.zoho.moments import is_date, parsed_stamp
from sandbox.zoho.reading import Column
from sandbox.zoho.tenant import Tenant

Predicate = Callable[[Row], bool]

_EQUAL = ("=", "!=", "in", "not in")
_EMPTY = ("is null", "is not null")
_LIKE = ("like", "not like")
_ORDERED = ("<", "<=", ">", ">=", "between", "not between")
_ID_LENGTH = 18


def column(tenant: Tenant, module: Module, path: tuple[str, ...]) -> Column:
    """The column, or ``Refused``: INVALID_QUERY for a name that is not there."""
    try:
        return Column(tenant, module, path)
    except KeyError:
        raise _refused("column given seems to be invalid", column_name=".".join(path)) from None


class Conditions:
    """``holds`` is the whole WHERE clause; ``ids`` and ``times`` bound what can meet it."""

    def __init__(self, tenant: Tenant, module: Module, where: Condition | Pair) -> None:
        self._tenant = tenant
        self._module = module
        self.ids: Bounds = EVERYTHING
        self.times: dict[str, Bounds] = {}
        self.holds = self._compiled(where, bounding=True)

    def _compiled(self, where: Condition | Pair, *, bounding: bool) -> Predicate:
        if isinstance(where, Condition):
            return self._condition(where, bounding=bounding)
        bounding = bounding and where.joined_by == "and"
        left = self._compiled(where.left, bounding=bounding)
        right = self._compiled(where.right, bounding=bounding)
        if where.joined_by == "and":
            return lambda row: left(row) and right(row)
        return lambda row: left(row) or right(row)

    def _condition(self, condition: Condition, *, bounding: bool) -> Predicate:
        found = column(self._tenant, self._module, condition.path)
        if condition.operator not in _operators(found.field):
            raise _refused(
                "Invalid query formed",
                reason="invalid operator found",
                column_name=condition.column,
                operator=condition.operator,
            )
        values = [_value(found.field, literal, condition) for literal in condition.values]
        if bounding and len(condition.path) == 1:
            self._bound(found, condition.operator, values)
        return _predicate(found, condition.operator, values)

    def _bound(self, found: Column, operator: str, values: list[Any]) -> None:
        steps = {"between": ((">=", 0), ("<=", 1))}.get(operator, ((operator, 0),))
        for step, i in steps:
            if step not in ("=", "<", "<=", ">", ">="):
                continue
            if found.name == "id":
                self.ids = self.ids.narrowed(step, values[i])
            elif self._module.table.has_time(found.name):
                bounds = self.times.get(found.name, EVERYTHING)
                self.times[found.name] = bounds.narrowed(step, values[i])


def _operators(field: Field) -> tuple[str, ...]:
    if field.data_type == "textarea" or field.data_type not in (*TEXTS, *NUMBERS, *LOOKUPS, *_OTHERS):
        return ()  # multi-line texts and oddities do not stand in criteria
    if field.data_type == "boolean":
        return ("=", "!=", *_EMPTY)
    if field.data_type in LOOKUPS:
        return (*_EQUAL, *_EMPTY)
    if field.data_type in TEXTS:
        return (*_EQUAL, *_EMPTY, *_LIKE)
    return (*_EQUAL, *_EMPTY, *_ORDERED)


_OTHERS = ("boolean", "date", "datetime")


def _value(field: Field, literal: Literal, condition: Condition) -> Any:
    """What the field compares with, or ``Refused`` when the literal is of another type."""
    kind = field.data_type
    value: Any = None
    if kind in LOOKUPS or kind == "bigint":
        value = _id(literal.text) if literal.text.isdigit() else None
    elif kind in NUMBERS:
        value = Decimal(literal.text) if re.fullmatch(r"-?\d+(\.\d+)?", literal.text) else None
    elif kind == "boolean":
        value = {"true": True, "false": False}.get(literal.text.lower())
    elif kind == "date":
        value = literal.text if is_date(literal.text) else None
    elif kind == "datetime":
        value = parsed_stamp(literal.text)
    elif literal.kind == "string":
        value = literal.text.casefold()
    if value is None:
        raise _refused(
            "value given seems to be invalid for the column",
            column_name=condition.column,
            operator=condition.operator,
            value=literal.text,
        )
    return value


def _id(digits: str) -> str:
    """Ids compare as numbers: pad what is shorter, put what is longer after all of them."""
    digits = digits.lstrip("0")
    return digits.zfill(_ID_LENGTH) if len(digits) <= _ID_LENGTH else "~"


def _predicate(found: Column, operator: str, values: list[Any]) -> Predicate:
    read = found.compared
    if operator == "is null":
        return lambda row: read(row) is None
    if operator == "is not null":
        return lambda row: read(row) is not None
    if operator == "in":
        wanted = set(values)
        return lambda row: read(row) in wanted
    if operator == "not in":
        unwanted = {*values, None}
        return lambda row: read(row) not in unwanted
    if operator in _LIKE:
        return _like(read, values[0], negated=operator == "not like")
    low = values[0]
    if operator == "=":
        return lambda row: read(row) == low
    if operator == "!=":
        return lambda row: (value := read(row)) is not None and value != low
    if operator == "<":
        return lambda row: (value := read(row)) is not None and value < low
    if operator == "<=":
        return lambda row: (value := read(row)) is not None and value <= low
    if operator == ">":
        return lambda row: (value := read(row)) is not None and value > low
    if operator == ">=":
        return lambda row: (value := read(row)) is not None and value >= low
    high, inside = values[1], operator == "between"
    return lambda row: (value := read(row)) is not None and (low <= value <= high) is inside


def _like(read: Callable[[Row], Any], pattern: str, *, negated: bool) -> Predicate:
    """``%`` stands for any text: starts with, ends with, contains."""
    wanted = ".*".join(re.escape(part) for part in pattern.split("%"))
    matches = re.compile(wanted, re.DOTALL).fullmatch
    return lambda row: (value := read(row)) is not None and bool(matches(value)) is not negated


def _refused(message: str, **details: Any) -> Refused:
    return refuse(400, "INVALID_QUERY", message, **details)

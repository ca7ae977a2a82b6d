"""Filters of a query: checked against the fields, then run on rows (vendor manual: query data).

Invariant: filters are joined by AND only; a filter with an unknown field or operator, or with values
of the wrong number or type, is a parameter error before any row is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.fxiaoke.answers import wrong
from sandbox.fxiaoke.calls import Caller, employees_in
from sandbox.fxiaoke.fields import MODIFIED, MOMENTS, Field, Object
from sandbox.fxiaoke.tenant import Tenant, is_decimal
from sandbox.table import EVERYTHING, Bounds, Row

Predicate = Callable[[Row], bool]

_ONE_VALUE = ("EQ", "N", "GT", "GTE", "LT", "LTE", "LIKE", "NLIKE", "STARTWITH", "ENDWITH")
_MANY_VALUES = ("IN", "NIN", "HASANYOF", "NHASANYOF", "CONTAINS")
_TWO_VALUES = ("BETWEEN", "NBETWEEN")
_NO_VALUE = ("IS", "ISN")
_SIGNS = {"EQ": "=", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}


class Filters:
    """``holds`` is true for rows that meet all filters; ``ids`` and ``times`` bound what can."""

    def __init__(self, tenant: Tenant, who: Caller, kind: Object, given: Any) -> None:
        self._tenant = tenant
        self._who = who
        self._kind = kind
        self.ids: Bounds = EVERYTHING
        self.times: dict[str, Bounds] = {}
        if not isinstance(given, list):
            raise wrong("filters must be a list")
        self._predicates = [self._compiled(one) for one in given]

    def holds(self, row: Row) -> bool:
        return all(predicate(row) for predicate in self._predicates)

    def _compiled(self, given: Any) -> Predicate:
        if not isinstance(given, Mapping) or "field_name" not in given:
            raise wrong("a filter needs field_name, operator and field_values")
        name, operator, values = given["field_name"], given.get("operator"), given.get("field_values")
        field = self._kind.fields.get(name)
        if field is None:
            raise wrong(f"field {name} does not exist")
        if operator in _NO_VALUE:
            return (lambda row: name not in row) if operator == "IS" else (lambda row: name in row)
        if not isinstance(values, list):
            raise wrong(f"field_values of {name} must be a list")
        wanted = 1 if operator in _ONE_VALUE else 2 if operator in _TWO_VALUES else len(values)
        if operator not in (*_ONE_VALUE, *_MANY_VALUES, *_TWO_VALUES):
            raise wrong(f"operator {operator} is not supported")
        if len(values) != wanted or not values:
            raise wrong(f"operator {operator} takes another number of field_values")
        compared = [self._compared(field, value) for value in values]
        self._bound(name, operator, compared)
        return _predicate(field, operator, compared)

    def _compared(self, field: Field, value: Any) -> Any:
        """A value in the form in which it is compared with the field."""
        if field.type == "employee":
            plain = employees_in(self._tenant, self._who, [str(value)])
            return plain[0] if plain else str(value)
        if field.type == "true_or_false":
            return str(value).lower() == "true"
        if field.type in MOMENTS or is_decimal(field):
            try:
                number = Decimal(str(value))
                return int(number) if field.type in MOMENTS else number
            except (InvalidOperation, ValueError):
                raise wrong(f"{value!r} is no value for {field.api_name}") from None
        return str(value)

    def _bound(self, name: str, operator: str, values: list[Any]) -> None:
        steps = [(">=", values[0]), ("<=", values[-1])] if operator == "BETWEEN" else []
        if operator in _SIGNS:
            steps = [(_SIGNS[operator], values[0])]
        for sign, value in steps:
            if name == "_id":
                self.ids = self.ids.narrowed(sign, value)
            elif name == MODIFIED:
                self.times[name] = self.times.get(name, EVERYTHING).narrowed(sign, value)


def _predicate(field: Field, operator: str, values: list[Any]) -> Predicate:
    name = field.api_name
    if is_decimal(field):
        return _over(lambda row: Decimal(row[name]) if name in row else None, operator, values)
    if field.type == "employee":
        return _over_list(name, operator, values)
    return _over(lambda row: row.get(name), operator, values)


def _over_list(name: str, operator: str, values: list[Any]) -> Predicate:
    """Employees are lists: any of them counts."""
    wanted = set(values)
    if operator in ("EQ", "IN", "HASANYOF", "CONTAINS"):
        return lambda row: not wanted.isdisjoint(row.get(name, ()))
    if operator in ("N", "NIN", "NHASANYOF"):
        return lambda row: wanted.isdisjoint(row.get(name, ()))
    raise wrong(f"operator {operator} does not fit {name}")


def _over(read: Callable[[Row], Any], operator: str, values: list[Any]) -> Predicate:
    first, last = values[0], values[-1]
    if operator == "EQ":
        return lambda row: read(row) == first
    if operator == "N":  # empty values are not equal either
        return lambda row: read(row) != first
    if operator in ("IN", "HASANYOF", "CONTAINS"):
        return lambda row: read(row) in values
    if operator in ("NIN", "NHASANYOF"):
        return lambda row: read(row) not in values
    tests: dict[str, Callable[[Any], bool]] = {
        "GT": lambda value: value > first,
        "GTE": lambda value: value >= first,
        "LT": lambda value: value < first,
        "LTE": lambda value: value <= first,
        "BETWEEN": lambda value: first <= value <= last,
        "NBETWEEN": lambda value: not first <= value <= last,
        "LIKE": lambda value: str(first) in str(value),
        "NLIKE": lambda value: str(first) not in str(value),
        "STARTWITH": lambda value: str(value).startswith(str(first)),
        "ENDWITH": lambda value: str(value).endswith(str(first)),
    }
    test = tests[operator]
    return lambda row: (value := read(row)) is not None and test(value)

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
from sandbox.fxiaoke.fields import MODIFIED, Field, Object
from sandbox.fxiaoke.tenant import Tenant
from sandbox.table import EVERYTHING, Bounds, Row

Predicate = Callable[[Row], bool]

_ONE_VALUE = ("EQ", "N", "GT", "GTE", "LT", "LTE", "LIKE", "NLIKE", "STARTWITH", "ENDWITH")
_MANY_VALUES = ("IN", "NIN", "HASANYOF", "NHASANYOF", "CONTAINS")
_TWO_VALUES = ("BETWEEN", "NBETWEEN")
_NO_VALUE = ("IS", "ISN")
_KEYS = {"field_name", "operator", "field_values"}
_LISTS = ("employee", "select_many")
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
            raise wrong("filters必须是列表")
        self._predicates = [self._compiled(one) for one in given]

    def holds(self, row: Row) -> bool:
        return all(predicate(row) for predicate in self._predicates)

    def _compiled(self, given: Any) -> Predicate:
        if not isinstance(given, Mapping) or not {"field_name", "operator"} <= set(given):
            raise wrong("filters中缺少field_name、operator或field_values")
        if not set(given) <= _KEYS:  # a connector, too: filters are ANDed
            raise wrong(f"filters中不支持{'、'.join(sorted(set(given) - _KEYS))}")
        name, operator, values = given["field_name"], given["operator"], given.get("field_values")
        field = self._kind.fields.get(name)
        if field is None or not field.active:
            raise wrong(f"字段{name}不存在")
        if not isinstance(values, list):
            raise wrong(f"{name}的field_values必须是列表")
        if operator in _NO_VALUE:  # what its list holds is not settled: anything will do
            return (lambda row: name not in row) if operator == "IS" else (lambda row: name in row)
        wanted = 1 if operator in _ONE_VALUE else 2 if operator in _TWO_VALUES else len(values)
        if operator not in (*_ONE_VALUE, *_MANY_VALUES, *_TWO_VALUES):
            raise wrong(f"不支持操作符{operator}")
        if len(values) != wanted or not values:
            raise wrong(f"操作符{operator}的field_values个数不正确")
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
        if field.is_moment:
            self._checked_time(field, value)
        if field.is_moment or field.is_decimal:
            try:
                number = Decimal(str(value))
                return int(number) if field.is_moment else number
            except (InvalidOperation, ValueError):
                raise wrong(f"{field.api_name}的值{value!r}不合法") from None
        return str(value)

    def _checked_time(self, field: Field, value: Any) -> None:
        wanted = {"text": str, "number": int}.get(self._tenant.traits.time_filters)
        if wanted is not None and not isinstance(value, wanted):
            raise wrong(f"{field.api_name}的值{value!r}类型不正确")

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
    if field.is_decimal:
        return _over(lambda row: Decimal(row[name]) if name in row else None, operator, values)
    if field.type in _LISTS:
        return _over_list(name, operator, values)
    return _over(lambda row: row.get(name), operator, values)


def _over_list(name: str, operator: str, values: list[Any]) -> Predicate:
    """Employees and multiple choices are lists: any of them counts."""
    wanted = set(values)
    if operator in ("EQ", "IN", "HASANYOF", "CONTAINS"):
        return lambda row: not wanted.isdisjoint(row.get(name, ()))
    if operator in ("N", "NIN", "NHASANYOF"):
        return lambda row: wanted.isdisjoint(row.get(name, ()))
    raise wrong(f"操作符{operator}不适用于{name}")


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

"""Conditions of validation rules: the vendor's formulas, as far as rules need them (public rule files).

Invariant: strict. ``$field$`` and, through a lookup, ``$lookup__r.field$`` are read from the row; of an
option field ``._value`` is the value, without it the label. A field that is empty equals nothing but
``null`` and is neither above nor below anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.fxiaoke.fields import OPTIONS, Object
from sandbox.table import Row

Read = Callable[[Object, Row], Any]
_TOKEN = re.compile(
    r"\s*(?:(?P<field>\$[\w.]+\$)|(?P<text>'[^']*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>true|false|null)\b|(?P<sign>\|\||&&|==|!=|>=|<=|[<>()!]))"
)
_WORDS = {"true": True, "false": False, "null": None}
_ORDERED: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
}


class Formula:
    """A compiled condition; ``ValueError`` when it cannot be compiled for the object ``kind``."""

    def __init__(self, text: str, kind: Object, objects: Mapping[str, Object]) -> None:
        self.text = text
        self._objects = objects
        self._kind = kind
        self._tokens = _tokens(text)
        self._read = self._either()
        if self._tokens:
            raise ValueError(f"the condition does not end where it should: {self._tokens[0][1]}")

    def holds(self, row: Row) -> bool:
        """Whether ``row`` violates the rule."""
        return self._read(self._kind, row) is True

    def _either(self) -> Read:
        parts = [self._both()]
        while self._takes("||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda k, r: any(part(k, r) is True for part in parts)

    def _both(self) -> Read:
        parts = [self._compared()]
        while self._takes("&&"):
            parts.append(self._compared())
        return parts[0] if len(parts) == 1 else lambda k, r: all(part(k, r) is True for part in parts)

    def _compared(self) -> Read:
        if self._takes("!"):
            inner = self._compared()
            return lambda k, r: inner(k, r) is not True
        one = self._operand()
        for sign in ("==", "!=", *_ORDERED):
            if self._takes(sign):
                other = self._operand()
                return _comparison(sign, one, other)
        return one

    def _operand(self) -> Read:
        if self._takes("("):
            inner = self._either()
            if not self._takes(")"):
                raise ValueError("the condition lacks a )")
            return inner
        if not self._tokens:
            raise ValueError("the condition ends too early")
        form, text = self._tokens.pop(0)
        if form == "field":
            return self._field(text.strip("$"))
        if form == "sign":
            raise ValueError(f"the condition has a {text} where a value should stand")
        value: Any = _WORDS[text] if form == "word" else Decimal(text) if form == "number" else text[1:-1]
        return lambda k, r: value

    def _field(self, path: str) -> Read:
        named, _, tail = path.partition("._value")
        lookup, _, name = named.rpartition("__r.")
        kind = self._kind
        if lookup:
            through = kind.fields.get(lookup)
            found = self._objects.get(through.target) if through else None
            if found is None:
                raise ValueError(f"there is no field {path}")
            kind = found
        if tail or name not in kind.fields:
            raise ValueError(f"there is no field {path}")
        field, by_value = kind.fields[name], path.endswith("._value")
        if by_value and field.type not in OPTIONS:
            raise ValueError(f"{path} is no option field")

        def read(_: Object, row: Row) -> Any:
            there = (kind.table.get(row.get(lookup)) or {}) if lookup else row
            value = there.get(name)
            if field.type in OPTIONS and not by_value:
                return field.options.get(value) if value is not None else None
            return Decimal(str(value)) if field.is_decimal and value not in (None, "") else value

        return read

    def _takes(self, sign: str) -> bool:
        if self._tokens and self._tokens[0] == ("sign", sign):
            self._tokens.pop(0)
            return True
        return False


def _comparison(sign: str, one: Read, other: Read) -> Read:
    if sign == "==":
        return lambda k, r: one(k, r) == other(k, r)
    if sign == "!=":
        return lambda k, r: one(k, r) != other(k, r)
    ordered = _ORDERED[sign]

    def compared(kind: Object, row: Row) -> bool:
        left, right = one(kind, row), other(kind, row)
        return left is not None and right is not None and ordered(Decimal(str(left)), Decimal(str(right)))

    return compared


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while text[place:].strip():
        hit = _TOKEN.match(text, place)
        if hit is None or hit.lastgroup is None:
            raise ValueError(f"the condition cannot be read at {text[place:].strip()[:20]!r}")
        found.append((hit.lastgroup, hit.group(hit.lastgroup)))
        place = hit.end()
    return found

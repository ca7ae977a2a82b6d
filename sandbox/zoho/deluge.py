"""Running a function as the vendor does: the small part of Deluge that ``deluge_text`` reads.

Invariant: a function touches the outside only through what it is given (records, calls, the user). An error
while it runs can be caught by the function; a thing that is not known cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.zoho.deluge_text import Function, NotDeluge

# url, method, body text or None, headers, connection's link name → status, text. Raises Failed.
Invoke = Callable[[str, str, str | None, Mapping[str, str], str], tuple[int, str]]


class Failed(Exception):
    """An error while a function runs, such as a socket time-out or a call on null."""


@dataclass(frozen=True)
class Surroundings:
    """What a function can reach: ``record`` (module, id) → the record or an error map, ``invoke``, and the
    e-mail address of the user who set it off."""

    record: Callable[[str, str], Mapping[str, Any]]
    invoke: Invoke
    user: str


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def run(function: Function, given: Mapping[str, str], around: Surroundings) -> Any:
    """What the function returns. ``Failed`` when it ends with an error of its own, ``NotDeluge`` when it is
    called with other arguments than it has or does what is not known."""
    if set(given) != set(function.arguments):
        raise NotDeluge(f"{function.name} takes {', '.join(function.arguments)}")
    try:
        _Run(dict(given), around).block(function.body)
    except _Return as returned:
        value = returned.value
    else:
        value = None
    wanted: dict[str, type] = {"string": str, "map": dict, "void": type(None)}
    if not isinstance(value, wanted[function.returns]):
        raise Failed(f"{function.name} returns no {function.returns}")
    return value


class _Run:
    def __init__(self, names: dict[str, Any], around: Surroundings) -> None:
        self._names = names
        self._around = around

    def block(self, body: tuple[Any, ...]) -> None:
        for statement in body:
            getattr(self, f"_{statement[0]}")(*statement[1:])

    # -- statements

    def _set(self, name: str, value: Any) -> None:
        self._names[name] = self._value(value)

    def _do(self, call: Any) -> None:
        self._value(call)

    def _if(self, when: Any, then: tuple[Any, ...], rest: tuple[Any, ...]) -> None:
        self.block(then if self._truth(when) else rest)

    def _try(self, tried: tuple[Any, ...], name: str, caught: tuple[Any, ...]) -> None:
        try:
            self.block(tried)
        except Failed as fault:
            self._names[name] = str(fault)
            self.block(caught)

    def _return(self, value: Any) -> None:
        raise _Return(None if value is None else self._value(value))

    # -- expressions

    def _value(self, node: Any) -> Any:
        kind, *parts = node
        if kind == "value":
            return parts[0]
        if kind == "list":
            return [self._value(one) for one in parts[0]]
        if kind == "name":
            return self._named(parts[0])
        if kind == "not":
            return not self._truth(parts[0])
        if kind == "op":
            return self._operation(*parts)
        if kind == "call":
            return self._call(parts[0], [self._value(one) for one in parts[1]])
        if kind == "invoke":
            return self._invoke(dict(parts[0]))
        return _method(self._value(parts[0]), parts[1], [self._value(one) for one in parts[2]])

    def _named(self, name: str) -> Any:
        if name == "zoho.loginuserid":
            return self._around.user
        if name not in self._names:
            raise NotDeluge(f"the variable {name} was never set")
        return self._names[name]

    def _truth(self, node: Any) -> bool:
        value = self._value(node)
        if not isinstance(value, bool):
            raise NotDeluge("a condition must be true or false")
        return value

    def _operation(self, sign: str, left: Any, right: Any) -> Any:
        if sign == "&&":
            return self._truth(left) and self._truth(right)
        if sign == "||":
            return self._truth(left) or self._truth(right)
        one, other = self._value(left), self._value(right)
        if sign in ("==", "!="):
            return (one == other) is (sign == "==")
        if sign == "+" and isinstance(one, str) and isinstance(other, str):
            return one + other
        if sign in ("<=", ">=", "<", ">") and _is_number(one) and _is_number(other):
            return {"<=": one <= other, ">=": one >= other, "<": one < other, ">": one > other}[sign]
        raise Failed(f"{sign} does not go with {type(one).__name__} and {type(other).__name__}")

    def _call(self, name: str, given: list[Any]) -> Any:
        if name == "Map" and not given:
            return {}
        if name == "zoho.crm.getRecordById" and len(given) == 2:
            return dict(self._around.record(str(given[0]), str(given[1])))
        raise NotDeluge(f"{name} is not called so")

    def _invoke(self, given: dict[str, Any]) -> Any:
        method = given.pop("type", None)
        values = {name: self._value(node) for name, node in given.items()}
        if method not in ("GET", "POST") or values.get("detailed") is not True or "connection" not in values:
            raise NotDeluge("invokeurl needs type GET or POST, a connection, and detailed: true")
        body = values.get("parameters")
        if body is not None and not isinstance(body, str):
            raise NotDeluge("parameters must be a text here")
        status, text = self._around.invoke(
            values["url"], method, body, values.get("headers") or {}, values["connection"]
        )
        return {"responseCode": status, "responseText": text}


def _method(value: Any, name: str, given: list[Any]) -> Any:
    if value is None:
        raise Failed(f"{name} was called on null")
    found = _METHODS.get((_kind(value), name))
    if found is None:
        raise Failed(f"a {_kind(value)} has no {name}")
    return found(value, *given)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if _is_number(value):
        return "number"
    kinds: dict[type, str] = {str: "text", dict: "map", list: "list"}
    return kinds[type(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _number(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise Failed(f"{value!r} is no number") from None


def _to_map(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_float=Decimal)
    except ValueError:
        raise Failed("the text is no map") from None
    if not isinstance(found, dict):
        raise Failed("the text is no map")
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise NotDeluge(f"{type(value).__name__} cannot be written")


def _put(value: dict[str, Any], key: str, item: Any) -> None:
    value[key] = item


_METHODS: dict[tuple[str, str], Callable[..., Any]] = {
    ("text", "toMap"): _to_map,
    ("text", "toString"): _text,
    ("text", "toNumber"): _number,
    ("text", "toDecimal"): _number,
    ("text", "startsWith"): str.startswith,
    ("text", "endsWith"): str.endswith,
    ("text", "contains"): str.__contains__,
    ("number", "toNumber"): _number,
    ("number", "toDecimal"): _number,
    ("number", "toString"): _text,
    ("map", "get"): dict.get,
    ("map", "put"): _put,
    ("map", "toString"): _text,
    ("list", "contains"): list.__contains__,
}

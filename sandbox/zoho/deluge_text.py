"""Reading Deluge, the vendor's language of functions (manual: Deluge, Language Overview): the small part of
it that plugins use.

Invariant: what is not known here is an error that names the line: nothing is skipped or guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CATEGORIES = ("standalone", "automation", "button", "validation_rule")
TYPES = ("string", "map", "void")
METHODS = frozenset("toMap toString toNumber toDecimal startsWith endsWith contains get put".split())
CALLS = frozenset({"Map", "zoho.crm.getRecordById"})
NAMES = frozenset({"zoho.loginuserid"})
INVOKE = frozenset({"url", "type", "parameters", "headers", "connection", "detailed"})
_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)|(?P<text>\"[^\"\\\n]*\")|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>==|!=|<=|>=|&&|\|\||[-+<>=!(){}\[\];:,.])"
)
_ORDER = (("||",), ("&&",), ("==", "!="), ("<=", ">=", "<", ">"), ("+",))


class NotDeluge(Exception):
    """The text has something that this reading of the manual does not know."""


@dataclass(frozen=True)
class Function:
    """A function as it was pasted: what it returns, where it may be used, its arguments and its body."""

    returns: str
    category: str
    name: str
    arguments: tuple[str, ...]
    body: tuple[Any, ...]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def parse(text: str) -> Function:
    """The one function of a file; ``NotDeluge`` with the line."""
    return _Parser(list(_tokens(text))).function()


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotDeluge(f"line {line}: {text[at : at + 12]!r} is not known")
        if found.lastgroup != "space":
            yield _Token(str(found.lastgroup), found.group(), line)
        line += found.group().count("\n")
        at = found.end()
    yield _Token("end", "", line)


class _Parser:
    """Statements are tuples: set, do, if, try, return. Expressions: value, name, list, call, method, invoke,
    not, op."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def function(self) -> Function:
        returns = self._one_of("name", TYPES)
        category = self._one_of("name", CATEGORIES)
        self._sign(".")
        name = self._take("name").text
        self._sign("(")
        arguments: list[str] = []
        while not self._is(")"):
            if arguments:
                self._sign(",")
            self._one_of("name", ("String",))
            arguments.append(self._take("name").text)
        self._sign(")")
        body = self._block()
        self._take("end")
        return Function(returns, category, name, tuple(arguments), body)

    # -- statements

    def _block(self) -> tuple[Any, ...]:
        self._sign("{")
        body: list[Any] = []
        while not self._is("}"):
            body.append(self._statement())
        self._sign("}")
        return tuple(body)

    def _statement(self) -> Any:
        token = self._tokens[self._at]
        if token.text == "if":
            return self._if()
        if token.text == "try":
            self._at += 1
            tried = self._block()
            self._word("catch")
            self._sign("(")
            name = self._take("name").text
            self._sign(")")
            return "try", tried, name, self._block()
        if token.text == "return":
            self._at += 1
            value = None if self._is(";") else self._expression()
            self._sign(";")
            return "return", value
        if token.kind == "name" and self._tokens[self._at + 1].text == "=":
            self._at += 2
            found: Any = ("set", token.text, self._expression())
        else:
            found = ("do", self._expression())
            if found[1][0] != "method":
                self._fail(token, "a call that does something is expected")
        self._sign(";")
        return found

    def _if(self) -> Any:
        self._word("if")
        self._sign("(")
        when = self._expression()
        self._sign(")")
        then = self._block()
        rest: tuple[Any, ...] = ()
        if self._is("else"):
            self._at += 1
            rest = (self._if(),) if self._is("if") else self._block()
        return "if", when, then, rest

    # -- expressions

    def _expression(self, level: int = 0) -> Any:
        if level == len(_ORDER):
            return self._unary()
        left = self._expression(level + 1)
        while self._tokens[self._at].kind == "sign" and self._tokens[self._at].text in _ORDER[level]:
            sign = self._take("sign").text
            left = ("op", sign, left, self._expression(level + 1))
        return left

    def _unary(self) -> Any:
        if self._is("!"):
            self._at += 1
            return "not", self._unary()
        found = self._primary()
        while self._is("."):
            self._at += 1
            name = self._take("name")
            if name.text not in METHODS:
                self._fail(name, f"the method {name.text} is not known")
            found = ("method", found, name.text, self._arguments())
        return found

    def _primary(self) -> Any:
        token = self._tokens[self._at]
        if token.kind in ("text", "number"):
            self._at += 1
            return "value", token.text[1:-1] if token.kind == "text" else int(token.text)
        if token.text in ("true", "false", "null"):
            self._at += 1
            return "value", {"true": True, "false": False, "null": None}[token.text]
        if token.text == "(":
            self._at += 1
            inside = self._expression()
            self._sign(")")
            return inside
        if token.text == "{":
            return self._list()
        if token.text == "invokeurl":
            return self._invoke()
        name = self._dotted()
        if name in CALLS:
            return "call", name, self._arguments()
        if name in NAMES or "." not in name:
            return "name", name
        whole = f"{name}.{self._next().text}" if self._is(".") else name
        return self._fail(token, f"{whole} is not known")

    def _dotted(self) -> str:
        """A name; of dotted ones only the vendor's own."""
        name = self._take("name").text
        known = CALLS | NAMES
        while self._is(".") and any(one.startswith(f"{name}.{self._next().text}") for one in known):
            self._at += 1
            name = f"{name}.{self._take('name').text}"
        return name

    def _list(self) -> Any:
        self._sign("{")
        found: list[Any] = []
        while not self._is("}"):
            if found:
                self._sign(",")
            found.append(self._expression())
        self._sign("}")
        return "list", tuple(found)

    def _invoke(self) -> Any:
        self._word("invokeurl")
        self._sign("[")
        given: dict[str, Any] = {}
        while not self._is("]"):
            name = self._take("name")
            if name.text not in INVOKE or name.text in given:
                self._fail(name, f"invokeurl has no {name.text}, or has it already")
            self._sign(":")
            given[name.text] = self._take("name").text if name.text == "type" else self._expression()
        self._sign("]")
        return "invoke", tuple(given.items())

    def _arguments(self) -> tuple[Any, ...]:
        self._sign("(")
        found: list[Any] = []
        while not self._is(")"):
            if found:
                self._sign(",")
            found.append(self._expression())
        self._sign(")")
        return tuple(found)

    # -- tokens

    def _next(self) -> _Token:
        return self._tokens[self._at + 1]

    def _is(self, text: str) -> bool:
        token = self._tokens[self._at]
        return token.kind != "text" and token.text == text

    def _take(self, kind: str) -> _Token:
        token = self._tokens[self._at]
        if token.kind != kind:
            self._fail(token, f"a {kind} is expected")
        self._at += 1
        return token

    def _one_of(self, kind: str, known: tuple[str, ...]) -> str:
        token = self._take(kind)
        if token.text not in known:
            self._fail(token, f"one of {', '.join(known)} is expected")
        return token.text

    def _word(self, text: str) -> None:
        self._one_of("name", (text,))

    def _sign(self, text: str) -> None:
        self._one_of("sign", (text,))

    def _fail(self, token: _Token, why: str) -> Any:
        raise NotDeluge(f"line {token.line}: {token.text!r}: {why}")

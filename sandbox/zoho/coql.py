"""COQL: text of a query → what it asks for (vendor manual: Query API).

Invariant: a query either parses as a whole or is refused in the vendor's words; conditions are joined
in pairs, so that more than two need brackets: ``((A and B) and C)``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.zoho.answers import Refused, refuse

AGGREGATES = ("COUNT", "SUM", "MIN", "MAX", "AVG")
MAX_COLUMNS, MAX_CRITERIA, MAX_IN, MAX_ORDER, MAX_GROUP, MAX_AGGREGATES = 50, 25, 50, 10, 4, 5
MAX_JOINS = 5
MAX_LIMIT, MAX_OFFSET, DEFAULT_LIMIT = 2_000, 100_000, 200

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>\$?[A-Za-z_][\w.$]*)"
    r"|(?P<sign><=|>=|!=|<>|[=<>(),*]))"
)
_KEYWORDS = frozenset(
    "select from where and or not in like between is null order by asc desc limit offset group as".split()
)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The keyword that this is, else nothing."""
        lower = self.text.lower()
        return lower if self.kind == "word" and lower in _KEYWORDS else ""


@dataclass(frozen=True)
class Literal:
    """A value as written: ``kind`` is string, number or word (true, false)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Condition:
    """``operator``: = != > >= < <= like, in, between, is null, and the last four with ``not``."""

    path: tuple[str, ...]
    operator: str
    values: tuple[Literal, ...] = ()

    @property
    def column(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Pair:
    """``left`` and/or ``right``."""

    joined_by: str
    left: Condition | Pair
    right: Condition | Pair


@dataclass(frozen=True)
class Selected:
    """A column of the answer; ``aggregate`` is upper case; ``key`` is its name in the answer."""

    path: tuple[str, ...]
    key: str
    aggregate: str = ""


@dataclass
class Query:
    selected: list[Selected]
    module: str
    where: Condition | Pair
    group_by: list[tuple[str, ...]] = field(default_factory=list)
    order_by: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)
    """Path and whether descending."""
    limit: int = DEFAULT_LIMIT
    offset: int = 0


def parse(text: str) -> Query:
    """The query, or ``Refused`` with SYNTAX_ERROR, INVALID_QUERY, LIMIT_EXCEEDED, …"""
    return _Parser(_tokens(text)).query()


def limit_exceeded(**details: Any) -> Refused:
    return refuse(400, "LIMIT_EXCEEDED", "limit exceeded", **details)


def syntax_error(message: str, **details: Any) -> Refused:
    return refuse(400, "SYNTAX_ERROR", message, **details)


def _tokens(text: str) -> list[Token]:
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise syntax_error("unexpected token", line=1, column=at + 1, near=text[at : at + 20].strip())
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._criteria = 0
        self._joins: set[str] = set()

    # -- tokens

    @property
    def _next(self) -> Token:
        if self._at < len(self._tokens):
            return self._tokens[self._at]
        return Token("end", "", 0)

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _took(self, *words: str) -> bool:
        """Take these keywords or signs if they come next."""
        ahead = self._tokens[self._at : self._at + len(words)]
        if [token.word or token.text for token in ahead] != list(words):
            return False
        self._at += len(words)
        return True

    def _unexpected(self) -> Refused:
        token = self._next
        if token.kind == "end":
            near = self._tokens[-1].text if self._tokens else ""
            return syntax_error("error occured while parsing the query", near=near)
        return syntax_error("unexpected token", line=1, column=token.at + 1, near=token.text)

    def _must(self, *words: str) -> None:
        if not self._took(*words):
            raise self._unexpected()

    def _path(self) -> tuple[str, ...]:
        if self._next.kind != "word" or self._next.word:
            raise self._unexpected()
        path = tuple(self._take().text.split("."))
        if path[1:] not in ((), ("id",)):  # the id of a lookup stands in the row itself
            self._joins.add(path[0])
        return path

    # -- clauses

    def query(self) -> Query:
        if not self._took("select"):
            raise syntax_error("given coql query not supported")
        selected = self._selected()
        if not self._took("from"):
            raise self._unexpected() if self._next.kind != "end" else _missing("from")
        module = ".".join(self._path())
        if not self._took("where"):
            raise _missing("where")
        query = Query(selected, module, self._group())
        if self._took("group", "by"):
            query.group_by = self._listed(self._path, "group by", MAX_GROUP)
        if self._took("order", "by"):
            query.order_by = self._listed(self._ordered, "order by", MAX_ORDER)
            _no_twins([path for path, _ in query.order_by], "duplicate order by column")
        self._page(query)
        if self._next.kind != "end":
            raise self._unexpected()
        if len(self._joins) > MAX_JOINS:
            raise limit_exceeded(limit=MAX_JOINS, clause="join")
        return query

    def _listed(self, item: Any, clause: str, most: int) -> list[Any]:
        found = [item()]
        while self._took(","):
            found.append(item())
        if len(found) > most:
            raise limit_exceeded(limit=most, clause=clause)
        return found

    def _selected(self) -> list[Selected]:
        columns = self._listed(self._column, "select", MAX_COLUMNS)
        aggregates = [column for column in columns if column.aggregate]
        if len(aggregates) > MAX_AGGREGATES:
            raise limit_exceeded(limit=MAX_AGGREGATES, clause="select")
        _no_twins([(c.aggregate, *c.path) for c in columns], "duplicate select column")
        for i, column in enumerate(columns):
            twins = [".".join(other.path) for other in columns[: i + 1] if other.key == column.key]
            if len(twins) > 1:
                message = "same alias cannot refer more than one column"
                raise refuse(400, "DUPLICATE_ALIAS", message, alias=column.key, referred_columns=twins)
        return columns

    def _column(self) -> Selected:
        if self._next.kind == "string":  # '$se_module' is written in quotes
            name = _unquoted(self._take().text)
            return Selected((name,), name)
        path = self._path()
        aggregate, key = "", ".".join(path)
        if self._took("("):
            aggregate = key.upper()
            if aggregate not in AGGREGATES:
                raise refuse(
                    400, "INVALID_DATA", "invalid data", reason="unsupported aggregate function", column=key
                )
            path = self._path()
            self._must(")")
            key = f"{aggregate}({'.'.join(path)})"
        if self._took("as"):
            key = _unquoted(self._take().text)
            if not key:
                raise refuse(
                    400,
                    "INVALID_ALIAS",
                    "alias name cannot be an empty string",
                    column_name=".".join(path),
                    alias="",
                )
        return Selected(path, key, aggregate)

    def _ordered(self) -> tuple[tuple[str, ...], bool]:
        path = self._path()
        if self._took("desc"):
            return path, True
        self._took("asc")
        return path, False

    def _page(self, query: Query) -> None:
        if self._took("limit"):
            first = self._whole("limit")
            if self._took(","):
                query.offset, query.limit = first, self._whole("limit")
            else:
                query.limit = first
        if self._took("offset"):
            query.offset = self._whole("offset")
        if query.limit <= 0:
            raise refuse(400, "INVALID_DATA", "limit should be greater than 0")
        if query.limit > MAX_LIMIT:
            raise limit_exceeded(limit=MAX_LIMIT)
        if query.offset + query.limit > MAX_OFFSET:
            raise limit_exceeded(limit=MAX_OFFSET, offset=query.offset)

    def _whole(self, what: str) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.lstrip("-").isdigit():
            raise refuse(400, "INVALID_QUERY", f"{what} given seems to be invalid", **{what: token.text})
        return int(token.text)

    # -- conditions

    def _group(self) -> Condition | Pair:
        """One operand or two; a third one needs brackets."""
        left = self._operand()
        joined_by = self._next.word
        if joined_by not in ("and", "or"):
            return left
        self._take()
        return Pair(joined_by, left, self._operand())

    def _operand(self) -> Condition | Pair:
        if self._took("("):
            inside = self._group()
            self._must(")")
            return inside
        return self._condition()

    def _condition(self) -> Condition:
        path = self._path()
        self._criteria += 1
        if self._criteria > MAX_CRITERIA:
            raise limit_exceeded(limit=MAX_CRITERIA, clause="where")
        if self._took("is"):
            negated = self._took("not")
            self._must("null")
            return Condition(path, "is not null" if negated else "is null")
        if self._next.kind == "sign" and self._next.text in ("=", "!=", "<>", "<", "<=", ">", ">="):
            sign = self._take().text
            return Condition(path, "!=" if sign == "<>" else sign, (self._literal(),))
        prefix = "not " if self._took("not") else ""
        if self._took("like"):
            return Condition(path, f"{prefix}like", (self._literal(),))
        if self._took("in"):
            return Condition(path, f"{prefix}in", self._several())
        if self._took("between"):
            low = self._literal()
            self._must("and")
            return Condition(path, f"{prefix}between", (low, self._literal()))
        if prefix:
            raise syntax_error("operator not supported", operator="not")
        raise self._unexpected()

    def _several(self) -> tuple[Literal, ...]:
        self._must("(")
        values = [self._literal()]
        while self._took(","):
            values.append(self._literal())
        self._must(")")
        if len(values) > MAX_IN:
            raise limit_exceeded(limit=MAX_IN, operator="in")
        return tuple(values)

    def _literal(self) -> Literal:
        token = self._next
        if token.kind == "string":
            self._take()
            return Literal("string", _unquoted(token.text))
        if token.kind == "number" or token.text.lower() in ("true", "false"):
            self._take()
            return Literal(token.kind, token.text.lower())
        raise self._unexpected()


def _missing(clause: str) -> Refused:
    return syntax_error("missing clause", clause=clause)


def _no_twins(paths: Sequence[tuple[str, ...]], message: str) -> None:
    for i, path in enumerate(paths):
        if path in paths[:i]:
            raise refuse(400, "DUPLICATE_DATA", message, column_name=".".join(filter(None, path)))


def _unquoted(text: str) -> str:
    if text.startswith("'"):
        return re.sub(r"\\(.)|''", lambda match: match.group(1) or "'", text[1:-1])
    return text

"""Reading rows: one compiled reader a stream, from the vendor's row to our record.

Invariant: a row either gives a record or raises ``Reject`` with field, value and way out; a value is
never guessed and never quietly dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from connector.adapter import Row
from connector.errors import Reject
from connector.mapping.cells import MONEY_FIELDS, Dates, coercion, text
from connector.model import RECORD_TYPES, Record, Stream
from connector.money import is_currency

MISSING = object()
MOST_KNOWN = 8192


@dataclass(frozen=True)
class ReadField:
    """Where one canonical field comes from. ``values`` translates; ``fallback`` is its ``else``;
    ``negative`` are the texts by column that make an amount one in the customer's favour; of an amount
    with ``magnitude`` the source's own sign means nothing."""

    name: str
    path: tuple[str, ...]
    optional: bool = False
    default: Any = MISSING
    values: Mapping[str, Any] | None = None
    fallback: Any = MISSING
    negative: Mapping[str, frozenset[str]] = field(default_factory=dict)
    magnitude: bool = False

    @cached_property
    def key(self) -> str:
        """The path as the mapping writes it."""
        return ".".join(self.path)

    @cached_property
    def plain(self) -> bool:
        """Whether the value is taken as it is: neither translated nor replaced when it is missing."""
        return self.values is None and self.default is MISSING

    def raw(self, data: Mapping[str, Any]) -> Any:
        """The raw value, or ``None`` when the row has none; dots reach into mappings and lists."""
        value = data.get(self.key)
        if value is not None or len(self.path) == 1:
            return value
        node: Any = data
        for step in self.path:
            if isinstance(node, Mapping):
                node = node.get(step)
            elif isinstance(node, Sequence) and not isinstance(node, str) and step.isdigit():
                node = node[int(step)] if int(step) < len(node) else None
            else:
                return None
        return node


class _Known(dict[Any, Any]):
    """What texts mean, found once each as long as there are not too many of them."""

    def __init__(self, meaning: Callable[[Any], Any]) -> None:
        super().__init__()
        self._meaning = meaning

    def __missing__(self, text: Any) -> Any:
        found = self._meaning(text)
        if len(self) < MOST_KNOWN:
            self[text] = found
        return found


class Reader:
    """Turns rows of one stream into records."""

    def __init__(
        self,
        stream: Stream,
        object_name: str,
        fields: Sequence[ReadField],
        dates: Dates,
        where: Mapping[str, frozenset[str]] | None = None,
        *,
        optional: bool = False,
    ) -> None:
        self.stream = stream
        # Not every tenant has the object; ours is there once something was written to it.
        self.optional = optional or stream is Stream.VISITS
        self._where = tuple((where or {}).items())
        self._dates = dates
        self.fields = tuple(fields)
        self.object = object_name
        self._type = RECORD_TYPES[stream]
        self._id = next((f for f in fields if f.name == "id"), None)
        self._id_key = self._id.key if self._id else ""
        # The currency comes first: amounts cannot be read without it.
        rest = [f for f in fields if f.name not in ("id", "currency")]
        self._currency = next((f for f in fields if f.name == "currency"), None)
        self._fields = [(f, f.name, _getter(f), coercion(self._type, f.name, dates)) for f in rest]
        self.vendor_fields: tuple[str, ...] = tuple(dict.fromkeys(".".join(f.path) for f in fields))
        self.required_fields: tuple[str, ...] = tuple(
            ".".join(f.path) for f in fields if not f.optional and f.default is MISSING
        )
        # Without these no row can be read at all.
        needed = {name for name, info in self._type.model_fields.items() if info.is_required()}
        self.needed_fields: tuple[str, ...] = tuple(
            f.key for f in fields if f.name in needed and f.default is MISSING
        )
        # Rows without a value here are none of ours.
        self.having = next((f.key for f in fields if f.name == "key"), "")

    def renamed(self, rename: Callable[[str, tuple[str, ...]], tuple[str, ...]]) -> Reader:
        """The same reader with other paths: ``rename`` is asked for each of our fields."""
        fields = [replace(one, path=rename(one.name, one.path)) for one in self.fields]
        return Reader(
            self.stream, self.object, fields, self._dates, dict(self._where), optional=self.optional
        )

    @property
    def takes_all(self) -> bool:
        """Whether every row is one of this stream."""
        return not self._where

    def takes(self, data: Mapping[str, Any]) -> bool:
        """Whether a row of a file that holds several kinds of document is one of this stream."""
        if not self._where:
            return True
        return all(str(data.get(column) or "").strip() in texts for column, texts in self._where)

    def file_id(self, data: Mapping[str, Any]) -> str | None:
        """The id of a row from a file, whose mapping names the column."""
        value = data.get(self._id_key) if self._id_key else None
        if type(value) is str:  # nearly always, and twice a row
            return value.strip() or None
        value = self._id.raw(data) if self._id else None
        return str(value).strip() or None if value is not None else None

    def read(self, row: Row) -> Record:
        """The record of ``row``; raises ``Reject`` naming the canonical field and the value."""
        values = self._values(row)
        try:
            return self._type(**values)
        except ValidationError as fault:
            raise self._misfit(fault, values) from None

    def flat(self, external_id: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """What ``read`` would give, as the plain values of all fields but ``modified_at``, in the model's
        order: for files with millions of documents. Every value has the type of its field already; what
        must not be missing is looked at here. Whatever does not fit raises as in ``read``."""
        whole = self._template.copy()
        whole["external_id"] = external_id
        try:
            for name, key in self._texts:
                if value := data.get(key):
                    whole[name] = value.strip()
            for name, key, known in self._plan:
                whole[name] = known[data.get(key)]
            currency = whole["currency"]
            for spec, name, get, coerce in self._amounts:
                value = get(data)
                if not spec.plain:
                    value = self._meaning(spec, value)
                if value is None or value == "":
                    continue
                whole[name] = coerce(value, currency)
                if spec.negative or spec.magnitude:
                    whole[name] = _signed(spec, whole[name], data)
            if "open" in whole:
                whole["paid"] = whole["amount"] - whole.pop("open")
            for name in self._needed:
                if whole[name] is None:
                    raise ValueError(name)
        except (Reject, ValueError, TypeError, ArithmeticError):
            # The long way says what is wrong.
            whole = dict(self.read(Row(external_id, None, data)).__dict__)
            del whole["modified_at"]
        return whole

    @cached_property
    def _amounts(self) -> list[Any]:
        return [one for one in self._fields if one[0].name in MONEY_FIELDS]

    @cached_property
    def _texts(self) -> list[tuple[str, str]]:
        return [(name, spec.key) for spec, name, _, coerce in self._fields if spec.plain and coerce is text]

    @cached_property
    def _plan(self) -> list[tuple[str, str, _Known]]:
        """All fields but amounts and plain texts: what a cell means depends on nothing but the cell, and few
        differ."""

        def meaning(spec: ReadField, coerce: Callable[[Any, str], Any]) -> Callable[[Any], Any]:
            def found(value: Any) -> Any:
                value = self._meaning(spec, value)
                default = self._template[spec.name]
                return default if value is None or value == "" else coerce(value, "")

            return found

        plan = [
            (name, spec.key, _Known(meaning(spec, coerce)))
            for spec, name, _, coerce in self._fields
            if name not in MONEY_FIELDS and not (spec.plain and coerce is text)
        ]
        if self._currency is not None:
            money = self._currency

            def currency(value: Any) -> Any:
                return self._read_currency(Row("", None, {money.key: value})) or None

            plan.append(("currency", money.key, _Known(currency)))
        return plan

    @cached_property
    def _template(self) -> dict[str, Any]:
        return {
            name: None if info.is_required() else info.default
            for name, info in self._type.model_fields.items()
            if name != "modified_at"
        }

    @cached_property
    def _needed(self) -> tuple[str, ...]:
        return tuple(name for name, info in self._type.model_fields.items() if info.is_required())

    def _values(self, row: Row) -> dict[str, Any]:
        data = row.data
        values: dict[str, Any] = {
            "external_id": row.external_id,
            "modified_at": row.modified_at,
        }
        currency = ""
        if self._currency is not None:
            currency = self._read_currency(row)
            values["currency"] = currency or None
        # One pass a row, a million rows a day: what can be settled when the mapping is compiled, is.
        for spec, name, get, coerce in self._fields:
            value = get(data)
            if spec.plain:
                if value is None or value == "":
                    continue
            else:
                value = self._meaning(spec, value)
                if value is None:
                    continue
            try:
                values[name] = coerce(value, currency)
                if spec.negative or spec.magnitude:
                    values[name] = _signed(spec, values[name], data)
            except (ValueError, TypeError, ArithmeticError) as fault:
                raise Reject(
                    f"{spec.name} {_short(value)} does not fit: {fault}",
                    code="bad_amount" if spec.name in MONEY_FIELDS else "bad_value",
                    field=spec.name,
                    value=_short(value),
                    todo=f"correct {'.'.join(spec.path)} in the source, then 'rejects retry'",
                ) from None
        if not values.get("decision"):
            values.pop("decision", None)
            values.pop("decided_by", None)  # whoever changed anything else has decided nothing
        if "open" in values:
            left = values.pop("open")
            if values.get("amount") is not None:
                values["paid"] = values["amount"] - left
        return values

    def _meaning(self, spec: ReadField, value: Any) -> Any:
        if value is None or value == "":
            return None if spec.default is MISSING else spec.default
        if spec.values is None:
            return value
        found = spec.values.get(str(value), spec.fallback)
        if found is MISSING:
            raise Reject(
                f"{spec.name} has no meaning for {_short(value)}",
                code="unknown_value",
                field=spec.name,
                value=_short(value),
                todo=f"add it below 'values' of {spec.name} in the mapping, then 'rejects retry'",
            )
        return found

    def _read_currency(self, row: Row) -> str:
        assert self._currency is not None  # noqa: S101 - narrows the type
        value = self._meaning(self._currency, self._currency.raw(row.data))
        if isinstance(value, str) and is_currency(value):
            return value
        code = str(value).strip().upper() if value is not None else ""
        if code and not is_currency(code):
            raise Reject(
                f"currency {_short(value)} is not an ISO 4217 code",
                code="unknown_currency",
                field="currency",
                value=_short(value),
                todo="correct it in the source, or translate it below 'values' in the mapping",
            )
        return code

    def _misfit(self, fault: ValidationError, values: Mapping[str, Any]) -> Reject:
        first = fault.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "record"
        missing = first["type"] == "missing" or values.get(name) is None
        code = "missing_value" if missing else "bad_value"
        if name == "account_id" and missing:
            code = "missing_account"
        return Reject(
            f"{name} is missing" if missing else f"{name}: {first['msg']}",
            code=code,
            field=name,
            value="" if missing else _short(values.get(name)),
            todo="complete it in the source or give it a default in the mapping, then 'rejects retry'",
        )


def _getter(spec: ReadField) -> Callable[[Mapping[str, Any]], Any]:
    if len(spec.path) > 1:
        return spec.raw
    key = spec.key
    return lambda data: data.get(key)


def _signed(spec: ReadField, amount: int, data: Mapping[str, Any]) -> int:
    if any(str(data.get(column) or "").strip() in texts for column, texts in spec.negative.items()):
        return -abs(amount)
    return abs(amount) if spec.magnitude else amount


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"

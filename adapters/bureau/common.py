"""What all agencies' answers need: reaching into JSON, numbers, money in words, dates, rating scales.

Invariant: what is absent, empty or not understood comes out as ``None``, never as zero and never as a
guess; no number passes through a float.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from connector.money import is_currency, to_minor

_LARGEST_EXPONENT = 15  # beyond a thousand million million, an answer is broken
_SYMBOLS = {"€": "EUR", "£": "GBP"}  # "$" and "¥" belong to several currencies and are not read
_AMOUNT = re.compile(
    r"(?P<before>[A-Za-z]{3}|[€£])?\s*(?P<number>[+-]?\d[\d.,'’\s]*)(?P<after>[A-Za-z]{3}|[€£])?", re.ASCII
)


def decode(content: bytes) -> Any:
    """JSON with fractions as ``Decimal``; ``ValueError`` for anything else, NaN and Infinity too."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    return json.loads(content, parse_float=Decimal, parse_constant=refuse)


def at(node: Any, path: str) -> Any:
    """What stands at ``path`` (steps joined by dots), or ``None`` where a step is missing."""
    for step in path.split("."):
        if not isinstance(node, Mapping):
            return None
        node = node.get(step)
    return node


def text(node: Any, path: str) -> str:
    """The text at ``path``, stripped; empty when there is none."""
    value = at(node, path)
    return value.strip() if isinstance(value, str) else str(value) if _is_number(value) else ""


def mark(name: str) -> str | None:
    """A digest of a person's name, by which a change is seen without keeping the name."""
    bare = "".join(name.split()).casefold()
    return hashlib.blake2b(bare.encode(), digest_size=12).hexdigest() if bare else None


def rows(node: Any, path: str) -> list[Mapping[str, Any]]:
    """The objects of the list at ``path``; empty when there is none."""
    value = at(node, path)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def number(value: Any) -> Decimal | None:
    """A JSON number, or a number written as text in any usual way; else ``None``.

    One separator alone before exactly three digits is ambiguous when it is a point (``45.000``), which
    is then unknown; a comma there separates thousands.
    """
    if _is_number(value):
        found = Decimal(value)
    elif isinstance(value, str):
        grouped = unicodedata.normalize("NFKC", value).strip()
        plain = _plain(re.sub(r"(?<=\d)['’ ](?=\d{3}(?!\d))", "", grouped, flags=re.ASCII))
        found = Decimal(plain) if plain else Decimal("NaN")
    else:
        return None
    return found if found.is_finite() and found.adjusted() <= _LARGEST_EXPONENT else None


def whole(value: Any) -> int | None:
    """A whole number, or ``None`` when there is none or it has a fraction."""
    found = number(value)
    return int(found) if found is not None and found == found.to_integral_value() else None


def day(value: Any) -> dt.date | None:
    """The calendar day of an ISO date or moment (the day as written there, UTC for ``Z``)."""
    if not isinstance(value, str):
        return None
    try:
        return dt.date.fromisoformat(value.strip()[:10])
    except ValueError:
        return None


class Money(NamedTuple):
    """An amount as an agency words it: ``amount`` in major units and ``currency`` where they were
    understood, and ``note`` with the wording itself where the amount was not."""

    amount: Decimal | None
    currency: str | None
    note: str | None

    @property
    def minor(self) -> int | None:
        """The amount in minor units, when both it and its currency are known."""
        if self.amount is None or self.currency is None:
            return None
        return to_minor(self.amount, self.currency)


def money(value: Any, currency: Any = None) -> Money:
    """An amount given as number, as text with or without its currency, or as a sentence.

    Only a text that is nothing but a number and a currency is an amount: ``no limit for 12 months`` is
    a note. The currency may stand in a field of its own (``currency``), in the text or in both; two
    that differ make the amount unknown.
    """
    stated = _currency(currency)
    if not isinstance(value, str):
        return Money(number(value), stated, None)
    wording = unicodedata.normalize("NFKC", value).strip()
    if not wording:
        return Money(None, stated, None)
    found = _AMOUNT.fullmatch(wording)
    amount = number(found["number"]) if found else None
    marks = [mark for mark in (found["before"], found["after"]) if mark] if found else []
    inside = {_SYMBOLS.get(mark) or _currency(mark) for mark in marks}
    if amount is None or None in inside or len(inside | ({stated} if stated else set())) > 1:
        return Money(None, stated, wording)
    return Money(amount, stated or next(iter(inside), None), None)


@dataclass(frozen=True)
class Scale:
    """A rating scale of an agency, versioned: a changed model or another reading of it is a new
    ``version``. Scores are comparable only within one ``id``. ``worst`` and ``best`` are its ends."""

    name: str
    version: int
    worst: str
    best: str
    higher_is_better: bool | None

    @property
    def id(self) -> str:
        """How records name the scale, worst end first: ``creditsafe-score/1 0-100``."""
        return f"{self.name}/{self.version} {self.worst}-{self.best}"


def _plain(written: str) -> str:
    """``written`` with a point as its only separator; empty when it is ambiguous or no number."""
    if not re.fullmatch(r"[+-]?\d[\d.,]*", written, re.ASCII):
        return ""
    points, commas = written.count("."), written.count(",")
    if points and commas:
        decimal = max(".", ",", key=written.rfind)
        thousands = "," if decimal == "." else "."
        whole_part, _, fraction = written.rpartition(decimal)
        return f"{whole_part.replace(thousands, '')}.{fraction}" if _grouped(whole_part, thousands) else ""
    separator = "." if points else ","
    if points + commas > 1:
        return written.replace(separator, "") if _grouped(written, separator) else ""
    if points + commas == 1 and len(written.partition(separator)[2]) == 3:
        return written.replace(",", "") if separator == "," and _grouped(written, ",") else ""
    return written.replace(",", ".").rstrip(".")


def _grouped(written: str, separator: str) -> bool:
    return bool(
        re.fullmatch(rf"[+-]?\d{{1,3}}(?:{re.escape(separator)}\d{{3}})*|[+-]?\d+", written, re.ASCII)
    )


def _currency(value: Any) -> str | None:
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if is_currency(code) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)

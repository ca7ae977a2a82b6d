"""Cells: what texts of files and values of vendors mean as days, amounts, numbers and flags.

Invariant: a text is read in one way or refused with what was expected; nothing is guessed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from connector.model import Record
from connector.money import digits, to_minor

MONEY_FIELDS = frozenset({"amount", "invoiced", "paid", "open", "limit", "balance"})
_TRUE = frozenset({"true", "yes", "1", "y", "是"})
_FALSE = frozenset({"false", "no", "0", "n", "", "否"})
# A day that begins with its year can be read in one way only: 2026/1/31, 2026.1.31, 2026年1月31日.
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?")
# What accounts write around numbers: commas between thousands, blanks, signs of currencies.
_AROUND = str.maketrans("", "", ",，'\u00a0\u202f\u3000 ¥￥$€£")

# A comma that cannot stand between thousands, as in 1234,50 or 1.234,50: read without it, the amount would be
# wrong by a factor of a hundred or a thousand.
_DECIMAL_COMMA = re.compile(r"\..*[,，]|[,，](?!.*[,，])(?!\d{3}(?!\d))")
# Thousands with points and no decimals, as where a comma is the decimal sign: 1.234 or 1.234.567.
_POINTED_THOUSANDS = re.compile(r"[^\d.]*\d{1,3}(\.\d{3})+[^\d.]*")


@dataclass(frozen=True)
class Dates:
    """How the source writes dates and numbers, and in which zone a moment becomes a day. ``comma`` says that
    its decimal sign is a comma: 1.234,50."""

    form: str
    zone: dt.tzinfo
    comma: bool = False

    def parse(self, value: Any) -> dt.date:
        """A calendar day; ``ValueError`` names what was expected."""
        if isinstance(value, dt.datetime):
            return value.astimezone(self.zone).date()
        if isinstance(value, dt.date):
            return value
        if self.form == "epoch_ms":
            try:
                moment = dt.datetime.fromtimestamp(int(str(value)) / 1000, tz=self.zone)
            except (ValueError, OverflowError, OSError):
                raise ValueError("expected milliseconds since 1970") from None
            return moment.date()
        text = str(value).strip()
        if self.form != "iso":
            try:
                return dt.datetime.strptime(text, self.form).date()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                if found := _YEAR_FIRST.fullmatch(text):
                    return dt.date(*map(int, found.groups()))
                # Date cells of a workbook are ISO dates, whatever the text cells beside them are.
                if not re.match(r"\d{4}-\d\d-\d\d", text):
                    raise ValueError(f"expected a date like {self.form}") from None
        try:
            if found := _YEAR_FIRST.fullmatch(text):
                return dt.date(*map(int, found.groups()))
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("expected a date like 2026-01-31") from None
        return (moment.astimezone(self.zone) if moment.tzinfo else moment).date()

    def moment(self, value: Any) -> dt.datetime:
        """An aware UTC moment; one without an offset is meant in the source's zone."""
        if self.form == "epoch_ms":
            try:
                return dt.datetime.fromtimestamp(int(str(value)) / 1000, tz=dt.UTC)
            except (ValueError, OverflowError, OSError):
                raise ValueError("expected milliseconds since 1970") from None
        try:
            found = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise ValueError("expected a time like 2026-01-31T10:00:00+08:00") from None
        return (found if found.tzinfo else found.replace(tzinfo=self.zone)).astimezone(dt.UTC)


def _money(value: Any, currency: str) -> int:
    """Minor units of an amount in major units. Plain text with two digits behind the point, which is
    what files are full of, takes a short way to the same result."""
    if type(value) is str:
        head, _, tail = value.partition(".")
        if len(tail) == 2 and head.isdecimal() and tail.isdecimal() and digits(currency) == 2:
            return int(head + tail)
    return to_minor(number(value), currency)


def coercion(record: type[Record], name: str, dates: Dates) -> Callable[[Any, str], Any]:
    """What turns a value into that of a field, given the currency; ``ValueError`` for what does not fit."""
    if name in MONEY_FIELDS:
        return (lambda value, currency: _money(pointed(value), currency)) if dates.comma else _money
    annotation = str(record.model_fields[name].annotation)
    if "datetime.datetime" in annotation:
        return lambda value, _: dates.moment(value)
    if "datetime.date" in annotation:
        # The days of a portfolio are few: a text that was read once is not read again.
        known = lru_cache(maxsize=8192)(dates.parse)
        return lambda value, _: known(value) if isinstance(value, str) else dates.parse(value)
    if "bool" in annotation:
        return lambda value, _: _truth(value)
    if "int" in annotation.replace("Constraints", ""):
        return lambda value, _: int(number(value))
    enum = record.model_fields[name].annotation
    if isinstance(enum, type) and issubclass(enum, StrEnum):
        return lambda value, _: enum(str(value))
    return text


def text(value: Any, _currency: str) -> str:
    """A value as text without blanks around it."""
    return str(value).strip()


def pointed(value: Any) -> Any:
    """A number of a source whose decimal sign is a comma, with a point: 1.234,50 becomes 1234.50. Cells of
    workbooks that hold numbers come with a point, and keep it: 1234.5."""
    if not isinstance(value, str):
        return value
    if "," in value and "." in value.partition(",")[2]:
        raise ValueError("expected a comma as decimal sign, like 1.234,50")
    if "," in value or _POINTED_THOUSANDS.fullmatch(value.strip()):
        return value.replace(".", "").replace(",", ".")
    return value


def number(value: Any) -> Decimal | int | str:
    """A number as ``Decimal`` reads it, without what accounts write around it; ``ValueError`` for what
    cannot be one."""
    if isinstance(value, (bool, list, dict)):
        raise ValueError("expected a number")
    if isinstance(value, float):
        return str(value)
    if isinstance(value, str):
        if _DECIMAL_COMMA.search(value):
            raise ValueError(
                "expected a point as decimal sign; for 1.234,50 write 'decimal: comma' in the mapping"
            )
        text = value.translate(_AROUND)
        # Minus as accountants write it: (1,234.50), or 1,234.50- behind the number.
        if text.startswith("(") and text.endswith(")"):
            return f"-{text[1:-1]}"
        return f"-{text[:-1]}" if text.endswith("-") and len(text) > 1 else text
    return value if isinstance(value, (Decimal, int)) else str(value)


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("expected yes or no")

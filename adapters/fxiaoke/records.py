"""Values in the vendor's form: rows as they are read, fields as they are written and read back.

Invariant: times are milliseconds since 1970, numbers travel as decimal text, nothing becomes a float;
a value whose form is unknown is refused, not guessed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.adapter import Row
from connector.errors import Reject

LABEL = "__label"
SYSTEM_FIELDS = ("_id", "last_modified_time", "life_status", "is_deleted")
OPTION_TYPES = frozenset({"select_one", "select_many"})
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND = dt.timedelta(milliseconds=1)


def to_ms(moment: dt.datetime) -> int:
    """Milliseconds since 1970 of an aware moment, rounded down."""
    return (moment - EPOCH) // MILLISECOND


def to_ms_up(moment: dt.datetime) -> int:
    """Milliseconds since 1970 of an aware moment, rounded up."""
    return -((EPOCH - moment) // MILLISECOND)


def from_ms(value: Any) -> dt.datetime | None:
    """An aware UTC moment from milliseconds as number or text; ``None`` stays unknown."""
    return None if value in (None, "") else EPOCH + int(str(value)) * MILLISECOND


def vendor_fields(fields: Iterable[str]) -> list[str]:
    """The vendor's fields behind mapped paths: ``owner.0`` and ``status__label`` need owner, status."""
    return list(dict.fromkeys(path.split(".")[0].removesuffix(LABEL) for path in fields))


def vanished(raw: Mapping[str, Any]) -> bool:
    """Whether a row is voided or deleted. The manual leaves open whether queries return such rows."""
    return raw.get("life_status") == "invalid" or raw.get("is_deleted") in (True, "true")


def row_from(raw: Mapping[str, Any], labels: Mapping[str, Any]) -> Row:
    """A row with the vendor's own values and, beside them, ``labels`` as ``<field>__label``."""
    data = dict(raw)
    data.update((f"{name}{LABEL}", label) for name, label in labels.items() if label is not None)
    return Row(str(raw["_id"]), from_ms(raw.get("last_modified_time")), data)


def encode(value: Any, kind: str, zone: dt.tzinfo, option: Callable[[str], str]) -> Any:
    """``value`` as the vendor takes it (vendor manual: value formats on write).

    ``kind`` is the field's type; ``option`` gives the option value of a label; a date is its midnight
    in ``zone``. ``None`` empties the field. Raises ``Reject`` for what has no such form.
    """
    if value is None:
        return None
    if kind == "option":
        return option(str(value))
    if kind == "owner":
        return [str(value)]
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return to_ms(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return to_ms(dt.datetime.combine(value, dt.time(), zone))
    if isinstance(value, str):
        return value
    raise Reject(
        f"a {type(value).__name__} cannot be written",
        code="bad_value",
        field="",
        todo="report it: amounts are Decimal, moments aware",
    )


def stands(sent: Mapping[str, Any], raw: Mapping[str, Any]) -> bool:
    """Whether a row that was read holds everything that was ``sent`` (both in the vendor's form)."""
    return all(_same(value, raw.get(name)) for name, value in sent.items())


def _same(sent: Any, found: Any) -> bool:
    empty: Sequence[Any] = (None, "", [])
    if sent in empty or found in empty:
        return sent in empty and found in empty
    if isinstance(sent, bool) or isinstance(found, bool):
        return str(sent).lower() == str(found).lower()
    if isinstance(sent, list):
        return isinstance(found, list) and [str(v) for v in sent] == [str(v) for v in found]
    if str(sent) == str(found):
        return True
    try:
        return Decimal(str(sent)) == Decimal(str(found))
    except InvalidOperation:
        return False

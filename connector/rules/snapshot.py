"""The facts of one customer at one moment: all that an assessment looks at.

Invariant: immutable, and complete for judging: ``evaluate`` needs nothing but a policy beside it.
Its JSON form gives back an equal snapshot, so that an assessment can be replayed. A value that is
not known is an ``Unknown`` with its reason: never zero, never good.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from connector.policy.catalogue import DECIMAL, FACTS


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is not known, and why: ``missing_statement``, ``not_disclosed``,
    ``zero_denominator``, ``too_few_periods``, ``no_history``, ``no_report``, ``not_stated``,
    ``stale``, ``no_rate``, ``no_limit``, ``unlimited``, ``no_score``."""

    reason: str


Value = int | Decimal | str | bool | Unknown


class Origin(NamedTuple):
    """Where a value comes from: ``source`` as in the catalogue, ``provider`` of a report, and the
    day that the source itself is dated."""

    source: str
    provider: str | None = None
    dated: dt.date | None = None


class SetLimit(NamedTuple):
    """The limit set by a person that holds today: ``kind`` ``temporary``, ``seasonal`` or ``base``; ``state``
    ``none``, ``amount`` or ``unlimited``; ``amount`` in minor units of the policy's currency,
    ``None`` with state ``amount`` if there is no rate."""

    kind: str
    state: str
    amount: int | None
    valid_to: dt.date | None


class Insured(NamedTuple):
    """An insured amount that comes on top of the limit: ``insured`` minor units of the policy's currency
    (``None`` if there is no rate), of which the insurer pays ``cover`` (decimal text of 1)."""

    insured: int | None
    cover: str
    valid_to: dt.date | None


class UsedRate(NamedTuple):
    """The rate by which amounts were converted: one unit of ``currency`` is ``per_unit`` (decimal text)
    units of the policy's currency, by the rate of ``dated``."""

    currency: str
    per_unit: str
    dated: dt.date


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Facts by name with their origins, and what else an assessment needs.

    ``today`` is the calendar day of ``as_of`` (aware UTC) in the policy's time zone; amounts are
    minor units of ``currency``. ``gaps`` names documents whose amount could not be converted, as
    ``number currency``: the exposure is then a lower bound. ``next_change`` is the earliest moment
    at which time alone changes a value that this policy looks at; the facts that merely count days
    (age of a report, months of relation) are watched as far as the policy has an edge on them.
    ``rates`` are those by which amounts were converted.
    """

    customer_id: int
    as_of: dt.datetime
    today: dt.date
    currency: str
    values: dict[str, Value]
    origins: dict[str, Origin]
    gaps: tuple[str, ...] = ()
    limit_set: SetLimit | None = None
    hold_placed: str | None = None
    terms_days: int | None = None
    since: dt.date | None = None
    reviewed_on: dt.date | None = None
    next_change: dt.datetime | None = None
    insured: Insured | None = None
    rates: tuple[UsedRate, ...] = ()


def snapshot_json(snapshot: Snapshot) -> bytes:
    """The canonical form: keys sorted, ``Decimal`` as text, dates and times ISO 8601."""
    content = {name: getattr(snapshot, name) for name in Snapshot.__slots__}
    content["values"] = {name: _plain(value) for name, value in snapshot.values.items()}
    content["origins"] = {name: list(origin) for name, origin in snapshot.origins.items()}
    content["limit_set"] = snapshot.limit_set and list(snapshot.limit_set)
    content["insured"] = snapshot.insured and list(snapshot.insured)
    content["rates"] = [list(rate) for rate in snapshot.rates]
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def snapshot_from_json(text: bytes) -> Snapshot:
    """The snapshot of ``snapshot_json``; facts that the catalogue no longer knows keep their JSON
    type. Raises ``ValueError`` or ``KeyError`` for anything else."""
    content: dict[str, Any] = orjson.loads(text)
    for name in ("as_of", "next_change"):
        content[name] = content[name] and dt.datetime.fromisoformat(content[name])
    for name in ("today", "since", "reviewed_on"):
        content[name] = _date(content[name])
    content["values"] = {name: _value(name, raw) for name, raw in content["values"].items()}
    content["origins"] = {
        name: Origin(source, provider, _date(dated))
        for name, (source, provider, dated) in content["origins"].items()
    }
    content["gaps"] = tuple(content["gaps"])
    if content["limit_set"]:
        kind, state, amount, valid_to = content["limit_set"]
        content["limit_set"] = SetLimit(kind, state, amount, _date(valid_to))
    if content.get("insured"):
        amount, cover, valid_to = content["insured"]
        content["insured"] = Insured(amount, cover, _date(valid_to))
    content["rates"] = tuple(
        UsedRate(currency, per_unit, dt.date.fromisoformat(dated))
        for currency, per_unit, dated in content.get("rates", ())
    )
    return Snapshot(**content)


def _date(raw: str | None) -> dt.date | None:
    return dt.date.fromisoformat(raw) if raw else None


def _plain(value: Value) -> object:
    if isinstance(value, Unknown):
        return {"unknown": value.reason}
    return str(value) if isinstance(value, Decimal) else value


def _value(name: str, raw: Any) -> Value:
    if isinstance(raw, dict):
        return Unknown(raw["unknown"])
    if name in FACTS and FACTS[name].kind in DECIMAL:
        return Decimal(raw)
    value: Value = raw
    return value

"""The facts of one customer at one moment: all that an assessment looks at.

Invariant: immutable, and complete for judging: ``evaluate`` needs nothing but a policy beside it.
Its JSON form gives back an equal snapshot, so that an assessment can be replayed. A value that is
not known is an ``Unknown`` with its reason: never zero, never good.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson

from connector.policy.catalogue import DECIMAL, FACTS

_IN_SNAPSHOT = tuple(name for name, spec in FACTS.items() if spec.source not in ("outcome", "order"))


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is not known, and why: ``missing_statement``, ``not_disclosed``,
    ``zero_denominator``, ``too_few_periods``, ``no_history``, ``no_report``, ``not_stated``,
    ``stale``, ``no_rate``, ``no_limit``, ``unlimited``, ``no_score``, ``not_recorded``, ``not_rated``,
    ``no_promises``, ``no_advice``, ``no_portfolio``, ``no_entry``, ``not_asked``."""

    reason: str


Value = int | Decimal | str | bool | Unknown


class Origin(NamedTuple):
    """Where a value comes from: ``source`` as in the catalogue, ``provider`` of a report, the day that
    the source itself is dated, the last day on which it counts as fresh (``None``: always), and for what
    was worked out from the source by which table or way (``basis``, as in ``Report.pd_method``)."""

    source: str
    provider: str | None = None
    dated: dt.date | None = None
    fresh_until: dt.date | None = None
    basis: str | None = None


class SetLimit(NamedTuple):
    """The limit set by a person that holds today: ``kind`` ``temporary``, ``seasonal`` or ``base``; ``state``
    ``none``, ``amount`` or ``unlimited``; ``amount`` in minor units of the policy's currency,
    ``None`` with state ``amount`` if there is no rate. Where a CRM's own credit module decides: ``kind``
    ``credit_file`` or ``credit_account`` of ``source``, or ``no_quota``, if it grants none."""

    kind: str
    state: str
    amount: int | None
    valid_to: dt.date | None
    source: str | None = None


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
    rates: tuple[UsedRate, ...] = ()

    def state(self, name: str) -> Literal["fresh", "stale", "unknown"]:
        """Whether a fact is known and fresh, was known and has gone stale, or is not known.

        Bad news stands although its source has gone stale; it is then known and ``stale``.
        """
        value, origin = self.values.get(name), self.origins.get(name)
        if value is None or (isinstance(value, Unknown) and value.reason != "stale"):
            return "unknown"
        if isinstance(value, Unknown):
            return "stale"
        late = origin is not None and origin.fresh_until is not None and origin.fresh_until < self.today
        return "stale" if late else "fresh"


def snapshot_json(snapshot: Snapshot) -> bytes:
    """The canonical form: keys sorted, ``Decimal`` as text, dates and times ISO 8601. Facts that are not
    known stand together by reason, and names together by origin."""
    content = {name: getattr(snapshot, name) for name in Snapshot.__slots__}
    known: dict[str, Value] = {}
    unknown: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in snapshot.values.items():
        if type(value) is Unknown:
            unknown[value.reason].append(name)
        else:
            known[name] = value
    content["values"] = known
    content["unknown"] = {reason: _in_order(tuple(names)) for reason, names in unknown.items()}
    content["origins"] = _by_origin(snapshot.origins)
    content["limit_set"] = snapshot.limit_set and _filled(snapshot.limit_set)
    content["rates"] = [list(rate) for rate in snapshot.rates]
    return orjson.dumps(content, default=str, option=orjson.OPT_SORT_KEYS)


def _filled(entry: SetLimit) -> list[object]:
    """Without a source as before there were any, so that no assessment differs for its lack alone."""
    return list(entry if entry.source is not None else entry[:-1])


def _by_origin(origins: dict[str, Origin]) -> list[list[object]]:
    """Each origin with the facts that have it."""
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for name, origin in origins.items():
        groups[id(origin)].append(name)
    return sorted(
        [_in_order(tuple(names)), *origins[names[0]][: None if origins[names[0]].basis else -1]]
        for names in groups.values()
    )


@lru_cache(maxsize=4096)
def _in_order(names: tuple[str, ...]) -> list[str]:
    """Names sorted; most customers lack the same facts, and have the others from the same sources."""
    return sorted(names)


def snapshot_from_json(text: bytes) -> Snapshot:
    """The snapshot of ``snapshot_json``; facts that the catalogue no longer knows keep their JSON
    type. Raises ``ValueError`` or ``KeyError`` for anything else."""
    content: dict[str, Any] = orjson.loads(text)
    for name in ("as_of", "next_change"):
        content[name] = content[name] and dt.datetime.fromisoformat(content[name])
    for name in ("today", "since", "reviewed_on"):
        content[name] = _date(content[name])
    # A fact that this snapshot is too old to hold is not known; those that the policy needs are in it.
    absent = dict.fromkeys(_IN_SNAPSHOT, Unknown("not_recorded"))
    if "unknown" not in content:
        _regroup(content)
    known = {name: _value(name, raw) for name, raw in content["values"].items()}
    unknown = {name: Unknown(why) for why, names in content.pop("unknown").items() for name in names}
    content["values"] = absent | known | unknown
    origins: dict[str, Origin] = {}
    for names, source, provider, dated, until, *basis in content["origins"]:
        origins.update(dict.fromkeys(names, Origin(source, provider, _date(dated), _date(until), *basis)))
    content["origins"] = origins
    content["gaps"] = tuple(content["gaps"])
    if content["limit_set"]:
        kind, state, amount, valid_to, *source = content["limit_set"]
        content["limit_set"] = SetLimit(kind, state, amount, _date(valid_to), *source)
    content["rates"] = tuple(
        UsedRate(currency, per_unit, dt.date.fromisoformat(dated))
        for currency, per_unit, dated in content.get("rates", ())
    )
    return Snapshot(**content)


def _regroup(content: dict[str, Any]) -> None:
    """The form before facts stood together by reason and origin: one by one, without freshness."""
    values, content["unknown"] = content["values"], {}
    for name, raw in values.items():
        if isinstance(raw, dict):
            content["unknown"].setdefault(raw["unknown"], []).append(name)
    content["values"] = {name: raw for name, raw in values.items() if not isinstance(raw, dict)}
    content["origins"] = [[[name], *origin, None] for name, origin in content["origins"].items()]


def _date(raw: str | None) -> dt.date | None:
    return dt.date.fromisoformat(raw) if raw else None


def _value(name: str, raw: Any) -> Value:
    if name in FACTS and FACTS[name].kind in DECIMAL:
        return Decimal(raw)
    value: Value = raw
    return value

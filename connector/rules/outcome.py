"""The outcome of one policy on one snapshot, with every step that led to it.

Invariant: immutable; the same policy hash and the same snapshot give the same bytes. Parameters of
reasons and steps are texts and whole numbers alone (amounts in minor units, shares and scores as
decimal text), so that the JSON form gives back an equal assessment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from connector.rules.snapshot import Unknown, Value

Params = dict[str, str | int | None]


def plain(value: Value | None) -> str | int | None:
    """A value as a parameter: whole numbers as they are, all else as text."""
    if value is None or type(value) is int:
        return value
    if type(value) is bool:
        return "yes" if value else "no"
    return value.reason if isinstance(value, Unknown) else str(value)


class Reason(NamedTuple):
    """Why the customer is not simply ok. ``params`` hold ``status``, ``currency`` and the facts."""

    code: str
    params: Params


class Step(NamedTuple):
    """One step from raw value to result. ``kind`` is the chapter: ``score``, ``class``, ``terms``,
    ``limit``, ``exposure``, ``status`` or ``calendar``; ``code`` has its text under ``step.CODE``."""

    kind: str
    code: str
    params: Params


class Told(NamedTuple):
    """What the steps of one place of a policy have in common: ``fixed`` parameters, and the ``names`` of
    those that differ from customer to customer."""

    kind: str
    code: str
    fixed: Params
    names: tuple[str, ...]


class Gives(NamedTuple):
    """A rule that gives a reason: the ``fixed`` parameters of it, and the ``names`` of those that differ.
    ``rank`` is that of the class which a knock-out sets; -1 for any other rule."""

    code: str
    fixed: Params
    names: tuple[str, ...]
    rank: int = -1


class Knocks(NamedTuple):
    """The mark of a step that tells of a knock-out: behind it stand its reason and the class it led to."""


KNOCKS = Knocks()

# A reason, or what makes it one: a ``Gives`` and the values of its names, in order.
Ground = Reason | tuple[Any, ...]
# One entry of a trace: a step, or what makes it one: a ``Told`` and the values of its names, in order; a
# ground, which is told as it is; or ``KNOCKS``, a ground and the name of a class.
Entry = Step | tuple[Any, ...]


def reason_of(ground: Ground) -> Reason:
    """The reason of a ground."""
    if isinstance(ground, Reason):
        return ground
    gives: Gives = ground[0]
    params = gives.fixed.copy()
    for place, name in enumerate(gives.names, 1):
        value = ground[place]
        params[name] = None if type(value) is Unknown else plain(value)
    return Reason(gives.code, params)


def written_out(entry: Entry) -> Step:
    """The step of an entry."""
    return entry if type(entry) is Step else Step(*_parts(entry))


def _parts(entry: tuple[Any, ...]) -> tuple[str, str, Params]:
    """Kind, code and parameters of what is not a step yet."""
    told: Told | Gives | Knocks = entry[0]
    if isinstance(told, Gives):
        code, given = reason_of(entry)
        return "status", "rule", {**given, "code": code}
    if isinstance(told, Knocks):
        code, given = reason_of(entry[1])
        return "class", "class_knock_out", {**given, "code": code, "risk_class": entry[2]}
    params = told.fixed.copy()
    for place, name in enumerate(told.names, 1):
        value = entry[place]
        params[name] = value if type(value) is int else plain(value)
    return told.kind, told.code, params


def step(kind: str, code: str, **params: str | int | None) -> Step:
    """A step with its parameters by name."""
    return Step(kind, code, params)


class Assessment(NamedTuple):
    """What follows for one customer. Amounts are minor units of ``currency``.

    ``score`` 0…100, ``None`` if too little is known; ``status`` ``ok``, ``watch``, ``hold`` or
    ``stop``; ``limit_state`` ``none``, ``amount`` or ``unlimited``, and ``limit`` only with
    ``amount``; ``available`` may be negative and is ``None`` without an amount; ``utilisation`` is a
    share, ``None`` without a positive limit. ``exposure`` is a lower bound if ``incomplete``.
    ``overdue_days`` is 0 if nothing is overdue. ``visit_within_days`` ``None`` asks for no visit.
    ``next_change`` (UTC) is when time alone may change the outcome. ``policy`` is name and version.
    ``segment`` is the policy's segment (``default``: none); ``dunning_level`` the rung of the overdue
    ladder (0: none); ``late_interest`` has accrued so far; ``secured`` is what others stand for.
    ``grounds`` hold every reason and ``trace`` every step; ``reasons`` and ``steps`` write them out. Equal
    are outcomes with equal reasons and steps.
    """

    customer_id: int
    policy: str
    policy_hash: str
    as_of: dt.datetime
    currency: str
    score: Decimal | None
    risk_class: str
    status: str
    hold: bool
    limit_state: str
    limit: int | None
    terms_days: int
    exposure: int
    exposure_incomplete: bool
    available: int | None
    utilisation: Decimal | None
    overdue_amount: int
    overdue_days: int
    grounds: Sequence[Ground]
    trace: Sequence[Entry]
    next_review: dt.date
    visit_within_days: int | None
    visit_reason: str | None
    next_change: dt.datetime | None
    segment: str = "default"
    dunning_level: int = 0
    late_interest: int = 0
    secured: int = 0

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the customer is not simply ok, the worst first."""
        return tuple(map(reason_of, self.grounds))

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step, in order."""
        return tuple(map(written_out, self.trace))

    def __eq__(self, other: object) -> bool:
        if type(other) is not Assessment:
            return NotImplemented
        mine = self._replace(grounds=self.reasons, trace=self.steps)
        return tuple(mine) == tuple(other._replace(grounds=other.reasons, trace=other.steps))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.customer_id, self.policy_hash, self.as_of))


def assessment_json(assessment: Assessment) -> bytes:
    """The canonical form: keys sorted, ``Decimal`` as text, dates and times ISO 8601."""
    content = _content(assessment)
    content["steps"] = [list(one) if type(one) is Step else _parts(one) for one in assessment.trace]
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS, default=str)


def outcome_json(assessment: Assessment) -> bytes:
    """The outcome alone, without moment and steps: equal bytes mean that nothing has changed for
    the people and systems that act on it."""
    content = _content(assessment)
    del content["as_of"], content["next_change"]
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS, default=str)


def assessment_from_json(text: bytes) -> Assessment:
    """The assessment of ``assessment_json``."""
    content: dict[str, Any] = orjson.loads(text)
    for name in ("as_of", "next_change"):
        content[name] = content[name] and dt.datetime.fromisoformat(content[name])
    for name in ("score", "utilisation"):
        content[name] = None if content[name] is None else Decimal(content[name])
    content["next_review"] = dt.date.fromisoformat(content["next_review"])
    content["grounds"] = tuple(Reason(*item) for item in content.pop("reasons"))
    content["trace"] = tuple(Step(*item) for item in content.pop("steps"))
    return Assessment(**content)


def _content(assessment: Assessment) -> dict[str, Any]:
    content = assessment._asdict()
    content["reasons"] = [list(item) for item in assessment.reasons]
    del content["grounds"], content["trace"]
    return content

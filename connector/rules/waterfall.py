"""The waterfall of an assessment as rows: value, rule, source, freshness and effect of every step.

Invariant: every row comes from a step and the snapshot that were kept; nothing is worked out anew but
the age of a source on the day of the assessment.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import NamedTuple

from connector.money import show
from connector.rules.explain import line
from connector.rules.outcome import Assessment, Step
from connector.rules.snapshot import Snapshot

_CENT = Decimal("0.01")
# Parameters that are amounts of money, the one that says most of a step first.
_AMOUNTS = ("total", "counted", "available", "amount")


class Row(NamedTuple):
    """One step. ``rule`` names the part of the policy, ``dated`` the day that the source is dated,
    ``age_days`` how old it was, ``freshness`` ``fresh``, ``stale`` or ``unknown`` by the policy; ``effect``
    is what the step adds or decides; ``text`` the sentence."""

    chapter: str
    rule: str
    fact: str | None
    value: str | int | None
    source: str | None
    dated: dt.date | None
    age_days: int | None
    freshness: str | None
    effect: str | None
    text: str


def rows(assessment: Assessment, snapshot: Snapshot, language: str) -> list[Row]:
    """One row for each step, in order."""
    weights = sum(
        _int(step, "weight") for step in assessment.steps if step.code in ("point", "point_unknown")
    )
    return [_row(step, snapshot, weights, language) for step in assessment.steps]


def _row(step: Step, snapshot: Snapshot, weights: int, language: str) -> Row:
    fact = step.params.get("fact")
    name = fact if isinstance(fact, str) else None
    origin = snapshot.origins.get(name) if name else None
    dated = origin.dated if origin else None
    value = step.params.get("value") if "value" in step.params else step.params.get("why")
    source = None
    if origin is not None:
        told = "; ".join(word for word in (origin.provider, origin.basis) if word)
        source = f"{origin.source} ({told})" if told else origin.source
    return Row(
        chapter=step.kind,
        rule=_rule(step),
        fact=name,
        value=value if name else None,
        source=source,
        dated=dated,
        age_days=None if dated is None else (snapshot.today - dated).days,
        freshness=snapshot.state(name) if name in snapshot.values else None,
        effect=_effect(step, snapshot.currency, weights),
        text=line(step, snapshot, language),
    )


def _rule(step: Step) -> str:
    """The part of the policy that the step follows."""
    params = step.params
    if step.code in ("point", "point_unknown"):
        return f"scorecard.{params['fact']}"
    if step.kind == "class" and "code" in params:
        return f"knock_outs.{params['code']}"
    if step.kind == "status" and "code" in params:
        return f"status.{params['code']}"
    if step.kind == "limit" and "term" in params:
        return f"limit.{params['term']}"
    if step.code == "exposure_stage":
        return f"exposure.{params['stage']}"
    return f"{step.kind}.{step.code}"


def _effect(step: Step, currency: str, weights: int) -> str | None:
    params = step.params
    if step.code in ("point", "point_unknown") and weights:
        weight, points = _int(step, "weight"), _int(step, "points")
        earned = (Decimal(weight * points) / weights).quantize(_CENT)
        return f"+{earned} / {(Decimal(weight * 100) / weights).quantize(_CENT)}"
    if step.kind in ("limit", "exposure"):
        for name in _AMOUNTS:
            amount = params.get(name)
            if isinstance(amount, int) and name in params:
                return show(amount, currency)
    for name in ("status", "risk_class", "score", "days"):
        if params.get(name) is not None:
            return str(params[name])
    return None


def _int(step: Step, name: str) -> int:
    value = step.params.get(name)
    return value if isinstance(value, int) else 0

"""The waterfall of an assessment as rows: value, rule, source, freshness and effect of every step.

Invariant: every row comes from a step and the snapshot that were kept; nothing is worked out anew but
the age of a source on the day of the assessment.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import NamedTuple

from connector.money import show
from connector.policy.catalogue import FACTS
from connector.rules.explain import line
from connector.rules.outcome import Assessment, Step
from connector.rules.snapshot import Origin, Snapshot

_CENT = Decimal("0.01")
_FRESHNESS = ("fresh", "stale", "unknown")
# Parameters that are amounts of money, the one that says most of a step first.
_AMOUNTS = ("total", "counted", "available", "amount")


class Row(NamedTuple):
    """One step. ``rule`` names the part of the policy; ``fact`` what it looks at and ``value`` what it
    found, one behind the other where it looks at several, of which then the oldest day and the worst
    freshness stand here. ``dated`` is the day that the source is dated, ``age_days`` how old it was,
    ``freshness`` ``fresh``, ``stale`` or ``unknown`` by the policy; ``effect`` is what the step adds or
    decides; ``text`` the sentence."""

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
    found = _facts(step)
    origins = [snapshot.origins[name] for name in found if name in snapshot.origins]
    sources = list(map(_whence, origins))
    dated = min((one.dated for one in origins if one.dated is not None), default=None)
    states = [snapshot.state(name) for name in found if name in snapshot.values]
    values = list(found.values())
    return Row(
        chapter=step.kind,
        rule=_rule(step),
        fact=", ".join(found) or None,
        value=values[0] if len(values) == 1 else ", ".join(map(str, values)) or None,
        source=", ".join(dict.fromkeys(sources)) or None,
        dated=dated,
        age_days=None if dated is None else (snapshot.today - dated).days,
        freshness=max(states, key=_FRESHNESS.index, default=None),
        effect=_effect(step, snapshot.currency, weights),
        text=line(step, snapshot, language),
    )


def _whence(origin: Origin) -> str:
    told = "; ".join(word for word in (origin.provider, origin.basis) if word)
    return f"{origin.source} ({told})" if told else origin.source


def _facts(step: Step) -> dict[str, str | int | None]:
    """The facts that a step looks at, with what it found; why not, where one is not known."""
    params = step.params
    name = params.get("fact")
    if isinstance(name, str):
        return {name: params.get("value") if "value" in params else params.get("why")}
    if step.code == "exposure_stage":
        return {f"exposure_{params['stage']}": params["amount"]}
    if step.code == "exposure_total":
        return {"exposure": params["amount"]}
    if step.code in ("limit_need", "limit_annualised"):
        return {"sales_12m": params["sales"]}
    if step.code in ("rule", "class_knock_out"):
        decided = {"risk_class"} if step.code == "class_knock_out" else set()
        return {name: value for name, value in params.items() if name in FACTS and name not in decided}
    return {}


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

"""Warnings from what a customer is: its class, its papers, its statements, what courts say.

Invariant: what is not known warns of nothing; a figure that is missing is asked for elsewhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from connector.policy.catalogue import FACTS
from connector.policy.form_score import RiskClass
from connector.rules.snapshot import Unknown
from connector.rules.warning.cause import DAY, Cause, Scene

_SECURING = ("insured", "guaranteed")
_EXPIRING = "expiring"


def limits(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``limit_expiring``: the limit that a person set, an insurance or a guarantee."""
    rules = scene.rules.limit_expiring
    if not rules.on:
        return
    ending: list[tuple[str, dt.date]] = []
    held = scene.snapshot.limit_set
    if held is not None and held.valid_to is not None:
        ending.append((held.kind, held.valid_to))
    for entry in scene.dossier.limits:
        if entry.kind in _SECURING and entry.valid_to is not None and entry.valid_from <= scene.today:
            ending.append((entry.kind, entry.valid_to))
    for kind, last in sorted(set(ending)):
        begins = last - rules.days * DAY
        if scene.today < begins:
            moments.append(begins)
        elif scene.today <= last:
            moments.append(last + DAY)
            evidence = {"limit": kind, "valid_to": last.isoformat(), "days": (last - scene.today).days}
            yield Cause("limit_expiring", f"{kind} {last}", rules.severity, evidence)


def reports(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``report_expiring``: the newest report of each agency."""
    rules = scene.rules.report_expiring
    if not rules.on:
        return
    newest: dict[str, dt.date] = {}
    for one in scene.dossier.reports:
        report = one.report
        newest[report.provider] = max(report.as_of, newest.get(report.provider, report.as_of))
    for provider, dated in sorted(newest.items()):
        last = dated + scene.policy.staleness.report_days * DAY
        begins = last - rules.days * DAY
        if scene.today < begins:
            moments.append(begins)
            continue
        evidence = {"agency": provider, "report_of": dated.isoformat(), "counts_until": last.isoformat()}
        yield Cause("report_expiring", provider, rules.severity, evidence)


def rating(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``rating_changed``: the class against the one at the beginning of the window."""
    rules, earlier = scene.rules.rating_changed, scene.earlier
    if not rules.on or earlier is None:
        return
    order = {item.name: place for place, item in enumerate(scene.policy.classes)}
    before, now = order.get(earlier.risk_class), order.get(scene.outcome.risk_class)
    if before is None or now is None or now - before < rules.notches:
        return
    if _swings(scene, scene.policy.classes[before], scene.policy.classes[now]):
        return
    if earlier.until is not None:
        moments.append(earlier.until)
    evidence = {
        "before": earlier.risk_class,
        "after": scene.outcome.risk_class,
        "score": None if scene.outcome.score is None else str(scene.outcome.score),
        "window_days": rules.window_days,
    }
    key = f"{earlier.risk_class}>{scene.outcome.risk_class}"
    yield Cause("rating_changed", key, rules.severity, evidence)


def _swings(scene: Scene, before: RiskClass, now: RiskClass) -> bool:
    """Whether the score has passed the bound by too little to be a change. A class that comes of a knock-out
    rather than of the score is always one."""
    score, bound = scene.outcome.score, before.from_
    by_score = score is not None and (now.below is None or score < now.below) and score >= (now.from_ or 0)
    if not by_score or score is None or bound is None:
        return False
    return bound - score < scene.rules.rating_changed.points


def statement(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``statement_overdue``: of a customer that has given statements; with the key ``expiring`` in its place
    once the newest one counts for a few days more, or no longer."""
    rules, age = scene.rules.statement_overdue, scene.snapshot.values.get("statement_age_days")
    if not rules.on or isinstance(age, bool):
        return
    if isinstance(age, Unknown) and age.reason == "stale":
        yield Cause("statement_overdue", _EXPIRING, rules.severity, {"days": None, "period_end": None})
    elif isinstance(age, int):
        expiring = max(rules.days, scene.policy.staleness.statement_days - rules.expiring_days)
        moments.extend(scene.today + (bound - age) * DAY for bound in (rules.days, expiring) if age < bound)
        if age >= rules.days:
            evidence = {"days": age, "period_end": (scene.today - age * DAY).isoformat()}
            key = _EXPIRING if age >= expiring else ""
            yield Cause("statement_overdue", key, rules.severity, evidence)


def over(scene: Scene) -> Iterator[str]:
    """Kinds that a new report raised and whose cause the agencies no longer tell of."""
    values = scene.snapshot.values
    if values.get("open_judgments") == 0:
        yield "judgment_appeared"
    if values.get("dishonest") is False:
        yield "dishonest_appeared"
    if values.get("insolvent") is False:
        yield "insolvency_appeared"


def ratios(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``ratio_worsened``: each ratio that is worse by more than the policy lets it be."""
    rules = scene.rules.ratio_worsened
    if not rules.on:
        return
    for fact, bound in sorted(rules.by.items()):
        change = scene.number(fact)
        if change is None:
            continue
        worse = -change if FACTS[fact].better == "higher" else change
        if worse >= bound:
            name = fact.removesuffix("_change")
            now = scene.number(name)
            evidence = {"ratio": name, "change": _short(change), "now": None if now is None else _short(now)}
            yield Cause("ratio_worsened", name, rules.severity, evidence)


def _short(value: int | Decimal) -> str:
    return str(round(Decimal(value), 3))

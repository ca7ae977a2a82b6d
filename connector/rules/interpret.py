"""From facts to an assessment, one rule after the other: what the quick way (``evaluate``) must equal.

Invariant: a pure function of policy and snapshot; it reads no clock, no store and no rates. Every
decision leaves a step, in the order score, class, terms, limit, exposure, status, calendar. The
status is the worst that any reason asks for, and every reason is kept, not only the first.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping
from decimal import Decimal

from connector.policy.schema import STATUSES, Policy
from connector.rules.calendar import next_review, visit
from connector.rules.compile import compiled
from connector.rules.conditions import acting, holds, tell
from connector.rules.exposure import weighted
from connector.rules.limit import Basis, Calculated, Effective, calculated, effective
from connector.rules.moments import start_of
from connector.rules.outcome import Assessment, Params, Reason, Step, plain, step
from connector.rules.program import Class, Compiled, Rule
from connector.rules.scorecard import risk_class, score
from connector.rules.snapshot import Snapshot, Unknown, Value

_RANK: dict[str, int] = {status: rank for rank, status in enumerate(STATUSES)}
SIX = Decimal("0.000001")
NO_SCORE, NO_LIMIT = Unknown("no_score"), Unknown("no_limit")
UNLIMITED, ZERO = Unknown("unlimited"), Unknown("zero_denominator")


def interpret(policy: Policy, snapshot: Snapshot) -> Assessment:
    """What follows from ``snapshot`` by ``policy``; ``Halt`` if the policy has lint errors."""
    steps: list[Step] = []
    reasons: list[Reason] = []
    rules = _segment(compiled(policy), snapshot.values, steps)
    points = score(rules, snapshot.values, steps)
    found = risk_class(rules, points, snapshot.values, steps, reasons)
    terms_days = terms_of(rules, snapshot, found, points is None, steps, reasons)
    basis = Basis(rules, snapshot.values, found, terms_days)
    proposed = calculated(basis, steps)
    limit = effective(snapshot.limit_set, proposed, basis, steps)
    exposed = exposure_of(rules, snapshot, steps)
    available, utilisation = room_of(limit, exposed, steps)
    level = dunning_level_of(rules, snapshot.values)
    outcome = outcome_of(points, found, limit, available, utilisation)
    values = {**snapshot.values, **outcome, "dunning_level": level, "segment": rules.segment}
    status_rules_of(rules, values, steps, reasons)
    own_reasons_of(rules, snapshot, limit, proposed, steps, reasons)
    if len(reasons) > 1:
        reasons.sort(key=worst_first)
    status = str(reasons[0].params["status"]) if reasons else "ok"
    steps.append(step("status", "status", status=status, reasons=len(reasons)))
    review = next_review(rules, snapshot, found, status, steps)
    visit_days, visit_reason = visit(rules, found, status, steps)
    overdue, days = snapshot.values["overdue_amount"], snapshot.values["overdue_days_max"]
    interest = snapshot.values["late_interest"]
    return Assessment(
        customer_id=snapshot.customer_id,
        policy=rules.title,
        policy_hash=rules.hash,
        as_of=snapshot.as_of,
        currency=rules.currency,
        score=points,
        risk_class=found.name,
        status=status,
        hold=_RANK[status] >= _RANK["hold"],
        limit_state=limit.state,
        limit=limit.amount,
        terms_days=terms_days,
        exposure=exposed,
        exposure_incomplete=bool(snapshot.gaps),
        available=available,
        utilisation=utilisation,
        overdue_amount=overdue if isinstance(overdue, int) else 0,
        overdue_days=days if isinstance(days, int) else 0,
        grounds=tuple(reasons),
        trace=steps,
        next_review=review,
        visit_within_days=visit_days,
        visit_reason=visit_reason,
        next_change=next_change_of(rules, snapshot, review),
        segment=rules.segment,
        dunning_level=level,
        late_interest=interest if isinstance(interest, int) else 0,
        secured=limit.secured,
    )


def worst_first(reason: Reason) -> int:
    """The order of reasons: by status, the worst first."""
    return -_RANK[str(reason.params["status"])]


def _segment(rules: Compiled, values: Mapping[str, Value], steps: list[Step]) -> Compiled:
    """The policy as it is for the customer, with a step if that is a segment's."""
    found = rules_for(rules, values)
    if found is not rules:
        steps.append(Step("score", "segment", {"segment": found.segment}))
    return found


def rules_for(rules: Compiled, values: Mapping[str, Value]) -> Compiled:
    """The policy as it is for the first segment whose conditions are known to hold."""
    for group in rules.segments:
        if holds(group.all, group.any, values):
            return group.rules
    return rules


def dunning_level_of(rules: Compiled, values: Mapping[str, Value]) -> int:
    """The level of the highest rung that is reached, 0 if none."""
    days, amount = values["overdue_days_max"], values["overdue_amount"]
    if not isinstance(days, int) or not isinstance(amount, int) or amount <= rules.ladder_least:
        return 0
    return rules.levels[bisect_right(rules.ladder, days)]


def terms_of(
    rules: Compiled,
    snapshot: Snapshot,
    found: Class,
    new: bool,
    steps: list[Step],
    reasons: list[Reason],
) -> int:
    """Payment terms in days: those agreed (else the class's), as far as the class allows."""
    longest, agreed, name = found.terms_days, snapshot.terms_days, found.name
    if new and rules.policy.limit.new_customer is not None:
        longest = min(longest, rules.policy.limit.new_customer.terms_days)
    if agreed is None:
        steps.append(step("terms", "terms_class", days=longest, risk_class=name))
        return longest
    if agreed <= longest:
        steps.append(step("terms", "terms_agreed", days=agreed, longest=longest))
        return agreed
    steps.append(step("terms", "terms_cut", days=longest, agreed=agreed, risk_class=name))
    if rules.policy.terms.longer_than_class == "watch":
        reasons.append(
            _reason(rules, "terms_longer", "watch", agreed=agreed, longest=longest, risk_class=name)
        )
    return longest


def _reason(rules: Compiled, code: str, status: str, **params: str | int | None) -> Reason:
    return Reason(code, {"status": status, "currency": rules.currency, **params})


def exposure_of(rules: Compiled, snapshot: Snapshot, steps: list[Step]) -> int:
    """The exposure of the snapshot, told stage by stage, with the rates that served."""
    for rate in snapshot.rates:
        dated = rate.dated.isoformat()
        steps.append(step("exposure", "rate_used", of=rate.currency, per_unit=rate.per_unit, dated=dated))
    for stage in rules.weights:
        amount = snapshot.values[stage.fact]
        if amount and isinstance(amount, int):
            params: Params = {
                "stage": stage.name,
                "amount": amount,
                "weight": stage.weight_text,
                "counted": weighted(amount, stage.weight),
            }
            steps.append(Step("exposure", "exposure_stage", params))
    if snapshot.gaps:
        steps.append(step("exposure", "exposure_gaps", documents=", ".join(snapshot.gaps)))
    total = snapshot.values["exposure"]
    exposed = total if isinstance(total, int) else 0
    steps.append(step("exposure", "exposure_total", amount=exposed))
    return exposed


def room_of(limit: Effective, exposed: int, steps: list[Step]) -> tuple[int | None, Decimal | None]:
    """Available credit and utilisation, as far as there is an amount to measure against."""
    if limit.amount is None:
        steps.append(step("exposure", f"available_{limit.state}"))
        return None, None
    available = limit.amount - exposed
    utilisation = (Decimal(exposed) / limit.amount).quantize(SIX) if limit.amount else None
    steps.append(
        step(
            "exposure",
            "available",
            limit=limit.amount,
            exposure=exposed,
            available=available,
            utilisation=plain(utilisation),
        )
    )
    return available, utilisation


def outcome_of(
    points: Decimal | None,
    found: Class,
    limit: Effective,
    available: int | None,
    utilisation: Decimal | None,
) -> dict[str, Value]:
    """The facts of the outcome, for the status rules."""
    why = UNLIMITED if limit.state == "unlimited" else NO_LIMIT
    if utilisation is not None:
        used: Value = utilisation
    else:
        used = why if limit.amount is None else ZERO
    return {
        "score": NO_SCORE if points is None else points,
        "risk_class": found.name,
        "limit": why if limit.amount is None else limit.amount,
        "available": why if available is None else available,
        "utilisation": used,
    }


def status_rules_of(
    rules: Compiled, values: dict[str, Value], steps: list[Step], reasons: list[Reason]
) -> None:
    """The reasons of all status rules that act."""
    for rule in acting(rules.rules, values, "status", steps):
        ruled(rules, rule, values, steps, reasons)


def ruled(
    rules: Compiled, rule: Rule, values: Mapping[str, Value], steps: list[Step], reasons: list[Reason]
) -> None:
    """The reason of one status rule that acts."""
    reason = tell(rule, values, rules.currency)
    reasons.append(reason)
    steps.append(Step("status", "rule", {**reason.params, "code": rule.reason}))


def own_reasons_of(
    rules: Compiled,
    snapshot: Snapshot,
    limit: Effective,
    proposed: Calculated,
    steps: list[Step],
    reasons: list[Reason],
) -> None:
    """Reasons that no policy has to state: a hold placed by a person, an exposure that is not fully
    known, a limit that could not be settled, a customer who is new."""
    own: list[Reason] = []
    if snapshot.hold_placed is not None:
        own.append(_reason(rules, "hold_placed", "hold", reason=snapshot.hold_placed))
    if snapshot.gaps:
        own.append(_reason(rules, "amounts_without_rate", "hold", documents=", ".join(snapshot.gaps)))
    if limit.reason is not None:
        own.append(_reason(rules, limit.reason, "hold" if limit.reason == "limit_no_rate" else "watch"))
    if proposed.new_customer and snapshot.limit_set is None:
        own.append(_reason(rules, "new_customer", "ok", limit=limit.amount))
    for reason in own:
        steps.append(Step("status", "rule", {**reason.params, "code": reason.code}))
    reasons += own


def next_change_of(rules: Compiled, snapshot: Snapshot, review: dt.date) -> dt.datetime | None:
    """The earlier of the next change of the facts and the review, if that lies ahead."""
    if review <= snapshot.today:
        return snapshot.next_change
    due = start_of(review, rules.timezone)
    return due if snapshot.next_change is None else min(due, snapshot.next_change)

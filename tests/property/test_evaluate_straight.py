"""The straight-line function of a policy and its interpreter agree, whatever policy and facts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.errors import Halt
from connector.policy.catalogue import DECIMAL, FACTS
from connector.policy.load import load
from connector.policy.schema import Policy
from connector.rules.compile import compiled
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.rules.interpret import interpret
from connector.rules.outcome import assessment_from_json, assessment_json, outcome_json
from connector.rules.snapshot import SetLimit, Snapshot, Unknown, UsedRate, Value
from tests.property.rules_worlds import customers
from tests.rules_bench import NOW, TODAY, WITH_USD, content, day, dossier, numbers
from tests.rules_bench import snapshot as facts_of

SHIPPED = [load(path) for path in sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))]


def quick(examples: int) -> settings:
    calm = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, suppress_health_check=calm)


BLANK = facts_of(dossier(), SHIPPED[0], WITH_USD, NOW)
MONEY = st.one_of(st.just(0), st.integers(-(10**8), 10**12), st.integers(0, 10**6))
WHY = st.sampled_from(["no_history", "no_report", "stale"]).map(Unknown)
TEXTS = {
    "customer": ["customer-7", "customer-8"],
    "group": ["group-3", "group-4"],
    "segment": ["small", "big"],
}
TESTED = (
    "late_share_12m overdue_amount paid_invoices_12m debt_ratio insolvent country score risk_class available "
    "limit utilisation dunning_level relation_months open_judgments new_customer exposure"
).split()
BEFORE = [name for name in TESTED if FACTS[name].source != "outcome"]


def value_of(name: str, edges: list[Any]) -> st.SearchStrategy[Value]:
    """Values of a fact: on the edges of the policy, beside them, anywhere."""
    spec = FACTS[name]
    if spec.kind == "flag":
        return st.booleans()
    if spec.kind == "text":
        return st.sampled_from(TEXTS.get(name, ["CN", "DE", "retail", "banking"]))
    step: Any = Decimal("0.000001") if spec.kind in DECIMAL else 1
    near = [edge + move for edge in edges for move in (-step, 0, step)]
    wide: Any = MONEY
    if spec.kind in DECIMAL:
        wide = st.decimals(-5, 20, places=6)
    elif spec.kind != "money":
        wide = st.integers(0, 200)
    return st.one_of(wide, st.sampled_from(near)) if near else wide


@st.composite
def snapshots(draw: st.DrawFn, policy: Policy) -> Snapshot:
    """Facts that need not fit together, as no customer could have them."""
    rules = compiled(policy)
    edges: dict[str, list[Any]] = {point.fact: list(point.edges) for point in rules.points}
    values: dict[str, Value] = dict(BLANK.values)
    blank = draw(st.sampled_from([0, 1, 2]))
    for name in sorted(rules.looks_at & values.keys() | {"customer", "group", "late_interest"}):
        known = value_of(name, edges.get(name, []))
        whole = FACTS[name].kind == "money" and name.startswith("exposure")
        values[name] = draw(known if blank == 0 or whole else st.one_of(*[known] * (3 - blank), WHY))
    amount = draw(st.sampled_from([None, 0, 5_000_000]))
    state = draw(st.sampled_from(["none", "amount", "unlimited"]))
    limits = [
        None,
        None,
        SetLimit("base", state, amount if state == "amount" else None, day(9)),
        SetLimit("credit_file", "amount", amount, day(9), "fx credit_file 1"),
        SetLimit("no_quota", "none", None, None, "fx"),
    ]
    return replace(
        BLANK,
        values=values,
        gaps=draw(st.sampled_from([(), (), ("7 EUR",)])),
        limit_set=draw(st.sampled_from(limits)),
        hold_placed=draw(st.sampled_from([None, None, "asked"])),
        terms_days=draw(st.sampled_from([None, 0, 30, 60, 400])),
        reviewed_on=draw(st.sampled_from([None, day(-1), day(-500)])),
        next_change=draw(st.sampled_from([None, dt.datetime(2026, 7, 1, tzinfo=dt.UTC)])),
        rates=draw(st.sampled_from([(), (), (UsedRate("USD", "7.2", TODAY),)])),
    )


@st.composite
def conditions(draw: st.DrawFn, after: bool) -> dict[str, Any]:
    """A condition, with ``after`` perhaps on the outcome."""
    fact = draw(st.sampled_from(TESTED if after else BEFORE))
    kind = FACTS[fact].kind
    if draw(st.integers(0, 5)) == 0:
        return {"fact": fact, "op": draw(st.sampled_from(["known", "unknown"]))}
    if kind == "flag":
        return {"fact": fact, "op": "==", "value": draw(st.booleans())}
    if kind == "text":
        word = "C" if fact == "risk_class" else "CN"
        some = draw(st.sampled_from([("==", word), ("!=", word), ("in", [word, "B"]), ("not in", [word])]))
        return {"fact": fact, "op": some[0], "value": some[1]}
    value: Any = draw(st.sampled_from([1, 2, 50]))
    value = Decimal(value) / 10 if kind in DECIMAL else value
    return {"fact": fact, "op": draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="])), "value": value}


@st.composite
def clauses(draw: st.DrawFn, after: bool) -> dict[str, Any]:
    found = {"all": draw(st.lists(conditions(after), max_size=3))}
    if not found["all"] or draw(st.integers(0, 3)) == 0:
        found["any"] = draw(st.lists(conditions(after), min_size=1, max_size=2))
    return found


@st.composite
def rules(draw: st.DrawFn, name: str, after: bool) -> dict[str, Any]:
    found = draw(clauses(after))
    found |= {"reason": name, "status": draw(st.sampled_from(["watch", "hold", "stop"]))}
    found["say"] = {"en": "told of {overdue_amount}", "zh": "{overdue_amount}"}
    if draw(st.integers(0, 2)) == 0:
        found["when_unknown"] = "act"
    if draw(st.integers(0, 4)) == 0:
        found["scope"] = {"customers": [7]}
    if draw(st.integers(0, 4)) == 0:
        found["except"] = [{**draw(clauses(after)), "lifts": draw(st.sampled_from(["rule", "all"]))}]
    return found


@st.composite
def policies(draw: st.DrawFn) -> Policy | None:
    """A policy of every form that the language has, or ``None`` where lint would refuse it."""
    term = {"share": Decimal(draw(st.sampled_from(["0.1", "0.333333", "1"])))}
    need: dict[str, Any] = {"annualise_from_months": draw(st.sampled_from([3, 12])), "at_least": 500}
    shares = {"tangible_net_worth": Decimal("0.2"), "revenue": Decimal("0.07")}
    terms = {
        "need": draw(st.sampled_from([{}, need])),
        "capacity": {**shares, "by_class": {"A": {**shares, "revenue": Decimal("0.1")}}},
        "net_worth": term,
        "agency": {**term, "weight": 3},
        "advice": {**term, "weight": 2},
        "references": term,
        "concentration": {"share": Decimal("0.02"), "portfolio": 9_000_000},
    }
    chosen = draw(st.lists(st.sampled_from(sorted(terms)), unique=True))
    limit: dict[str, Any] = {
        "step": draw(st.sampled_from([1, 100])),
        "combine": draw(st.sampled_from(["min", "min", "weighted_mean"])),
        "terms": {"need": {}} | {name: terms[name] for name in chosen} | {"class_cap": draw(st.booleans())},
        "zero_means": draw(st.sampled_from(["none", "unlimited", "missing"])),
        "secured": {"insured": Decimal("0.9"), "counts": draw(st.sampled_from(["on_top", "within"]))},
    }
    if draw(st.booleans()):
        limit["new_customer"] = {"limit": 20_000, "risk_class": "B", "terms_days": 30}
    status = [draw(rules(f"r{n}", True)) for n in range(draw(st.integers(0, 3)))]
    barred = [draw(rules(f"k{n}", False)) | {"risk_class": "C"} for n in range(draw(st.integers(0, 2)))]
    for one in barred:
        one.pop("scope", None), one.pop("except", None)
    country = {
        "fact": "country",
        "weight": 10,
        "unknown": 0,
        "bins": [{"is": ["CN", "DE"], "points": 100}, {"points": 30}],
    }
    card = content()["scorecard"]["data_points"]
    sections: dict[str, Any] = {
        "limit": limit,
        "status": {"rules": status},
        "knock_outs": barred,
        "reviews": {"by_status": draw(st.sampled_from([{}, {"hold": 7, "ok": 500}]))},
        "visits": {"by_status": draw(st.sampled_from([{}, {"hold": 7, "watch": 500}]))},
        "exposure": {"weights": {"delivered": Decimal("0.333")}},
        "check": {"missing_limit": draw(st.sampled_from(["hold", "allow"]))},
        "scorecard": {
            "max_weight": Decimal(1),
            "min_known": Decimal(draw(st.sampled_from(["0", "0.5"]))),
            "data_points": [*card, numbers("relation_months", 6, points=(0, 100)), country],
        },
        "terms": {"default_days": 30, "longer_than_class": draw(st.sampled_from(["watch", "ignore"]))},
        "overdue": {
            "ladder": {"rungs": [{"level": 1, "days": 5, "status": "watch", "reason": "overdue_watch"}]}
        },
    }
    for name in draw(st.lists(st.sampled_from(sorted(sections.keys() - {"limit"})), unique=True, max_size=3)):
        del sections[name]
    try:
        found = Policy.model_validate(content(**sections))
        compiled(found)
    except (Halt, ValidationError):
        return None
    return found


def agree(policy: Policy, facts: Snapshot) -> None:
    straight, plain = evaluate(policy, facts), interpret(policy, facts)
    assert straight.steps == plain.steps
    assert straight == plain
    assert assessment_json(straight) == assessment_json(plain)
    assert outcome_json(straight) == outcome_json(plain)
    assert assessment_from_json(assessment_json(straight)) == straight


@quick(150)
@given(st.sampled_from(SHIPPED), customers())
def test_the_quick_way_says_of_every_customer_what_the_interpreter_says(
    policy: Policy, customer: object
) -> None:
    agree(policy, snapshot(customer, policy, WITH_USD, NOW))  # type: ignore[arg-type]


@quick(300)
@given(st.sampled_from(SHIPPED).flatmap(lambda one: st.tuples(st.just(one), snapshots(one))))
def test_the_quick_way_agrees_on_facts_on_and_beside_every_edge(made: tuple[Policy, Snapshot]) -> None:
    agree(*made)


@quick(300)
@given(policies(), st.data())
def test_the_quick_way_agrees_under_policies_of_every_form(
    policy: Policy | None, data: st.DataObject
) -> None:
    if policy is not None:
        agree(policy, data.draw(snapshots(policy)))


def test_no_text_of_a_policy_becomes_part_of_the_function() -> None:
    evil = "x'] = __import__('os').abort() #\n{0}"
    rule = {"reason": "r", "status": "watch", "all": [{"fact": "country", "op": "==", "value": evil}]}
    rule["say"] = {"en": "yes", "zh": "yes"}
    policy = Policy.model_validate(content(status={"rules": [rule]}))
    agree(policy, replace(BLANK, values={**BLANK.values, "country": evil}))
    found = evaluate(policy, replace(BLANK, values={**BLANK.values, "country": evil}))
    assert [reason.code for reason in found.reasons if reason.code == "r"] == ["r"]

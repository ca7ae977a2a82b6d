"""Score, class, terms, status, calendar: from facts to an assessment."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connector.policy.schema import Policy
from connector.rules.outcome import Assessment
from tests.rules_bench import (
    TODAY,
    assess,
    content,
    day,
    dossier,
    invoice,
    limit_entry,
    numbers,
    order,
    policy,
    report,
    settled,
    statement,
)

LATE = (settled("i", 100, 40),)
GOOD = (settled("i", 100, 0),)


def figures(debt: int) -> tuple[Any, ...]:
    return (report(statements=(statement(total_liabilities=debt, total_assets=100),)),)


def ruled(*rules: dict[str, Any]) -> Policy:
    return policy(status={"rules": list(rules)})


def rule(
    status: str, *all: tuple[str, str, Any], reason: str = "overdue_hold", **more: Any
) -> dict[str, Any]:
    conditions = [{"fact": fact, "op": op, "value": value} for fact, op, value in all]
    return {"reason": reason, "status": status, "all": conditions, **more}


def steps(assessment: Assessment, code: str) -> list[dict[str, Any]]:
    return [step.params for step in assessment.steps if step.code == code]


@pytest.mark.parametrize(
    ("invoices", "debt", "score", "risk_class"),
    [
        (GOOD, 40, "100.00", "A"),
        (GOOD, 50, "75.00", "A"),
        (GOOD, 80, "55.00", "B"),
        (LATE, 40, "50.00", "B"),
        (LATE, 90, "5.00", "C"),
    ],
)
def test_score_is_the_weighted_mean_of_points(
    invoices: tuple[Any, ...], debt: int, score: str, risk_class: str
) -> None:
    found = assess(dossier(invoices=invoices, reports=figures(debt)))
    assert (str(found.score), found.risk_class) == (score, risk_class)


def test_weights_count_and_halves_round_up() -> None:
    points = [
        numbers("late_share_12m", Decimal("0.2"), points=(100, 0), weight=3),
        numbers("debt_ratio", 1, points=(1, 0), weight=5),
    ]
    scorecard = {"max_weight": 1, "data_points": points}
    found = assess(dossier(invoices=GOOD, reports=figures(40)), policy(scorecard=scorecard))
    assert found.score == Decimal("38.13")  # 305 / 8 = 38.125


def test_a_range_begins_with_its_from() -> None:
    edge = (settled("i", 80, 0), settled("j", 20, 40))
    found = assess(dossier(invoices=edge, reports=figures(40)))
    (first, _) = steps(found, "point")
    assert (first["value"], first["points"], first["from"]) == ("0.200000", 0, "0.2")


def test_words_and_flags_earn_points_by_list() -> None:
    bands = {
        "fact": "agency_band",
        "weight": 10,
        "unknown": 0,
        "bins": [{"is": ["A", "B"], "points": 80}, {"points": 10}],
    }
    flag = {
        "fact": "insolvent",
        "weight": 10,
        "unknown": 0,
        "bins": [{"is": [True], "points": 0}, {"is": [False], "points": 100}],
    }
    by = policy(scorecard={"max_weight": 1, "data_points": [bands, flag]})

    def score(band: str, insolvent: bool) -> Decimal | None:
        return assess(dossier(reports=(report(band=band, insolvent=insolvent),)), by).score

    assert score("B", False) == 90
    assert score("X", False) == 55
    assert score("A", True) == 40


def test_an_unknown_value_earns_its_points_and_is_named() -> None:
    found = assess(dossier(invoices=GOOD))
    assert found.score == 55
    assert steps(found, "point_unknown") == [
        {"fact": "debt_ratio", "weight": 10, "points": 10, "why": "missing_statement"}
    ]


def test_too_little_known_is_no_score() -> None:
    demanding = policy(scorecard={**content()["scorecard"], "min_known": Decimal("0.6")})
    found = assess(dossier(invoices=GOOD), demanding)
    assert (found.score, found.risk_class) == (None, "B")
    assert steps(found, "score_too_little") == [{"known": 10, "total": 20, "needed": 12}]


def test_a_knock_out_makes_the_class_worse_and_never_better() -> None:
    def by(risk_class: str) -> Policy:
        out = {
            "reason": "insolvent",
            "risk_class": risk_class,
            "all": [{"fact": "insolvent", "op": "==", "value": True}],
        }
        return policy(knock_outs=[out])

    broke = (report(insolvent=True, statements=figures(40)[0].report.statements),)
    found = assess(dossier(invoices=GOOD, reports=broke), by("C"))
    assert (found.risk_class, found.status, found.limit) == ("C", "stop", 0)
    assert [reason.code for reason in found.reasons] == ["insolvent"]
    assert assess(dossier(invoices=LATE, reports=broke), by("A")).risk_class == "B"
    assert assess(dossier(invoices=GOOD, reports=figures(40)), by("C")).risk_class == "A"


def test_terms_are_those_agreed_as_far_as_the_class_allows() -> None:
    good = {"invoices": GOOD, "reports": figures(40)}
    assert assess(dossier(**good)).terms_days == 90
    assert assess(dossier(**good, terms_days=45)).terms_days == 45
    found = assess(dossier(**good, terms_days=120))
    assert (found.terms_days, found.status) == (90, "watch")
    assert [(r.code, r.params["agreed"], r.params["longest"]) for r in found.reasons] == [
        ("terms_longer", 120, 90)
    ]
    quiet = policy(terms={"default_days": 30, "longer_than_class": "ignore"})
    assert assess(dossier(**good, terms_days=120), quiet).status == "ok"


def test_the_worst_status_counts_and_every_reason_is_kept_worst_first() -> None:
    by = ruled(
        rule("watch", ("overdue_count", ">=", 1), reason="overdue_watch"),
        rule("stop", ("overdue_days_max", ">=", 60), reason="overdue_stop"),
        rule("hold", ("overdue_amount", ">", 1), reason="overdue_hold"),
        rule("hold", ("overdue_days_max", ">=", 99), reason="slow_payer"),
    )
    found = assess(dossier(invoices=(invoice("i", 500, due_on=day(-61)),)), by)
    assert (found.status, found.hold) == ("stop", True)
    assert [reason.code for reason in found.reasons] == ["overdue_stop", "overdue_hold", "overdue_watch"]
    assert found.reasons[0].params == {
        "status": "stop",
        "currency": "CNY",
        "overdue_amount": 500,
        "overdue_days_max": 61,
    }
    assert (found.overdue_amount, found.overdue_days) == (500, 61)


@pytest.mark.parametrize(
    ("op", "value", "acts"),
    [
        ("<", 10, False),
        ("<=", 10, True),
        (">", 10, False),
        (">=", 10, True),
        ("==", 10, True),
        ("!=", 10, False),
        ("in", [9, 10], True),
        ("not in", [9, 10], False),
        ("known", None, True),
        ("unknown", None, False),
    ],
)
def test_operators(op: str, value: Any, acts: bool) -> None:
    found = assess(
        dossier(invoices=(invoice("i", 500, due_on=day(-10)),)),
        ruled(rule("hold", ("overdue_days_max", op, value))),
    )
    assert found.hold is acts


def test_all_and_any_together() -> None:
    def status(days: int, count: int) -> str:
        one = rule("hold", ("overdue_amount", ">", 0))
        one["any"] = [
            {"fact": "overdue_days_max", "op": ">=", "value": 30},
            {"fact": "overdue_count", "op": ">=", "value": 2},
        ]
        some = tuple(invoice(f"i{n}", 500, due_on=day(-days)) for n in range(count))
        return assess(dossier(invoices=some), ruled(one)).status

    assert [status(30, 1), status(1, 2), status(1, 1)] == ["hold", "hold", "ok"]


def test_a_rule_on_an_unknown_fact_is_told_and_acts_only_if_the_policy_says_so() -> None:
    waiting = assess(dossier(), ruled(rule("hold", ("debt_ratio", ">", 1))))
    assert waiting.status == "ok"
    assert steps(waiting, "rule_untested") == [
        {"code": "overdue_hold", "fact": "debt_ratio", "why": "missing_statement"}
    ]
    acting = assess(dossier(), ruled(rule("hold", ("debt_ratio", ">", 1), when_unknown="act")))
    assert acting.status == "hold"
    assert steps(acting, "rule_untested_acts")


def test_a_false_condition_settles_a_rule_whatever_is_unknown() -> None:
    both = rule("hold", ("debt_ratio", ">", 1), ("overdue_amount", ">", 0), when_unknown="act")
    found = assess(dossier(), ruled(both))
    assert (found.status, steps(found, "rule_untested")) == ("ok", [])
    either: dict[str, Any] = {"reason": "overdue_hold", "status": "hold", "any": both["all"]}
    assert steps(assess(dossier(), ruled(either)), "rule_untested")
    late = dossier(invoices=(invoice("i", 5, due_on=day(-9)),))
    assert assess(late, ruled(either)).status == "hold"


def test_the_unknown_itself_can_be_a_condition() -> None:
    assert assess(dossier(), ruled(rule("watch", ("debt_ratio", "unknown", None)))).status == "watch"


def test_status_rules_see_the_outcome() -> None:
    by = ruled(
        rule("watch", ("utilisation", ">=", Decimal("0.9")), reason="limit_nearly_used"),
        rule("hold", ("available", "<", 0), reason="exposure_over_limit"),
        rule("stop", ("risk_class", "==", "C"), reason="low_class"),
    )

    def status(owed: int, limit: int) -> str:
        return assess(dossier(invoices=(invoice("i", owed),), limits=(limit_entry(amount=limit),)), by).status

    assert [status(89, 100), status(90, 100), status(101, 100), status(1, 0)] == [
        "ok",
        "watch",
        "hold",
        "hold",
    ]


def test_available_and_utilisation() -> None:
    found = assess(dossier(invoices=(invoice("i", 100),), limits=(limit_entry(amount=300),)))
    assert (found.exposure, found.available, found.utilisation) == (100, 200, Decimal("0.333333"))


def test_a_hold_placed_by_a_person_holds() -> None:
    found = assess(dossier(hold_placed="waiting for a guarantee"))
    assert (found.status, found.hold) == ("hold", True)
    assert found.reasons[0].code == "hold_placed"
    assert found.reasons[0].params["reason"] == "waiting for a guarantee"


def test_a_policys_own_words_travel_with_the_reason() -> None:
    words = {"zh": "逾期 {overdue_count} 张", "en": "{overdue_count} overdue"}
    by = ruled(rule("hold", ("overdue_days_max", ">", 1), reason="my_own", say=words))
    (reason,) = assess(dossier(invoices=(invoice("i", 5, due_on=day(-9)),)), by).reasons
    assert reason.params["overdue_count"] == 1
    assert reason.params["en"] == "{overdue_count} overdue"


def test_review_follows_the_last_one_at_the_distance_of_the_class() -> None:
    reviewed = assess(dossier(invoices=GOOD, reviewed_on=day(-10)))
    assert (reviewed.risk_class, reviewed.next_review) == ("B", day(80))
    assert assess(dossier(invoices=GOOD)).next_review == day(90)
    overdue = assess(dossier(invoices=GOOD, reviewed_on=day(-100)))
    assert overdue.next_review == day(-10)


def test_the_review_is_a_moment_of_change_while_it_lies_ahead() -> None:
    soon = assess(dossier(reviewed_on=day(-88)))
    assert soon.next_change == dt.datetime(2026, 6, 17, tzinfo=dt.UTC)
    assert assess(dossier(reviewed_on=day(-90))).next_change is None


def test_visits_follow_the_shorter_of_class_and_status() -> None:
    by = policy(visits={"by_status": {"hold": 14, "watch": 200}})
    good = {"invoices": GOOD, "reports": figures(40)}
    assert assess(dossier(**good), by).visit_within_days == 90
    assert assess(dossier(**good), by).visit_reason == "visit_class"
    held = assess(dossier(**good, hold_placed="x"), by)
    assert (held.visit_within_days, held.visit_reason) == (14, "visit_status")
    watched = assess(dossier(**good, terms_days=999), by)
    assert (watched.status, watched.visit_within_days) == ("watch", 90)
    assert assess(dossier(invoices=GOOD), by).visit_within_days is None


def test_the_assessment_names_its_policy_and_moment() -> None:
    by = policy()
    found = assess(dossier(), by)
    assert (found.customer_id, found.policy, found.policy_hash) == (7, "small 1", by.hash)
    assert found.as_of.date() == TODAY


def test_a_bound_beyond_every_calendar_is_no_moment() -> None:
    for fact in ("relation_months", "days_since_order", "agency_score_age_days"):
        by = ruled(rule("watch", (fact, ">=", 10_000_000)))
        customer = dossier(customer_since=day(-9), orders=(order("o"),), reports=(report(),))
        assert assess(customer, by).status == "ok"

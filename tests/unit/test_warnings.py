"""Each kind of warning: from the right day on, not before, and gone when its cause is."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connector.locale import LANGUAGES, has_text
from connector.policy.schema import Policy
from connector.rules.documents import Dossier, OrderDoc
from connector.rules.evaluate import evaluate
from connector.rules.exposure import converter
from connector.rules.facts import snapshot
from connector.rules.warning import Cause, Earlier, Scene, standing
from connector.signals.notice import Seen, look
from connector.signals.texts import sentence
from tests.rules_bench import (
    CNY,
    NOW,
    day,
    dossier,
    invoice,
    limit_entry,
    order,
    policy,
    promise,
    report,
    settled,
    standard,
    statement,
)

DAY = dt.timedelta(days=1)
OWED = invoice("i1", 500_000, issued_on=day(-60), due_on=day(0))
PUNCTUAL = [settled(f"s{n}", 100_000, 0, 95 + 20 * n) for n in range(12)]
SLOW = [settled(f"t{n}", 100_000, 40, 5 + n) for n in range(4)]
MONTHLY = [order(f"o{n}", 1_000_000, "closed", ordered_on=day(-30 * n)) for n in range(12)]


def seen(of: Dossier, on: int = 0, by: Policy | None = None, earlier: Earlier | None = None) -> Seen:
    """What is seen on the day ``on`` days from today."""
    chosen, at = by or standard(), NOW + on * DAY
    facts = snapshot(of, chosen, CNY, at)
    return look(of, facts, evaluate(chosen, facts), chosen, CNY, earlier)


def scored(score: Decimal, risk_class: str, earlier: Earlier) -> Scene:
    """A customer with this score and class."""
    facts = snapshot(paid(OWED), standard(), CNY, NOW)
    outcome = evaluate(standard(), facts)._replace(score=score, risk_class=risk_class)
    return Scene(paid(OWED), facts, outcome, standard(), converter(CNY, facts.today, {}), earlier)


def of_kind(kind: str, found: Seen) -> list[Cause]:
    return [cause for cause in found.causes if cause.kind == kind]


def years(*debts: int) -> tuple[Any, ...]:
    """A report with a statement for each of these liabilities out of 100, newest first."""
    made = tuple(
        statement(
            period_end=dt.date(2025 - n, 12, 31), total_assets=10_000_000, total_liabilities=debt * 100_000
        )
        for n, debt in enumerate(debts)
    )
    return (report(statements=made),)


def paid(*lines: Any) -> Dossier:
    return dossier(invoices=lines)


def big(on: int, amount: int = 30_000_000) -> OrderDoc:
    return order("big", amount, ordered_on=day(on))


# What is the case, the first day on which it is told (None: at once, whatever the day), the key, and the same
# customer without the cause.
CASES = {
    "overdue_started": (
        paid(OWED),
        6,
        "",
        paid(OWED._replace(paid=500_000, settled_on=day(1), state="paid")),
    ),
    "overdue_worsened": (paid(OWED), 15, "15", paid(OWED._replace(disputed=True))),
    "pace_slowing": (paid(*PUNCTUAL, *SLOW), None, "20", paid(*PUNCTUAL)),
    "broken_promise": (
        dossier(invoices=(OWED,), promises=(promise(9, 500_000, due=2),)),
        8,
        "9",
        dossier(invoices=(OWED,), promises=(promise(9, 500_000, due=2, outcome="kept"),)),
    ),
    "dispute": (paid(OWED._replace(disputed=True)), None, "i1", paid(OWED._replace(disputed=False))),
    "utilisation": (
        dossier(limits=(limit_entry(amount=500_000),), invoices=(OWED,)),
        None,
        "0.9",
        dossier(limits=(limit_entry(amount=5_000_000),), invoices=(OWED,)),
    ),
    "order_surge": (dossier(orders=(*MONTHLY, big(3))), 3, "pace", dossier(orders=tuple(MONTHLY))),
    "silence": (
        dossier(orders=tuple(MONTHLY)),
        90,
        "",
        dossier(orders=(*MONTHLY, order("n", ordered_on=day(60)))),
    ),
    "limit_expiring": (
        dossier(limits=(limit_entry("temporary", valid_to=day(20)),)),
        6,
        f"temporary {day(20)}",
        dossier(limits=(limit_entry("temporary", valid_to=day(60)),)),
    ),
    "report_expiring": (
        dossier(reports=(report(),)),
        156,
        "agency",
        dossier(reports=(report(days_old=-100),)),
    ),
    "statement_overdue": (
        dossier(reports=years(40)),
        (dt.date(2025, 12, 31) + 485 * DAY - day(0)).days,
        "",
        dossier(reports=(report(statements=(statement(period_end=day(30)),)),)),
    ),
    "ratio_worsened": (dossier(reports=years(60, 40)), None, "debt_ratio", dossier(reports=years(45, 40))),
}


@pytest.mark.parametrize("kind", CASES)
def test_it_is_told_on_its_day_and_not_before_and_the_day_before_knows_it(kind: str) -> None:
    of, first, key, _ = CASES[kind]
    (cause,) = of_kind(kind, seen(of, first or 0))
    assert cause.key == key
    if first is not None:
        before = seen(of, first - 1)
        assert not of_kind(kind, before)
        assert before.due_at is not None
        assert before.due_at <= NOW + first * DAY


@pytest.mark.parametrize("kind", CASES)
def test_it_is_gone_with_its_cause(kind: str) -> None:
    _, first, _, without = CASES[kind]
    assert not of_kind(kind, seen(without, first or 0))


@pytest.mark.parametrize("kind", CASES)
def test_it_is_silent_where_the_policy_says_so(kind: str) -> None:
    of, first, _, _ = CASES[kind]
    by = policy(signals={kind: {"on": False}})
    assert not of_kind(kind, seen(of, first or 0, by))


@pytest.mark.parametrize("kind", CASES)
def test_its_evidence_is_told_in_both_languages(kind: str) -> None:
    of, first, _, _ = CASES[kind]
    (cause,) = of_kind(kind, seen(of, first or 0))
    assert cause.evidence
    for language in LANGUAGES:
        told = sentence(kind, cause.evidence, language)
        assert not told.startswith(kind + ":")
        assert "{" not in told


def test_every_kind_of_the_form_has_a_name_and_a_sentence() -> None:
    kinds = standard().signals.kinds()
    assert len(kinds) == 22
    assert [k for k in kinds if not (has_text(f"signal_name.{k}") and has_text(f"signal.{k}"))] == []


@pytest.mark.parametrize(("days", "step"), [(14, None), (15, "15"), (29, "15"), (30, "30"), (60, "60")])
def test_overdue_worsens_by_steps_that_grow_in_severity(days: int, step: str | None) -> None:
    found = of_kind("overdue_worsened", seen(paid(OWED), days))
    assert [cause.key for cause in found] == ([step] if step else [])
    assert [cause.severity for cause in found] == (
        [] if step is None else ["warning" if days < 30 else "alarm"]
    )


def test_a_trifle_is_not_overdue() -> None:
    assert not of_kind("overdue_started", seen(paid(OWED._replace(amount=90_000)), 20))


def test_a_class_that_fell_is_told_against_the_class_before() -> None:
    of = paid(OWED)
    now = evaluate(standard(), snapshot(of, standard(), CNY, NOW)).risk_class
    best = standard().classes[0].name
    (cause,) = of_kind("rating_changed", seen(of, earlier=Earlier(best, day(10))))
    assert (cause.key, cause.evidence["after"]) == (f"{best}>{now}", now)
    assert not of_kind("rating_changed", seen(of, earlier=Earlier(now, None)))
    assert not of_kind("rating_changed", seen(of, earlier=Earlier(standard().classes[-1].name, None)))


@pytest.mark.parametrize(("short", "told"), [("4.9", 0), ("5", 1), ("12", 1)])
def test_a_score_that_swings_about_the_bound_of_its_class_is_no_change(short: str, told: int) -> None:
    policy = standard()
    better, worse = policy.classes[1], policy.classes[2]
    assert better.from_ is not None
    score = Decimal(better.from_) - Decimal(short)
    scene = scored(score, worse.name, Earlier(better.name, None))
    assert len(list(standing.rating(scene, []))) == told


def test_a_class_that_a_knock_out_takes_away_is_told_whatever_the_score() -> None:
    policy = standard()
    best, last = policy.classes[0], policy.classes[-1]
    assert best.from_ is not None
    scene = scored(Decimal(best.from_) - 1, last.name, Earlier(best.name, None))
    assert [cause.key for cause in standing.rating(scene, [])] == [f"{best.name}>{last.name}"]


def test_a_large_order_after_a_long_silence_is_a_surge_of_its_own() -> None:
    old = order("old", 1_000, "closed", ordered_on=day(-250))
    (cause,) = of_kind("order_surge", seen(dossier(orders=(old, big(0)))))
    assert (cause.key, cause.evidence["quiet_days"]) == ("dormant", 250)
    assert not of_kind("order_surge", seen(dossier(orders=(old, big(0, 1_000)))))


def test_a_customer_who_never_ordered_regularly_does_not_fall_silent() -> None:
    assert not of_kind("silence", seen(dossier(orders=tuple(MONTHLY[:5])), 200))
    assert not of_kind("silence", seen(dossier(orders=tuple(MONTHLY)), 400))  # and not for ever


def test_what_no_agency_tells_of_any_more_is_over() -> None:
    clean = dossier(reports=(report(insolvent=False),))
    assert seen(clean).over == {"judgment_appeared", "dishonest_appeared", "insolvency_appeared"}
    assert seen(dossier()).over == set()


def test_amounts_without_a_rate_pass_no_bound() -> None:
    foreign = replace(paid(), orders=(*MONTHLY, big(0)._replace(currency="JPY")))
    assert not of_kind("order_surge", seen(foreign))

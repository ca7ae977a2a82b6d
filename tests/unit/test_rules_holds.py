"""Hold rules: whom they concern, whom they spare, the overdue ladder, and rules on the order itself.

The worked examples are those of Dynamics 365 (cm-sales-order-credit-holds), unless a test says otherwise.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.policy.schema import Policy
from connector.rules.outcome import Assessment
from connector.store import assessments
from connector.store.assessments import Judged
from tests import check_bench
from tests.check_bench import Bench, codes
from tests.rules_bench import (
    assess,
    content,
    day,
    dossier,
    facts,
    invoice,
    limit_entry,
    policy,
    report,
    settled,
)


def condition(fact: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"fact": fact, "op": op, "value": value}


LATE = condition("overdue_days_max", ">=", 30)
OWED = (invoice("i", 500_000, due_on=day(-40)),)


def rule(*all_: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"reason": "overdue_hold", "status": "hold", "all": list(all_ or (LATE,)), **more}


def ruled(*rules: dict[str, Any], **sections: Any) -> Policy:
    return policy(status={"rules": list(rules)}, **sections)


def status(by: Policy, **documents: Any) -> str:
    return assess(dossier(**{"invoices": OWED, **documents}), by).status


def steps(found: Assessment, code: str) -> list[Any]:
    return [step.params for step in found.steps if step.code == code]


# ── Whom a rule concerns ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ({}, True),  # all
        ({"customers": [7]}, True),  # "table": one customer
        ({"customers": [8, 9]}, False),
        ({"groups": [3]}, True),
        ({"groups": [4]}, False),
        ({"segments": ["default"]}, True),
        ({"segments": ["elsewhere"]}, False),
        ({"customers": [8], "groups": [3]}, True),  # one of them is enough
    ],
)
def test_a_rule_concerns_a_customer_a_group_a_segment_or_all(scope: dict[str, Any], held: bool) -> None:
    segment = {"name": "elsewhere", "all": [condition("country", "==", "US")]}
    by = ruled(rule(scope=scope), segments=[segment])
    assert (status(by, group_id=3) == "hold") is held


# ── Whom a rule spares ─────────────────────────────────────────────────────────────────────────


def test_an_exclusion_affects_only_the_rule_on_which_it_stands() -> None:
    spared = rule(**{"except": [{"scope": {"groups": [3]}}]})
    assert status(ruled(spared), group_id=3) == "ok"
    assert status(ruled(spared), group_id=4) == "hold"
    assert status(ruled(spared, rule(reason="overdue_watch")), group_id=3) == "hold"


def test_an_exclusion_is_told_in_the_steps() -> None:
    found = assess(
        dossier(invoices=OWED, group_id=3), ruled(rule(**{"except": [{"scope": {"groups": [3]}}]}))
    )
    assert steps(found, "rule_lifted") == [{"code": "overdue_hold"}]


def test_an_exclusion_of_another_value_type_does_not_override_unless_it_releases_the_order() -> None:
    """Unlike value types (days vs amount) do not override; with "Release sales order" ticked the
    exclusion releases and stops all other checks. Here `lifts: all` is that tick."""
    small = {"all": [condition("overdue_amount", "<", 10_000)]}
    days, amount = (
        rule(**{"except": [small]}),
        rule(condition("overdue_amount", ">", 100), reason="overdue_watch"),
    )
    assert status(ruled(days, amount)) == "hold"
    releasing = rule(**{"except": [{**small, "lifts": "all"}]})
    assert status(ruled(releasing, amount)) == "ok"
    assert status(ruled(amount, releasing)) == "ok"
    large = (invoice("i", 1_000_000, due_on=day(-40)),)
    assert status(ruled(releasing, amount), invoices=large) == "hold"


def test_an_exclusion_that_lifts_everything_spares_the_ladder_but_no_knock_out() -> None:
    out = {
        "reason": "default_record", "risk_class": "C", "status": "stop",
        "all": [condition("defaults_24m", ">=", 1)],
    }  # fmt: skip
    spared = rule(
        condition("overdue_count", ">=", 1), **{"except": [{"scope": {"customers": [7]}, "lifts": "all"}]}
    )
    ladder = {"ladder": {"rungs": [{"level": 1, "days": 1, "status": "hold"}]}}
    assert status(ruled(spared, overdue=ladder)) == "ok"
    old = (invoice("i", 500_000, due_on=day(-95)),)
    assert status(ruled(spared, overdue=ladder, knock_outs=[out]), invoices=old) == "stop"


def test_an_exclusion_on_something_unknown_spares_nobody() -> None:
    unknown = {"all": [condition("debt_ratio", "<", Decimal("0.4"))]}
    assert status(ruled(rule(**{"except": [unknown]}))) == "hold"


# ── The reasons to hold that Dynamics 365 knows ────────────────────────────────────────────────


def test_days_overdue_are_counted_beyond_the_grace_days() -> None:
    """ "Days overdue" = days beyond the due date less the grace days."""
    by = ruled(rule(condition("overdue_count", ">=", 1)), overdue={"grace_days": 10})
    assert status(by, invoices=(invoice("i", 5, due_on=day(-10)),)) == "ok"
    assert status(by, invoices=(invoice("i", 5, due_on=day(-11)),)) == "hold"


@pytest.mark.parametrize(
    ("overdue", "owed", "held"),
    [(20_000, 20_000, True), (20_000, 80_000, False), (9_000, 9_000, False)],
)
def test_overdue_amount_needs_both_the_amount_and_the_share_exceeded(
    overdue: int, owed: int, held: bool
) -> None:
    """Dynamics 365 (cm-sales-order-credit-holds): *overdue amount* needs **both** amount exceeded and
    percentage threshold exceeded."""
    by = ruled(
        rule(
            condition("overdue_amount", ">", 100),
            condition("overdue_share", ">", Decimal("0.5")),
            reason="overdue_share_high",
        )
    )
    some = (invoice("a", overdue, due_on=day(-9)), invoice("b", owed - overdue))
    assert (status(by, invoices=some) == "hold") is held


@pytest.mark.parametrize(("amount", "decision"), [("4000.00", "pass"), ("4500.00", "hold")])
def test_credit_limit_used_90_percent_of_10_000_with_a_balance_of_5_000(
    tmp_path: Path, amount: str, decision: str
) -> None:
    """Limit 10 000, 90 %, balance 5 000: 4 000 remain; an order of 4 500 is held
    (exploredynamics365.home.blog, credit management part 4)."""
    bench = Bench.on_sqlite(tmp_path, check_bench.policy({"usable_share": "90%"}))
    bench.customer(limit=1_000_000, exposure=500_000)
    assert bench.check(amount).decision == decision


def test_limit_used_as_a_rule_of_the_status() -> None:
    by = ruled(rule(condition("utilisation", ">=", Decimal("0.9")), reason="limit_used"))
    assert status(by, limits=(limit_entry(amount=555_556),)) == "ok"
    assert status(by, limits=(limit_entry(amount=555_555),)) == "hold"


def test_limit_expired_account_status_report_stale_and_blacklist() -> None:
    """用友 and 金蝶 call the last one 黑名单; the others are reasons of Dynamics 365 and Bectran."""
    rules = (
        rule(condition("limit_expired", "==", True), reason="limit_expired"),
        rule(condition("account_status", "in", ["closed", "on hold"]), reason="account_barred"),
        rule(condition("report_stale", "==", True), reason="report_stale"),
        rule(condition("blacklisted", "==", True), reason="blacklisted"),
    )
    by = ruled(
        *rules, blacklist={"account_status": ["黑名单"]}, limit={**content()["limit"], "valid_days": 365}
    )

    def told(**documents: Any) -> list[str]:
        found = assess(dossier(**documents), by)
        return [reason.code for reason in found.reasons if reason.params["status"] == "hold"]

    assert told() == []
    assert told(limits=(limit_entry(valid_from=day(-366)),)) == ["limit_expired"]
    assert told(account_statuses=("on hold",)) == ["account_barred"]
    assert told(account_statuses=("黑名单",)) == ["blacklisted"]
    assert told(reports=(report(days_old=91),)) == ["report_stale"]


# ── The overdue ladder ─────────────────────────────────────────────────────────────────────────

LADDER = {
    "min_amount": 100,
    "rungs": [
        {"level": 1, "days": 1, "reason": "overdue_watch"},
        {"level": 2, "days": 15, "status": "watch"},
        {"level": 3, "days": 30, "status": "hold"},
        {"level": 4, "days": 60, "status": "stop", "reason": "overdue_stop"},
    ],
}


@pytest.mark.parametrize(
    ("days", "level", "stands"),
    [(0, 0, "ok"), (1, 1, "ok"), (14, 1, "ok"), (15, 2, "watch"), (30, 3, "hold"), (59, 3, "hold"),
     (60, 4, "stop")],
)  # fmt: skip
def test_the_highest_rung_that_is_reached_counts(days: int, level: int, stands: str) -> None:
    found = assess(
        dossier(invoices=(invoice("i", 10_001, due_on=day(-days)),)), policy(overdue={"ladder": LADDER})
    )
    assert (found.dunning_level, found.status) == (level, stands)
    told = [reason.code for reason in found.reasons if reason.code.startswith("overdue")]
    assert len(told) == (1 if level else 0)


def test_a_trivial_residue_reaches_no_rung() -> None:
    """frappe/erpnext#52960: block by overdue invoices with a threshold for trivial residues."""
    for amount, level in ((10_000, 0), (10_001, 4)):
        late = (invoice("i", amount, due_on=day(-90)),)
        found = assess(dossier(invoices=late), policy(overdue={"ladder": LADDER}))
        assert (found.dunning_level, found.hold) == (level, bool(level))


def test_a_rung_begins_only_after_the_grace() -> None:
    by = policy(overdue={"ladder": LADDER, "grace_days": 10})
    assert assess(dossier(invoices=(invoice("i", 50_000, due_on=day(-10)),)), by).dunning_level == 0
    assert assess(dossier(invoices=(invoice("i", 50_000, due_on=day(-11)),)), by).dunning_level == 1


def test_the_rung_tells_its_level_and_the_interest_stands_beside_it() -> None:
    by = policy(overdue={"ladder": LADDER, "interest": {"rate": Decimal("0.08")}})
    found = assess(dossier(invoices=(invoice("i", 1_000_000, due_on=day(-45)),)), by)
    assert found.reasons[0].params["dunning_level"] == 3
    assert (found.late_interest, found.overdue_days) == (9_863, 45)


def test_other_rules_see_the_dunning_level() -> None:
    by = ruled(rule(condition("dunning_level", ">=", 2), reason="overdue_watch"), overdue={"ladder": LADDER})
    assert status(by, invoices=(invoice("i", 50_000, due_on=day(-16)),)) == "hold"


# ── Rules on the order itself ──────────────────────────────────────────────────────────────────


ON_ORDER = (
    rule(condition("order_amount", ">", 5_000), reason="order_large"),
    rule(condition("order_terms_excess", ">", 0), reason="order_terms_longer", status="watch"),
)


def check_policy(*rules: dict[str, Any]) -> Policy:
    return ruled(*rules, classes=[{**item, "cap": 10_000_000} for item in content()["classes"]])


def assessed(folder: Path, by: Policy, **line: Any) -> tuple[Bench, int]:
    """A customer with a stored assessment whose class allows 60 days."""
    bench = Bench.on_sqlite(folder, by)
    number = bench.customer(**{"limit": 10_000_000, **line})
    known = facts(dossier(invoices=(settled("i", 100, 0),)), by)
    outcome = assess(dossier(invoices=(settled("i", 100, 0),)), by)
    from dataclasses import replace

    kept = Judged(replace(known, customer_id=number), outcome._replace(customer_id=number), 1, None)
    with bench.store.write() as tx:
        assessments.add_changed(tx, [kept], bench.now)
    return bench, number


def test_an_assessment_leaves_rules_on_the_order_to_the_check() -> None:
    found = assess(dossier(invoices=(settled("i", 100, 0),)), check_policy(*ON_ORDER))
    assert (found.status, found.reasons) == ("ok", ())
    assert not [step for step in found.steps if step.code == "rule_untested"]


def test_a_document_above_the_largest_allowed_is_held_whatever_the_limit(tmp_path: Path) -> None:
    """SAP: maximum document value; Oracle: a second limit caps one document; Dynamics: order amount."""
    bench, _ = assessed(tmp_path, check_policy(*ON_ORDER))
    assert bench.check("5000.00").decision == "pass"
    answer = bench.check("5000.01", "SO-2")
    assert (answer.decision, codes(answer)) == ("hold", ["order_large"])
    assert answer.reasons[0].params["order_amount"] == "5000.01"
    assert "5,000.01 CNY" in answer.reasons[0].text.en
    assert codes(bench.check("1000.00", "SO-3", currency="EUR")) == ["order_large"]  # 8,000 CNY


def test_terms_better_than_agreed_are_told(tmp_path: Path) -> None:
    """Dynamics 365: payment terms better than the default, by rank; here by days."""
    bench, _ = assessed(tmp_path, check_policy(*ON_ORDER))
    assert bench.check("100.00", terms_days=60).reasons == []
    answer = bench.check("100.00", "SO-2", terms_days=61)
    assert (answer.decision, codes(answer)) == ("warn", ["order_terms_longer"])
    assert bench.check("100.00", "SO-3").reasons == []  # not asked: not judged


def test_longer_terms_at_the_same_amount_ask_for_more(tmp_path: Path) -> None:
    longer = rule(condition("order_terms_excess", ">", 0), reason="order_terms_longer")
    bench, _ = assessed(tmp_path, check_policy(longer))
    assert bench.check("100.00", terms_days=30, revision="1").decision == "pass"
    assert bench.check("100.00", terms_days=90, revision="2", checkpoint="order_change").decision == "hold"


def test_a_rule_on_the_order_sees_customer_outcome_scope_and_exclusion(tmp_path: Path) -> None:
    by = check_policy(
        rule(
            condition("order_amount", ">", 50),
            condition("risk_class", "==", "B"),
            condition("checkpoint", "==", "shipment"),
            reason="order_large",
            **{"except": [{"all": [condition("order_amount", ">", 500)]}]},
        )
    )
    bench, _ = assessed(tmp_path, by)
    assert bench.check("100.00").decision == "pass"
    assert bench.check("100.00", "SO-2", checkpoint="shipment").decision == "hold"
    assert bench.check("600.00", "SO-3", checkpoint="shipment").decision == "pass"


def test_an_order_rule_without_a_rate_is_not_judged_but_the_rate_is_missed(tmp_path: Path) -> None:
    bench, _ = assessed(tmp_path, check_policy(*ON_ORDER))
    assert codes(bench.check("9000.00", currency="GBP")) == ["rate_unknown"]

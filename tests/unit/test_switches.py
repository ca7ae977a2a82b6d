"""The questions on which credit systems disagree: each is a switch of the policy, with the careful
answer as its default, and each test tells the answer of the system that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.policy.schema import Check, ExposureRules, Policy
from connector.rules.outcome import Assessment
from connector.store.lines import GROUP
from tests import check_bench, rules_bench
from tests.check_bench import Bench, codes
from tests.rules_bench import CNY, day, dossier, invoice, limit_entry, order, payment


def bench(folder: Path, **switches: Any) -> Bench:
    return Bench.on_sqlite(folder, check_bench.policy(switches))


def limited(**limit: Any) -> Policy:
    return rules_bench.policy(limit={"step": 1, "terms": {"need": {}}, **limit})


def assess(by: Policy, **documents: Any) -> Assessment:
    return rules_bench.assess(dossier(**documents), by, CNY)


# ── Limit 0 ────────────────────────────────────────────────────────────────────────────────────


ZERO = (limit_entry(amount=0),)


def test_limit_zero_is_no_credit_by_default_as_in_dynamics_and_sap() -> None:
    """Dynamics 365, Credit-limit-scenarios: with the module on, limit 0 gives no credit."""
    found = assess(limited(), limits=ZERO)
    assert (found.limit_state, found.limit) == ("amount", 0)


def test_limit_zero_is_unlimited_in_erpnext_and_the_old_dynamics_module() -> None:
    """ERPNext, customer.py: a final 0 is no check at all, so that 0 cannot mean "no credit"."""
    found = assess(limited(zero_means="unlimited"), limits=ZERO)
    assert (found.limit_state, found.limit, found.available) == ("unlimited", None, None)


def test_limit_zero_falls_through_to_the_next_level_where_it_means_missing() -> None:
    """ERPNext: falsy 0 at the customer falls through; here the policy's own limit serves."""
    chosen = limited(zero_means="missing", new_customer={"limit": 300, "risk_class": "B", "terms_days": 30})
    assert assess(chosen, limits=ZERO).limit == 30_000
    assert assess(chosen, limits=(limit_entry(amount=1),)).limit == 1


def test_a_limit_that_a_person_set_to_none_is_never_read_as_zero() -> None:
    found = assess(limited(zero_means="unlimited"), limits=(limit_entry(amount=None, state="none"),))
    assert (found.limit_state, found.limit) == ("none", None)


# ── Limit missing ──────────────────────────────────────────────────────────────────────────────


def test_limit_missing_holds_by_default_and_is_unlimited_in_oracle(tmp_path: Path) -> None:
    """Oracle: a null limit is unlimited."""
    assert assess(limited()).reasons[0].code == "limit_missing"
    oracle = rules_bench.policy(limit={"step": 1, "terms": {"need": {}}}, check={"missing_limit": "allow"})
    assert assess(oracle).limit_state == "unlimited"
    allowing = bench(tmp_path, missing_limit="allow")
    allowing.customer(limit_state="none")
    assert allowing.check("999999.00").decision == "pass"


@pytest.mark.parametrize(("inherit", "decision"), [(True, "pass"), (False, "hold")])
def test_limit_missing_is_inherited_by_default_as_in_erpnext(
    tmp_path: Path, inherit: bool, decision: str
) -> None:
    """ERPNext: customer row, else customer group, else company."""
    made = bench(tmp_path, inherit_limit=inherit)
    made.customer(limit_state="none", group=made.group(limit=100_000))
    assert made.check("1000.00").decision == decision


# ── Equal to the limit ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("switch", "decision"), [("pass", "pass"), ("hold", "hold")])
def test_equal_to_limit_passes_in_yonyou_and_is_held_in_netsuite(
    tmp_path: Path, switch: str, decision: str
) -> None:
    """用友 U8: occupied + current − limit ≤ 0 passes. NetSuite enforces at or above the limit."""
    made = bench(tmp_path, equal_to_limit=switch)
    made.customer(limit=500_000, exposure=400_000)
    assert made.check("1000.00").decision == decision
    assert made.check("999.99").decision == "pass"
    assert made.check("1000.01").decision == "hold"


# ── Count the checked order ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("switch", "exposure", "passes", "held"),
    [
        ("once", 90_000, "700.00", "700.01"),  # 600 of the exposure are the order itself
        ("add", 40_000, "600.00", "600.01"),
        ("inside", 100_000, "700.00", None),
    ],
)
def test_the_checked_order_counts_once_by_default(
    tmp_path: Path, switch: str, exposure: int, passes: str, held: str | None
) -> None:
    """ERPNext counts a submitted order as part of the outstanding; others add it to what they know.
    Read from the CRM already, it is taken out before it is added, so that it counts once."""
    made = bench(tmp_path, checked_order=switch)
    made.customer(limit=100_000, exposure=exposure)
    made.store_order("SO-1", 60_000, arrives=False)
    if held is not None:
        assert codes(made.check(held)) == ["over_limit"]
    assert made.check(passes).decision == "pass"


def test_the_checked_order_is_not_counted_twice(tmp_path: Path) -> None:
    """frappe/erpnext#47279: a delivery note of 60 became 120 against a limit of 100."""
    made = bench(tmp_path)
    number = made.customer(limit=10_000, exposure=6_000)
    made.store_order("SO-1", 6_000, arrives=False)
    assert made.check("60.00").decision == "pass"
    assert made.line(number).reserved == 0
    assert made.check("100.00").decision == "pass"
    assert made.check("100.01").decision == "hold"


def test_an_order_inside_the_exposure_reserves_nothing(tmp_path: Path) -> None:
    made = bench(tmp_path, checked_order="inside")
    number = made.customer(limit=100_000, exposure=90_000)
    answer = made.check("600.00")
    assert (answer.decision, answer.reservation, made.line(number).reserved) == ("pass", None, 0)
    made.change_line(number, exposure=100_001)
    assert codes(made.check("600.00")) == ["limit_breached"]


# ── Advances and credits ───────────────────────────────────────────────────────────────────────


def test_advances_reduce_to_zero_at_most_unless_the_policy_allows() -> None:
    """ERPNext and SAP let advances reduce what is owed below nothing."""
    money = (payment("p", 47_372),)
    careful = assess(limited(), payments=money, limits=ZERO)
    assert (careful.exposure, careful.available) == (0, 0)
    free = rules_bench.policy(exposure={"advances": "allow_negative"})
    generous = assess(free, payments=money, limits=ZERO)
    assert (generous.exposure, generous.available) == (-47_372, 47_372)


@pytest.mark.parametrize(("amount", "decision"), [("473.72", "pass"), ("473.73", "hold")])
def test_sap_limit_zero_and_exposure_minus_473_72(tmp_path: Path, amount: str, decision: str) -> None:
    """SAP (blogs.sap.com, limit set as 0): exposure −473.72 passes an order of up to 473.72."""
    made = bench(tmp_path)
    made.customer(limit=0, exposure=-47_372)
    assert made.check(amount).decision == decision


# ── Open orders ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "counted"),
    [
        ({"horizon_days": 60}, 300),  # SAP dynamic check: only what ships before the horizon
        ({"open_orders": "all", "horizon_days": 60}, 1_300),  # SAP static check
        ({"horizon_days": None}, 1_300),
        ({"open_orders": "none"}, 0),  # Zoho Books, NetSuite: orders count only if ticked
    ],
)
def test_open_orders_count_within_the_horizon_by_default(settings: dict[str, Any], counted: int) -> None:
    some = (order("near", 300, deliver_on=day(60)), order("far", 1_000, deliver_on=day(61)))
    assert assess(rules_bench.policy(exposure=settings), orders=some).exposure == counted


def test_open_orders_count_as_far_as_they_are_not_billed_as_in_erpnext() -> None:
    """ERPNext: order total × (100 − per_billed) / 100."""
    half = (order("o", 1_000, invoiced=400),)
    assert assess(rules_bench.policy(), orders=half).exposure == 600


# ── Draft documents ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "counted"),
    [
        ({}, 0),
        ({"draft_orders": True}, 700),
        ({"draft_invoices": True}, 30),
        ({"draft_orders": True, "draft_invoices": True}, 730),
    ],
)
def test_drafts_do_not_count_by_default_and_do_in_yonyou_and_oca(
    settings: dict[str, bool], counted: int
) -> None:
    """用友 U8 checking at save counts unapproved documents; OCA has a bucket for draft invoices."""
    found = assess(
        rules_bench.policy(exposure=settings),
        orders=(order("o", 700, "draft"),),
        invoices=(invoice("i", 30, state="draft", due_on=day(-9)),),
    )
    assert (found.exposure, found.overdue_amount) == (counted, 0)


def test_a_draft_invoice_moves_its_order_and_counts_once() -> None:
    both = rules_bench.policy(exposure={"draft_invoices": True})
    some = {"orders": (order("o", 700),), "invoices": (invoice("i", 300, state="draft", order_id="o"),)}
    assert assess(both, **some).exposure == 700
    assert assess(rules_bench.policy(), **some).exposure == 700


# ── Parent ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("switch", "own", "group", "decision", "reason"),
    [
        ("own_and_group", 100_000, 50_000, "hold", "over_group_limit"),
        ("own_and_group", 50_000, 100_000, "hold", "over_limit"),
        ("own", 100_000, 50_000, "pass", None),  # NetSuite: sub-customers are not aggregated
        ("own", 50_000, 100_000, "hold", "over_limit"),
        ("group", 50_000, 100_000, "pass", None),  # OCA: the top partner's limit is the one that counts
        ("group", 100_000, 50_000, "hold", "over_group_limit"),
    ],
)
def test_own_and_group_limit_must_both_pass_by_default(
    tmp_path: Path, switch: str, own: int, group: int, decision: str, reason: str | None
) -> None:
    """Dynamics 365, Credit-limit-scenarios: the smaller of both counts."""
    made = bench(tmp_path, parent=switch)
    number = made.customer(limit=own, group=made.group(limit=group))
    answer = made.check("600.00")
    assert (answer.decision, codes(answer)) == (decision, [reason] if reason else [])
    assert made.line(number).reserved == (60_000 if decision == "pass" else 0)


def test_without_a_group_limit_the_own_one_counts_even_where_the_group_rules(tmp_path: Path) -> None:
    made = bench(tmp_path, parent="group")
    made.customer(limit=50_000, group=made.group(limit_state="none"))
    assert codes(made.check("600.00")) == ["over_limit"]


def test_the_group_still_reserves_where_the_group_rules(tmp_path: Path) -> None:
    made = bench(tmp_path, parent="group")
    group = made.group(limit=100_000)
    made.customer(limit=1, group=group)
    made.customer("A2", limit=1, group=group)
    assert made.check("600.00").decision == "pass"
    assert made.check("400.01", "SO-2", account="A2").decision == "hold"
    assert made.line(group, GROUP).reserved == 60_000


# ── Existing breach ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("switch", "decision", "reasons"),
    [("increase_only", "pass", []), ("everything", "hold", ["limit_breached"])],
)
def test_a_breach_stops_only_what_asks_for_more_and_everything_in_oca(
    tmp_path: Path, switch: str, decision: str, reasons: list[str]
) -> None:
    """OCA sale_financial_risk: any exception blocks new orders whatever their size."""
    made = bench(tmp_path, existing_breach=switch)
    made.customer(limit=100_000, exposure=150_000)
    made.store_order("SO-1", 60_000, arrives=False)
    answer = made.check("500.00", checkpoint="order_change")
    assert (answer.decision, codes(answer)) == (decision, reasons)
    more = made.check("700.00", checkpoint="order_change")
    assert more.decision == "hold" and "over_limit" in codes(more)


@pytest.mark.parametrize("switch", ["increase_only", "everything"])
def test_a_breach_never_stops_the_invoice_of_delivered_goods(tmp_path: Path, switch: str) -> None:
    """frappe/erpnext#37888: the hold came too late and blocked invoicing of shipped goods."""
    made = bench(tmp_path, existing_breach=switch)
    made.customer(limit=100_000, exposure=150_000)
    assert made.check("600.00", checkpoint="invoice").decision == "warn"


def test_within_the_limit_a_breach_rule_says_nothing(tmp_path: Path) -> None:
    made = bench(tmp_path, existing_breach="everything")
    made.customer(limit=100_000, exposure=90_000)
    made.store_order("SO-1", 60_000, arrives=False)
    assert made.check("500.00", checkpoint="order_change").reasons == []


@pytest.mark.parametrize(
    ("amount", "told"),
    [("1000.00", []), ("1010.00", ["sales"]), ("1010.01", ["board"]), ("9999.00", ["board"])],
)
def test_an_order_over_the_limit_names_who_may_let_it_pass(
    tmp_path: Path, amount: str, told: list[str]
) -> None:
    """用友 T6: an approver with an amount may allow an excess up to it, inclusive; Bectran: approval
    limits in order."""
    bands = [{"up_to": 10, "role": "sales"}, {"role": "board", "signers": 2}]
    made = Bench.on_sqlite(tmp_path, check_bench.policy(approvals={"excess": bands}))
    made.customer(limit=100_000)
    answer = made.check(amount)
    named = [reason for reason in answer.reasons if reason.code == "excess_approver"]
    assert [reason.params["role"] for reason in named] == told
    assert answer.decision == ("hold" if told else "pass")
    if told:
        assert codes(answer) == ["over_limit", "excess_approver"]
        assert named[0].params["over"] == f"{float(amount) - 1000:.2f}"


def test_the_defaults_are_the_careful_ones() -> None:
    check, exposure = Check(), ExposureRules()
    assert (check.equal_to_limit, check.missing_limit, check.inherit_limit) == ("pass", "hold", True)
    assert (check.parent, check.existing_breach, check.checked_order) == (
        "own_and_group",
        "increase_only",
        "once",
    )
    assert (exposure.open_orders, exposure.horizon_days, exposure.advances) == (
        "within_horizon",
        90,
        "cap_at_zero",
    )
    assert (exposure.draft_orders, exposure.draft_invoices) == (False, False)
    assert limited().limit.zero_means == "none"
    assert limited().limit.children == "free"

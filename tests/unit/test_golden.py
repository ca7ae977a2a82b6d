"""Worked figures of other systems and of the literature that no other test tells, each with its source.

Those told elsewhere: DBT, DSO and late interest in test_rules_windows, Altman in test_rules_altman, need
and capacity in test_rules_limit, Dynamics' holds in test_rules_holds, its effective limit and 用友 T6's
approver in test_rules_waterfall, SAP's negative exposure and the switches in test_switches.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.policy.load import load
from connector.policy.schema import Policy
from connector.rules.exposure import exposure
from connector.rules.measures import Scale, collection_effectiveness, expected_loss, provisions
from connector.rules.snapshot import Unknown
from tests import check_bench
from tests.check_bench import Bench
from tests.rules_bench import CNY, NOW, assess, day, dossier, invoice, order, payment, policy


def total(by: Policy, **documents: Any) -> int:
    return exposure(dossier(**documents), by, CNY, NOW).total


# ── ERPNext (selling/doctype/customer/customer.py) ─────────────────────────────────────────────


def test_erpnext_outstanding_is_ledger_less_advances_and_unbilled_orders() -> None:
    """Σ(debit − credit) of the ledger, unallocated advances included, + order total × (100 − billed %);
    drafts play no part: 700 owed − 150 advance + 1 000 ordered of which 40 % is billed = 1 150."""
    assert (
        total(
            policy(exposure={"horizon_days": None}),
            invoices=(invoice("i", 700),),
            payments=(payment("p", 150),),
            orders=(order("o", 1_000, invoiced=400), order("d", 5_000, "draft")),
        )
        == 1_150
    )


@pytest.mark.parametrize(("amount", "decision"), [("300.00", "pass"), ("300.01", "hold")])
def test_erpnext_and_oca_hold_strictly_above_the_limit(tmp_path: Path, amount: str, decision: str) -> None:
    """`exposure > limit`, strictly, in both."""
    bench = Bench.on_sqlite(tmp_path)
    bench.customer(limit=100_000, exposure=70_000)
    assert bench.check(amount).decision == decision


# ── 用友 U8 ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("current", "decision"), [("200.00", "pass"), ("200.01", "hold")])
def test_yonyou_u8_chosen_documents_and_the_current_one_less_the_limit(
    tmp_path: Path, current: str, decision: str
) -> None:
    """用友 U8 (yyrjsz.com/problem/653): {open orders 300 + open deliveries 100 + receivable 400} + current
    − limit 1 000 ≤ 0 passes."""
    chosen = policy(exposure={"draft_invoices": True})
    counted = total(
        chosen,
        orders=(order("o", 30_000), order("d", 10_000, "delivered")),
        invoices=(invoice("i", 25_000), invoice("u", 15_000, state="draft")),
    )
    assert counted == 80_000
    bench = Bench.on_sqlite(tmp_path)
    bench.customer(limit=100_000, exposure=counted)
    assert bench.check(current).decision == decision


# ── SAP (help.sap.com "Different Types of Credit Checks"; credit update groups) ────────────────


def test_sap_a_value_moves_from_order_to_delivery_to_open_item_and_counts_once() -> None:
    """Order up → delivery lowers order, raises delivery → billing lowers delivery, raises open items."""
    by = policy()
    stages = [
        exposure(dossier(**documents), by, CNY, NOW).stages
        for documents in (
            {"orders": (order("o", 500),)},
            {"orders": (order("o", 500, "delivered"),)},
            {"orders": (order("o", 500, "delivered"),), "invoices": (invoice("i", 500, order_id="o"),)},
        )
    ]
    names = ("open_orders", "delivered", "not_due")
    assert [[found[name] for name in names] for found in stages] == [[500, 0, 0], [0, 500, 0], [0, 0, 500]]


def test_sap_shares_and_age_of_the_overdue_can_hold() -> None:
    """SAP: share of overdue older than X days; oldest open item."""
    rule = {
        "reason": "overdue_share_high", "status": "hold",
        "all": [{"fact": "overdue_share", "op": ">", "value": Decimal("0.1")},
                {"fact": "overdue_amount_30d", "op": ">", "value": 0}],
    }  # fmt: skip
    by = policy(status={"rules": [rule]})
    for days, status in ((29, "ok"), (30, "hold")):
        some = (invoice("a", 200, due_on=day(-days)), invoice("b", 800))
        assert assess(dossier(invoices=some), by).status == status


# ── Oracle (OM credit check rules) ─────────────────────────────────────────────────────────────


def test_oracle_maximum_days_past_due_holds_on_any_older_invoice() -> None:
    """Max days past due: any older invoice holds, however small and however much is paid on time."""
    rule = {
        "reason": "overdue_hold",
        "status": "hold",
        "all": [{"fact": "overdue_days_max", "op": ">", "value": 30}],
    }
    by = policy(status={"rules": [rule]})
    for days, status in ((30, "ok"), (31, "hold")):
        some = (invoice("a", 1, due_on=day(-days)), invoice("b", 1_000_000))
        assert assess(dossier(invoices=some), by).status == status


@pytest.mark.parametrize(("null_zero", "score"), [(True, "50.00"), (False, None)])
def test_oracle_a_missing_data_point_scores_zero_or_there_is_no_score(
    null_zero: bool, score: str | None
) -> None:
    """Oracle AR_CMGT_SCORE_DTLS: null → zero flag, otherwise no score."""
    from tests.rules_bench import content, numbers, settled

    card = {
        **content()["scorecard"],
        "min_known": 0 if null_zero else 1,
        "data_points": [
            numbers("late_share_12m", Decimal("0.2"), points=(100, 0)),
            numbers("debt_ratio", 1, points=(100, 0), unknown=0),
        ],
    }
    found = assess(dossier(invoices=(settled("i", 100, 0),)), policy(scorecard=card))
    assert (str(found.score) if found.score is not None else None) == score


# ── NetSuite ───────────────────────────────────────────────────────────────────────────────────


def test_netsuite_overdue_grace_days_then_hold() -> None:
    """NetSuite: overdue grace days → hold."""
    rule = {
        "reason": "overdue_hold",
        "status": "hold",
        "all": [{"fact": "overdue_count", "op": ">=", "value": 1}],
    }
    by = policy(status={"rules": [rule]}, overdue={"grace_days": 7})
    for days, status in ((7, "ok"), (8, "hold")):
        assert assess(dossier(invoices=(invoice("a", 5, due_on=day(-days)),)), by).status == status


def test_netsuite_enforces_at_or_above_the_limit(tmp_path: Path) -> None:
    bench = Bench.on_sqlite(tmp_path, check_bench.policy({"equal_to_limit": "hold"}))
    bench.customer(limit=100_000, exposure=70_000)
    assert bench.check("300.00").decision == "hold"
    assert bench.check("299.99").decision == "pass"


# ── Literature ─────────────────────────────────────────────────────────────────────────────────


def test_a_six_grade_chinese_scheme_grades_above_90_80_70_60_50_40() -> None:
    """jendow.com.tw, AAA級: AAA, AA, A, BBB, BB, B; lower has no credit. Both policies use its edges."""
    for name in ("standard", "manufacturer-zh"):
        classes = load(Path(__file__).parents[2] / "policies" / f"{name}.yaml").classes
        assert [(c.name, c.from_) for c in classes[:6]] == [
            ("AAA", 90), ("AA", 80), ("A", 70), ("BBB", 60), ("BB", 50), ("B", 40),
        ]  # fmt: skip
        assert (classes[6].factor, classes[6].cap) == (0, 0)


def test_points_that_double_the_odds() -> None:
    """PDO 20, 600 at 50:1 → factor 28.8539, offset 487.1229; score 580 → odds 25, PD 3.846 %
    (plug-n-score.com, scorecard-implementation)."""
    found = Scale(Decimal(600), Decimal(50), Decimal(20))
    assert round(found.factor, 4) == Decimal("28.8539")
    assert round(found.offset, 4) == Decimal("487.1229")
    assert round(found.odds_of(Decimal(580)), 6) == 25
    assert round(found.default_of(Decimal(580)), 5) == Decimal("0.03846")


def test_collection_effectiveness_index() -> None:
    """Begin 500, sales 300, end 450, current 260 → 64.81 % (Oracle community mosc 4521441)."""
    found = collection_effectiveness(500, 300, 450, 260)
    assert isinstance(found, Decimal) and round(found, 4) == Decimal("0.6481")
    assert collection_effectiveness(0, 100, 50, 100) == Unknown("zero_denominator")


def test_provision_matrix_of_ifrs_9() -> None:
    """15 000 @ 0.5 %, 7 500 @ 2.2 %, 4 000 @ 2.7 %, 2 500 @ 4.5 % → 75, 165, 108, 112.5 (faqifrs.com)."""
    rates = ((15_000, "0.005"), (7_500, "0.022"), (4_000, "0.027"), (2_500, "0.045"))
    found = provisions([(amount * 100, Decimal(rate)) for amount, rate in rates])
    assert found == [7_500, 16_500, 10_800, 11_250]
    assert expected_loss(100_000, Decimal("0.02"), Decimal("0.45")) == 900

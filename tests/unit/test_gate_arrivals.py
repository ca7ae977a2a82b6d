"""Orders that arrive: what they occupy at once, what they give back, and which of them got past the gate."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connector.gate.decisions import reject
from connector.gate.review import review
from connector.model import OrderStage
from connector.store import past
from connector.store.lines import GROUP
from tests.check_bench import policy
from tests.gate_bench import GateBench

MINUTE = dt.timedelta(minutes=1)


def books(bench: GateBench, number: int, subject: str = "customer") -> tuple[int, int]:
    line = bench.line(number, subject)
    return line.exposure, line.reserved


def test_an_order_that_passed_no_check_is_on_the_line_at_once(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path)
    group = bench.group(limit=90_000)
    number = bench.customer(limit=100_000, group=group)
    bench.pull(bench.order("1", 80_000))
    assert books(bench, number) == books(bench, group, GROUP) == (80_000, 0)
    assert bench.check("300.00", "SO-2").decision == "hold"
    bench.pull(bench.order("1", 85_000))
    assert books(bench, number) == (85_000, 0), "an edit adds the difference"
    bench.pull(bench.order("1", 85_000, number="SO-1"))
    assert books(bench, number) == (85_000, 0), "nothing was added twice"


def test_an_order_larger_than_its_check_adds_what_was_not_reserved(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path)
    number = bench.customer(limit=100_000)
    bench.check("300.00", "1")
    bench.pull(bench.order("1", 50_000))
    assert books(bench, number) == (50_000, 0)
    assert bench.states("1") == {"~30000CNY": "consumed"}


def test_a_version_from_before_the_check_leaves_reserved_what_is_still_to_come(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path)
    number = bench.customer(limit=100_000)
    bench.check("300.00", "1")
    bench.pull(bench.order("1", 20_000, modified_at=bench.now - MINUTE))
    assert books(bench, number) == (20_000, 10_000)
    assert bench.check("300.00", "1", revision="2").decision == "pass"
    assert books(bench, number) == (20_000, 10_000), "the order is not counted twice"
    bench.pull(bench.order("1", 30_000, modified_at=bench.now + MINUTE))
    assert books(bench, number) == (30_000, 0)


def test_orders_count_as_the_policy_says(tmp_path: Path) -> None:
    exposure = {"weights": {"open_orders": "50%"}, "horizon_days": 30}
    bench = GateBench.ruled(tmp_path, exposure=exposure)
    number = bench.customer(limit=100_000)
    far = bench.now.date() + dt.timedelta(days=60)
    bench.pull(
        bench.order("1", 10_000),
        bench.order("2", 10_000, deliver_on=far),
        bench.order("3", 10_000, prepaid=True),
        bench.order("4", 10_000, stage=OrderStage.DRAFT),
        bench.order("5", 10_000, stage=OrderStage.DELIVERED, invoiced=4_000),
        bench.order("6", 1_000, currency="EUR"),
    )
    assert books(bench, number) == (5_000 + 6_000 + 4_000, 0)


def test_drafts_count_where_the_policy_counts_them(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path, exposure={"draft_orders": True})
    number = bench.customer(limit=100_000)
    bench.pull(bench.order("1", 10_000, stage=OrderStage.DRAFT))
    assert books(bench, number) == (10_000, 0)
    assert bench.check("200.00", "2", draft=True).reserved == "200.00"


def test_a_draft_reserves_nothing_unless_the_policy_counts_drafts(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path)
    bench.customer(limit=100)
    answer = bench.check("200.00", "2", draft=True)
    assert (answer.decision, answer.reserved) == ("pass", "0.00")


def test_an_amount_without_a_rate_makes_the_exposure_a_lower_bound(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path)
    number = bench.customer(limit=100_000)
    bench.pull(bench.order("1", 10_000, currency="GBP"))
    assert (bench.line(number).exposure, bench.line(number).incomplete) == (0, True)
    answer = bench.check("1.00", "2")
    assert (answer.decision, [r.code for r in answer.reasons]) == ("hold", ["exposure_incomplete"])


@pytest.mark.parametrize("by_number", [True, False])
def test_an_order_deleted_in_the_crm_gives_its_reservation_back_at_once(
    tmp_path: Path, by_number: bool
) -> None:
    bench = GateBench.ruled(tmp_path)
    number = bench.customer(limit=100_000)
    bench.pull(bench.order("1", 0, number="SO-1"))
    bench.check("300.00", "SO-1" if by_number else "1")
    assert books(bench, number) == (0, 30_000)
    bench.gone("1")
    assert books(bench, number) == (0, 0)


def test_a_cancelled_or_deleted_order_is_on_hold_no_longer(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path)
    bench.customer(limit=100)
    bench.check("300.00", "SO-1")
    bench.check("300.00", "2")
    bench.pull(bench.order("1", 30_000, number="SO-1", stage=OrderStage.CANCELLED), bench.order("2", 9))
    bench.gone("2")
    assert [row.state for row in bench.holds()] == ["withdrawn", "withdrawn"]
    assert [act for act, *_ in bench.acts()].count("order_withdrawn") == 2


# ── How it got past ────────────────────────────────────────────────────────────────────────────


def one_past(bench: GateBench, **more: object) -> str:
    bench.pull(bench.order("1", 50_000, number="SO-1", modified_at=bench.now, **more))
    (found,) = bench.past()
    assert found.excess == 50_000 or found.how == "changed"
    return found.how


def test_without_a_plugin_nothing_is_past_it_unless_the_policy_acts(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path)
    bench.customer()
    bench.pull(bench.order("1", 50_000))
    assert bench.past() == []
    bench.policy = policy(check={"got_past": "check"})
    bench.pull(bench.order("2", 100))
    assert [one.how for one in bench.past()] == ["no_plugin"]


def test_how_an_order_came_is_told_by_what_our_own_books_show(tmp_path: Path) -> None:
    ways: dict[str, str] = {}
    for way in ("unreachable", "silent", "unasked", "changed", "expired", "rejected"):
        folder = tmp_path / way
        folder.mkdir()
        bench = GateBench.ruled(folder)
        bench.customer(limit=60_000)
        bench.issue_key()
        if way != "unreachable":
            with bench.store.write() as tx:
                past.beat(
                    tx, bench.now - dt.timedelta(days=3), past.beat(tx, bench.now, None, bench.now), bench.now
                )
        if way == "unasked":
            bench.check("1.00", "SO-9")
        if way in ("changed", "expired"):
            bench.check("10.00", "SO-1")
        if way == "expired":
            bench.later(hours=80)
            bench.check("10.00", "SO-8")
        if way == "rejected":
            bench.check("700.00", "SO-1")
            reject(bench.gate, 1, reason="no", actor="Di", now=bench.now)
        ways[way] = one_past(bench)
    assert ways == {way: way for way in ways}


def test_a_closed_order_that_is_opened_again_is_past_the_gate(tmp_path: Path) -> None:
    """frappe/erpnext#33967: close and re-open."""
    bench = GateBench.ruled(tmp_path)
    bench.customer()
    bench.issue_key()
    bench.check("500.00", "1")
    bench.pull(bench.order("1", 50_000))
    bench.pull(bench.order("1", 50_000, stage=OrderStage.CLOSED))
    assert bench.past() == []
    bench.pull(bench.order("1", 50_000))
    assert [one.excess for one in bench.past()] == [50_000]


def test_what_was_checked_is_not_past_the_gate(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path)
    bench.customer()
    bench.issue_key()
    bench.check("300.00", "SO-1")
    bench.check("400.00", "SO-1")
    bench.pull(bench.order("1", 40_000, number="SO-1"), bench.order("2", 1_000, prepaid=True))
    bench.pull(bench.order("1", 35_000, number="SO-1"))
    assert bench.past() == []


# ── What becomes of it ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "limit", "state", "decision"),
    [
        ("list", 100, "listed", None),
        ("check", 100_000, "passed", None),
        ("check", 100, "held", "limit_breached"),
        ("hold", 100_000, "held", "got_past"),
    ],
)
def test_it_is_held_if_the_policy_says_so(
    tmp_path: Path, rule: str, limit: int, state: str, decision: str | None
) -> None:
    bench = GateBench.ruled(tmp_path, check={"got_past": rule})
    bench.customer(limit=limit)
    bench.issue_key()
    bench.pull(bench.order("1", 50_000))
    review(bench.gate, bench.now)
    assert [one.state for one in bench.past()] == [state]
    found = bench.holding()
    assert bool(found) == (state == "held")
    if decision:
        assert [reason["code"] for reason in found[0].reasons] == list(dict.fromkeys([decision, "got_past"]))
        assert bench.check("500.00", "1").decision == "hold", "to save it again changes nothing"
        assert review(bench.gate, bench.now).passed == 0


def test_delivered_goods_are_not_held_afterwards(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path, check={"got_past": "hold"})
    bench.customer()
    bench.issue_key()
    bench.pull(bench.order("1", 50_000, stage=OrderStage.DELIVERED))
    review(bench.gate, bench.now)
    assert ([one.state for one in bench.past()], bench.holding()) == (["listed"], [])

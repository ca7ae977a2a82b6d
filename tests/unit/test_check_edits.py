"""One order checked again: repeated, edited, moved, at a later step."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connector.model import OrderStage
from connector.store.lines import GROUP
from tests.check_bench import HOURS, NOW, Bench, codes, policy


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.on_sqlite(tmp_path)


def later(bench: Bench, **passed: float) -> None:
    bench.now += dt.timedelta(**passed)


@pytest.mark.parametrize("revision", [None, "7"])
def test_the_same_key_gets_the_same_answer_and_reserves_once(bench: Bench, revision: str | None) -> None:
    number = bench.customer(limit=100_000)
    first = bench.check("600.00", revision=revision)
    later(bench, minutes=5)
    bench.check("100.00", "SO-2")
    bench.change_line(number, status="hold")
    again = bench.check("600.00", revision=revision)
    assert again == first
    assert again.checked_at == NOW
    assert bench.line(number).reserved == 70_000


def test_a_held_order_is_judged_anew_when_there_is_room(bench: Bench) -> None:
    number = bench.customer(limit=10_000)
    assert bench.check("200.00").decision == "hold"
    bench.change_line(number, limit_minor=20_000)
    assert bench.check("200.00").decision == "pass"


@pytest.mark.parametrize("revisions", [(None, None, None), ("1", "2", "3")])
def test_an_edited_order_reserves_only_the_difference(
    bench: Bench, revisions: tuple[str | None, str | None, str | None]
) -> None:
    group = bench.group(limit=90_000)
    number = bench.customer(limit=100_000, group=group)
    one, two, three = revisions
    assert bench.check("600.00", revision=one).decision == "pass"
    refused = bench.check("900.01", revision=two)
    assert codes(refused) == ["over_group_limit"]
    assert refused.reasons[0].params["asked"] == "300.01"
    assert bench.line(number).reserved == 60_000
    answer = bench.check("900.00", revision=two)
    assert (answer.decision, answer.reserved) == ("pass", "900.00")
    assert bench.line(group, GROUP).reserved == 90_000
    assert bench.check("250.00", revision=three).reserved == "250.00"
    assert bench.line(number).reserved == bench.line(group, GROUP).reserved == 25_000
    assert sorted(bench.states().values()) == ["active", "replaced", "replaced"]


def test_a_decrease_passes_and_gives_back_whatever_the_standing(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    bench.check("600.00")
    bench.change_line(number, status="stop", limit_minor=0, incomplete=True)
    for step in ("order_change", "approval"):
        amount = "500.00" if step == "order_change" else "400.00"
        assert bench.check(amount, checkpoint=step).decision == "pass"
    assert bench.line(number).reserved == 40_000
    assert bench.check("400.01", checkpoint="order_change").decision == "hold"


def test_going_back_to_an_earlier_amount_is_an_edit_where_no_revision_tells(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    for amount, reserved in (("600.00", 60_000), ("300.00", 30_000), ("600.00", 60_000), ("300.00", 30_000)):
        assert bench.check(amount).decision == "pass"
        assert bench.line(number).reserved == reserved
    bench.check("700.00", "SO-2")
    assert bench.check("600.00").decision == "hold"


def test_a_late_repetition_of_an_old_revision_does_not_undo_the_newer_one(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    first = bench.check("300.00", revision="1")
    bench.check("600.00", revision="2")
    assert bench.check("300.00", revision="1") == first
    assert bench.line(number).reserved == 60_000


def test_an_old_revision_that_asks_for_more_than_is_held_is_checked(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    bench.check("600.00", revision="1")
    bench.check("300.00", revision="2")
    bench.check("600.00", "SO-2")
    assert bench.check("600.00", revision="1").decision == "hold"
    assert bench.line(number).reserved == 90_000


def test_a_revision_that_comes_with_another_amount_is_an_edit(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    bench.check("600.00", revision="1")
    assert bench.check("1000.01", revision="1").decision == "hold"
    assert bench.check("1000.00", revision="1").decision == "pass"
    assert bench.line(number).reserved == 100_000
    assert bench.states() == {"1": "active"}


def test_an_order_that_becomes_prepaid_or_empty_gives_everything_back(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    for change in ({"amount": "600.00", "prepaid": True}, {"amount": "0.00"}, {"amount": "-5.00"}):
        bench.check("600.00")
        assert bench.line(number).reserved == 60_000
        answer = bench.check(**change)
        assert (answer.decision, answer.reservation, answer.reserved) == ("pass", None, "0.00")
        assert bench.line(number).reserved == 0
    assert set(bench.states().values()) == {"released"}


def test_an_order_that_moves_to_another_customer_takes_its_credit_there(bench: Bench) -> None:
    group = bench.group(limit=100_000)
    first = bench.customer("A1", limit=100_000, group=group)
    second = bench.customer("A2", limit=70_000)
    bench.check("600.00")
    assert bench.check("700.01", account="A2").decision == "hold"
    assert bench.line(first).reserved == 60_000
    assert bench.check("700.00", account="A2").decision == "pass"
    assert bench.line(first).reserved == bench.line(group, GROUP).reserved == 0
    assert bench.line(second).reserved == 70_000


def test_the_same_amount_on_another_account_of_the_customer_follows_the_account(bench: Bench) -> None:
    number = bench.customer("A1", limit=60_000)
    bench.check("600.00")
    bench.add_account("A2", number)
    assert bench.check("600.00", account="A2").decision == "pass"
    assert bench.line(number).reserved == 60_000
    assert [item.account_id for item in bench.reservations() if item.state == "active"] == ["A2"]


def test_an_amount_without_a_rate_passes_only_as_a_decrease(bench: Bench) -> None:
    number = bench.customer(limit=1_000_000)
    bench.check("100.00", currency="EUR")
    bench.rates = type(bench.rates)("CNY")
    assert bench.check("90.00", currency="EUR").decision == "pass"
    assert codes(bench.check("100.01", currency="EUR")) == ["rate_unknown"]
    assert bench.line(number).reserved == 80_000


def test_an_amount_without_a_rate_does_not_pass_as_a_decrease_on_another_customer(bench: Bench) -> None:
    bench.customer("A1", limit=1_000_000)
    other = bench.customer("A2", limit=1_000_000)
    bench.check("100.00", currency="EUR")
    bench.rates = type(bench.rates)("CNY")
    assert codes(bench.check("90.00", account="A2", currency="EUR")) == ["rate_unknown"]
    assert bench.line(other).reserved == 0


def test_a_shipment_to_another_member_of_the_group_takes_its_own_amount(bench: Bench) -> None:
    group = bench.group(limit=100_000)
    first = bench.customer("A1", limit=100_000, group=group)
    second = bench.customer("A2", limit=100_000, group=group)
    bench.check("600.00")
    assert bench.check("150.00", account="A2", checkpoint="shipment").decision == "pass"
    assert [bench.line(first).reserved, bench.line(second).reserved] == [0, 15_000]
    assert bench.line(group, GROUP).reserved == 15_000


@pytest.mark.parametrize("step", ["approval", "shipment"])
def test_a_later_step_asks_how_the_customer_stands_now(bench: Bench, step: str) -> None:
    number = bench.customer(limit=60_000)
    bench.check("600.00")
    assert bench.check("600.00", checkpoint=step).decision == "pass"
    bench.change_line(number, status="hold", limit_minor=0)
    held = bench.check("600.00", checkpoint=step)
    assert (held.decision, codes(held)) == ("hold", ["customer_hold"])
    assert bench.line(number).reserved == 60_000


def test_a_shipment_of_part_of_an_order_gives_nothing_back(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    given = bench.check("600.00")
    answer = bench.check("200.00", checkpoint="shipment")
    assert (answer.decision, answer.reservation) == ("pass", given.reservation)
    assert bench.check("200.00", checkpoint="invoice").reservation == given.reservation
    assert bench.line(number).reserved == 60_000
    assert bench.check("1000.01", checkpoint="shipment").decision == "hold"
    assert bench.check("1000.00", checkpoint="shipment").decision == "pass"
    assert bench.line(number).reserved == 100_000


def test_asking_again_keeps_a_reservation_alive(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    bench.check("600.00")
    later(bench, hours=HOURS - 1)
    bench.check("600.00", checkpoint="approval")
    later(bench, hours=2)
    bench.check("1.00", "SO-2")
    assert bench.line(number).reserved == 60_100


def test_an_expired_reservation_is_given_back_by_the_next_check(bench: Bench) -> None:
    group = bench.group(limit=100_000)
    first = bench.customer("A1", limit=100_000, group=group)
    second = bench.customer("A2", limit=100_000, group=group)
    bench.check("900.00")
    assert bench.check("200.00", "SO-2", account="A2").decision == "hold"
    later(bench, hours=HOURS)
    assert bench.check("200.00", "SO-2", account="A2").decision == "pass"
    assert [bench.line(first).reserved, bench.line(second).reserved] == [0, 20_000]
    assert bench.line(group, GROUP).reserved == 20_000
    assert bench.states() == {"~90000CNY": "expired"}
    refused = bench.check("900.00")
    assert refused.decision == "hold", "an expired answer does not stand"
    bench.check("100.00", "SO-2", account="A2")
    assert bench.check("900.00").decision == "pass"
    assert bench.states() == {"~90000CNY": "active"}


def test_an_order_that_has_arrived_is_checked_only_for_the_increase(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    bench.check("600.00")
    bench.store_order("ext-1", 60_000, number="SO-1")
    assert (bench.line(number).reserved, bench.line(number).exposure) == (0, 60_000)
    assert bench.check("600.00", revision="2").reservation is None
    assert bench.check("1000.01").decision == "hold"
    answer = bench.check("1000.00")
    assert (answer.decision, answer.exposure, answer.reserved) == ("pass", "600.00", "400.00")
    assert bench.check("700.00").reserved == "100.00"
    assert bench.check("500.00").reserved == "0.00"
    bench.check("1000.00")
    bench.store_order("ext-1", 100_000, number="SO-1", modified_at=bench.now)
    assert (bench.line(number).reserved, bench.line(number).exposure) == (0, 100_000)


def test_an_order_is_known_by_its_id_before_its_number(bench: Bench) -> None:
    number = bench.customer(limit=100_000, exposure=80_000)
    bench.store_order("SO-1", 50_000, number="other")
    bench.store_order("x", 30_000, number="SO-1")
    assert bench.check("700.00").decision == "pass"
    assert bench.line(number).reserved == 20_000


def test_an_order_of_somebody_else_is_not_inside_this_exposure(bench: Bench) -> None:
    number = bench.customer("A1", limit=100_000)
    bench.customer("A2")
    bench.store_order("SO-1", 50_000, account_id="A2")
    bench.check("600.00")
    assert bench.line(number).reserved == 60_000


@pytest.mark.parametrize("stage", [OrderStage.CANCELLED, OrderStage.CLOSED, OrderStage.DRAFT])
def test_an_order_that_occupies_nothing_is_checked_in_full(bench: Bench, stage: OrderStage) -> None:
    number = bench.customer(limit=100_000)
    bench.store_order("SO-1", 60_000, stage=stage)
    bench.check("700.00")
    assert bench.line(number).reserved == 70_000


def test_closing_and_reopening_an_order_does_not_bypass_the_check(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    bench.check("600.00")
    bench.store_order("ext-1", 60_000, number="SO-1")
    bench.store_order("ext-1", 60_000, number="SO-1", stage=OrderStage.CLOSED)
    bench.change_line(number, exposure=50_000)
    assert bench.check("600.00").decision == "hold"


def test_drafts_are_inside_the_exposure_if_the_policy_counts_them(tmp_path: Path) -> None:
    bench = Bench.on_sqlite(tmp_path, policy(exposure={"draft_orders": True}))
    number = bench.customer(limit=100_000)
    bench.store_order("SO-1", 60_000, stage=OrderStage.DRAFT)
    bench.check("700.00")
    assert bench.line(number).reserved == 10_000

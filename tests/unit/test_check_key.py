"""A new order has no number when it is checked: what was reserved under its key is found when it arrives."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.store import unsaved
from tests.check_bench import Bench
from tests.gate_bench import GateBench

KEY = "NEW-m1x2-abc"


@pytest.fixture
def bench(tmp_path: Path) -> GateBench:
    made = GateBench.ruled(tmp_path)
    made.issue_key()
    made.customer(limit=100_000)
    return made


def line(bench: Bench) -> tuple[int, int]:
    found = bench.line(1)
    return found.exposure, found.reserved


def test_the_reservation_moves_into_the_exposure_once(bench: GateBench) -> None:
    bench.check("300.00", KEY)
    assert line(bench) == (0, 30_000)
    bench.pull(bench.order("77", 30_000, number="SO-7", check_key=KEY))
    assert line(bench) == (30_000, 0)
    assert bench.states("SO-7") == {"~30000CNY": "consumed"} and bench.states(KEY) == {}


def test_an_order_that_was_granted_has_not_got_past(bench: GateBench) -> None:
    bench.check("300.00", KEY)
    bench.pull(bench.order("77", 30_000, check_key=KEY))
    assert bench.past() == []
    bench.pull(bench.order("78", 30_000, check_key="NEW-other"))
    assert [one.order_id for one in bench.past()] == ["78"]


def test_what_was_reserved_twice_is_given_back_once(bench: GateBench) -> None:
    bench.check("300.00", KEY)
    bench.check("300.00", "SO-7")
    assert line(bench) == (0, 60_000)
    bench.pull(bench.order("77", 30_000, number="SO-7", check_key=KEY))
    assert line(bench) == (30_000, 0)


def test_a_copied_key_takes_nothing_from_the_copy(bench: GateBench) -> None:
    bench.check("300.00", KEY)
    original = bench.order("77", 30_000, number="SO-7", check_key=KEY)
    bench.pull(original)
    bench.check("200.00", KEY)  # a clone of the order, on its create page
    bench.pull(original.model_copy(update={"deliver_on": bench.now.date()}))
    assert line(bench) == (30_000, 20_000)
    bench.pull(bench.order("78", 20_000, number="SO-8", check_key=KEY))
    assert line(bench) == (50_000, 0)


def test_a_hold_goes_by_the_number_of_the_order_that_was_saved_all_the_same(bench: GateBench) -> None:
    bench.check("3000.00", KEY)
    bench.pull(bench.order("77", 300_000, number="SO-7", check_key=KEY))
    assert [(row.order_key, row.state) for row in bench.holds()] == [("SO-7", "pending")]


ALIKE = "new:A1:300.00:CNY"
"""What a plugin calls an order whose CRM tells it no number: account A1, 300 CNY."""


def test_an_order_without_any_key_is_known_again_by_what_it_is(bench: GateBench) -> None:
    bench.check("300.00", ALIKE)
    assert line(bench) == (0, 30_000)
    bench.pull(bench.order("77", 30_000, number="SO-7"))
    assert line(bench) == (30_000, 0)
    assert bench.past() == []


def test_orders_that_are_alike_count_each_for_itself(bench: GateBench) -> None:
    bench.check("300.00", ALIKE)
    bench.pull(bench.order("77", 30_000, number="SO-7"), bench.order("78", 30_000, number="SO-8"))
    assert line(bench) == (60_000, 0)
    assert [one.order_id for one in bench.past()] == ["78"]


def test_another_amount_is_another_order(bench: GateBench) -> None:
    bench.check("300.00", ALIKE)
    bench.pull(bench.order("77", 30_100, number="SO-7"))
    assert line(bench) == (30_100, 30_000)


def test_a_hold_of_an_order_without_any_key_goes_by_its_number_too(bench: GateBench) -> None:
    bench.check("3000.00", "new:A1:3000.00:CNY")
    bench.pull(bench.order("77", 300_000, number="SO-7"))
    assert [(row.order_key, row.state) for row in bench.holds()] == [("SO-7", "pending")]


@pytest.mark.parametrize(
    ("amount", "currency", "key"),
    [
        (30_000, "CNY", "new:A1:300.00:CNY"),
        (300, "JPY", "new:A1:300.00:JPY"),
        (300_500, "KWD", "new:A1:300.500:KWD"),
    ],
)
def test_the_key_is_what_plugins_write(bench: GateBench, amount: int, currency: str, key: str) -> None:
    assert unsaved.key(bench.order("77", amount, currency=currency)) == key

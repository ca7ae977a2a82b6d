"""Reservations that arrive, end and expire, and lines that an assessment writes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.errors import Halt
from connector.model import OrderStage
from connector.money import Rate, Rates
from connector.store import lines, reservations
from connector.store.lines import CUSTOMER, GROUP, Line
from connector.store.tables import reservation
from tests.check_bench import HOURS, NOW, RATES, Bench

BEFORE, AFTER = NOW - dt.timedelta(hours=1), NOW + dt.timedelta(hours=1)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.on_sqlite(tmp_path)


def books(bench: Bench, number: int, subject: str = CUSTOMER) -> tuple[int, int]:
    line = bench.line(number, subject)
    return line.exposure, line.reserved


def judged(number: int, subject: str = CUSTOMER, **more: object) -> Line:
    values = {
        "currency": "CNY",
        "limit_state": "amount",
        "limit_minor": 50_000,
        "exposure": 7,
        "status": "ok",
    }
    return Line(subject=subject, subject_id=number, **values | more)  # type: ignore[arg-type]


def save(bench: Bench, *found: Line, rates: Rates = RATES) -> set[lines.Key]:
    with bench.store.write() as tx:
        return lines.save(tx, found, rates, NOW.date())


@pytest.mark.parametrize("key", ["ext-1", "SO-1"])
def test_an_order_that_arrives_moves_from_reserved_to_exposure(bench: Bench, key: str) -> None:
    group = bench.group(limit=100_000)
    number = bench.customer(exposure=5_000, group=group)
    bench.check("300.00", key)
    bench.check("50.00", "SO-2")
    bench.store_order("ext-1", 30_000, number="SO-1")
    assert books(bench, number) == (35_000, 5_000)
    assert books(bench, group, GROUP) == (30_000, 5_000)
    assert bench.states(key) == {"~30000CNY": "consumed"}
    bench.store_order("ext-1", 30_000, number="SO-1")
    assert books(bench, number) == (35_000, 5_000), "arriving twice moves nothing twice"


@pytest.mark.parametrize("stage", [OrderStage.CANCELLED, OrderStage.CLOSED])
def test_an_order_that_ends_gives_its_reservation_back(bench: Bench, stage: OrderStage) -> None:
    number = bench.customer()
    bench.check("300.00")
    bench.store_order("SO-1", 30_000, stage=stage, modified_at=AFTER)
    assert books(bench, number) == (0, 0)
    assert bench.states() == {"~30000CNY": "released"}


@pytest.mark.parametrize(
    ("order", "state"),
    [
        ({"amount": 30_000, "modified_at": BEFORE}, "consumed"),
        ({"amount": 20_000, "modified_at": AFTER}, "consumed"),
        ({"amount": 20_000, "modified_at": None}, "consumed"),
        ({"amount": 20_000, "modified_at": BEFORE}, "active"),
        ({"amount": 30_000, "stage": OrderStage.CANCELLED, "modified_at": BEFORE}, "active"),
        ({"amount": 30_000, "stage": OrderStage.DRAFT, "modified_at": AFTER}, "active"),
        ({"amount": 30_000, "account_id": "A2", "modified_at": AFTER}, "released"),
        ({"amount": 30_000, "account_id": "A2", "modified_at": BEFORE}, "active"),
    ],
)
def test_only_the_version_that_was_checked_takes_the_reservation(
    bench: Bench, order: dict[str, object], state: str
) -> None:
    bench.customer()
    bench.customer("A2")
    bench.check("300.00")
    bench.store_order("SO-1", **order)  # type: ignore[arg-type]
    assert bench.states() == {"~30000CNY": state}


def test_orders_of_another_connection_take_nothing(bench: Bench) -> None:
    number = bench.customer()
    other = bench.connect("fxiaoke")
    bench.customer("A1", source=other)
    bench.check("300.00")
    bench.check("100.00", connection="fxiaoke")
    bench.store_order("SO-1", 30_000)
    assert books(bench, number) == (30_000, 0)
    assert sorted(item.state for item in bench.reservations()) == ["active", "consumed"]


def test_many_orders_arrive_in_one_page(bench: Bench) -> None:
    number = bench.customer(limit=10_000_000)
    for n in range(30):
        bench.check("10.00", f"SO-{n}")
    orders = [bench.order(f"SO-{n}", 1_000) for n in range(1_000)]
    with bench.store.write() as tx:
        reservations.arrive(tx, 1, orders, NOW)
    assert books(bench, number) == (30_000, 0)


def test_expiry_gives_back_exactly_what_is_over(bench: Bench) -> None:
    number = bench.customer()
    bench.check("300.00")
    bench.now += dt.timedelta(hours=1)
    bench.check("50.00", "SO-2")
    with bench.store.write() as tx:
        assert reservations.expire(tx, NOW + dt.timedelta(hours=HOURS, microseconds=-1)) == 0
        assert reservations.expire(tx, NOW + dt.timedelta(hours=HOURS)) == 1
        assert reservations.expire(tx, NOW + dt.timedelta(hours=HOURS)) == 0
    assert books(bench, number) == (0, 5_000)
    assert bench.states() == {"~30000CNY": "expired"}


def test_the_store_itself_refuses_a_second_active_reservation(bench: Bench) -> None:
    bench.customer()
    bench.check("300.00")
    with bench.store.write() as tx:
        row = dict(tx.execute(sa.select(reservation)).one()._mapping) | {"id": 99, "revision": "other"}
        assert reservations.put(tx, row, {}, None) is None
        tx.execute(sa.update(reservation).values(state="released"))
        assert reservations.put(tx, row, {}, None) == 99


def test_an_assessment_makes_a_line_and_later_leaves_reserved_alone(bench: Bench) -> None:
    number = bench.customer(line=False)
    assert save(bench, judged(number)) == set()
    assert (bench.line(number).version, books(bench, number)) == (1, (7, 0))
    bench.check("300.00")
    save(bench, judged(number, exposure=9, status="watch", limit_state="unlimited", limit_minor=None))
    line = bench.line(number)
    assert (line.exposure, line.reserved, line.status, line.version) == (9, 30_000, "watch", 2)
    assert (line.limit_state, line.limit_minor, line.available) == ("unlimited", None, None)


def test_a_line_whose_exposure_moved_meanwhile_is_not_overwritten(bench: Bench) -> None:
    number = bench.customer()
    seen = bench.line(number).version
    bench.check("300.00")
    assert save(bench, judged(number, version=seen)) == set(), "a reservation does not touch the exposure"
    seen = bench.line(number).version
    bench.store_order("SO-1", 30_000)
    assert save(bench, judged(number, version=seen)) == {(CUSTOMER, number)}
    assert books(bench, number) == (30_007, 0)


def test_a_group_line_that_comes_up_takes_on_what_members_have_reserved(bench: Bench) -> None:
    group = bench.group()
    bench.customer("A1", group=group)
    bench.customer("A2", group=group)
    bench.customer("A3")
    for n in (1, 2, 3):
        bench.check(f"{n}40.00", f"SO-{n}", account=f"A{n}")
    save(bench, judged(group, GROUP, currency="USD"))
    assert books(bench, group, GROUP) == (7, 5_429), "140 and 240 CNY at 7, each rounded"
    bench.store_order("SO-1", 14_000)
    assert books(bench, group, GROUP) == (2_007, 3_429)


def test_reservations_are_counted_anew_when_the_currency_of_a_line_changes(bench: Bench) -> None:
    group = bench.group(limit=100_000)
    number = bench.customer(group=group)
    bench.check("140.00")
    save(bench, judged(number, currency="USD"), judged(group, GROUP, currency="EUR"))
    assert (bench.line(number).reserved, bench.line(group, GROUP).reserved) == (2_000, 1_750)
    bench.check("70.00")
    assert (bench.line(number).reserved, bench.line(group, GROUP).reserved) == (1_000, 875)
    with pytest.raises(Halt, match="no rate to GBP"):
        save(bench, judged(number, currency="GBP"))
    rates = Rates("CNY", [Rate("USD", dt.date(2026, 1, 1), Decimal(8))])
    save(bench, judged(number, currency="CNY"), rates=rates)
    assert bench.line(number).reserved == 8_000


def test_credit_is_given_only_under_the_limit_that_was_read(bench: Bench) -> None:
    number = bench.customer(limit=10_000)
    read = bench.line(number)
    bench.change_line(number, limit_minor=5_000)
    with bench.store.write() as tx:
        assert not lines.reserve(tx, read, 6_000, 10_000)
        assert lines.reserve(tx, bench.line(number), 5_000, 5_000)
        assert not lines.reserve(tx, bench.line(number), 1, 5_000)
    bench.change_line(number, status="hold")
    with bench.store.write() as tx:
        assert not lines.reserve(tx, bench.line(number), 1, None)
    assert bench.line(number).reserved == 5_000

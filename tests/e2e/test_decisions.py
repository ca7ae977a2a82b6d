"""Decisions of several persons at the same moment, on both databases: one limit, no circle, one policy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from connector import groups
from connector.admin import exchange_rates
from connector.errors import Halt
from connector.limits import acts as limits
from connector.limits import limit_requests
from connector.limits.acts import Size, Subject, Terms
from connector.people.roles import Roles
from connector.store import limits as stored
from connector.store.lines import CUSTOMER, GROUP
from connector.store.tables import credit_group
from tests.check_bench import Bench, policy

BANDS = [{"up_to": 1_000, "role": "controller"}, {"role": "director", "signers": 2}]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    rules = policy(approvals={"limit": BANDS})
    if request.param == "sqlite":
        made = Bench.on_sqlite(tmp_path, rules)
    else:
        made = Bench.fresh(request.getfixturevalue("postgres_url"), rules)
    yield made
    made.store.close()


def home(bench: Bench) -> Any:
    return SimpleNamespace(
        store=bench.store,
        rates=bench.rates,
        policy=bench.policy,
        roles=Roles((), (), bench.policy),
        now=lambda: bench.now,
        today=bench.now.date,
    )


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Run ``acts`` in threads; what each came to, ``done`` or the beginning of its complaint."""
    start = threading.Barrier(len(acts))
    told: list[str] = []

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
            told.append("done")
        except Halt as fault:
            told.append(fault.what)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(told) == len(acts)
    return sorted(told)


def test_two_approvals_at_once_set_one_limit(bench: Bench) -> None:
    number = bench.customer()
    opened = home(bench)
    for round_ in range(1, 6):
        size, whom = Size("amount", 200_000 + round_, "CNY"), Subject(CUSTOMER, number)
        entry = limits.prepare(opened, whom, size, Terms("base"), reason="plant", actor="Lin")
        asked = limit_requests.request(opened, entry).id
        told = at_once(
            *(
                lambda who=who, asked=asked: limit_requests.approve(opened, asked, actor=who)
                for who in ("Wang", "Zhao", "lin")
            )
        )
        assert told.count("done") == 1
        with bench.store.read() as tx:
            found = stored.entries(tx, CUSTOMER, number)
        assert len(found) == round_ and found[-1].request_id == asked


def test_two_moves_at_once_close_no_circle(bench: Bench) -> None:
    first, second = str(bench.group("G1")), str(bench.group("G2", limit=50_000))
    opened = home(bench)
    for _ in range(5):
        told = at_once(
            lambda: groups.place(opened, first, second, actor="Lin"),
            lambda: groups.place(opened, second, first, actor="Wang"),
        )
        assert told.count("done") == 1 and "circle" in told[0] + told[1]
        for one in (first, second):
            groups.place(opened, one, None, actor="Lin")
        with bench.store.read() as tx:
            assert set(tx.execute(sa.select(credit_group.c.parent_id)).scalars()) == {None}


def test_a_tree_of_groups_bounds_orders_on_every_database(bench: Bench) -> None:
    top, low = bench.group("Top", limit=50_000), bench.group("Low", limit=80_000)
    number = bench.customer(group=low, exposure=10_000)
    opened = home(bench)
    bench.check("100.00", "SO-0")
    groups.place(opened, "Low", "Top", actor="Lin", share=Decimal("0.5"))
    assert (bench.line(top, GROUP).exposure, bench.line(top, GROUP).reserved) == (5_000, 5_000)
    assert bench.check("799.99").decision == "hold"  # own line: 100 + 100 + 799.99 of 1000, low group 800
    assert bench.check("600.00").decision == "pass"
    assert [bench.line(one, GROUP).reserved for one in (low, top)] == [70_000, 35_000]
    assert bench.line(number).reserved == 70_000


def test_rates_are_taken_in_on_every_database(bench: Bench, tmp_path: Path) -> None:
    number = bench.customer()
    bench.store_order("SO-9", 100, currency="JPY", arrives=False)
    opened = home(bench)
    opened.config = SimpleNamespace(path=lambda name: tmp_path / name, rates="rates.csv")
    file = tmp_path / "new.csv"
    file.write_text("currency,day,per_unit\nJPY,2026-01-01,0.05\n")
    assert exchange_rates.take_in(opened, file, replace=False, actor="Lin").customers == 1
    assert number and "JPY,2026-01-01,0.05" in (tmp_path / "rates.csv").read_text()

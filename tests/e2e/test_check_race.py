"""Four processes check orders of one group against one store: what is granted is never over the limit."""

from __future__ import annotations

import datetime as dt
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.store import reservations
from connector.store.lines import CUSTOMER, GROUP
from tests.check_bench import HOURS, NOW, Bench

PROCESSES = 4
ORDERS = 40
AMOUNT = 1_000
OWN_LIMIT, GROUP_LIMIT = 60 * AMOUNT, 100 * AMOUNT
Granted = list[tuple[str, str, int | None]]

STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=STORES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "postgres":
        opened = Bench.fresh(request.getfixturevalue("postgres_url"))
    else:
        opened = Bench.on_sqlite(tmp_path)
    yield opened
    opened.store.close()


def in_processes(bench: Bench, work: Callable[..., Any]) -> list[Any]:
    """``work(url, n)`` in as many processes at once; what they returned."""
    url = bench.store.url.render_as_string(hide_password=False)
    bench.store.close()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return pool.starmap(work, [(url, n) for n in range(PROCESSES)], chunksize=1)


def totals(bench: Bench, number: int, subject: str = CUSTOMER) -> int:
    line = bench.line(number, subject)
    return line.exposure + line.reserved


def many_orders(url: str, n: int) -> Granted:
    """Own orders on both accounts, some of which arrive at once, and orders that everybody sends."""
    bench = Bench(url)
    granted: Granted = []
    for k in range(ORDERS):
        shared = k % 8 == 0
        order = f"shared-{k}" if shared else f"SO-{n}-{k}"
        account = "A1" if (k if shared else k + n) % 2 else "A2"
        answer = bench.check("10.00", order, account=account)
        if answer.decision != "hold":
            granted.append((order, account, answer.reservation))
            if k % 5 == 0 and not shared:
                arrived = bench.order(order, AMOUNT, account_id=account)
                with bench.store.write() as tx:
                    reservations.arrive(tx, 1, [arrived], NOW)
    bench.store.close()
    return granted


def test_concurrent_orders_fill_the_limits_exactly(bench: Bench) -> None:
    group = bench.group(limit=GROUP_LIMIT)
    first = bench.customer("A1", limit=OWN_LIMIT, group=group)
    second = bench.customer("A2", limit=OWN_LIMIT, group=group)
    answers = in_processes(bench, many_orders)
    granted = {order: (account, number) for part in answers for order, account, number in part}
    same = [(order, account, number) for part in answers for order, account, number in part]
    assert {(order, *value) for order, value in granted.items()} == set(same), "one order, one reservation"
    by_account = Counter(account for account, _ in granted.values())
    assert sum(by_account.values()) * AMOUNT == GROUP_LIMIT == totals(bench, group, GROUP)
    assert by_account["A1"] * AMOUNT == totals(bench, first) <= OWN_LIMIT
    assert by_account["A2"] * AMOUNT == totals(bench, second) <= OWN_LIMIT
    active = [row for row in bench.reservations() if row.state == "active"]
    assert bench.line(group, GROUP).reserved == sum(row.held.get((GROUP, group), 0) for row in active)
    assert bench.line(group, GROUP).exposure > 0, "some orders arrived meanwhile"


def restless_orders(url: str, n: int) -> int:
    """The same few orders, moved to and fro between customers, edited, and running out; no fault."""
    bench = Bench(url)
    done = 0
    for k in range(ORDERS):
        bench.now = NOW + dt.timedelta(hours=HOURS * k / 10)
        account = "A1" if (n + k) % 2 else "A2"
        amount = 10 + (7 * n + 3 * k) % 20
        answer = bench.check(f"{amount}.00", f"SO-{(n + k) % 6}", account=account)
        done += answer.decision == "pass"
    bench.store.close()
    return done


def test_orders_that_move_between_customers_at_once_neither_block_nor_break_the_books(bench: Bench) -> None:
    group = bench.group(limit=GROUP_LIMIT)
    other = bench.group("Other", limit=GROUP_LIMIT)
    numbers = [bench.customer("A1", limit=OWN_LIMIT, group=other)]
    numbers.append(bench.customer("A2", limit=OWN_LIMIT, group=group))
    assert sum(in_processes(bench, restless_orders)) == PROCESSES * ORDERS
    active = [row for row in bench.reservations() if row.state == "active"]
    assert len(active) == len({row.order_key for row in active}) > 0
    for number in numbers:
        held = sum(row.reserved for row in active if row.customer_id == number)
        assert bench.line(number).reserved == held
    for number in (group, other):
        held = sum(row.held.get((GROUP, number), 0) for row in active)
        assert bench.line(number, GROUP).reserved == held

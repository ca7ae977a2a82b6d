"""Groups: trees, partial contribution, ring fences, and what the order check makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.store import groups as stored
from connector.store.lines import GROUP, Line
from tests.check_bench import Bench, codes
from tests.cli_home import Home, make_home


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.on_sqlite(tmp_path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    return made


def tree(bench: Bench, *, share: int = 10_000, fenced: bool = False, **child: int) -> tuple[int, int]:
    """A parent with room for 500.00 and a child below it; their ids."""
    from connector.store.tables import credit_group

    top, low = bench.group("Top", limit=50_000), bench.group("Low", **child)
    with bench.store.write() as tx:
        tx.execute(
            credit_group.update()
            .where(credit_group.c.id == low)
            .values(parent_id=top, share_bp=share, ring_fenced=fenced)
        )
    return top, low


def test_an_order_must_pass_every_group_above(bench: Bench) -> None:
    top, low = tree(bench, limit=80_000)
    number = bench.customer(group=low)
    assert codes(bench.check("500.01")) == ["over_group_limit"]
    assert bench.line(number).reserved == bench.line(low, GROUP).reserved == 0
    assert bench.check("500.00").decision == "pass"
    assert [bench.line(one, GROUP).reserved for one in (top, low)] == [50_000, 50_000]


def test_a_group_without_a_limit_hands_on_to_the_one_above(bench: Bench) -> None:
    top, low = tree(bench)
    bench.customer(group=low)
    assert codes(bench.check("500.01")) == ["over_group_limit"]
    assert bench.check("499.99").decision == "pass"
    assert bench.line(top, GROUP).reserved == 49_999


def test_a_partial_member_counts_with_its_share(bench: Bench) -> None:
    top, low = tree(bench, share=5_000)
    number = bench.customer(group=low)
    assert bench.check("900.00").decision == "pass"
    assert (bench.line(number).reserved, bench.line(top, GROUP).reserved) == (90_000, 45_000)


def test_a_ring_fenced_group_neither_counts_above_nor_is_bound_there(bench: Bench) -> None:
    top, low = tree(bench, fenced=True)
    bench.customer(group=low)
    assert bench.check("900.00").decision == "pass"
    assert bench.line(top, GROUP).reserved == 0


def test_a_ring_fenced_customer_cannot_use_the_groups_limit(bench: Bench) -> None:
    group = bench.group(limit=50_000)
    number = bench.customer(limit_state="none", group=group)
    assert bench.check("100.00").decision == "pass"
    bench.change_customer(number, ring_fenced=True)
    assert codes(bench.check("100.00", "SO-2")) == ["no_limit"]


def test_a_circle_in_the_store_ends_the_walk(bench: Bench) -> None:
    from connector.store.tables import credit_group

    top, low = tree(bench, limit=80_000)
    with bench.store.write() as tx:
        tx.execute(credit_group.update().where(credit_group.c.id == top).values(parent_id=low))
    bench.customer(group=low)
    assert bench.check("500.00").decision == "pass"


def test_the_total_of_a_group_is_the_sum_of_its_parts_over_currencies(bench: Bench) -> None:
    top, low = tree(bench, share=3_333, limit=80_000)
    first = bench.customer("A1", exposure=10_001, group=low)
    second = bench.customer("A2", exposure=100, currency="EUR", group=low)
    bench.customer("A3", exposure=7, group=top)
    with bench.store.write() as tx:
        stored.total(tx, [first, second], bench.rates, bench.now)
    assert bench.line(low, GROUP).exposure == 10_001 + 800
    assert bench.line(top, GROUP).exposure == 3_600 + 7  # 33.33 % of 10801, rounded


def line(home: Home, group: int) -> Line:
    from connector.store import lines

    with home.opened() as runtime, runtime.store.read() as tx:
        return lines.read(tx, [(GROUP, group)])[GROUP, group]


def test_people_arrange_the_tree_and_the_journal_says_who(home: Home) -> None:
    number = home.customer("Hengda Metal")
    why = ("--actor", "Lin")
    assert home.run("group", "create", "Holding", *why).code == 0
    assert home.run("customer", "group", str(number), "--set", "Plants", "--share", "50%", *why).code == 0
    assert home.run("group", "place", "Plants", "--under", "Holding", "--share", "0.25", *why).code == 0
    rows = {row["name"]: row for row in home.rows("group", "list")}
    assert (rows["Plants"]["parent"], rows["Plants"]["share"]) == (rows["Holding"]["id"], "25%")
    assert rows["Plants"]["members"] == 1
    assert home.journal("group_placed")[0]["parent"] == rows["Holding"]["id"]
    assert home.journal("group")[0]["share"] == "0.5"
    back = home.run("group", "place", "Holding", "--under", "Plants", *why)
    assert back.code == 2 and "circle" in back.err
    assert home.run("group", "place", "Plants", "--top", *why).code == 0
    assert home.run("group", "place", "Holding", "--under", "Plants", *why).code == 0


def test_the_line_of_a_group_follows_at_once_when_a_member_joins_or_leaves(home: Home) -> None:
    from connector.store import lines

    number = home.customer("Hengda Metal")
    assert home.run("group", "create", "Holding").code == 0
    done = home.run("limit", "set", "--group", "1", "--amount", "5000", "--reason", "x", "--actor", "Lin")
    assert done.code == 0
    with home.opened() as runtime, runtime.store.write() as tx:
        own = Line("customer", number, "CNY", "amount", 1_000_000, 30_000, "ok")
        lines.save(tx, [own], runtime.rates, runtime.today())
    assert line(home, 1).exposure == 0
    home.run("customer", "group", str(number), "--set", "Holding", "--share", "50%")
    assert line(home, 1).exposure == 15_000
    home.run("customer", "group", str(number), "--set", "1", "--ring-fenced")
    assert line(home, 1).exposure == 0
    home.run("customer", "group", str(number), "--set", "1")
    assert line(home, 1).exposure == 30_000
    home.run("customer", "group", str(number), "--leave")
    assert line(home, 1).exposure == 0


@pytest.mark.parametrize("share", ["120%", "-1", "x", "33.33333%"])
def test_a_share_is_between_nothing_and_all(home: Home, share: str) -> None:
    number = str(home.customer("Hengda Metal"))
    assert home.run("customer", "group", number, "--set", "G", "--share", share).code == 2
    assert home.journal("group") == []

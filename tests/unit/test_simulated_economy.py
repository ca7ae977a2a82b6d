"""The economy of a simulated year: the same by its seed, bad in the ways it says, nothing before its day."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
import requests

from sandbox.year.economy import OVERDUE, Economy, Plan, build
from sandbox.year.holidays import DAY, works
from sandbox.year.living import Living
from sandbox.year.tempers import WAYS
from tests.sandbox_server import running

YEAR = Plan(good=30, each=2)
SHORT = Plan(good=8, each=1, days=40, onset=(5, 12), haste=0.3, quick=True)


@pytest.fixture(scope="module")
def economy() -> Economy:
    return build(YEAR)


def test_the_same_plan_gives_the_same_year_and_another_seed_another_one(economy: Economy) -> None:
    def drawn(made: Economy) -> list[Any]:
        return [(one.company, one.way, one.temper.onset, one.deals, one.financials) for one in made.members]

    assert drawn(build(YEAR)) == drawn(economy)
    assert drawn(build(replace(YEAR, seed=8))) != drawn(economy)


def test_whoever_goes_bad_comes_to_sixty_days_overdue_within_the_year_and_nobody_else_does(
    economy: Economy,
) -> None:
    assert len({one.way for one in WAYS}) == 10
    counted = {way.way: [one for one in economy.members if one.way == way.way] for way in WAYS}
    assert all(len(found) >= YEAR.each for found in counted.values())
    for one in economy.members:
        assert (one.first_overdue is not None) is bool(one.way), one.company.key
        if one.first_overdue is not None:
            assert one.temper.onset + 14 * DAY < one.first_overdue <= YEAR.end


def test_the_first_overdue_day_is_that_of_the_money(economy: Economy) -> None:
    for one in economy.members:
        days = [
            deal.due_on + OVERDUE * DAY
            for deal in one.deals
            if deal.paid(deal.due_on + OVERDUE * DAY) < deal.amount
        ]
        assert min([day for day in days if day <= YEAR.end], default=None) == one.first_overdue


def test_money_comes_on_working_days_and_never_more_than_was_invoiced(economy: Economy) -> None:
    for member in economy.members:
        for deal in member.deals:
            assert all(works(day) and amount > 0 for day, amount in deal.receipts)
            assert sum(amount for _, amount in deal.receipts) in (0, deal.amount)


def test_a_world_shows_nothing_of_a_later_day_and_only_what_changed_is_new_the_day_after(
    economy: Economy,
) -> None:
    day = YEAR.start + 80 * DAY
    before, after = economy.world(day - DAY), economy.world(day)
    ends = dt.datetime.combine(day + DAY, dt.time(), dt.UTC)
    assert all(one.modified_at < ends for one in (*after.orders, *after.invoices))
    changed = {f"so-{deal.number:06d}" for deal in economy.changed(day)}
    old = {one.key: one for one in before.orders}
    assert {one.key for one in after.orders if old.get(one.key) != one} <= changed
    invoices = {one.key: one for one in before.invoices}
    new = {one.order_key for one in after.invoices if invoices.get(one.key) != one}
    assert new and new <= changed


def test_servers_live_through_days_once_and_date_what_they_change() -> None:
    economy = build(SHORT)
    living = Living(economy)
    with running(living.apps["zoho"]) as base:
        first = economy.plan.start

        def invoices() -> dict[str, Any]:
            rows = requests.get(f"{base}/_sandbox/content", timeout=30).json()["Invoices"]
            return {row["Invoice_Number"]: row for row in rows}

        begun = invoices()
        assert living.reach(dt.datetime.combine(first + 9 * DAY, dt.time(10), dt.UTC)) == first + 9 * DAY
        later = invoices()
        assert living.reach(dt.datetime.combine(first + 3 * DAY, dt.time(10), dt.UTC)) == first + 9 * DAY
        assert invoices() == later
    expected = {one.number: one for one in economy.world(first + 9 * DAY).invoices}
    assert set(later) == set(expected) > set(begun)
    assert {number: row.get("Paid_On") for number, row in later.items()} == {
        number: one.settled_on.isoformat() if one.settled_on else None for number, one in expected.items()
    }

"""Visits: within the reps' weeks, told where there is no room, missed, moved by people."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.model import VisitResult, VisitState
from connector.store import outbox, visits
from connector.store.record_tables import account
from connector.store.tables import visit
from tests.cli_home import POLICY, Home, make_home

TODAY = dt.date(2026, 3, 2)  # a Monday
DAY = dt.timedelta(days=1)
CADENCE = POLICY.replace("review_days: 90}", "review_days: 90, visit_days: 20}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CREDITGATE_AS_OF", TODAY.isoformat())
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    return made


def rules(home: Home, text: str) -> None:
    (home.folder / "policies" / "standard.yaml").write_text(CADENCE + text, encoding="utf-8")


def customers(home: Home, count: int, owner: str | None = "u1", city: str | None = None) -> list[int]:
    numbers = [home.customer(f"Customer {n}", assessed=False) for n in range(count)]
    with home.opened() as runtime, runtime.store.write() as tx:
        mine = account.c.customer_id.in_(numbers)
        tx.execute(account.update().where(mine).values(owner_id=owner, city=city))
    assert home.run("assess").code == 0
    return numbers


def days(home: Home) -> list[dt.date]:
    return [dt.date.fromisoformat(row["due_on"]) for row in home.rows("visit", "list")]


def told(home: Home, **values: Any) -> None:
    """What the CRM says of the only visit."""
    with home.opened() as runtime, runtime.store.write() as tx:
        (row,) = tx.execute(sa.select(visit)).all()
        visits.settle(
            tx, row.connection_id, [VisitResult(external_id="t1", key=row.key, **values)], runtime.now()
        )


def test_no_rep_gets_more_visits_in_a_week_than_the_policy_says(home: Home) -> None:
    rules(home, "visits: {per_week: 3}\n")
    customers(home, 11)
    done = home.run("visit", "plan")
    assert done.code == 0 and "11 visits planned" in done.err
    weeks = Counter(day - day.weekday() * DAY for day in days(home))
    assert sum(weeks.values()) == 11 and max(weeks.values()) == 3
    load = home.rows("visit", "load")
    assert [(row["visits"], row["per_week"]) for row in load] == [(n, 3) for _, n in sorted(weeks.items())]


def test_visits_for_which_there_is_no_room_are_listed_and_planned_later(home: Home) -> None:
    rules(home, "visits: {per_week: 1}\n")
    customers(home, 9)
    done = home.run("visit", "plan", "--format", "json")
    assert done.code == 1 and len(days(home)) + sum(row["planned_for"] is None for row in done.json) == 9
    assert {row["owner_id"] for row in done.json} == {"u1"} and "per_week" in done.err
    again = home.run("visit", "plan")
    assert again.code == 1 and "0 visits planned" in again.err


def test_visits_of_accounts_without_an_owner_fill_nobodys_week(home: Home) -> None:
    rules(home, "visits: {per_week: 1}\n")
    customers(home, 8, owner=None)
    assert home.run("visit", "plan").code == 0 and len(days(home)) == 8


def test_a_large_exposure_is_visited_more_often(home: Home) -> None:
    rules(home, "visits: {by_value: [{exposure_from: 0, factor: 0.5}, {exposure_from: 9000, factor: 0.1}]}\n")
    customers(home, 12)
    assert home.run("visit", "plan").code == 0
    assert max(days(home)) <= TODAY + 10 * DAY  # half of twenty days


def test_a_status_asks_for_a_visit_soon_and_the_task_says_what_to_ask(home: Home) -> None:
    rules(home, "visits: {by_status: {hold: 7}}\n")
    (number,) = customers(home, 1)
    assert (
        home.run(
            "hold", "place", "--customer", str(number), "--reason", "cheque returned", "--actor", "Lin"
        ).code
        == 0
    )
    assert home.run("assess").code == 0 and home.run("visit", "plan").code == 0
    assert days(home) == [TODAY + DAY]
    with home.opened() as runtime, runtime.store.read() as tx:
        (task,) = [row for row in tx.execute(sa.select(outbox.outbox)).all() if row.target == "visit"]
    assert "已停止发货" in task.payload and "经营情况如何" in task.payload


def test_a_visit_that_is_open_long_after_its_day_is_missed_once_and_may_still_be_done(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(home, "visits: {missed_after_days: 5}\n")
    customers(home, 1)
    home.run("visit", "plan")
    (due,) = days(home)
    for after, expected in ((5, "0 became missed"), (6, "1 became missed"), (7, "0 became missed")):
        monkeypatch.setenv("CREDITGATE_AS_OF", (due + after * DAY).isoformat())
        assert expected in home.run("visit", "plan").err
    assert len(home.rows("visit", "list", "--missed")) == 1
    told(home, state=VisitState.DONE, result="all well")
    assert home.rows("visit", "list", "--missed") == []


def test_a_task_that_was_moved_or_given_away_in_the_crm_stays_so(home: Home) -> None:
    rules(home, "")
    customers(home, 1)
    home.run("visit", "plan")
    later = TODAY + 25 * DAY
    told(home, due_on=later, owner_id="u2")
    (row,) = home.rows("visit", "list")
    assert (row["due_on"], row["owner_id"]) == (later.isoformat(), "u2")
    home.run("visit", "plan")
    assert days(home) == [later]
    assert [row["owner_id"] for row in home.rows("visit", "load")] == ["u2"]


def test_what_came_of_a_visit_is_kept_and_the_next_one_comes_after_the_cadence(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules(home, "")
    customers(home, 1)
    home.run("visit", "plan")
    (due,) = days(home)
    found = {"result": "new warehouse", "promised_on": due + 9 * DAY, "photos": "https://crm.test/p/1"}
    told(home, state=VisitState.DONE, **found)
    (row,) = home.rows("visit", "list")
    assert (row["state"], row["result"], row["photos"]) == ("done", "new warehouse", found["photos"])
    monkeypatch.setenv("CREDITGATE_AS_OF", (due + DAY).isoformat())
    home.run("visit", "plan")
    assert due + 10 * DAY <= days(home)[1] <= due + 20 * DAY

"""The way out: retries, budgets, and nothing secret in an error."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
import sqlalchemy as sa

from connector.adapter import Limits
from connector.errors import Halt, Retry
from connector.http import Http
from connector.store.budget import LARGEST_PACKET, StoreBudget
from connector.store.engine import Store
from connector.store.tables import budget, connection
from tests.new_store import new_store

URL = "https://crm.example/api?token=secret"
NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)


def client(**options: Any) -> tuple[Http, list[float]]:
    slept: list[float] = []
    return Http(Limits(slots=2), sleep=slept.append, **options), slept


def busy_twice() -> Any:
    answers = iter([True, True, False])

    def check(answer: requests.Response) -> None:
        if next(answers):
            raise Retry("busy", after=7)

    return check


@responses.activate
def test_a_fault_that_may_pass_is_tried_again_after_the_vendors_time() -> None:
    responses.get(URL, json={})
    http, slept = client()
    http.call("GET", URL, check=busy_twice())
    assert slept == [7, 7]
    assert http.meter["GET", "/api"] == 3


@responses.activate
def test_a_fault_that_lasts_longer_than_we_wait_is_told_at_once() -> None:
    responses.get(URL, json={})
    http, slept = client()

    def tomorrow(answer: requests.Response) -> None:
        raise Retry("quota used", after=20_000)

    with pytest.raises(Retry, match="quota used"):
        http.call("GET", URL, check=tomorrow)
    assert slept == []


@responses.activate
def test_a_lost_answer_to_a_write_is_not_repeated_but_told_as_unknown() -> None:
    responses.post(URL, body=requests.exceptions.ReadTimeout())
    http, slept = client()
    with pytest.raises(Retry) as told:
        http.call("POST", URL, check=lambda _: None, repeatable=False)
    assert told.value.unknown_outcome
    assert slept == []


@responses.activate
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (requests.exceptions.SSLError("secret"), Halt),
        (requests.exceptions.ConnectionError("secret"), Retry),
        (requests.exceptions.InvalidURL("secret"), Halt),
    ],
)
def test_network_faults_are_sorted_by_what_to_do_and_carry_no_query_string(
    fault: Exception, error: type[Exception]
) -> None:
    responses.get(URL, body=fault)
    http, _ = client(attempts=2)
    with pytest.raises(error) as told:
        http.call("GET", URL, check=lambda _: None)
    assert "secret" not in str(told.value)
    assert "crm.example/api" in str(told.value)


def test_a_budget_is_shared_and_never_exceeded(tmp_path: Path) -> None:
    store = new_store(f"sqlite:///{tmp_path / 's.db'}")
    with store.write() as tx:
        values = {"name": "c", "role": "crm", "kind": "k", "settings": "{}", "created_at": NOW}
        tx.execute(connection.insert().values(**values))
    clock = [NOW]

    def wait(seconds: float) -> None:
        clock[0] += dt.timedelta(seconds=seconds)

    limits = Limits(slots=1, calls=10, per_seconds=20)
    budgets = [StoreBudget(store, 1, limits, now=lambda: clock[0], sleep=wait) for _ in range(2)]
    taken: list[dt.datetime] = []
    for number in range(40):
        budgets[number % 2].take("calls", 1)
        taken.append(clock[0])
    for moment in taken:
        window = [t for t in taken if moment <= t < moment + dt.timedelta(seconds=20)]
        assert len(window) <= 10
    budgets[0].correct("calls", 0)
    before = clock[0]
    budgets[0].take("calls", 1)
    assert clock[0] > before
    store.close()


def used(store: Store, since: dt.datetime = NOW) -> int:
    with store.read() as tx:
        query = sa.select(sa.func.sum(budget.c.used)).where(budget.c.window_start >= since)
        return int(tx.execute(query).scalar_one() or 0)


def test_many_short_runs_cost_the_day_what_they_use(tmp_path: Path) -> None:
    store = new_store(f"sqlite:///{tmp_path / 's.db'}")
    with store.write() as tx:
        values = {"name": "c", "role": "crm", "kind": "k", "settings": "{}", "created_at": NOW}
        tx.execute(connection.insert().values(**values))
    limits = Limits(slots=4, calls=50_000)
    for _ in range(200):
        run = StoreBudget(store, 1, limits, now=lambda: NOW)
        run.take("calls", 3)
        run.give_back()
    assert used(store) == 600
    killed = StoreBudget(store, 1, limits, now=lambda: NOW)
    killed.take("calls", 3)
    assert used(store) <= 600 + LARGEST_PACKET
    store.close()


def test_what_was_leased_in_a_window_that_is_over_is_not_given_back_to_the_next(tmp_path: Path) -> None:
    store = new_store(f"sqlite:///{tmp_path / 's.db'}")
    with store.write() as tx:
        values = {"name": "c", "role": "crm", "kind": "k", "settings": "{}", "created_at": NOW}
        tx.execute(connection.insert().values(**values))
    clock = [NOW]
    limits = Limits(slots=1, calls=100, per_seconds=20)
    old, new = (StoreBudget(store, 1, limits, now=lambda: clock[0]) for _ in range(2))
    old.take("calls", 1)
    clock[0] += dt.timedelta(seconds=21)
    new.take("calls", 1)
    before = used(store, NOW + dt.timedelta(seconds=20))
    assert before > 0
    old.give_back()
    assert used(store, NOW + dt.timedelta(seconds=20)) == before
    store.close()

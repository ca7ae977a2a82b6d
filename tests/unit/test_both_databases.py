"""Where the two databases are spoken to differently, or would answer differently, they come to the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.store import (
    disputes,
    dossiers,
    inbox,
    listing,
    locks,
    notices,
    review_cases,
    spending,
    tellings,
)
from connector.store.api_keys import MINUTE, ApiKeys
from connector.store.engine import Store
from connector.store.signal_tables import deed, signal
from connector.store.signals import _insert as insert_signal
from connector.store.spending import Bound
from connector.store.tables import customer
from connector.store.upsert import insert, new_ids
from tests.check_bench import NOW, Bench
from tests.unit.test_api import CIPHER_KEY

SIGNAL: dict[str, Any] = {
    "customer_id": 1,
    "kind": "overdue_started",
    "key": "",
    "episode": 1,
    "severity": "info",
    "evidence": "{}",
    "state": "open",
    "raised_at": NOW,
    "seen_at": NOW,
}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store with the customers 1 and 2 on either database."""
    if request.param == "postgres":
        made = Bench.fresh(request.getfixturevalue("postgres_url"))
    else:
        made = Bench.on_sqlite(tmp_path)
    assert [made.customer("A1"), made.customer("A2")] == [1, 2]
    yield made.store
    made.store.close()


def count(store: Store, table: sa.Table) -> int:
    with store.read() as tx:
        return int(tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_a_name_is_found_however_it_is_written(store: Store) -> None:
    with store.read() as tx:
        assert len(listing.customers(tx, name="customer a1")) == 1
        assert len(listing.customers(tx, name="CUSTOMER")) == 2
        assert listing.customers(tx, name="100%") == []


def test_whoever_changed_or_is_due_is_found_once_and_in_order(store: Store) -> None:
    with store.write() as tx:
        tx.execute(sa.update(customer).values(changes=1, assessed=1))
    with store.read() as tx:
        assert (dossiers.due(tx, NOW, 0), dossiers.count_due(tx, NOW)) == ([], 0)
    with store.write() as tx:
        tx.execute(sa.update(customer).where(customer.c.id == 2).values(changes=2, due_at=NOW))
        tx.execute(sa.update(customer).where(customer.c.id == 1).values(due_at=NOW))
    with store.read() as tx:
        assert (dossiers.due(tx, NOW, 0), dossiers.count_due(tx, NOW)) == ([1, 2], 2)
        assert dossiers.due(tx, NOW, 1) == [2]
        assert dossiers.due(tx, NOW - MINUTE, 0) == [2]
        assert dossiers.due(tx, NOW, 0, everyone=True) == [1, 2]


def test_what_two_processes_write_at_once_is_there_once(store: Store) -> None:
    case = {"customer_id": 1, "origin": "person", "reason": "r", "due_on": NOW.date(), "opened_at": NOW}
    items = [("accounts", {"en": "accounts read", "zh": "已阅报表"}, True)]
    with store.write() as tx:
        assert insert_signal(tx, SIGNAL) == 1
        assert insert_signal(tx, SIGNAL) is None
        for _ in range(2):
            disputes.found(tx, 1, "a:2026-01-01 b:2026-01-02", {}, NOW)
        wanted = {"signal_id": 1, "action": "visit", "state": "wanted", "wanted_at": NOW}
        assert [tellings._add(tx, deed, [wanted], ["signal_id", "action"]) for _ in range(2)] == [1, 0]
        assert [inbox.first(tx, 1, "m", NOW) for _ in range(2)] == [True, False]
        assert [notices.cursor(tx, 1, "zoho", NOW).number for _ in range(2)] == [0, 0]
        assert review_cases.add(tx, case | {"opened_by": "Lin"}, items) == 1
        assert review_cases.add(tx, case | {"opened_by": "Mei"}, items) is None
    assert count(store, signal) == count(store, deed) == 1


def test_money_is_taken_up_to_its_bound(store: Store) -> None:
    bounds = [Bound("2026-11-28", 100), Bound("2026-11", None)]
    with store.write() as tx:
        assert spending.take(tx, "EUR", 60, bounds) is None
    with store.write() as tx:
        assert spending.take(tx, "EUR", 60, bounds) == bounds[0]
        spending.give_back(tx, "EUR", 10, ["2026-11-28"])
        assert spending.spent(tx, "EUR", "2026-11-28") == 50


def test_a_nonce_counts_once_and_calls_are_leased(store: Store) -> None:
    from cryptography.fernet import Fernet, MultiFernet

    keys = ApiKeys(store, MultiFernet([Fernet(CIPHER_KEY)]))
    number, _ = keys.issue(1, NOW)
    assert [keys.first(number, "n" * 16, NOW) for _ in range(2)] == [True, False]
    minute = NOW.replace(second=0)
    assert [keys.lease(number, minute, 5, 3) for _ in range(3)] == [3, 2, 0]
    assert keys.lease(number, minute + dt.timedelta(minutes=1), 5, 3) == 3


def test_numbers_that_are_drawn_are_nobody_elses(store: Store) -> None:
    with store.write() as tx:
        numbers = new_ids(tx, customer, 3)
        rows = [{"id": number, "name": "new", "created_at": NOW} for number in numbers]
        insert(tx, customer, rows)
        made = sa.insert(customer).values(name="next", created_at=NOW).returning(customer.c.id)
        assert tx.execute(made).scalar_one() not in {1, 2, *numbers}
        locks.take(tx, "a lock that this transaction may take twice")
        locks.take(tx, "a lock that this transaction may take twice")
    assert len(set(numbers)) == 3

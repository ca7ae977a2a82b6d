"""The inbox in the store: one row a record, claims that end, several processes at once."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from connector.adapter import Subscription
from connector.store import inbox, subscriptions
from connector.store.columns import metadata
from connector.store.engine import Store
from connector.store.hook_tables import inbox as table
from connector.store.tables import connection
from tests.new_store import new_store

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
LEASE = dt.timedelta(minutes=2)


def made(url: str) -> Store:
    store = new_store(url)
    with store.write() as tx:
        for name in ("shop", "other"):
            values = {"name": name, "role": "crm", "kind": "zoho", "settings": "{}", "created_at": NOW}
            tx.execute(connection.insert().values(**values))
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = made(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def put(store: Store, *ids: str, at: dt.datetime = NOW, operation: str = "changed") -> None:
    with store.write() as tx:
        inbox.put(tx, 1, "Accounts", ids, operation, at)


def claim(store: Store, name: str, at: dt.datetime = NOW, most: int = 50) -> list[inbox.Claimed]:
    with store.write() as tx:
        return inbox.claim(tx, 1, "Accounts", name, at, at + LEASE, most)


def rows(store: Store) -> list[inbox.Waiting]:
    with store.read() as tx:
        return inbox.find(tx, NOW)


def test_doubled_hints_are_one_row_that_keeps_when_it_was_first_seen(store: Store) -> None:
    put(store, "77", "78", "77", operation="created")
    put(store, "77", at=NOW + dt.timedelta(minutes=1))
    first, second = rows(store)
    assert (first.external_id, first.operation) == ("77", "changed")
    assert (first.first_seen, first.last_seen) == (NOW, NOW + dt.timedelta(minutes=1))
    assert (second.external_id, second.operation) == ("78", "created")


def test_objects_and_connections_have_rows_of_their_own(store: Store) -> None:
    put(store, "77")
    with store.write() as tx:
        inbox.put(tx, 1, "Invoices", ["77"], "", NOW)
        inbox.put(tx, 2, "Accounts", ["77"], "", NOW)
        assert inbox.due(tx, NOW) == {1, 2}
        assert inbox.drop_others(tx, 1, ["Accounts"]) == 1
    assert [(row.connection, row.object) for row in rows(store)] == [
        ("shop", "Accounts"),
        ("other", "Accounts"),
    ]
    with store.read() as tx:
        assert [row.connection for row in inbox.find(tx, NOW, "other")] == ["other"]


def test_what_was_given_up_wakes_up_when_it_is_spoken_of_again(store: Store) -> None:
    put(store, "77", "78")
    with store.write() as tx:
        inbox.postpone(tx, inbox.claim(tx, 1, "Accounts", "a", NOW, NOW + LEASE, 9), None, "not found")
    assert {(row.state, row.attempts, row.error) for row in rows(store)} == {("dead", 1, "not found")}
    assert claim(store, "b", NOW + LEASE * 9) == []
    put(store, "77", at=NOW + LEASE)
    assert [(row.external_id, row.state, row.attempts) for row in rows(store)] == [
        ("77", "pending", 0),
        ("78", "dead", 1),
    ]
    with store.write() as tx:
        assert inbox.drop_dead(tx, 1, NOW) == 0  # spoken of at that moment, not before
        assert inbox.drop_dead(tx, 1, NOW + LEASE) == 1


def test_a_claim_is_shown_and_ends_by_itself(store: Store) -> None:
    put(store, "77")
    assert len(claim(store, "killed")) == 1
    assert [row.state for row in rows(store)] == ["claimed"]
    assert claim(store, "other", NOW + LEASE / 2) == []
    (taken,) = claim(store, "other", NOW + LEASE)
    assert taken.claim == "other"


def test_who_lost_its_claim_may_not_store_what_it_read(store: Store) -> None:
    put(store, "77")
    slow = claim(store, "slow")
    claim(store, "quick", NOW + LEASE)
    with store.write() as tx:
        assert inbox.finish(tx, slow) == set()
        inbox.postpone(tx, slow, None, "late")
        inbox.give_back(tx, slow, NOW, "late")
    (row,) = rows(store)
    assert (row.state, row.attempts) == ("claimed", 0)


def test_a_subscription_keeps_its_counts_when_it_is_renewed(store: Store) -> None:
    first = Subscription(("A", "B"), "https://x.example/v1/hooks/shop", {"A": "7"}, NOW, NOW, {"B": "no"})
    with store.write() as tx:
        subscriptions.save(tx, 1, first, NOW)
        subscriptions.heard(tx, 1, NOW)
        subscriptions.forged(tx, 1, 3, NOW)
        later = Subscription(("A",), first.url, {"A": "7"}, NOW + LEASE, None)
        subscriptions.save(tx, 1, later, NOW + LEASE)
        assert subscriptions.load(tx, 1) == later
        assert subscriptions.load(tx, 2) is None
    put(store, "77")
    with store.read() as tx:
        (standing,) = subscriptions.standings(tx)
    assert (standing.events, standing.forged, standing.waiting, standing.dead) == (1, 3, 1, 0)
    assert (standing.subscribed_at, standing.last_event_at, standing.oldest) == (NOW, NOW, NOW)
    with store.write() as tx:
        subscriptions.drop(tx, 1)
        assert subscriptions.standings(tx) == []


def test_the_inbox_goes_with_its_connection(store: Store) -> None:
    put(store, "77")
    with store.write() as tx:
        tx.execute(connection.delete())
        assert tx.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


# Columns that no code uses any more stay until a later version takes them away (expand before contract).
LEFT_BEHIND = {("reservation", "group_id"), ("reservation", "group_reserved")}


def drift(store: Store) -> list[object]:
    with store.read() as tx:
        # The queue of PostgreSQL brings tables of its own.
        options = {"include_name": lambda name, *_: not str(name).startswith("procrastinate_")}
        found = list(compare_metadata(MigrationContext.configure(tx, opts=options), metadata))
    return [one for one in found if not _left_behind(one)]


def _left_behind(one: Any) -> bool:
    if one[0] == "remove_column":
        return (one[2], one[3].name) in LEFT_BEHIND
    if one[0] == "remove_fk":
        return all((one[1].table.name, name) in LEFT_BEHIND for name in one[1].column_keys)
    return False


def test_the_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    assert drift(store) == []


# -- several processes at once


@pytest.mark.postgres
def test_several_services_share_the_inbox_and_none_works_on_the_row_of_another(postgres_url: str) -> None:
    store = made(postgres_url)
    assert drift(store) == []
    ids = [str(number) for number in range(400)]
    taken: Counter[str] = Counter()
    stopped = threading.Event()
    faults: list[BaseException] = []

    def tell() -> None:
        for turn in range(6):
            # In different orders, with doubles, while others claim and finish the same rows.
            put(store, *(ids if turn % 2 else reversed(ids)))

    def work(name: str) -> None:
        count = 0
        while not stopped.is_set():
            count += 1
            claimed = claim(store, f"{name}{count}", most=7)
            with store.write() as tx:
                taken.update(inbox.finish(tx, claimed))

    def guarded(act: object, *args: str) -> None:
        try:
            act(*args)  # type: ignore[operator]
        except BaseException as fault:
            faults.append(fault)

    tellers = [threading.Thread(target=guarded, args=(tell,)) for _ in range(2)]
    workers = [threading.Thread(target=guarded, args=(work, name)) for name in "abc"]
    for thread in tellers + workers:
        thread.start()
    for thread in tellers:
        thread.join()
    for _ in range(1000):
        if not rows(store):
            break
        threading.Event().wait(0.02)
    stopped.set()
    for thread in workers:
        thread.join()
    assert faults == []
    assert rows(store) == []
    # Every record was read, and never more often than it was spoken of.
    assert set(taken) == set(ids)
    assert max(taken.values()) <= 12
    store.close()


@pytest.mark.postgres
def test_two_services_that_claim_at_the_same_moment_get_different_rows(postgres_url: str) -> None:
    store = made(postgres_url)
    put(store, *(str(number) for number in range(60)))
    with store.write() as one, store.write() as two:
        first = inbox.claim(one, 1, "Accounts", "one", NOW, NOW + LEASE, 40)
        second = inbox.claim(two, 1, "Accounts", "two", NOW, NOW + LEASE, 40)
    assert (len(first), len(second)) == (40, 20)
    assert not {row.id for row in first} & {row.id for row in second}
    store.close()

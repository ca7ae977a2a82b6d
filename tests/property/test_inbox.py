"""The inbox as a state machine: whatever happens in whatever order, no hint is lost and no row is stale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connector.store import inbox
from connector.store.engine import Store
from connector.store.hook_tables import inbox as table
from connector.store.inbox import Claimed
from connector.store.tables import connection
from tests.new_store import new_store

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LEASE = dt.timedelta(minutes=2)
IDS = [str(number) for number in range(6)]


class Work:
    """What one process has claimed, and the state of the records when it read them."""

    def __init__(self, claimed: list[Claimed], read: dict[str, int]) -> None:
        self.claimed = claimed
        self.read = read


class InboxMachine(RuleBasedStateMachine):
    """Records have a state that only grows; ``stored`` is ours, ``actual`` the CRM's."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.actual = dict.fromkeys(IDS, 0)
        self.stored = dict.fromkeys(IDS, 0)
        self.names = 0
        self.work: list[Work] = []
        self.holders: dict[int, tuple[str, dt.datetime]] = {}
        with self.store.write() as tx:
            tx.execute(sa.delete(table))

    @rule(ids=st.lists(st.sampled_from(IDS), min_size=1, max_size=4), doubled=st.booleans())
    def change(self, ids: list[str], doubled: bool) -> None:
        """Records change in the CRM, which tells us, perhaps twice."""
        for one in ids:
            self.actual[one] += 1
        for _ in range(1 + doubled):
            with self.store.write() as tx:
                inbox.put(tx, 1, "Accounts", ids, "changed", self.now)

    @precondition(lambda self: self.stored != self.actual)
    @rule(most=st.integers(1, 4))
    def claim(self, most: int) -> None:
        """A process claims; nobody else holds what it gets. Then it reads."""
        claimed = self._claimed(most)
        if claimed is not None:
            self.work.append(claimed)

    @precondition(lambda self: self.work)
    @rule(which=st.integers(0, 9))
    def finish(self, which: int) -> None:
        """It stores what it read, of the rows that are still its own."""
        self._finished(self.work.pop(which % len(self.work)))

    def _finished(self, done: Work) -> None:
        with self.store.write() as tx:
            ours = inbox.finish(tx, done.claimed)
        for one in done.claimed:
            assert (one.external_id in ours) == self._holds(one)
            if one.external_id in ours:
                self.stored[one.external_id] = done.read[one.external_id]
            self._free(one)

    @precondition(lambda self: self.work)
    @rule(
        which=st.integers(0, 9),
        seconds=st.integers(0, 60),
        how=st.sampled_from([inbox.postpone, inbox.give_back, None]),
    )
    def fail(self, which: int, seconds: int, how: Any) -> None:
        """It cannot find the records, or the line breaks, or it is killed: its claims end by themselves."""
        done = self.work.pop(which % len(self.work))
        if how is not None:
            with self.store.write() as tx:
                how(tx, done.claimed, self.now + dt.timedelta(seconds=seconds), "why")
            for one in done.claimed:
                self._free(one)

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds: int) -> None:
        self.now += dt.timedelta(seconds=seconds)

    @invariant()
    def what_is_not_stored_is_in_the_inbox(self) -> None:
        with self.store.read() as tx:
            waiting = set(tx.execute(sa.select(table.c.external_id)).scalars())
        stale = {one for one in IDS if self.stored[one] < self.actual[one]}
        assert stale <= waiting

    def teardown(self) -> None:
        """In the end everything is read."""
        self.now += dt.timedelta(hours=1)
        while found := self._claimed(4):
            self._finished(found)
        assert self.stored == self.actual
        with self.store.read() as tx:
            assert inbox.due(tx, self.now + dt.timedelta(days=1)) == set()

    def _claimed(self, most: int) -> Work | None:
        self.names += 1
        name = f"process {self.names}"
        with self.store.write() as tx:
            claimed = inbox.claim(tx, 1, "Accounts", name, self.now, self.now + LEASE, most)
        assert len(claimed) <= most
        for one in claimed:
            _, until = self.holders.get(one.id, ("", self.now))
            assert until <= self.now, "a row that another process holds was claimed"
            self.holders[one.id] = (name, self.now + LEASE)
        read = {one.external_id: self.actual[one.external_id] for one in claimed}
        return Work(claimed, read) if claimed else None

    def _holds(self, one: Claimed) -> bool:
        name, _ = self.holders.get(one.id, ("", self.now))
        return name == one.claim

    def _free(self, one: Claimed) -> None:
        if self._holds(one):
            self.holders[one.id] = ("", self.now)


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = new_store(url)
    with store.write() as tx:
        values = {"name": "shop", "role": "crm", "kind": "zoho", "settings": "{}", "created_at": START}
        tx.execute(connection.insert().values(id=1, **values))
    try:
        yield store
    finally:
        store.close()


def run(store: Store, examples: int) -> None:
    machine = type("Inbox", (InboxMachine,), {"store": store})
    limits = settings(max_examples=examples, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(machine, settings=limits)


def test_no_order_of_events_claims_and_kills_loses_a_hint() -> None:
    with TemporaryDirectory() as folder, opened(f"sqlite:///{Path(folder) / 'inbox.db'}") as store:
        run(store, 80)


@pytest.mark.postgres
def test_no_order_of_events_claims_and_kills_loses_a_hint_on_postgres(postgres_url: str) -> None:
    with opened(postgres_url) as store:
        run(store, 25)

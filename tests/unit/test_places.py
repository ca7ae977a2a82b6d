"""Places for calls: so many at once and no more, over all processes of a store."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.adapter import Limits
from connector.store.engine import Store
from connector.store.places import StorePlaces
from tests.new_store import new_store

LIMITS = Limits(slots=3, heavy=1)


class Office:
    """Several stores at one place: each stands for a process of its own."""

    def __init__(self, url: str, home: Path) -> None:
        self.home = home
        self.stores = [new_store(url), Store(url)]
        self.made: list[StorePlaces] = []

    def places(self, store: int, connection: int = 1) -> StorePlaces:
        made = StorePlaces(
            self.stores[store], connection, LIMITS, self.home, sleep=lambda _: time.sleep(0.002)
        )
        self.made.append(made)
        return made


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    lite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'store.db'}" if lite else request.getfixturevalue("postgres_url")
    made = Office(url, tmp_path)
    yield made
    for one in made.made:
        one.close()
    for store in made.stores:
        store.close()


def held(places: StorePlaces, *, heavy: bool = False) -> tuple[Any, threading.Event]:
    """Take a place in a thread of its own; the thread, and whether it has the place."""
    has, leave = threading.Event(), threading.Event()

    def take() -> None:
        with places.hold(heavy=heavy):
            has.set()
            leave.wait(20)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return (thread, leave), has


def end(one: Any) -> None:
    thread, leave = one
    leave.set()
    thread.join(20)
    assert not thread.is_alive()


def test_calls_at_once_are_counted_over_processes_and_each_connection_has_its_own(office: Office) -> None:
    first, second, other = office.places(0), office.places(1), office.places(1, connection=2)
    holders = [held(first), held(first), held(second)]
    assert all(has.wait(20) for _, has in holders)
    waiting, has = held(second)
    assert not has.wait(0.1)
    elsewhere, there = held(other)
    assert there.wait(20)
    end(holders[0][0])
    assert has.wait(20)
    for one in (*(holder for holder, _ in holders[1:]), waiting, elsewhere):
        end(one)


def test_of_the_places_only_some_are_for_heavy_calls(office: Office) -> None:
    first, second = office.places(0), office.places(1)
    heavy, has_heavy = held(first, heavy=True)
    assert has_heavy.wait(20)
    later, has_later = held(second, heavy=True)
    light, has_light = held(second)
    assert has_light.wait(20) and not has_later.wait(0.1)
    end(heavy)
    assert has_later.wait(20)
    end(later)
    end(light)


@pytest.mark.postgres
def test_what_a_lost_session_held_is_free_again(postgres_url: str, tmp_path: Path) -> None:
    office = Office(postgres_url, tmp_path)
    lost, other = office.places(0), office.places(1)
    holders = [held(lost) for _ in range(3)]
    assert all(has.wait(20) for _, has in holders)
    with office.stores[1].write() as tx:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        tx.execute(sa.text(f"SELECT pg_terminate_backend(pid) {others}")).all()
    taken, has = held(other)
    assert has.wait(20)
    for one in (*(holder for holder, _ in holders), taken):
        end(one)
    for places in office.made:
        places.close()
    for store in office.stores:
        store.close()

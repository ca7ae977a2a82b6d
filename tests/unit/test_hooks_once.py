"""Hooks: an event is taken in once, for a while only, and a row that is certainly gone is marked at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from connector import hooks
from connector.adapter import FORGED_EVENT, Event
from connector.errors import Reject
from connector.model import Stream
from connector.store import subscriptions
from connector.store.hook_tables import hook_message
from tests.unit.test_hooks import MAPPING, NOW, Bench, TellingCrm


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.runtime.close()


def receive(bench: Bench, message: str, *ids: str) -> int:
    return hooks.receive(bench.store, bench.connection, Event("A", ids, message=message), bench.now)


def kept(bench: Bench) -> list[str]:
    with bench.store.read() as tx:
        return sorted(tx.execute(sa.select(hook_message.c.message_id)).scalars())


def test_an_event_that_comes_again_is_taken_in_once(bench: Bench) -> None:
    hooks.subscribe(bench.store, bench.connection, bench.crm, MAPPING, "https://x.example")
    assert receive(bench, "M-1", "1") == 1
    bench.crm.set("A", "1", name="firm")
    bench.process()
    assert receive(bench, "M-1", "1") == 0 and bench.waiting() == []
    assert receive(bench, "M-2", "1") == 1 and len(bench.waiting()) == 1
    with bench.store.read() as tx:
        (standing,) = subscriptions.standings(tx)
    assert standing.events == 2


def test_events_without_an_id_of_their_own_are_all_taken_in(bench: Bench) -> None:
    assert [receive(bench, "", "1"), receive(bench, "", "1")] == [1, 1]
    assert kept(bench) == []


def test_an_event_about_no_row_is_remembered_too(bench: Bench) -> None:
    assert receive(bench, "M-1") == 0
    assert (kept(bench), bench.waiting()) == (["M-1"], [])


def test_ids_of_events_are_forgotten_once_no_vendor_repeats_them(bench: Bench) -> None:
    receive(bench, "old", "1")
    bench.now += hooks.REPEATED
    receive(bench, "new", "1")
    hooks.settle(bench.store, bench.connection, bench.now + dt.timedelta(seconds=1))
    assert kept(bench) == ["new"]


class Stamped(TellingCrm):
    """Says when an event was sent, and knows of void rows."""

    sweeps = True
    void: Sequence[str] = ()

    @classmethod
    def parse_event(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
        return Event("A", ("1",), sent_at=dt.datetime.fromisoformat(orjson.loads(body)["at"]))

    def certainly_gone(self, object_name: str, ids: Sequence[str]) -> set[str]:
        return {one for one in ids if one in self.void}


@pytest.mark.parametrize(("seconds", "believed"), [(0, True), (300, True), (-300, True), (301, False)])
def test_an_event_is_believed_for_five_minutes(bench: Bench, seconds: int, believed: bool) -> None:
    body = orjson.dumps({"at": (NOW - dt.timedelta(seconds=seconds)).isoformat()})
    secrets = bench.crm.context.secrets
    if believed:
        assert hooks.understand(Stamped, secrets, {}, body, NOW) is not None
        return
    with pytest.raises(Reject) as caught:
        hooks.understand(Stamped, secrets, {}, body, NOW)
    assert caught.value.code == FORGED_EVENT


def test_a_row_that_is_certainly_gone_needs_no_sweep(bench: Bench) -> None:
    crm = Stamped(bench.crm.context)
    bench.crm = crm
    crm.set("A", "1", name="firm")
    bench.tell("A", "1")
    bench.process()
    del crm.data["A"]["1"]
    crm.void = ["1"]
    bench.tell("A", "1", "2")
    done = bench.process()
    assert (done.count(Stream.ACCOUNTS).gone, done.unclear) == (1, 1)
    assert bench.names() == {}

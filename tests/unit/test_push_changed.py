"""Push to a CRM that takes changed fields only: what differs, measured against what was surely written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from connector.adapter import Outcome, Result
from connector.errors import Retry
from connector.mapping.form import compile_mapping
from connector.push import FIRST_WAIT, push
from connector.runtime import Runtime
from connector.store import outbox
from connector.store.outbox import Item
from connector.yamlfile import parse
from tests.unit.test_push import NOW, Crm, runtime  # noqa: F401 - a fixture

MAPPING = compile_mapping(
    parse(
        "mapping: m\nread:\n  accounts: {object: A, fields: {name: n}}\n"
        "write:\n"
        "  account:\n    object: A\n    fields:\n"
        "      credit_score: {field: score, type: number, standard: true}\n"
        "      risk_class: {field: class, type: text, standard: true}\n"
        "      credit_as_of: {field: as_of, type: datetime, standard: true}\n"
        "  order:\n    object: O\n    lock: credit_hold\n    fields:\n"
        "      credit_hold: {field: hold, type: boolean, standard: true}\n"
        "      credit_reasons: {field: why, type: long_text, standard: true}\n",
        "m",
    ),
    "m",
)


class Changing(Crm):
    write_changed = True
    locks = True

    def lock(self, *_: str) -> Outcome:
        return Outcome(Result.DONE)

    unlock = lock


class Bench:
    def __init__(self, opened: Runtime) -> None:
        self.runtime = opened
        self.crm = Changing()
        self.now = NOW
        self.crm.context.now = lambda: self.now  # type: ignore[attr-defined]

    def put(self, target: str = "account", key: str = "1", **values: Any) -> None:
        with self.runtime.store.write() as tx:
            outbox.put(tx, [Item(1, target, key, "", values, 9)], self.now)

    def push(self) -> list[dict[str, Any]]:
        """What was sent."""
        self.crm.sent.clear()
        connections = self.runtime.connections
        push(self.runtime.store, connections, connections.get("memory"), self.crm, MAPPING)  # type: ignore[arg-type]
        return [dict(write.values) for write in self.crm.sent]


@pytest.fixture
def bench(runtime: Runtime) -> Iterator[Bench]:  # noqa: F811
    yield Bench(runtime)


def test_the_first_time_everything_is_sent_and_then_what_differs(bench: Bench) -> None:
    bench.put(credit_score="1", risk_class="A")
    assert len(bench.push()[0]) == 2
    bench.put(credit_score="1", risk_class="B")
    assert bench.push() == [{"class": "B"}]
    bench.put(credit_score="1", risk_class=None)
    assert bench.push() == [{"class": None}]


def test_a_moment_goes_along_with_a_change(bench: Bench) -> None:
    bench.put(risk_class="A", credit_as_of=NOW.isoformat())
    bench.push()
    bench.put(risk_class="B", credit_as_of=(NOW + dt.timedelta(hours=1)).isoformat())
    assert set(bench.push()[0]) == {"class", "as_of"}


def test_after_an_attempt_whose_end_is_unknown_everything_is_sent(bench: Bench) -> None:
    bench.put(credit_score="1", risk_class="A")
    bench.push()
    bench.put(credit_score="1", risk_class="B")
    bench.crm.answers["1"] = Retry("lost", unknown_outcome=True)
    bench.push()
    del bench.crm.answers["1"]
    bench.put(credit_score="2", risk_class="A")  # what was surely written last has this class
    bench.now += FIRST_WAIT
    assert set(bench.push()[0]) == {"score", "class"}
    bench.put(credit_score="3", risk_class="A")
    assert set(bench.push()[0]) == {"score"}


def test_killed_while_sending_everything_is_sent_again(bench: Bench) -> None:
    bench.put(credit_score="1", risk_class="A")
    bench.push()
    bench.put(credit_score="1", risk_class="B")

    def die() -> None:
        raise KeyboardInterrupt

    bench.crm.meanwhile = die
    with pytest.raises(KeyboardInterrupt):
        bench.push()
    bench.crm.meanwhile = lambda: None
    bench.put(credit_score="2", risk_class="A")
    assert set(bench.push()[0]) == {"score", "class"}


def test_the_flag_that_locks_is_always_there(bench: Bench) -> None:
    bench.put("order", credit_hold=True, credit_reasons={"zh": "一", "en": "one"})
    bench.push()
    bench.put("order", credit_hold=True, credit_reasons={"zh": "二", "en": "two"})
    assert bench.push() == [{"hold": True, "why": "two"}]


def test_what_a_write_that_succeeded_has_to_tell_is_told(bench: Bench) -> None:
    bench.put(risk_class="A")
    bench.crm.answers["1"] = Outcome(Result.DONE, "but mind the gap")
    connections = bench.runtime.connections
    done = push(bench.runtime.store, connections, connections.get("memory"), bench.crm, MAPPING)  # type: ignore[arg-type]
    assert (done.done, done.faults) == (1, ["memory: but mind the gap"])

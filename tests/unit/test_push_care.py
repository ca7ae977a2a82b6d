"""Push with care: rows that people edit too, notes that must not double, locks, and the look back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.adapter import Outcome, Result, Row, Write
from connector.config import load
from connector.errors import Halt, Retry
from connector.gate.decisions import release as releasing
from connector.gate.settling import gate_of
from connector.mapping import compile_mapping
from connector.model import Account, Order, OrderStage, Stream
from connector.push import Pushed, push
from connector.runtime import Runtime
from connector.store import discoveries, outbox, records
from connector.store.held import ACTOR, keep
from connector.store.outbox import Item
from connector.store.schema import upgrade
from connector.store.tables import outbox as rows
from connector.yamlfile import parse
from tests.gate_bench import decide, terms
from tests.memory_secrets import MemorySecrets
from tests.new_store import new_home

NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
MAPPING = compile_mapping(
    parse(
        "mapping: m\nread:\n  accounts: {object: A, fields: {name: n}}\n"
        "write:\n"
        "  account:\n    object: A\n    fields:\n"
        "      risk_class: {field: class, type: text, standard: true, shared: true}\n"
        "  order:\n    object: O\n    lock: credit_hold\n    fields:\n"
        "      credit_hold: {field: hold, type: boolean, standard: true}\n"
        "      credit_reasons: {field: why, type: long_text, standard: true}\n"
        "  note:\n    object: N\n    fields:\n"
        "      title: {field: title, type: text, standard: true}\n",
        "m",
    ),
    "m",
)
Answer = Outcome | Exception


class Crm:
    """A CRM that remembers in which order it was asked for what."""

    write_batch = 10
    write_changed = False
    locks = True

    def __init__(self) -> None:
        self.time = NOW
        self.did: list[Any] = []
        self.sent: list[Write] = []
        self.answer: Callable[[Write], Answer] = lambda write: Outcome(Result.DONE)
        self.lock_answer = Outcome(Result.DONE)
        self.lost: list[str] | None = []
        self.context = type(
            "C", (), {"secrets": MemorySecrets(), "language": "en", "now": staticmethod(lambda: self.time)}
        )()

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        self.sent += writes
        told = []
        for write in writes:
            self.did.append(("write", write.object, write.external_id, dict(write.values)))
            answer = self.answer(write)
            if isinstance(answer, Exception):
                raise answer
            told.append(answer)
        return told

    def lock(self, object_name: str, external_id: str, reason: str) -> Outcome:
        self.did.append(("lock", external_id, reason))
        return self.lock_answer

    def unlock(self, object_name: str, external_id: str) -> Outcome:
        self.did.append(("unlock", external_id))
        return self.lock_answer

    def verify(self, write: Write) -> list[str] | None:
        self.did.append(("look", write.object, write.external_id))
        return self.lost


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    new_home(tmp_path / "home")
    opened = Runtime(load(tmp_path / "home" / "creditgate.toml"))
    opened.connections.add("memory", "crm", "zoho", {}, {}, tmp_path)
    yield opened
    opened.close()


def put(runtime: Runtime, *items: Item) -> None:
    with runtime.store.write() as tx:
        outbox.put(tx, items, NOW)


def account_item(score: str, number: str = "1") -> Item:
    return Item(1, "account", number, "", {"risk_class": score}, 9)


def note_item(key: str = "k") -> Item:
    return Item(1, "note", "1", key, {"title": {"en": "On hold", "zh": "冻结"}}, 5)


def read_account(runtime: Runtime, modified_at: dt.datetime, name: str = "Acme") -> None:
    """What a pull does with one account."""
    record = Account(external_id="1", modified_at=modified_at, name=name, currency="CNY")
    with runtime.store.write() as tx:
        records.store(tx, 1, Stream.ACCOUNTS, [(Row("1", modified_at, {}), record)], [], NOW)


def read_order(runtime: Runtime, number: str = "SO-1", external_id: str = "8") -> None:
    read_account(runtime, NOW)
    record = Order(
        external_id=external_id,
        modified_at=NOW,
        account_id="1",
        number=number,
        amount=100,
        currency="CNY",
        stage=OrderStage.OPEN,
    )
    with runtime.store.write() as tx:
        records.store(tx, 1, Stream.ORDERS, [(Row(external_id, NOW, {}), record)], [], NOW)


def hold(runtime: Runtime, order: str = "SO-1", text: str = "over limit") -> None:
    """What a check does when it holds an order."""
    reasons = [{"code": "over_limit", "params": {}, "text": {"en": text, "zh": "超额"}}]
    values = {
        "connection_id": 1,
        "order_key": order,
        "account_id": "1",
        "customer_id": None,
        "amount": 100,
        "currency": "CNY",
        "reasons": reasons,
    }
    with runtime.store.write() as tx:
        keep(tx, values, f"order memory/{order}", NOW)


def release(runtime: Runtime, act: str = "release") -> None:
    decide(runtime, act, NOW)


def run(runtime: Runtime, crm: Crm) -> Pushed:
    connection = runtime.connections.get("memory")
    return push(runtime.store, runtime.connections, connection, crm, MAPPING)  # type: ignore[arg-type]


def waiting(runtime: Runtime) -> list[tuple[str, str, str]]:
    with runtime.store.read() as tx:
        return [(r.target, r.state, r.error) for r in tx.execute(sa.select(rows).order_by(rows.c.id))]


def test_a_row_that_people_edit_is_written_against_the_moment_it_was_last_read(runtime: Runtime) -> None:
    crm = Crm()
    read_account(runtime, NOW - HOUR)
    put(runtime, account_item("A"))
    run(runtime, crm)
    assert crm.sent[0].unmodified_since == NOW - HOUR


def test_rereading_moves_the_moment_on_even_if_nothing_that_we_read_has_changed(runtime: Runtime) -> None:
    crm = Crm()
    read_account(runtime, NOW - HOUR)
    read_account(runtime, NOW)
    put(runtime, account_item("A"))
    run(runtime, crm)
    assert crm.sent[0].unmodified_since == NOW


def test_a_stale_row_waits_for_the_next_reading_and_is_not_overwritten_blindly(runtime: Runtime) -> None:
    crm = Crm()
    read_account(runtime, NOW - HOUR)
    put(runtime, account_item("A"))
    crm.answer = lambda write: Outcome(Result.STALE, "ALREADY_MODIFIED")
    for _ in range(12):
        crm.time += HOUR
        assert run(runtime, crm).dead == 0
    assert len(crm.sent) == 1
    assert waiting(runtime) == [("account", "pending", "ALREADY_MODIFIED")]
    read_account(runtime, NOW + HOUR)
    crm.answer = lambda write: Outcome(Result.DONE)
    assert run(runtime, crm).done == 1
    assert crm.sent[1].unmodified_since == NOW + HOUR


def test_our_own_write_is_no_foreign_change(runtime: Runtime) -> None:
    crm = Crm()
    read_account(runtime, NOW - HOUR)
    crm.answer = lambda write: Outcome(Result.DONE, modified_at=NOW + HOUR)
    put(runtime, account_item("A"))
    run(runtime, crm)
    put(runtime, account_item("B"))
    run(runtime, crm)
    assert [write.unmodified_since for write in crm.sent] == [NOW - HOUR, NOW + HOUR]


def test_what_blocks_a_write_is_tried_again_for_ever_and_told(runtime: Runtime) -> None:
    crm = Crm()
    crm.answer = lambda write: Outcome(Result.BLOCKED, "A 1: RECORD_LOCKED", todo="unlock it")
    put(runtime, account_item("A"))
    for _ in range(20):
        done = run(runtime, crm)
        assert (done.retried, done.dead) == (1, 0)
        assert done.faults == ["memory: A 1: RECORD_LOCKED – unlock it"]
        crm.time += dt.timedelta(hours=7)
    assert waiting(runtime) == [("account", "pending", "A 1: RECORD_LOCKED – unlock it")]


def test_a_note_is_marked_before_it_is_sent_so_that_a_crash_cannot_double_it(runtime: Runtime) -> None:
    crm = Crm()
    put(runtime, note_item())

    def die(write: Write) -> Answer:
        raise KeyboardInterrupt

    crm.answer = die
    with pytest.raises(KeyboardInterrupt):
        run(runtime, crm)
    crm.answer = lambda write: Outcome(Result.DONE)
    run(runtime, crm)
    assert [write.repeated for write in crm.sent] == [False, True]
    assert crm.sent[0].values == {"title": "On hold"}


def test_a_lost_answer_is_told_to_the_adapter_at_the_next_attempt(runtime: Runtime) -> None:
    crm = Crm()
    put(runtime, account_item("A"))
    crm.answer = lambda write: Retry("the connection broke", unknown_outcome=True)
    assert run(runtime, crm).retried == 1
    crm.time += HOUR
    crm.answer = lambda write: Outcome(Result.DONE)
    run(runtime, crm)
    assert [write.repeated for write in crm.sent] == [False, True]


def test_what_the_vendor_refuses_as_a_whole_stops_only_its_target(runtime: Runtime) -> None:
    crm = Crm()
    put(runtime, note_item("k1"), note_item("k2"), account_item("A"))
    crm.answer = lambda write: Halt("no scope") if write.object == "N" else Outcome(Result.DONE)
    with pytest.raises(Halt, match="no scope"):
        run(runtime, crm)
    assert [act[:3] for act in crm.did if act[0] == "write"] == [("write", "N", "1"), ("write", "A", "1")]
    assert [target for target, *_ in waiting(runtime)] == ["note", "note"]


def test_a_held_order_gets_its_flag_and_its_lock_before_anything_else(runtime: Runtime) -> None:
    crm = Crm()
    put(runtime, note_item(), account_item("A"))
    read_order(runtime)
    hold(runtime)
    run(runtime, crm)
    assert crm.did[:2] == [
        ("write", "O", "8", {"hold": True, "why": "over limit"}),
        ("lock", "8", "over limit"),
    ]


def test_the_same_push_twice_writes_and_locks_once(runtime: Runtime) -> None:
    crm = Crm()
    read_order(runtime)
    hold(runtime)
    run(runtime, crm)
    count = len(crm.did)
    assert run(runtime, crm).done == 0
    assert len(crm.did) == count


@pytest.mark.parametrize("act", ["release", "reject"])
def test_the_end_of_a_hold_unlocks_the_order_and_takes_the_flag_back(runtime: Runtime, act: str) -> None:
    crm = Crm()
    read_order(runtime)
    hold(runtime)
    run(runtime, crm)
    crm.did.clear()
    release(runtime, act)
    run(runtime, crm)
    assert crm.did == [("unlock", "8"), ("write", "O", "8", {"hold": False, "why": None})]
    assert run(runtime, crm).done == 0


def test_a_hold_that_ends_before_its_flag_was_sent_leaves_the_flag_off(runtime: Runtime) -> None:
    crm = Crm()
    read_order(runtime)
    hold(runtime)
    crm.answer = lambda write: Outcome(Result.RETRY, "busy")
    run(runtime, crm)
    release(runtime)
    crm.time += HOUR
    crm.answer = lambda write: Outcome(Result.DONE)
    run(runtime, crm)
    assert crm.sent[-1].values["hold"] is False


def test_an_order_that_is_read_after_it_was_held_gets_its_flag_then(runtime: Runtime) -> None:
    crm = Crm()
    hold(runtime)
    assert run(runtime, crm).done == 0
    read_order(runtime)
    assert run(runtime, crm).done == 1


def test_a_number_that_two_orders_share_flags_the_one_of_the_account(runtime: Runtime) -> None:
    crm = Crm()
    read_order(runtime, number="SO-1", external_id="8")
    hold(runtime, "SO-1")
    with runtime.store.write() as tx:
        tx.execute(sa.text("update sales_order set account_id = '2'"))
    assert run(runtime, crm).done == 0


def test_where_the_crm_locks_by_itself_we_do_not(runtime: Runtime) -> None:
    crm = Crm()
    with runtime.store.write() as tx:
        discoveries.keep(tx, 1, "guard:order", "automatic", NOW)
    read_order(runtime)
    hold(runtime)
    run(runtime, crm)
    release(runtime)
    run(runtime, crm)
    assert [act[0] for act in crm.did if act[0] != "look"] == ["write", "write", "unlock"]


def test_a_lock_that_fails_for_now_keeps_the_write_waiting(runtime: Runtime) -> None:
    crm = Crm()
    read_order(runtime)
    hold(runtime)
    crm.lock_answer = Outcome(Result.RETRY, "busy")
    assert run(runtime, crm).retried == 1
    crm.time += HOUR
    crm.lock_answer = Outcome(Result.DONE)
    assert run(runtime, crm).done == 1


def test_where_locking_is_not_set_up_the_flag_is_written_and_the_lack_told(runtime: Runtime) -> None:
    crm = Crm()
    read_order(runtime)
    hold(runtime)
    crm.lock_answer = Outcome(Result.DEAD, "NOT_ALLOWED", todo="set it up")
    done = run(runtime, crm)
    assert done.done == 1
    assert done.faults == ["memory: O: orders on hold are marked, but not locked: NOT_ALLOWED – set it up"]


def test_fields_that_did_not_stick_are_told_once_for_each_mapping(runtime: Runtime) -> None:
    crm = Crm()
    crm.lost = ["class"]
    put(runtime, account_item("A"))
    (told,) = run(runtime, crm).faults
    assert "A 1" in told and "class" in told and "provision memory" in told
    put(runtime, account_item("B"))
    assert run(runtime, crm).faults == []
    assert [act for act in crm.did if act[0] == "look"] == [("look", "A", "1")]
    with runtime.store.read() as tx:
        assert discoveries.known(tx, 1, "stuck:account")["fields"] == ["class"]


def test_a_look_back_that_fails_for_now_is_made_another_time(runtime: Runtime) -> None:
    crm = Crm()

    def busy(write: Write) -> list[str]:
        raise Retry("busy")

    crm.verify = busy  # type: ignore[method-assign]
    put(runtime, account_item("A"))
    assert run(runtime, crm).faults == []
    del crm.verify  # type: ignore[method-assign]
    put(runtime, account_item("B"))
    run(runtime, crm)
    assert ("look", "A", "1") in crm.did


def test_a_held_order_is_released_once_with_a_reason_and_an_author(runtime: Runtime) -> None:
    from connector import holds

    hold(runtime)
    with pytest.raises(Halt, match="reason"):
        releasing(gate_of(runtime), 1, terms(code="because"), actor="Lin", now=NOW)
    release(runtime)
    with pytest.raises(Halt, match="released already"):
        release(runtime)
    found, entries = holds.order(runtime.store, 1)
    assert found.state == "released"
    assert [(e.actor, e.act) for e in entries] == [(ACTOR, "order_held"), ("Lin", "order_released")]
    assert (entries[-1].detail["reason"], entries[-1].detail["signed"]) == ("secured", ["Lin"])


@pytest.mark.postgres
def test_flags_and_stale_rows_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    new_home(tmp_path / "home")
    config = load(tmp_path / "home" / "creditgate.toml").model_copy(update={"database_url": postgres_url})
    runtime = Runtime(config)
    upgrade(runtime.store)
    runtime.connections.add("memory", "crm", "zoho", {}, {}, tmp_path)
    try:
        test_the_end_of_a_hold_unlocks_the_order_and_takes_the_flag_back(runtime, "release")
        crm = Crm()
        read_account(runtime, NOW + HOUR)
        put(runtime, account_item("A"), note_item())
        crm.answer = lambda write: Outcome(Result.STALE if write.object == "A" else Result.DONE, "STALE")
        run(runtime, crm)
        assert waiting(runtime) == [("account", "pending", "STALE")]
        read_account(runtime, NOW + 2 * HOUR)
        crm.time += HOUR
        crm.answer = lambda write: Outcome(Result.DONE, modified_at=NOW + 3 * HOUR)
        assert run(runtime, crm).done == 1
        assert waiting(runtime) == []
    finally:
        runtime.close()

"""Push with care: rows that people edit too, notes that must not double, locks, and the look back."""

from __future__ import annotations

import datetime as dt

import pytest

from connector.adapter import Outcome, Result, Write
from connector.errors import Halt, Retry
from connector.gate.decisions import release as releasing
from connector.gate.settling import gate_of
from connector.runtime import Runtime
from connector.store import discoveries
from connector.store.held import ACTOR
from tests.gate_bench import terms
from tests.push_bench import (
    HOUR,
    NOW,
    Answer,
    Crm,
    account_item,
    hold,
    note_item,
    put,
    read_account,
    release,
    run,
    waiting,
)
from tests.push_bench import runtime as runtime


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

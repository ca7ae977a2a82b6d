"""Orders on hold on their way to a CRM: flag and lock first, once, and back when the hold ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.adapter import Outcome, Result
from connector.admin.restored import restored
from connector.config import load
from connector.runtime import Runtime
from connector.store import discoveries
from connector.store.schema import upgrade
from tests.new_store import new_home
from tests.push_bench import (
    HOUR,
    NOW,
    Crm,
    account_item,
    hold,
    note_item,
    put,
    read_account,
    read_order,
    release,
    run,
    waiting,
)
from tests.push_bench import runtime as runtime


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


def test_a_hold_that_is_over_is_looked_at_again_only_after_a_back_up_was_put_back(runtime: Runtime) -> None:
    crm = Crm()
    read_order(runtime)
    hold(runtime)
    run(runtime, crm)
    release(runtime)
    run(runtime, crm)
    with runtime.store.write() as tx:
        assert tx.execute(sa.text("select flagged from hold")).scalar() in (False, 0)
        tx.execute(sa.text("update written set digest = '' where target = 'order'"))
    assert run(runtime, crm).done == 0
    restored(runtime.store, NOW, actor="test")
    assert run(runtime, crm).done == 1
    assert crm.sent[-1].values["hold"] is False
    assert run(runtime, crm).done == 0


def test_an_order_that_is_read_after_its_hold_ended_gets_no_flag(runtime: Runtime) -> None:
    crm = Crm()
    hold(runtime)
    release(runtime)
    read_order(runtime)
    assert run(runtime, crm).done == 0


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

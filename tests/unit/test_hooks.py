"""Hooks: what a CRM told of is read again, whatever is doubled, lost, deleted or killed meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector import hooks
from connector.errors import Halt, Retry
from connector.model import Stream
from connector.pull import pull
from connector.store import inbox, records, reservations
from connector.store.tables import credit_line, customer
from tests.hooks_bench import MAPPING, NOW, Bench, TellingCrm


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.runtime.close()


def test_what_the_crm_told_of_is_read_again_in_batches(bench: Bench) -> None:
    for number in range(5):
        bench.crm.set("A", str(number), name=f"firm {number}")
    bench.tell("A", "0", "1", "2", "3", "4", "0")
    done = bench.process()
    assert [ids for _, ids in bench.crm.asked] == [("0", "1", "2"), ("3", "4")]
    assert (done.count(Stream.ACCOUNTS).changed, done.hints) == (5, 5)
    assert bench.names() == {str(number): f"firm {number}" for number in range(5)}
    assert bench.waiting() == []


def test_trap_our_own_writes_fire_events_and_cause_no_work(bench: Bench) -> None:
    bench.crm.set("A", "1", name="firm")
    bench.tell("A", "1")
    bench.process()
    before = bench.changes()
    bench.now += dt.timedelta(minutes=1)
    bench.crm.set("A", "1", name="firm", Credit_Status="hold")  # a field that is not read
    bench.tell("A", "1")
    done = bench.process()
    assert (done.count(Stream.ACCOUNTS).read, done.count(Stream.ACCOUNTS).changed) == (1, 0)
    assert bench.changes() == before


def test_a_hint_that_arrives_while_its_record_is_read_is_not_lost(bench: Bench) -> None:
    bench.crm.set("A", "1", name="old")
    bench.tell("A", "1")

    def change() -> None:
        bench.crm.before_answer = lambda: None
        bench.now += dt.timedelta(seconds=1)
        bench.crm.set("A", "1", name="new")
        bench.tell("A", "1")

    bench.crm.before_answer = change
    done = bench.process()
    assert done.hints == 2
    assert bench.names() == {"1": "new"}
    assert bench.waiting() == []


def test_a_process_killed_between_reading_and_storing_leaves_the_hint(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.crm.set("A", "1", name="firm")
    bench.tell("A", "1")
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "keep_rows", _die)
        with pytest.raises(KeyboardInterrupt):
            bench.process()
    assert bench.names() == {}
    assert [row.state for row in bench.waiting()] == ["claimed"]
    assert bench.process().hints == 0  # its claim still holds
    bench.now += hooks.LEASE
    assert bench.process().hints == 1
    assert bench.names() == {"1": "firm"}


@pytest.mark.parametrize("where", ["finish", "postpone", "put"])
def test_killed_at_any_transaction_and_run_again_the_result_is_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    bench.crm.set("A", "1", name="firm")
    bench.crm.set("O", "5", account="1", amount=3)
    bench.tell("A", "9")
    bench.tell("O", "5")
    with monkeypatch.context() as patch:
        patch.setattr(inbox, where, _die)
        with pytest.raises(KeyboardInterrupt):
            bench.process()
    bench.now += hooks.LEASE
    bench.tell("A", "1")
    bench.process()
    bench.now += dt.timedelta(hours=1)
    bench.process()
    assert (bench.names(), bench.orders()) == ({"1": "firm"}, {"5": 300})
    assert [row.external_id for row in bench.waiting()] == ["9"]


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_complaint_supaglue_489_a_deletion_is_found_and_believed_only_when_listed(bench: Bench) -> None:
    for key in ("1", "2"):
        bench.crm.set("A", key, name=key)
    bench.tell("A", "1", "2")
    bench.process()
    bench.crm.data["A"].clear()
    bench.crm.listed["A"] = ["1", "77"]
    bench.now += dt.timedelta(minutes=1)
    bench.tell("A", "1", "2")
    done = bench.process()
    assert (done.count(Stream.ACCOUNTS).gone, done.unclear) == (1, 1)
    assert bench.names() == {"2": "2"}  # not found is not deleted
    (row,) = bench.waiting()
    assert (row.external_id, row.attempts, row.due_at) == ("2", 1, bench.now + hooks.FIRST_WAIT)


def test_what_stays_unclear_is_given_up_and_dropped_after_the_next_pull(bench: Bench) -> None:
    bench.tell("A", "1")
    for _ in range(hooks.ATTEMPTS):
        bench.process()
        bench.now += dt.timedelta(hours=1)
    (row,) = bench.waiting()
    assert (row.state, row.attempts) == ("dead", hooks.ATTEMPTS)
    began = bench.now
    pull(bench.store, bench.connection, bench.crm, MAPPING)
    assert hooks.settle(bench.store, bench.connection, began) == 1
    assert bench.waiting() == []


def test_a_record_that_becomes_visible_late_is_read_in_the_end(bench: Bench) -> None:
    bench.tell("A", "1")
    assert bench.process().unclear == 1
    bench.crm.set("A", "1", name="firm")
    bench.now += hooks.FIRST_WAIT
    bench.process()
    assert bench.names() == {"1": "firm"}


def test_where_there_is_no_list_of_deletions_the_sweep_decides(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TellingCrm, "sweeps", True)
    monkeypatch.setattr(TellingCrm, "deleted", _die)
    bench.tell("A", "1")
    assert bench.process().unclear == 1


def test_an_order_that_comes_before_its_account_finds_it(bench: Bench) -> None:
    bench.crm.set("A", "1", name="firm")
    bench.crm.set("O", "5", account="1", amount=3)
    bench.tell("O", "5")  # the event of the account is late, or lost
    done = bench.process()
    assert bench.names() == {"1": "firm"}
    assert bench.orders() == {"5": 300}
    with bench.store.read() as tx:
        assert records.rejects(tx, bench.connection.id) == []
    assert done.count(Stream.ACCOUNTS).changed == 1


def test_accounts_read_again_form_their_group(bench: Bench) -> None:
    bench.crm.set("A", "1", name="parent")
    bench.crm.set("A", "2", name="child", parent="1")
    bench.tell("A", "2")
    bench.process()
    bench.tell("A", "1")
    bench.process()
    with bench.store.read() as tx:
        groups = set(tx.execute(sa.select(customer.c.group_id)).scalars())
    assert len(groups) == 1 and None not in groups


def test_an_order_that_arrives_by_event_takes_its_reservation_with_it(bench: Bench) -> None:
    bench.crm.set("A", "1", name="firm")
    bench.tell("A", "1")
    bench.process()
    with bench.store.write() as tx:
        (number,) = tx.execute(sa.select(customer.c.id)).scalars()
        line = {"subject": "customer", "subject_id": number, "currency": "CNY", "limit_state": "amount"}
        tx.execute(credit_line.insert().values(**line, limit_minor=1000, status="ok", reserved=300))
        held = {
            "connection_id": 1,
            "order_key": "5",
            "revision": "",
            "account_id": "1",
            "customer_id": number,
        }
        money = {"amount": 300, "currency": "CNY", "reserved": 300, "state": "active", "answer": ""}
        life = {"created_at": bench.now, "expires_at": bench.now + dt.timedelta(days=3)}
        reservations.put(tx, held | money | life, {}, None)
    bench.crm.set("O", "5", account="1", amount=3)
    bench.tell("O", "5")
    bench.process()
    with bench.store.read() as tx:
        (held_now,) = reservations.of_order(tx, 1, "5")
        line_now = tx.execute(sa.select(credit_line)).one()
    assert held_now.state == "consumed"
    assert (line_now.reserved, line_now.exposure) == (0, 300)


def test_a_row_that_does_not_fit_is_set_aside_as_in_a_pull(bench: Bench) -> None:
    bench.crm.set("A", "1", name="firm")
    bench.crm.set("O", "5", account="1", amount="much")
    bench.tell("A", "1")
    bench.tell("O", "5")
    done = bench.process()
    assert done.rejected == 1
    with bench.store.read() as tx:
        (reject,) = records.rejects(tx, bench.connection.id)
    assert (reject.external_id, reject.code) == ("5", "bad_amount")
    assert bench.waiting() == []


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (Retry("no line"), hooks.RETRY_WAIT),
        (Retry("busy", after=300), dt.timedelta(seconds=300)),
        (Halt("no permission"), hooks.HALT_WAIT),
    ],
)
def test_a_fault_of_the_vendor_costs_no_attempt(bench: Bench, fault: Exception, wait: dt.timedelta) -> None:
    bench.crm.set("A", "1", name="firm")
    bench.tell("A", "1")
    bench.crm.fault = fault
    for _ in range(hooks.ATTEMPTS + 1):
        with pytest.raises(type(fault)):
            bench.process()
        (row,) = bench.waiting()
        assert (row.state, row.attempts, row.due_at) == ("pending", 0, bench.now + wait)
        bench.now += wait
    bench.crm.fault = None
    bench.process()
    assert bench.names() == {"1": "firm"}


def test_an_object_that_cannot_be_read_stops_none_of_the_others(bench: Bench) -> None:
    bench.crm.set("A", "1", name="firm")
    bench.crm.set("O", "5", account="1", amount=3)
    bench.crm.refused = "A"
    bench.tell("A", "1")
    bench.tell("O", "5")
    for _ in range(2):
        bench.tell("A", "1")
        with pytest.raises(Halt, match="no permission for A"):
            bench.process()
    assert [object_name for object_name, _ in bench.crm.asked].count("O") == 1
    assert [(row.object, row.attempts) for row in bench.waiting()] == [("A", 0)]


def test_an_older_state_never_replaces_a_newer_one(bench: Bench) -> None:
    bench.crm.set("A", "1", name="new")
    bench.tell("A", "1")
    bench.process()
    bench.crm.data["A"]["1"] = {"at": NOW - dt.timedelta(days=1), "name": "old"}
    bench.tell("A", "1")
    bench.process()
    assert bench.names() == {"1": "new"}


def test_hints_about_objects_that_are_not_read_are_dropped(bench: Bench) -> None:
    bench.tell("Leads", "1")
    assert bench.process().hints == 0
    assert bench.waiting() == []
    assert bench.crm.asked == []


@pytest.mark.postgres
def test_services_and_a_pull_at_work_on_the_same_customers_never_block_one_another(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, postgres_url)
    monkeypatch.setattr(TellingCrm, "reread_batch", 50)
    # Not in the order in which a pull reads them: locks taken row by row would cross.
    reread = TellingCrm.reread
    monkeypatch.setattr(TellingCrm, "reread", lambda *asked: reread(*asked)[::-1])
    for number in range(40):
        bench.crm.set("A", str(number), name=f"firm {number}")
    for number in range(400):
        bench.crm.set("O", str(number), account=str(number * 7 % 40), amount=number)
    pull(bench.store, bench.connection, bench.crm, MAPPING)
    faults: list[BaseException] = []

    def guarded(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as fault:
            faults.append(fault)

    for turn in range(3):
        bench.now += dt.timedelta(minutes=1)
        for number in range(400):
            bench.crm.set("O", str(number), account=str(number * (3 + turn) % 40), amount=number + turn)
        bench.tell("O", *(str(number) for number in range(400)))
        acts: list[Callable[[], object]] = [bench.process, bench.process]
        acts.append(lambda: pull(bench.store, bench.connection, bench.crm, MAPPING))
        threads = [threading.Thread(target=guarded, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []
    bench.process()
    assert bench.waiting() == []
    assert bench.orders() == {str(number): (number + 2) * 100 for number in range(400)}
    bench.runtime.close()


@pytest.mark.postgres
def test_pages_of_one_connection_are_stored_one_after_the_other(tmp_path: Path, postgres_url: str) -> None:
    bench = Bench(tmp_path, postgres_url)
    bench.crm.set("A", "1", name="firm")
    bench.tell("A", "1")
    other = threading.Thread(target=bench.process)
    with bench.store.write() as tx:
        records.store(tx, bench.connection.id, Stream.ACCOUNTS, [], [], NOW)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join()
    assert bench.names() == {"1": "firm"}
    bench.runtime.close()


# -- subscribing

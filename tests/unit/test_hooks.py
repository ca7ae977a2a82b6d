"""Hooks: what a CRM told of is read again, whatever is doubled, lost, deleted or killed meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from connector import hooks
from connector.adapter import FORGED_EVENT, Context, Event, Limits, Page, Row, Slice, Subscription
from connector.config import load
from connector.errors import Halt, Reject, Retry
from connector.home import found
from connector.http import Http
from connector.mapping import compile_mapping
from connector.model import Stream
from connector.pull import pull
from connector.runtime import Runtime
from connector.store import inbox, records, reservations, subscriptions
from connector.store.connections import Connection
from connector.store.record_tables import account, sales_order
from connector.store.schema import upgrade
from connector.store.tables import credit_line, customer
from connector.yamlfile import parse
from tests.memory_secrets import MemorySecrets
from tests.unit.test_pull import MemoryCrm

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOW = START + dt.timedelta(days=30)
URL = "https://credit.example.com"
MAPPING = compile_mapping(
    parse(
        """
mapping: memory
read:
  accounts: {object: A, fields: {name: name, parent_id: {field: parent, optional: true}}}
  orders:
    object: O
    fields:
      account_id: account
      amount: amount
      currency: {field: currency, default: CNY}
      stage: {field: s, default: open}
""",
        "memory",
    ),
    "memory",
)


class TellingCrm(MemoryCrm):
    """A CRM in memory that tells; ``data`` are its rows by object, ``before_answer`` runs while it reads."""

    limits = Limits(slots=1)
    tells_events = True
    reread_batch = 3

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.data: dict[str, dict[str, dict[str, Any]]] = {"A": {}, "O": {}}
        self.listed: dict[str, list[str]] = {"A": [], "O": []}
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.fault: Exception | None = None
        self.refused = ""
        self.subscribed: list[Subscription | None] = []

    @classmethod
    def parse_event(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
        told = orjson.loads(body)
        if told["secret"] != secret:
            raise Reject("wrong", code=FORGED_EVENT, field="secret")
        return Event(told["object"], tuple(told["ids"]))

    def subscribe(
        self, objects: Sequence[str], url: str, secret: str, known: Subscription | None
    ) -> Subscription:
        self.subscribed.append(known)
        now = self.context.now()
        if known is not None and known.renew_at is not None and now < known.renew_at and known.url == url:
            return known
        ends = now + dt.timedelta(days=7)
        return Subscription(
            tuple(objects), url, dict.fromkeys(objects, "7"), ends, now + dt.timedelta(days=5)
        )

    def unsubscribe(self, known: Subscription) -> None:
        self.subscribed.append(known)

    def reread(self, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> list[Row]:
        self.asked.append((object_name, tuple(ids)))
        assert len(ids) <= self.reread_batch
        if self.fault is not None:
            raise self.fault
        if object_name == self.refused:
            raise Halt(f"no permission for {object_name}")
        here = self.data[object_name]
        rows = [Row(one, here[one]["at"], dict(here[one])) for one in ids if one in here]
        self.before_answer()
        return rows

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        here = self.data[object_name]
        ids = sorted(
            key
            for key, row in here.items()
            if part.since <= row["at"] <= part.until and (part.after is None or key > part.after)
        )
        rows = [Row(key, here[key]["at"], dict(here[key])) for key in ids[: self.page]]
        return Page(rows, len(ids) > self.page)

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        return iter(self.listed[object_name])

    def set(self, object_name: str, key: str, **values: Any) -> None:
        self.data[object_name][key] = {"at": self.context.now(), **values}


class Bench:
    """A store, a CRM that tells, a clock."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        for _ in found(folder / "home"):
            pass
        config = load(folder / "home" / "creditgate.toml")
        self.runtime = Runtime(config.model_copy(update={"database_url": database_url}))
        upgrade(self.runtime.store)
        self.store = self.runtime.store
        self.runtime.connections.add("memory", "crm", "zoho", {}, {}, folder)
        self.connection: Connection = self.runtime.connections.get("memory")
        self.now = NOW
        context = Context(
            "memory", {}, MemorySecrets(lambda: self.now), Http(TellingCrm.limits), "en", self.clock
        )
        self.crm = TellingCrm(context)

    def clock(self) -> dt.datetime:
        return self.now

    def tell(self, object_name: str, *ids: str) -> None:
        hooks.receive(self.store, self.connection, Event(object_name, ids), self.now)

    def process(self) -> hooks.Processed:
        return hooks.process(self.store, self.connection, self.crm, MAPPING)

    def waiting(self) -> list[inbox.Waiting]:
        with self.store.read() as tx:
            return inbox.find(tx, self.now)

    def names(self) -> dict[str, str]:
        with self.store.read() as tx:
            rows = tx.execute(sa.select(account).where(account.c.deleted.is_(False)))
            return {row.external_id: row.name for row in rows}

    def orders(self) -> dict[str, int]:
        with self.store.read() as tx:
            rows = tx.execute(sa.select(sales_order).where(sales_order.c.deleted.is_(False)))
            return {row.external_id: row.amount for row in rows}

    def changes(self) -> int:
        with self.store.read() as tx:
            return int(tx.execute(sa.select(sa.func.sum(customer.c.changes))).scalar() or 0)


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
        reservations.put(tx, held | money | life, None)
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


def subscribe(bench: Bench, url: str = URL, **more: Any) -> Subscription:
    return hooks.subscribe(bench.store, bench.connection, bench.crm, MAPPING, url, **more)


def test_subscribing_twice_is_subscribing_once(bench: Bench) -> None:
    made = subscribe(bench)
    assert (made.objects, made.url) == (("A", "O"), f"{URL}/v1/hooks/memory")
    secret = bench.crm.context.secrets.get(hooks.SECRET)
    assert secret is not None and 30 < len(secret) <= 50
    assert subscribe(bench) == made
    assert bench.crm.context.secrets.get(hooks.SECRET) == secret
    assert bench.crm.subscribed == [None, made]


@pytest.mark.parametrize(
    "url", ["", "credit.example.com", "http://credit.example.com", "ftp://x.example", "https://"]
)
def test_an_address_that_no_crm_may_call_is_refused(bench: Bench, url: str) -> None:
    with pytest.raises(Halt, match="HTTPS"):
        subscribe(bench, url)
    assert bench.crm.subscribed == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://[::1]:80", "https://credit.example.com/gate/"]
)
def test_addresses_of_the_own_machine_serve_for_trials(bench: Bench, url: str) -> None:
    assert subscribe(bench, url).url == f"{url.rstrip('/')}/v1/hooks/memory"


def test_a_name_with_odd_signs_is_quoted_in_its_address(bench: Bench) -> None:
    odd = replace(bench.connection, name="Zoho 中国/1")
    assert hooks.address(URL, odd) == f"{URL}/v1/hooks/Zoho%20%E4%B8%AD%E5%9B%BD%2F1"


def test_renewal_waits_until_it_is_due(bench: Bench) -> None:
    assert hooks.renew(bench.store, bench.connection, bench.crm, MAPPING) is None
    made = subscribe(bench)
    bench.crm.subscribed.clear()
    assert hooks.renew(bench.store, bench.connection, bench.crm, MAPPING) == made
    assert bench.crm.subscribed == []
    bench.now += dt.timedelta(days=6)
    renewed = hooks.renew(bench.store, bench.connection, bench.crm, MAPPING)
    assert renewed is not None and renewed.expires_at == bench.now + dt.timedelta(days=7)
    with bench.store.read() as tx:
        assert subscriptions.load(tx, bench.connection.id) == renewed


def test_renewal_on_demand_does_not_wait(bench: Bench) -> None:
    subscribe(bench)
    bench.now += dt.timedelta(hours=1)
    renewed = hooks.renew(bench.store, bench.connection, bench.crm, MAPPING, anew=True)
    assert renewed is not None and renewed.expires_at == bench.now + dt.timedelta(days=7)


def test_an_object_that_is_mapped_later_is_told_of_after_the_next_renewal(bench: Bench) -> None:
    made = subscribe(bench)
    with bench.store.write() as tx:
        subscriptions.save(tx, bench.connection.id, replace(made, objects=("A",)), bench.now)
    hooks.renew(bench.store, bench.connection, bench.crm, MAPPING)
    assert bench.crm.subscribed[-1] == replace(made, objects=("A",))


def test_unsubscribing_forgets_the_secret(bench: Bench) -> None:
    assert hooks.unsubscribe(bench.store, bench.connection, bench.crm) is False
    made = subscribe(bench)
    assert hooks.unsubscribe(bench.store, bench.connection, bench.crm) is True
    assert bench.crm.subscribed[-1] == made
    assert bench.crm.context.secrets.get(hooks.SECRET) is None
    with bench.store.read() as tx:
        assert subscriptions.load(tx, bench.connection.id) is None


def test_a_crm_without_notifications_says_so(bench: Bench) -> None:
    plain = MemoryCrm(bench.crm.context)
    for ask in (
        lambda: hooks.subscribe(bench.store, bench.connection, plain, MAPPING, URL),
        lambda: plain.reread("A", [], ["1"]),
    ):
        with pytest.raises(Halt, match="offers no notifications"):
            ask()
    with pytest.raises(Reject) as told:
        hooks.understand(MemoryCrm, bench.crm.context.secrets, {}, b"{}", NOW)
    assert told.value.code == FORGED_EVENT


def test_nothing_is_believed_before_there_is_a_secret(bench: Bench) -> None:
    body = orjson.dumps({"secret": "", "object": "A", "ids": ["1"]})
    with pytest.raises(Reject):
        hooks.understand(TellingCrm, bench.crm.context.secrets, {}, body, NOW)


def test_a_vendor_that_gives_the_secret_itself_is_believed_by_that(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TellingCrm, "event_secret", "aes_key")
    bench.crm.context.secrets.put("setting:aes_key", "theirs")
    body = orjson.dumps({"secret": "theirs", "object": "A", "ids": ["1"]})
    event = hooks.understand(TellingCrm, bench.crm.context.secrets, {}, body, NOW)
    assert event == Event("A", ("1",))

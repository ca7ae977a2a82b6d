"""Fxiaoke's events from end to end: the sandbox calls our service, which reads again what changed.

They come by the vendor's encrypted callback, or by the hook of a function of the tenant's own.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.admin.connect import add, kind_of
from connector.model import Stream
from connector.store import inbox, subscriptions
from connector.store.hook_tables import hook_message
from connector.store.hook_tables import inbox as inbox_table
from connector.store.record_tables import RECORDS
from connector.store.tables import customer, visit, written
from sandbox.run import installed
from sandbox.server import Options
from tests.contract.test_zoho_notifications import _killed, until
from tests.fxiaoke_shop import STYLES
from tests.installation import Installation, installation
from tests.service import serving
from tests.store_dump import dump

ACCOUNT, ORDER, INVOICE, VISIT = "AccountObj", "SalesOrderObj", "InvoiceApplicationObj", "credit_visit__c"
KEY = base64.b64encode(bytes(range(32))).decode()
SECRET = "the-hook-of-the-tenant-signs-with-this"
WAYS = {"callback": {"event_key": KEY}, "hook": {"hook_secret": SECRET}}


class Shop:
    """An installation with a Fxiaoke sandbox that was pulled once, and its service at ``url``."""

    def __init__(self, made: Installation, url: str, way: str) -> None:
        self.made = made
        self.url = url
        self.way = way

    def door(self, name: str, **body: Any) -> Any:
        return self.made.door("fxiaoke", name, body or None)

    def subscribe(self, secret: str = "") -> str:
        """Ask for events, and do in the console what that says."""
        told = self.made.run("hooks", "subscribe", "fxiaoke", "--url", self.url).stderr
        address = f"{self.url}/v1/hooks/fxiaoke"
        assert address in told
        if self.way == "callback":
            self.door("callback", url=address, aes_key=secret or KEY, retry_seconds=0.3)
        else:
            self.door("hook", url=address, secret=secret or SECRET)
        return told

    def edit(self, object_name: str, row_id: str, **values: Any) -> None:
        self.door("edit", object=object_name, ids=[row_id], values=values)

    def new_order(self, account: str) -> str:
        return str(self.door("orders", account_id=account, amount="1200.00", currency="CNY")["id"])

    def rows(self, stream: Stream) -> dict[str, Any]:
        """What is stored and not deleted, by id."""
        table = RECORDS[stream]
        with self.made.opened() as runtime, runtime.store.read() as tx:
            found = tx.execute(sa.select(table).where(table.c.deleted.is_(False))).all()
        return {row.external_id: row for row in found}

    def standing(self) -> subscriptions.Standing:
        with self.made.opened() as runtime, runtime.store.read() as tx:
            (found,) = subscriptions.standings(tx)
        return found

    def waiting(self) -> list[inbox.Waiting]:
        with self.made.opened() as runtime, runtime.store.read() as tx:
            return inbox.find(tx, dt.datetime.now(dt.UTC))

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = self.door("events")
        return found

    def pull(self) -> dict[str, tuple[int, int]]:
        """What a pull finds beyond what is stored: by stream, the changed and the gone."""
        listing = json.loads(self.made.run("pull", "--format", "json").stdout)
        return {row["stream"]: (row["changed"], row["gone"]) for row in listing}

    def assert_a_pull_finds_nothing(self) -> None:
        with self.made.opened() as runtime:
            before = dump(runtime.store)
        assert set(self.pull().values()) == {(0, 0)}
        with self.made.opened() as runtime:
            assert dump(runtime.store) == before


@contextmanager
def shop(folder: Path, way: str, style: str = "body", **faults: float) -> Iterator[Shop]:
    options = Options(accounts=14, seed=5, faults={"unlimited": 1.0, **faults})
    with installation(folder, options, names=("fxiaoke",)) as made:
        with (made.home / "creditgate.toml").open("a") as file:
            file.write("\nhooks_every_seconds = 1\n")
        known = installed()["fxiaoke"].settings_at(made.bases["fxiaoke"])
        with made.opened() as runtime:
            values = {**known, **STYLES[style], **WAYS[way]}
            add(runtime, kind_of("fxiaoke"), "fxiaoke", values, actor="test")
        made.run("pull")
        with serving(made) as url:
            yield Shop(made, url, way)


@pytest.fixture(scope="module", params=[("callback", "body"), ("hook", "header")], ids="-".join)
def telling(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Set up, and nothing lost on the way."""
    way, style = request.param
    with shop(tmp_path_factory.mktemp("telling"), way, style) as made:
        made.subscribe()
        yield made


@pytest.fixture
def settled(telling: Shop) -> Iterator[Shop]:
    """Before and after each test the store has what the CRM has."""
    telling.pull()
    yield telling
    until(lambda: telling.waiting() == [], "the inbox is read")


def test_what_is_edited_created_and_voided_arrives_as_a_pull_would_bring_it(settled: Shop) -> None:
    account = next(iter(settled.rows(Stream.ACCOUNTS)))
    gone = next(iter(settled.rows(Stream.INVOICES)))
    settled.edit(ACCOUNT, account, name="Renamed by somebody")
    order = settled.new_order(account)
    settled.door("void", object=INVOICE, ids=[gone])
    until(lambda: settled.rows(Stream.ACCOUNTS)[account].name == "Renamed by somebody", "the name arrives")
    until(lambda: order in settled.rows(Stream.ORDERS), "the new order arrives")
    until(lambda: gone not in settled.rows(Stream.INVOICES), "the void one is gone")
    assert settled.rows(Stream.ORDERS)[order].amount == 120_000
    until(lambda: settled.waiting() == [], "the inbox is empty")
    settled.assert_a_pull_finds_nothing()


def test_a_new_account_and_its_order_in_one_breath(settled: Shop) -> None:
    row = {"name": "A new firm", "mc_currency": "CNY", "owner": ["1000"]}
    (account,) = settled.door("import", object=ACCOUNT, rows=[row])["ids"]
    order = settled.new_order(account)
    until(lambda: order in settled.rows(Stream.ORDERS), "the order finds its account")
    assert settled.rows(Stream.ACCOUNTS)[account].customer_id is not None
    until(lambda: settled.waiting() == [], "the inbox is empty")
    settled.assert_a_pull_finds_nothing()


def test_a_hundred_changes_are_all_read_again(settled: Shop) -> None:
    orders = list(settled.rows(Stream.ORDERS))[:100]
    day = dt.date(2027, 1, 31)
    midnight = int(dt.datetime(2027, 1, 30, 16, tzinfo=dt.UTC).timestamp() * 1000)
    settled.door("edit", object=ORDER, ids=orders, values={"delivery_date": midnight})
    until(
        lambda: all(settled.rows(Stream.ORDERS)[key].deliver_on == day for key in orders), "all days arrive"
    )
    until(lambda: settled.waiting() == [], "the inbox is empty")
    settled.assert_a_pull_finds_nothing()


def test_our_own_write_backs_cause_no_assessment(settled: Shop) -> None:
    settled.made.run("assess")
    before = settled.standing().events
    assert json.loads(settled.made.run("push", "--format", "json").stdout)
    if settled.way == "callback":
        until(lambda: settled.standing().events > before, "our own writes are told")
    else:
        time.sleep(0.5)
        assert settled.standing().events == before  # they start no workflow, and so no hook
    until(lambda: settled.waiting() == [], "the inbox is empty")
    with settled.made.opened() as runtime, runtime.store.read() as tx:
        dirty = sa.select(customer.c.id).where(customer.c.changes > customer.c.assessed)
        assert tx.execute(dirty).all() == []


def test_an_object_that_nobody_reads_is_let_go(settled: Shop) -> None:
    before = settled.standing().events
    settled.door("edit", object="PersonnelObj", values={"email": "x@example.com"})
    until(lambda: settled.standing().events > before, "the event comes")
    until(lambda: settled.waiting() == [], "the inbox is empty")


def test_an_event_with_a_wrong_signature_is_refused_and_reported(settled: Shop) -> None:
    other = base64.b64encode(bytes(32)).decode() if settled.way == "callback" else "somebody else's"
    settled.subscribe(secret=other)
    account = next(iter(settled.rows(Stream.ACCOUNTS)))
    failed, events = settled.counts()["failed"], settled.standing().events
    settled.edit(ACCOUNT, account, name="Told by a forger")
    until(lambda: settled.counts()["failed"] > failed, "the service refuses it")
    until(lambda: settled.standing().forged > 0, "it is counted")
    assert settled.waiting() == [] and settled.standing().events == events
    assert "could not prove themselves" in settled.made.run("doctor", expect=0).stdout
    settled.subscribe()
    settled.edit(ACCOUNT, account, name="Told by Fxiaoke")
    until(lambda: settled.rows(Stream.ACCOUNTS)[account].name == "Told by Fxiaoke", "believed again")


def test_unsubscribing_is_remembered_and_may_be_taken_back(settled: Shop) -> None:
    settled.made.run("hooks", "unsubscribe", "fxiaoke")
    with settled.made.opened() as runtime, runtime.store.read() as tx:
        assert subscriptions.standings(tx) == []
    settled.subscribe()
    assert set(settled.standing().subscription.channels.values()) == {settled.way}


def test_trap_a_callback_is_acknowledged_encrypted_and_never_repeated(tmp_path: Path) -> None:
    with shop(tmp_path, "callback") as made:
        made.subscribe()
        account = next(iter(made.rows(Stream.ACCOUNTS)))
        for number in range(5):
            made.edit(ACCOUNT, account, name=f"name {number}")
        until(lambda: made.counts()["sent"] == 5, "all are acknowledged")
        time.sleep(1.0)
        assert made.counts() == {"sent": 5, "failed": 0, "lost": 0}


def test_doubled_and_disordered_events_count_once_and_do_no_harm(tmp_path: Path) -> None:
    with shop(tmp_path, "callback", notify_twice=1.0, notify_swapped=0.6) as made:
        made.subscribe()
        accounts = list(made.rows(Stream.ACCOUNTS))
        for number in range(12):
            made.edit(ACCOUNT, accounts[number % 3], name=f"name {number}")
        wanted = {accounts[number % 3]: f"name {number}" for number in range(9, 12)}
        until(
            lambda: {key: made.rows(Stream.ACCOUNTS)[key].name for key in wanted} == wanted, "the last names"
        )
        until(lambda: made.counts()["sent"] == 24, "every event came twice")
        assert made.standing().events == 12
        with made.made.opened() as runtime, runtime.store.read() as tx:
            assert tx.execute(sa.select(sa.func.count()).select_from(hook_message)).scalar() == 12
        until(lambda: made.waiting() == [], "the inbox is empty")
        made.assert_a_pull_finds_nothing()


def test_lost_events_are_caught_by_the_next_pull(tmp_path: Path) -> None:
    with shop(tmp_path, "callback", notify_lost=1.0) as made:
        made.subscribe()
        account = next(iter(made.rows(Stream.ACCOUNTS)))
        made.edit(ACCOUNT, account, name="Nobody hears of it")
        until(lambda: made.counts()["lost"] == 1, "the event is lost")
        assert made.pull()["accounts"] == (1, 0)
        assert made.rows(Stream.ACCOUNTS)[account].name == "Nobody hears of it"


def test_a_visit_that_is_done_is_known_by_its_event(tmp_path: Path) -> None:
    with shop(tmp_path, "callback") as made:
        made.subscribe()
        for command in (["assess"], ["visit", "plan"], ["push"]):
            made.made.run(*command)
        with made.made.opened() as runtime, runtime.store.read() as tx:
            query = sa.select(written.c.vendor_id, written.c.key).where(written.c.target == "visit")
            task, key = tx.execute(query.limit(1)).one()
        done = _option(made, "已完成")
        made.edit(VISIT, task, visit_status__c=done)

        def state() -> str:
            with made.made.opened() as runtime, runtime.store.read() as tx:
                return str(tx.execute(sa.select(visit.c.state).where(visit.c.key == key)).scalar_one())

        until(lambda: state() == "done", "the visit is done")


def _option(made: Shop, label: str) -> str:
    shown = made.door("console/variant", **{VISIT: {}})["objects"][VISIT]["fields"]["visit_status__c"]
    return next(str(one["value"]) for one in shown["options"] if one["label"] == label)


def test_without_a_secret_on_our_side_the_way_to_one_is_told(tmp_path: Path) -> None:
    options = Options(accounts=4)
    with installation(tmp_path, options, names=("fxiaoke",), provisioned=False) as made:
        done = made.run("hooks", "subscribe", "fxiaoke", "--url", "http://127.0.0.1:1", expect=2)
    assert "event_key" in done.stderr and "hook_secret" in done.stderr


def test_a_service_killed_again_and_again_misses_no_event(tmp_path: Path) -> None:
    with installation(tmp_path, Options(accounts=8, seed=5), names=("fxiaoke",)) as made:
        with (made.home / "creditgate.toml").open("a") as file:
            file.write("\nhooks_every_seconds = 1\n")
        known = installed()["fxiaoke"].settings_at(made.bases["fxiaoke"])
        with made.opened() as runtime:
            add(runtime, kind_of("fxiaoke"), "fxiaoke", {**known, **WAYS["callback"]}, actor="test")
        made.run("pull")
        with serving(made) as url:
            one = Shop(made, url, "callback")
            one.subscribe()
            accounts = list(one.rows(Stream.ACCOUNTS))
        port = url.rpartition(":")[2]
        wanted: dict[str, str] = {}
        for turn in range(3):
            with _killed(made, port, after=0.25 + 0.4 * turn):
                for number, account in enumerate(accounts[:5]):
                    wanted[account] = f"turn {turn} number {number}"
                    one.edit(ACCOUNT, account, name=wanted[account])
            with made.opened() as runtime, runtime.store.write() as tx:  # the lease of the killed one ends
                tx.execute(inbox_table.update().values(leased_until=dt.datetime.now(dt.UTC)))
        made.run("hooks", "process", "fxiaoke")
        assert one.waiting() == []
        one.pull()
        assert {key: one.rows(Stream.ACCOUNTS)[key].name for key in wanted} == wanted

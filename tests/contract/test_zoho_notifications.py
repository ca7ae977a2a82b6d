"""Notifications from end to end: the sandbox calls our service over HTTP, which reads again what changed."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from adapters.zoho.adapter import ZohoCrm
from adapters.zoho.auth import Login
from connector.errors import Halt
from connector.model import Stream
from connector.store import inbox, subscriptions
from connector.store.hook_tables import inbox as inbox_table
from connector.store.hook_tables import subscription as subscription_table
from connector.store.record_tables import RECORDS
from connector.store.tables import customer, visit, written
from sandbox.server import Options
from tests.installation import Installation, installation
from tests.service import _wait, serving, started
from tests.store_dump import dump

OPTIONS = Options(accounts=14, seed=5)
NAMES = {Stream.ACCOUNTS: "Accounts", Stream.ORDERS: "Sales_Orders", Stream.INVOICES: "Invoices"}
PATIENCE = 20.0


class Shop:
    """An installation with a Zoho sandbox that was pulled once, and its service at ``url``."""

    def __init__(self, made: Installation, url: str) -> None:
        self.made = made
        self.url = url

    def ask(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """One call of the vendor's API, as somebody else would make it."""
        with self.made.opened() as runtime:
            connection = runtime.connections.get("zoho")
            token = Login(runtime.context(connection, ZohoCrm)).access().token
        answer = requests.request(
            method,
            f"{self.made.bases['zoho']}/crm/v8/{path}",
            params=params,
            json=body,
            headers={"Authorization": f"Zoho-oauthtoken {token}"},
            timeout=10,
        )
        assert answer.status_code in (200, 201, 204), answer.text
        return answer.json() if answer.content else None

    def edit(self, module: str, key: str, **values: Any) -> None:
        self.ask("PUT", f"{module}/{key}", {"data": [values]})

    def subscribe(self) -> None:
        self.made.run("hooks", "subscribe", "zoho", "--url", self.url)

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
        found: dict[str, int] = self.made.door("zoho", "notifications")
        return found

    def pull(self) -> dict[str, Mapping[str, int]]:
        """What a pull finds beyond what is stored: by stream, the changed and the gone."""
        listing = json.loads(self.made.run("pull", "--format", "json").stdout)
        return {row["stream"]: {"changed": row["changed"], "gone": row["gone"]} for row in listing}

    def assert_a_pull_finds_nothing(self) -> None:
        with self.made.opened() as runtime:
            before = dump(runtime.store)
        assert {(part["changed"], part["gone"]) for part in self.pull().values()} == {(0, 0)}
        with self.made.opened() as runtime:
            assert dump(runtime.store) == before


def until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.03)


@contextmanager
def shop(folder: Path, options: Options = OPTIONS) -> Iterator[Shop]:
    with installation(folder, options, names=("zoho",)) as made:
        with (made.home / "creditgate.toml").open("a") as file:
            file.write("\nhooks_every_seconds = 1\n")
        made.run("pull")
        with serving(made) as url:
            yield Shop(made, url)


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Subscribed, and nothing lost on the way."""
    with shop(tmp_path_factory.mktemp("telling")) as made:
        made.subscribe()
        yield made


@pytest.fixture
def settled(telling: Shop) -> Iterator[Shop]:
    """Before and after each test the store has what the CRM has."""
    telling.pull()
    yield telling
    until(lambda: telling.waiting() == [], "the inbox is read")


def new_order(shop: Shop, account: str, amount: int = 1200) -> str:
    values = {"Subject": "by event", "Account_Name": {"id": account}, "Status": "Created", "Currency": "CNY"}
    made = shop.ask("POST", "Sales_Orders", {"data": [values | {"Grand_Total": amount}]})
    return str(made["data"][0]["details"]["id"])


def test_what_is_edited_created_and_deleted_arrives_as_a_pull_would_bring_it(settled: Shop) -> None:
    account = next(iter(settled.rows(Stream.ACCOUNTS)))
    gone = next(iter(settled.rows(Stream.INVOICES)))
    settled.edit("Accounts", account, Account_Name="Renamed by somebody")
    order = new_order(settled, account)
    settled.ask("DELETE", "Invoices", ids=gone)
    until(lambda: settled.rows(Stream.ACCOUNTS)[account].name == "Renamed by somebody", "the name arrives")
    until(lambda: order in settled.rows(Stream.ORDERS), "the new order arrives")
    until(lambda: gone not in settled.rows(Stream.INVOICES), "the deletion arrives")
    assert settled.rows(Stream.ORDERS)[order].amount == 120_000
    until(lambda: settled.waiting() == [], "the inbox is empty")
    settled.assert_a_pull_finds_nothing()


def test_a_new_account_and_its_order_in_one_breath(settled: Shop) -> None:
    made = settled.ask("POST", "Accounts", {"data": [{"Account_Name": "A new firm", "Currency": "CNY"}]})
    account = str(made["data"][0]["details"]["id"])
    order = new_order(settled, account)
    until(lambda: order in settled.rows(Stream.ORDERS), "the order finds its account")
    assert settled.rows(Stream.ACCOUNTS)[account].customer_id is not None
    until(lambda: settled.waiting() == [], "the inbox is empty")
    settled.assert_a_pull_finds_nothing()


def test_an_edit_of_an_order_is_no_event_of_its_account(settled: Shop) -> None:
    order = next(iter(settled.rows(Stream.ORDERS)))
    before = settled.counts()["sent"]
    settled.edit("Sales_Orders", order, Description="nothing that counts")
    until(lambda: settled.counts()["sent"] > before, "the event is sent")
    time.sleep(0.3)
    assert settled.counts()["sent"] == before + 1


def test_a_hundred_changes_in_one_call_are_all_read_again(settled: Shop) -> None:
    invoices = list(settled.rows(Stream.INVOICES))[:100]
    data = [{"id": key, "Due_Date": "2027-01-31"} for key in invoices]
    settled.ask("PUT", "Invoices", {"data": data})
    day = dt.date(2027, 1, 31)
    until(
        lambda: all(settled.rows(Stream.INVOICES)[key].due_on == day for key in invoices),
        "all due dates arrive",
    )
    settled.assert_a_pull_finds_nothing()


def test_our_own_write_backs_come_as_events_and_cause_no_assessment(settled: Shop) -> None:
    settled.made.run("assess")
    before = settled.standing().events
    assert json.loads(settled.made.run("push", "--format", "json").stdout)
    until(lambda: settled.standing().events > before, "our own writes are told")
    until(lambda: settled.waiting() == [], "the inbox is empty")
    with settled.made.opened() as runtime, runtime.store.read() as tx:
        dirty = sa.select(customer.c.id).where(customer.c.changes > customer.c.assessed)
        assert tx.execute(dirty).all() == []


def test_a_visit_that_is_done_in_zoho_is_known_by_its_event(settled: Shop) -> None:
    for command in (["assess"], ["visit", "plan"], ["push"]):
        settled.made.run(*command)
    with settled.made.opened() as runtime, runtime.store.read() as tx:
        made = sa.select(written.c.vendor_id, written.c.key).where(written.c.target == "visit")
        task, key = tx.execute(made.limit(1)).one()
    settled.edit("Tasks", task, Status="Completed")

    def state() -> str:
        with settled.made.opened() as runtime, runtime.store.read() as tx:
            return str(tx.execute(sa.select(visit.c.state).where(visit.c.key == key)).scalar_one())

    until(lambda: state() == "done", "the visit is done")


def test_a_module_that_zoho_does_not_know_or_tell_of_is_named(telling: Shop) -> None:
    with telling.made.opened() as runtime:
        crm = runtime.crm(runtime.connections.get("zoho"))
        made = crm.subscribe(["Contacts", "Nowhere", "Notes"], telling.url, "another-token", None)
        assert list(made.channels) == ["Contacts"]
        assert "INVALID_MODULE" in made.refused["Nowhere"]
        assert "INVALID_DATA" in made.refused["Notes"]
        with pytest.raises(Halt, match="Nowhere"):
            crm.subscribe(["Nowhere"], telling.url, "another-token", None)
        crm.unsubscribe(made)
        crm.unsubscribe(made)
        assert made.expires_at is not None
        left = made.expires_at - dt.datetime.now(dt.UTC)
        assert dt.timedelta(days=6, hours=22) < left < dt.timedelta(days=7)
    telling.made.run("hooks", "renew", "zoho")  # the channel of the contacts was the connection's own


def test_renewing_replaces_the_channels_and_adds_none(telling: Shop) -> None:
    before = telling.ask("GET", "actions/watch")["watch"]
    assert {row["resource_name"] for row in before} == {*NAMES.values(), "Contacts", "Tasks"}
    assert all(row["notify_on_related_action"] is False for row in before)
    telling.made.run("hooks", "renew", "zoho")
    telling.made.run("hooks", "renew", "zoho")
    after = telling.ask("GET", "actions/watch")["watch"]
    assert {row["channel_id"] for row in after} == {row["channel_id"] for row in before}
    assert len(after) == len(before)


def test_a_channel_that_ended_is_made_anew_by_the_pull(settled: Shop) -> None:
    account = next(iter(settled.rows(Stream.ACCOUNTS)))
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)).isoformat(timespec="seconds")
    channels = settled.standing().subscription.channels
    for number in channels.values():
        settled.ask("PATCH", "actions/watch", {"watch": [{"channel_id": number, "channel_expiry": soon}]})
    time.sleep(2.5)
    settled.edit("Accounts", account, Account_Name="Nobody is told of this")
    assert settled.ask("GET", "actions/watch") is None
    with settled.made.opened() as runtime, runtime.store.write() as tx:
        tx.execute(subscription_table.update().values(renew_at=dt.datetime.now(dt.UTC)))
    assert settled.pull()["accounts"]["changed"] == 1  # what was not told is found all the same
    assert settled.standing().subscription.channels == channels
    settled.edit("Accounts", account, Account_Name="Somebody is told of this")
    until(lambda: settled.rows(Stream.ACCOUNTS)[account].name == "Somebody is told of this", "told again")


def test_an_event_with_a_wrong_token_is_refused_and_reported(settled: Shop) -> None:
    number = settled.standing().subscription.channels["Accounts"]
    settled.ask("PATCH", "actions/watch", {"watch": [{"channel_id": number, "token": "not-ours"}]})
    account = next(iter(settled.rows(Stream.ACCOUNTS)))
    failed = settled.counts()["failed"]
    settled.edit("Accounts", account, Account_Name="Told by a forger")
    until(lambda: settled.counts()["failed"] == failed + 1, "the service refuses it")
    until(lambda: settled.standing().forged > 0, "it is counted")
    assert settled.waiting() == []
    assert "could not prove themselves" in settled.made.run("doctor").stdout
    settled.made.run("hooks", "renew", "zoho")  # sends our token again
    settled.edit("Accounts", account, Account_Name="Told by Zoho")
    until(lambda: settled.rows(Stream.ACCOUNTS)[account].name == "Told by Zoho", "believed again")


def test_unsubscribing_ends_the_channels_at_zoho(settled: Shop) -> None:
    before = {row["channel_id"] for row in settled.ask("GET", "actions/watch")["watch"]}
    settled.made.run("hooks", "unsubscribe", "zoho")
    assert settled.ask("GET", "actions/watch") is None
    settled.subscribe()
    assert {row["channel_id"] for row in settled.ask("GET", "actions/watch")["watch"]} == before


def test_doubled_and_disordered_events_do_no_harm(tmp_path: Path) -> None:
    faults = {"notify_twice": 1.0, "notify_swapped": 0.6}
    with shop(tmp_path, Options(accounts=8, seed=5, faults=faults)) as made:
        made.subscribe()
        accounts = list(made.rows(Stream.ACCOUNTS))
        for number in range(12):
            made.edit("Accounts", accounts[number % 3], Account_Name=f"name {number}")
        order = new_order(made, accounts[0])
        wanted = {accounts[number % 3]: f"name {number}" for number in range(12)}
        until(
            lambda: {key: made.rows(Stream.ACCOUNTS)[key].name for key in wanted} == wanted, "the last names"
        )
        until(lambda: order in made.rows(Stream.ORDERS), "the order")
        until(lambda: made.standing().events % 2 == 0, "every event came twice")
        until(lambda: made.waiting() == [], "the inbox is empty")
        made.assert_a_pull_finds_nothing()


def test_lost_events_are_caught_by_the_next_pull(tmp_path: Path) -> None:
    with shop(tmp_path, Options(accounts=8, seed=5, faults={"notify_lost": 1.0})) as made:
        made.subscribe()
        account = next(iter(made.rows(Stream.ACCOUNTS)))
        made.edit("Accounts", account, Account_Name="Nobody hears of it")
        until(lambda: made.counts()["lost"] == 1, "the event is lost")
        assert made.pull()["accounts"] == {"changed": 1, "gone": 0}
        assert made.rows(Stream.ACCOUNTS)[account].name == "Nobody hears of it"


def test_a_token_without_the_scope_says_which_one_is_lacking(tmp_path: Path) -> None:
    options = Options(accounts=4, faults={"few_scopes": 1.0})
    with installation(tmp_path, options, names=("zoho",), provisioned=False) as made:
        done = made.run("hooks", "subscribe", "zoho", "--url", "http://127.0.0.1:1", expect=2)
    assert "ZohoCRM.notifications.ALL" in done.stderr


def test_a_service_killed_again_and_again_misses_no_event(tmp_path: Path) -> None:
    with installation(tmp_path, Options(accounts=8, seed=5), names=("zoho",)) as made:
        with (made.home / "creditgate.toml").open("a") as file:
            file.write("\nhooks_every_seconds = 1\n")
        made.run("pull")
        accounts: list[str] = []
        wanted: dict[str, str] = {}
        with serving(made) as url:
            port = url.rpartition(":")[2]
            Shop(made, url).subscribe()
            accounts += Shop(made, url).rows(Stream.ACCOUNTS)
        here = Shop(made, url)
        for turn in range(3):
            with _killed(made, port, after=0.25 + 0.4 * turn):
                for number, account in enumerate(accounts[:5]):
                    wanted[account] = f"turn {turn} number {number}"
                    here.edit("Accounts", account, Account_Name=wanted[account])
            with made.opened() as runtime, runtime.store.write() as tx:  # the lease of the killed one ends
                tx.execute(inbox_table.update().values(leased_until=dt.datetime.now(dt.UTC)))
        told = here.counts()
        made.run("hooks", "process", "zoho")
        assert here.waiting() == []
        if told["failed"] == 0:
            assert {key: here.rows(Stream.ACCOUNTS)[key].name for key in wanted} == wanted
            here.assert_a_pull_finds_nothing()
        here.pull()
        assert {key: here.rows(Stream.ACCOUNTS)[key].name for key in wanted} == wanted


@contextmanager
def _killed(made: Installation, port: str, after: float) -> Iterator[None]:
    """The service on ``port``, killed some time after the body has done its work."""
    process = started(made, int(port))
    try:
        _wait(process, f"http://127.0.0.1:{port}")
        yield
        time.sleep(after)
    finally:
        process.kill()
        process.wait(timeout=10)

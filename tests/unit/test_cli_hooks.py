"""``creditgate hooks``, its renewal by ``pull``, and what ``doctor`` says of notifications."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connector import hooks
from connector.adapter import Row, Subscription
from connector.errors import Retry
from connector.store import inbox, subscriptions
from tests.cli_home import KINDS, NOW, FakeCrm, Home, make_home

URL = "https://credit.example.com"


class TellingCrm(FakeCrm):
    """Tells of objects unless they are in ``refuses``; ``rows`` are its firms by id."""

    tells_events = True
    refuses: ClassVar[dict[str, str]] = {}
    rows: ClassVar[dict[str, str]] = {}
    life: ClassVar[dt.timedelta] = dt.timedelta(days=7)
    fault: ClassVar[Exception | None] = None
    calls: ClassVar[list[str]] = []

    def subscribe(
        self, objects: Sequence[str], url: str, secret: str, known: Subscription | None
    ) -> Subscription:
        if self.fault:
            raise self.fault
        self.calls.append("subscribe")
        ends = self.context.now() + self.life
        told = {name: "7" for name in objects if name not in self.refuses}
        return Subscription(tuple(objects), url, told, ends, ends - self.life / 4, dict(self.refuses))

    def unsubscribe(self, known: Subscription) -> None:
        self.calls.append("unsubscribe")

    def reread(self, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> list[Row]:
        return [Row(one, NOW, {"Name": self.rows[one]}) for one in ids if one in self.rows]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    monkeypatch.setitem(KINDS, "fake", ("crm", TellingCrm))
    for name, value in {"refuses": {}, "rows": {}, "calls": [], "fault": None}.items():
        monkeypatch.setattr(TellingCrm, name, value)
    made.connect()
    return made


def stored(home: Home) -> Subscription:
    with home.opened() as runtime, runtime.store.read() as tx:
        found = subscriptions.load(tx, 1)
    assert found is not None
    return found


def tell(home: Home, *ids: str, at: dt.datetime = NOW) -> None:
    with home.opened() as runtime, runtime.store.write() as tx:
        inbox.put(tx, 1, "Firms", ids, "changed", at)


def keep(home: Home, at: dt.datetime = NOW, **changes: Any) -> None:
    value = Subscription(("Firms",), f"{URL}/v1/hooks/crm", {"Firms": "7"}, NOW + dt.timedelta(days=7), None)
    with home.opened() as runtime, runtime.store.write() as tx:
        subscriptions.save(tx, 1, replace(value, **changes), at)


def findings(home: Home) -> list[dict[str, Any]]:
    done = home.run("doctor", "--format", "json")
    return [row for row in done.json if row["what"] == "notifications of crm"]


def test_subscribing_lists_what_the_crm_will_tell_of(home: Home) -> None:
    (row,) = home.rows("hooks", "subscribe", "crm", "--url", URL)
    assert (row["connection"], row["object"], row["told"], row["refused"]) == ("crm", "Firms", True, None)
    assert stored(home).url == f"{URL}/v1/hooks/crm"
    (listed,) = home.rows("hooks", "list")
    assert (listed["url"], listed["objects"], listed["events"]) == (f"{URL}/v1/hooks/crm", "Firms", 0)


def test_the_public_address_may_stand_in_the_configuration(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = home.run("hooks", "subscribe")
    assert (done.code, "public_url" in done.err) == (2, True)
    monkeypatch.setenv("CREDITGATE_PUBLIC_URL", URL)
    assert home.run("hooks", "subscribe").code == 0


def test_the_secret_is_kept_encrypted_and_shown_nowhere(home: Home) -> None:
    done = home.run("hooks", "subscribe", "--url", URL, "--format", "json")
    with home.opened() as runtime:
        secret = runtime.secrets(runtime.connections.get("crm")).get(hooks.SECRET)
    assert secret is not None
    shown = done.out + done.err + home.run("hooks", "list").out
    assert secret not in shown
    assert secret.encode() not in (home.folder / "creditgate.db").read_bytes()


def test_an_object_that_the_crm_refuses_is_named_with_exit_code_1(home: Home) -> None:
    TellingCrm.refuses["Firms"] = "INVALID_MODULE"
    done = home.run("hooks", "subscribe", "--url", URL, "--format", "json")
    assert done.code == 1
    assert [(row["told"], row["refused"]) for row in done.json] == [(False, "INVALID_MODULE")]


def test_a_crm_that_cannot_tell_is_left_to_pull(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "fake", ("crm", FakeCrm))
    done = home.run("hooks", "subscribe", "--url", URL)
    assert (done.code, "offers no notifications" in done.err) == (0, True)
    assert home.run("hooks", "subscribe", "crm", "--url", URL).code == 2


def test_what_was_told_is_read_again_on_demand(home: Home) -> None:
    TellingCrm.rows["1"] = "firm"
    tell(home, "1", "2")
    assert [row["external_id"] for row in home.rows("hooks", "inbox", "crm")] == ["1", "2"]
    done = home.run("hooks", "process", "crm", "--format", "json")
    assert (done.code, "1 records neither found nor deleted" in done.err) == (0, True)
    assert [(row["stream"], row["read"], row["changed"]) for row in done.json] == [("accounts", 1, 1)]
    assert [row["external_id"] for row in home.rows("hooks", "inbox")] == ["2"]


def test_renewing_extends_what_is_subscribed(home: Home) -> None:
    done = home.run("hooks", "renew", "crm")
    assert (done.code, "was not asked to tell anything" in done.err) == (0, True)
    keep(home, expires_at=NOW + dt.timedelta(minutes=1))
    assert len(home.rows("hooks", "renew")) == 1
    expires_at = stored(home).expires_at
    assert expires_at is not None and expires_at > NOW + dt.timedelta(days=6)


def test_unsubscribing_ends_it(home: Home) -> None:
    keep(home)
    assert "tells nothing any more" in home.run("hooks", "unsubscribe", "crm").err
    assert TellingCrm.calls == ["unsubscribe"]
    assert home.rows("hooks", "list") == []
    assert "was not asked" in home.run("hooks", "unsubscribe", "crm").err


def test_each_pull_renews_what_is_due(home: Home) -> None:
    keep(home, renew_at=NOW + dt.timedelta(days=1))
    assert home.run("pull").code == 0
    assert TellingCrm.calls == []
    keep(home, renew_at=NOW - dt.timedelta(minutes=1))
    assert home.run("pull").code == 0
    assert TellingCrm.calls == ["subscribe"]


def test_a_pull_does_not_fail_for_a_renewal_that_fails(home: Home) -> None:
    keep(home, renew_at=NOW - dt.timedelta(minutes=1))
    TellingCrm.fault = Retry("no line")
    done = home.run("pull", "--format", "json")
    assert (done.code, len(done.json)) == (0, 1)
    assert "the notifications of crm could not be renewed: no line" in done.err


def test_a_pull_drops_what_was_given_up_before_it(home: Home) -> None:
    tell(home, "1", at=NOW - dt.timedelta(minutes=1))
    with home.opened() as runtime, runtime.store.write() as tx:
        later = NOW + dt.timedelta(minutes=1)
        inbox.postpone(tx, inbox.claim(tx, 1, "Firms", "x", NOW, later, 9), None, "not found")
    assert [row["state"] for row in home.rows("hooks", "inbox")] == ["dead"]
    assert home.run("pull").code == 0
    assert home.rows("hooks", "inbox") == []


def test_doctor_is_silent_without_and_content_with_notifications(home: Home) -> None:
    assert findings(home) == []
    keep(home)
    (row,) = findings(home)
    assert (row["level"], row["found"]) == ("ok", "0 events")
    with home.opened() as runtime, runtime.store.write() as tx:
        subscriptions.heard(tx, 1, dt.datetime.now(dt.UTC))
    assert findings(home)[0]["found"] == "1 events, the last 0 minutes ago"


@pytest.mark.parametrize(
    ("changes", "at", "found", "todo"),
    [
        (
            {"expires_at": NOW - dt.timedelta(hours=3, minutes=1)},
            NOW,
            "they ended 3 hours ago",
            "hooks renew crm",
        ),
        ({}, NOW - dt.timedelta(days=3), "no event came", f"reaches {URL}/v1/hooks/crm"),
        (
            {"refused": {"Firms": "INVALID_MODULE"}},
            NOW,
            "does not tell of Firms: INVALID_MODULE",
            "renew crm",
        ),
    ],
)
def test_doctor_says_why_nothing_comes(
    home: Home, changes: dict[str, Any], at: dt.datetime, found: str, todo: str
) -> None:
    keep(home, at, **changes)
    (row,) = findings(home)
    assert row["level"] == "warn"
    assert found in row["found"] and todo in row["todo"]


def test_doctor_tells_of_forged_events_and_of_records_that_wait(home: Home) -> None:
    keep(home)
    tell(home, "1", at=NOW - dt.timedelta(days=2))
    tell(home, "2")
    with home.opened() as runtime, runtime.store.write() as tx:
        subscriptions.heard(tx, 1, NOW)
        subscriptions.forged(tx, 1, 12, dt.datetime.now(dt.UTC))
        claimed = inbox.claim(tx, 1, "Firms", "x", NOW, NOW + dt.timedelta(minutes=1), 9)
        inbox.postpone(tx, [row for row in claimed if row.external_id == "2"], None, "not found")
    told = [row["found"] for row in findings(home)]
    assert told == [
        "12 events could not prove themselves, the last 0 minutes ago",
        "1 records that it told of are neither found nor deleted",
        "1 records wait to be read again, the oldest for 2 days",
    ]

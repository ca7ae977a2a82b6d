"""Signals: raised once, worse is news, ended and not raised again too soon, decided on with who and why."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from connector.store import signals
from connector.store.record_tables import account, crm_user
from connector.store.signals import State, raise_signal, settle
from tests.cli_home import Home, make_home

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
WHO = ("--reason", "called them", "--actor", "Lin")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CREDITGATE_AS_OF", NOW.date().isoformat())
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    made.customer("Hengda Metal")
    return made


def raised(home: Home, at: dt.datetime = NOW, **more: Any) -> int | None:
    values = {"kind": "overdue_started", "key": "i1", "severity": "warning", "evidence": {"days": 3}}
    with home.opened() as runtime, runtime.store.write() as tx:
        return raise_signal(tx, customer_id=1, now=at, **(values | more))


def settled(home: Home, at: dt.datetime = NOW, **more: Any) -> int:
    with home.opened() as runtime, runtime.store.write() as tx:
        return settle(tx, 1, "overdue_started", at, **more)


def test_the_same_cause_is_news_once_and_learns_new_evidence(home: Home) -> None:
    first = raised(home)
    assert first is not None
    assert raised(home, NOW + DAY, evidence={"days": 4}) is None
    (row,) = home.rows("signal", "list")
    assert (row["id"], row["evidence"], row["seen_at"][:10]) == (first, {"days": 4}, "2026-03-03")
    assert raised(home, key="i2") not in (None, first)


def test_what_gets_worse_is_news_and_open_again(home: Home) -> None:
    number = raised(home)
    assert home.run("signal", "acknowledge", str(number), *WHO).code == 0
    assert raised(home, severity="info") is None
    assert home.rows("signal", "list")[0]["state"] == "acknowledged"
    assert raised(home, severity="alarm") == number
    (row,) = home.rows("signal", "list")
    assert (row["state"], row["severity"]) == ("open", "alarm")


def test_what_ended_is_raised_again_only_after_the_cool_down_as_a_new_episode(home: Home) -> None:
    first = raised(home)
    assert settled(home, NOW + DAY) == 1 and settled(home, NOW + DAY) == 0
    assert raised(home, NOW + 30 * DAY) is None
    again = raised(home, NOW + 31 * DAY)
    assert again is not None and again != first
    assert [row["state"] for row in home.rows("signal", "list", "--state", "all")] == ["open", "closed"]


def test_a_new_one_belongs_to_whom_the_account_belongs_to_until_it_is_given_to_somebody(home: Home) -> None:
    raised(home, key="nobody")
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(account.update().values(owner_id="u7"))
    raised(home, key="by id")
    with home.opened() as runtime, runtime.store.write() as tx:
        times = {"digest": "d", "modified_at": NOW, "first_seen": NOW, "last_seen": NOW}
        values = {"connection_id": 1, "external_id": "u7", "name": "Wang Fang", "active": True, **times}
        tx.execute(crm_user.insert().values(values))
    number = raised(home, key="by name")
    owners = {row["key"]: row["owner"] for row in home.rows("signal", "list")}
    assert owners == {"nobody": None, "by id": "u7", "by name": "Wang Fang"}
    assert home.run("signal", "assign", str(number), "--owner", "Zhao", "--actor", "Lin").code == 0
    raised(home, key="by name", severity="alarm")
    assert [row["key"] for row in home.rows("signal", "list", "--owner", "Zhao")] == ["by name"]


def test_only_the_keys_whose_cause_is_gone_end(home: Home) -> None:
    for key in ("i1", "i2", "i3"):
        raised(home, key=key)
    assert settled(home, but=("i1", "i3")) == 1 and settled(home, key="i3") == 1
    assert [row["key"] for row in home.rows("signal", "list")] == ["i1"]


def test_a_snoozed_signal_wakes_on_its_day_and_not_before(home: Home) -> None:
    number = str(raised(home))
    assert home.run("signal", "snooze", number, "--until", "2026-03-05", *WHO).code == 0
    with home.opened() as runtime, runtime.store.write() as tx:
        assert signals.wake(tx, dt.date(2026, 3, 4)) == 0
        assert signals.wake(tx, dt.date(2026, 3, 5)) == 1
    assert home.rows("signal", "list")[0]["state"] == "open"


def test_who_decided_what_and_why_is_journalled(home: Home) -> None:
    number = str(raised(home))
    home.run("signal", "acknowledge", number, *WHO)
    home.run("signal", "assign", number, "--owner", "Wang", "--deadline", "2026-03-09", "--actor", "Lin")
    (entry,) = home.journal("signal_acknowledged")
    assert (entry["actor"], entry["before"], entry["reason"]) == ("Lin", "open", "called them")
    assert home.journal("signal_assigned")[0]["after"] == "Wang"
    (row,) = home.rows("signal", "list", "--owner", "Wang")
    assert row["deadline"] == "2026-03-09"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("acknowledge", "9", *WHO), "no live signal has the number 9"),
        (("acknowledge", "1", "--reason", " ", "--actor", "Lin"), "no reason"),
        (("snooze", "1", "--until", "2026-03-02", *WHO), "is not ahead"),
        (("show", "9"), "there is no signal 9"),
    ],
)
def test_decisions_that_make_no_sense_are_refused_and_change_nothing(
    home: Home, args: tuple[str, ...], said: str
) -> None:
    raised(home)
    done = home.run("signal", *args)
    assert done.code == 2 and said in done.err
    assert home.rows("signal", "list")[0]["state"] == "open"


def test_the_list_is_filtered_and_the_most_severe_come_first(home: Home) -> None:
    for key, severity in (("a", "info"), ("b", "alarm"), ("c", "warning")):
        raised(home, key=key, severity=severity)
    assert [row["key"] for row in home.rows("signal", "list")] == ["b", "c", "a"]
    assert [row["key"] for row in home.rows("signal", "list", "--severity", "warning")] == ["b", "c"]
    assert home.run("signal", "show", "1").json["key"] == "a"
    with home.opened() as runtime, runtime.store.read() as tx:
        assert [one.key for one in signals.live_of(tx, [1, 2])[1]] == ["b", "c", "a"]
        assert {one.state for one in signals.listed(tx)} == {State.OPEN}

"""A signal in the store: raised with the assessment, worse by steps, ended, written to the CRM, acted on."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.store.record_tables import invoice
from connector.store.tables import customer, outbox
from tests.cli_home import Home
from tests.portfolio import RULES, TODAY, buyer, policy_file, portfolio

DAY = dt.timedelta(days=1)
SIGNALS = """\
signals:
  overdue_worsened:
    steps:
      - {days: 15}
      - {days: 30, severity: alarm, actions: [hold, lower_limit, visit, review]}
"""
RANK = ("overdue_started", "overdue_worsened")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return portfolio(tmp_path, monkeypatch, RULES + SIGNALS)


def on(home: Home, monkeypatch: pytest.MonkeyPatch, days: int, *args: str) -> int:
    """Assess ``days`` from today; how many customers were judged."""
    monkeypatch.setenv("CREDITGATE_AS_OF", (TODAY + days * DAY).isoformat())
    done = home.run("assess", *args)
    assert done.code == 0, done.err
    return int(done.err.split(" customers assessed")[0].split()[-1])


def listed(home: Home, *args: str) -> list[tuple[str, str, str]]:
    rows = home.rows("signal", "list", *args)
    return sorted((row["kind"], row["key"], row["state"]) for row in rows if row["kind"] in RANK)


def pay(home: Home) -> None:
    with home.opened() as runtime, runtime.store.write() as tx:
        here = invoice.c.external_id.like("open%")
        tx.execute(invoice.update().where(here).values(paid=invoice.c.amount, state="paid", settled_on=TODAY))
        tx.execute(sa.update(customer).values(changes=customer.c.changes + 1))


def queued(home: Home) -> dict[str, Any]:
    with home.opened() as runtime, runtime.store.read() as tx:
        payload = tx.execute(sa.select(outbox.c.payload).where(outbox.c.target == "account")).scalar_one()
    return json.loads(payload)  # type: ignore[no-any-return]


def test_one_debt_is_one_signal_a_step_and_ends_when_it_is_paid(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyer(home, "Hengda", sales=90_000_000, late=0, owes=5_000_000)
    assert on(home, monkeypatch, 0) == 1
    assert listed(home) == []
    on(home, monkeypatch, 6)
    on(home, monkeypatch, 7, "--all")
    assert listed(home) == [("overdue_started", "", "open")]
    on(home, monkeypatch, 15)
    on(home, monkeypatch, 31)
    assert listed(home) == [("overdue_started", "", "open"), ("overdue_worsened", "30", "open")]
    assert ("overdue_worsened", "15", "closed") in listed(home, "--state", "all")
    pay(home)
    on(home, monkeypatch, 33)
    assert listed(home) == []
    assert len(home.rows("signal", "list", "--state", "all", "--kind", "overdue_worsened")) == 2


def test_what_swings_about_a_step_is_told_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer(home, "Hengda", sales=90_000_000, late=0, owes=5_000_000)
    for day in (31, 16, 31, 16, 40, 20):
        on(home, monkeypatch, day, "--all")
    every = home.rows("signal", "list", "--state", "all", "--kind", "overdue_worsened")
    assert [(row["key"], row["severity"]) for row in every] == [("30", "alarm")]


def test_the_account_shows_how_many_and_the_latest(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer(home, "Hengda", sales=90_000_000, late=31, owes=5_000_000)
    on(home, monkeypatch, 0)
    values = queued(home)
    count = len(home.rows("signal", "list"))
    assert values["credit_signal_count"] == count >= 2
    assert "50,000.00 CNY" in values["credit_signals"]
    number = home.rows("signal", "list")[0]["id"]
    home.run("signal", "close", str(number), "--reason", "agreed", "--actor", "Lin")
    on(home, monkeypatch, 0)
    assert queued(home)["credit_signal_count"] == count - 1


def test_only_what_is_due_is_judged(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer(home, "Hengda", sales=90_000_000, late=None, owes=5_000_000)
    buyer(home, "Quiet", sales=1_000)
    assert on(home, monkeypatch, 0) == 2
    assert on(home, monkeypatch, 1) == 0
    assert on(home, monkeypatch, 26) >= 1  # due in 20 days, and five of grace
    assert listed(home) == [("overdue_started", "", "open")]


def test_a_kind_that_is_switched_off_ends(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer(home, "Hengda", sales=90_000_000, late=31, owes=5_000_000)
    on(home, monkeypatch, 0)
    assert ("overdue_started", "", "open") in listed(home)
    policy_file(home).write_text(RULES + SIGNALS + "  overdue_started: {on: false}\n", encoding="utf-8")
    home.run("policy", "activate", str(policy_file(home)), "--actor", "Lin")
    on(home, monkeypatch, 0, "--all")
    assert [kind for kind, _, _ in listed(home)] == ["overdue_worsened"]


def test_a_snoozed_signal_wakes_on_its_day(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    buyer(home, "Hengda", sales=90_000_000, late=7, owes=5_000_000)
    on(home, monkeypatch, 0)
    number = str(home.rows("signal", "list", "--kind", "overdue_started")[0]["id"])
    until = (TODAY + 3 * DAY).isoformat()
    home.run("signal", "snooze", number, "--until", until, "--reason", "promised", "--actor", "Lin")
    on(home, monkeypatch, 2)
    assert listed(home) == [("overdue_started", "", "snoozed")]
    on(home, monkeypatch, 3)
    assert listed(home) == [("overdue_started", "", "open")]


def test_the_others_of_a_group_are_warned_until_the_member_is_well(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = buyer(home, "Hengda", sales=90_000_000, late=40, owes=5_000_000)
    sister = home.customer("Hengyuan", assessed=False, group="Heng")
    with home.opened() as runtime, runtime.store.write() as tx:
        group = sa.select(customer.c.group_id).where(customer.c.id == sister).scalar_subquery()
        tx.execute(sa.update(customer).where(customer.c.id == bad).values(group_id=group))
    on(home, monkeypatch, 0)
    (row,) = home.rows("signal", "list", "--kind", "group_trouble")
    assert (row["customer_id"], row["key"], row["evidence"]["status"]) == (sister, f"customer-{bad}", "hold")
    on(home, monkeypatch, 1)
    pay(home)
    on(home, monkeypatch, 2)
    assert home.rows("signal", "list", "--kind", "group_trouble") == []


def test_the_policy_acts_once_and_a_person_may_undo_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    number = buyer(home, "Hengda", sales=90_000_000, late=31, owes=5_000_000)
    on(home, monkeypatch, 0)
    done = home.run("signal", "act", "--format", "json")
    assert done.code == 0, done.err
    assert {row["action"] for row in done.json} >= {"visit", "review"}
    assert home.journal("hold_placed")[0]["actor"] == "policy"
    (limit,) = home.journal("limit_set")
    assert (limit["actor"], limit["kind"]) == ("policy", "temporary")
    why = ("--reason", "paid", "--actor", "Lin")
    assert home.run("hold", "lift", "--customer", str(number), *why).code == 0
    assert home.run("signal", "act").code == 0
    assert len(home.journal("hold_placed")) == 1
    assert len(home.journal("limit_set")) == 1
    assert home.run("visit", "plan").code == 0
    assert [row["reason"] for row in home.rows("visit", "list")] == ["visit_signal"]
    left = home.run("signal", "act", "--format", "json").json
    assert "visit" not in {row["action"] for row in left}


def test_a_missed_visit_is_a_signal_until_it_is_made(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from connector.store.tables import visit

    buyer(home, "Hengda", sales=90_000_000, late=31, owes=5_000_000)
    on(home, monkeypatch, 0)
    home.run("signal", "act")
    home.run("visit", "plan")
    on(home, monkeypatch, 40)
    home.run("visit", "plan")
    home.run("visit", "plan")
    (row,) = home.rows("signal", "list", "--kind", "missed_visit")
    assert row["severity"] == "info"
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(visit.update().values(state="done"))
    home.run("visit", "plan")
    assert home.rows("signal", "list", "--kind", "missed_visit") == []

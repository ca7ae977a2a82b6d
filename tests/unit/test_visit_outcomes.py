"""What a visit brings about: promises and answers to signals; extra visits; the cadence over months."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector import visits as planner
from connector.model import VisitResult, VisitState
from connector.store import visits
from connector.store.record_tables import account, crm_user
from connector.store.tables import outbox, visit
from connector.visits.diary import monday
from tests.cli_home import NOW, Home
from tests.portfolio import RULES, TODAY, buyer, portfolio

DAY = dt.timedelta(days=1)
CADENCE = RULES.replace("review_days: 90}", "review_days: 90, visit_days: 20}")
ASKS = "signals: {overdue_worsened: {steps: [{days: 15, severity: alarm, actions: [visit]}]}}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return portfolio(tmp_path, monkeypatch, CADENCE + ASKS)


def at(moment: dt.date, hour: int = 9) -> dt.datetime:
    return dt.datetime.combine(moment, dt.time(hour), dt.UTC)


def told(home: Home, now: dt.datetime | None = None, **values: Any) -> None:
    """What the CRM says of the only visit."""
    with home.opened() as runtime, runtime.store.write() as tx:
        (row,) = tx.execute(sa.select(visit)).all()
        one = VisitResult(external_id="t1", key=row.key, **values)
        visits.settle(tx, row.connection_id, [one], now or runtime.now())


def overdue(home: Home, owes: int = 5_000_000) -> int:
    """A customer that owes too long, with a visit on its way."""
    number = buyer(home, "Hengda", sales=90_000_000, late=16, owes=owes)
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(account.update().values(owner_id="u1"))
        named = {"connection_id": 1, "external_id": "u1", "digest": "", "name": "Chen Yu", "active": True}
        tx.execute(crm_user.insert().values(**named, first_seen=NOW, last_seen=NOW))
    assert home.run("assess").code == 0 and home.run("signal", "act").code == 0
    assert home.run("visit", "plan").code == 0
    return number


def promises(home: Home) -> list[tuple[str, str, str]]:
    rows = home.rows("promise", "list", "--state", "all")
    return [(row["due_on"], row["amount"], row["state"]) for row in rows]


def test_a_signal_that_asks_for_a_visit_gets_one_soon_however_long_the_cadence(home: Home) -> None:
    overdue(home)
    (row,) = home.rows("visit", "list")
    assert row["reason"] == "visit_signal"
    assert TODAY < dt.date.fromisoformat(row["due_on"]) <= TODAY + 10 * DAY
    with home.opened() as runtime, runtime.store.read() as tx:
        task = tx.execute(sa.select(outbox.c.payload).where(outbox.c.target == "visit")).scalar_one()
    assert "逾期已达 16 天" in task  # the rep reads what the warning is


def test_a_visit_that_is_planned_soon_enough_serves_the_signal_too(home: Home) -> None:
    buyer(home, "Hengda", sales=90_000_000, late=16, owes=5_000_000)
    assert home.run("assess").code == 0
    due = TODAY + 5 * DAY
    with home.opened() as runtime, runtime.store.write() as tx:
        planned = visits.Visit("k", 1, 1, "A1", "u1", due, "visit_class", "normal")
        visits.add(tx, [planned], runtime.now())
    assert home.run("signal", "act").code == 0 and home.run("visit", "plan").code == 0
    assert len(home.rows("visit", "list")) == 1
    left = home.run("signal", "act", "--format", "json").json
    assert "visit" not in {row["action"] for row in left}


def test_the_day_promised_at_a_visit_becomes_a_promise_of_what_is_overdue_once(home: Home) -> None:
    overdue(home)
    day = TODAY + 9 * DAY
    for _ in range(2):
        told(home, state=VisitState.DONE, closed_at=at(TODAY), promised_on=day, result="will pay")
    assert promises(home) == [(day.isoformat(), "50000.00", "open")]
    (entry,) = home.journal("promise_recorded")
    assert entry["visit_key"] == home.rows("visit", "list")[0]["key"] and entry["actor"] == "pull"
    assert home.run("assess").code == 0
    assert "1 customers assessed" not in home.run("assess").err


def test_another_day_takes_the_place_of_the_last_and_none_takes_it_back(home: Home) -> None:
    overdue(home)
    first, second = TODAY + 9 * DAY, TODAY + 12 * DAY
    told(home, promised_on=first)
    told(home, promised_on=second)
    assert promises(home) == [
        (first.isoformat(), "50000.00", "withdrawn"),
        (second.isoformat(), "50000.00", "open"),
    ]
    told(home)
    assert [state for _, _, state in promises(home)] == ["withdrawn", "withdrawn"]
    assert home.run("audit", "verify").code == 0


def test_a_promise_for_the_past_or_of_nothing_is_told_in_the_journal_and_kept_with_the_visit(
    home: Home,
) -> None:
    overdue(home)
    told(home, state=VisitState.DONE, closed_at=at(TODAY), promised_on=TODAY - DAY)
    assert promises(home) == []
    (entry,) = home.journal("promise_not_recorded")
    assert (entry["reason"], entry["due_on"]) == ("it is before the visit", (TODAY - DAY).isoformat())
    assert home.rows("visit", "list")[0]["promised_on"] == (TODAY - DAY).isoformat()


def test_a_promise_when_nothing_is_overdue_is_no_promise(home: Home) -> None:
    buyer(home, "Hengda", sales=90_000_000)
    assert home.run("assess").code == 0
    with home.opened() as runtime, runtime.store.write() as tx:
        planned = visits.Visit("k", 1, 1, "A1", None, TODAY, "visit_class", "normal")
        visits.add(tx, [planned], runtime.now())
    told(home, promised_on=TODAY + 3 * DAY)
    assert promises(home) == []
    assert [one["reason"] for one in home.journal("promise_not_recorded")] == ["nothing is overdue"]


def test_a_visit_that_was_made_answers_the_signals_that_asked_for_it_by_whoever_made_it(home: Home) -> None:
    overdue(home)
    later = dt.datetime.now(dt.UTC) + DAY
    told(home, later, state=VisitState.DONE, closed_at=later)
    (row,) = home.rows("signal", "list", "--kind", "overdue_worsened")
    assert row["state"] == "acknowledged"
    (entry,) = home.journal("signal_acknowledged")
    assert entry["actor"] == "Chen Yu" and entry["reason"].startswith("visit crm:A1:")


def test_a_missed_visit_that_is_made_or_deleted_ends_its_signal_at_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    overdue(home)
    monkeypatch.setenv("CREDITGATE_AS_OF", (TODAY + 40 * DAY).isoformat())
    home.run("visit", "plan")
    assert len(home.rows("signal", "list", "--kind", "missed_visit")) == 1
    assert [one["visit"] for one in home.journal("visit_missed")] == [home.rows("visit", "list")[0]["key"]]
    told(home, state=VisitState.DONE)
    assert home.rows("signal", "list", "--kind", "missed_visit") == []


def test_what_the_crm_tells_is_journalled_without_the_visitors_words(home: Home) -> None:
    overdue(home)
    (planned,) = home.journal("visit_planned")
    assert (planned["owner"], planned["reason"]) == ("u1", "visit_signal")
    moved = TODAY + 20 * DAY
    told(home, due_on=moved, owner_id="u2", result="the owner's wife has left")
    (entry,) = home.journal("visit_told")
    assert (entry["before"]["owner_id"], entry["after"]["owner_id"]) == ("u1", "u2")
    assert entry["after"]["due_on"] == moved.isoformat() and "wife" not in str(entry)


def test_over_months_no_week_is_too_full_and_every_cadence_is_kept_but_for_what_is_reported(
    home: Home,
) -> None:
    """Every day the plan runs and what is due is done. Three visits a week are enough for the six customers
    of one rep, and too few for the twelve of the other."""
    numbers = [home.customer(f"Customer {n}", assessed=False) for n in range(18)]
    easy = numbers[:6]
    with home.opened() as runtime, runtime.store.write() as tx:
        for number in numbers:
            values = {"owner_id": "u1" if number in easy else "u2", "city": ("Suzhou", "Wuxi")[number % 2]}
            tx.execute(account.update().where(account.c.customer_id == number).values(**values))
    assert home.run("assess").code == 0
    seen: dict[int, list[dt.date]] = {number: [] for number in numbers}
    late: set[int] = set()
    with home.opened() as runtime:
        rules = runtime.policy.visits.model_copy(update={"per_week": 3})
        for count in range(90):
            now = at(TODAY + count * DAY)
            late |= {
                one.customer_id for one in planner.plan(runtime.store, now, {1: "crm"}, "en", rules).delayed
            }
            with runtime.store.write() as tx:
                due = tx.execute(
                    sa.select(visit).where(visit.c.state == "planned", visit.c.due_on <= now.date())
                )
                done = [
                    VisitResult(external_id=row.key, key=row.key, state=VisitState.DONE, closed_at=now)
                    for row in due.all()
                ]
                visits.settle(tx, 1, done, now)
        with runtime.store.read() as tx:
            for row in tx.execute(sa.select(visit).order_by(visit.c.due_on)):
                seen[row.customer_id].append(row.due_on)
    weeks = Counter((n in easy, monday(day)) for n, days in seen.items() for day in days)
    assert max(weeks.values()) == 3 and sum(weeks.values()) > 50
    kept = [number for number in numbers if number not in late]
    gaps = [b - a for n in kept for a, b in zip(seen[n], seen[n][1:], strict=False)]
    assert set(easy) <= set(kept) and len(gaps) > 18 and all(gap <= 20 * DAY for gap in gaps)
    assert late and all(seen.values())

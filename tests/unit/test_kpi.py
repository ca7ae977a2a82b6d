"""Figures on people: worked examples, whose figures are worked out by hand in the comments."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from connector.kpi import Month
from connector.kpi.tally import Standing, Tally, total
from connector.model import VisitResult, VisitState
from connector.store import journal, signals, visits
from connector.store.record_tables import account
from tests.cli_home import Home
from tests.kpi_home import at, bill, decided, held_order, kpi_home, of, on, owned, seen, shown, signal, team

LONG_AGO = at(1, month=1)
REVIEWS = ("reviews_due", "reviews_on_time", "reviews_late", "reviews_overdue", "reviews_on_time_percent")
HOLDS = ("holds_answered", "hold_hours", "holds_waiting")
SIGNALS = ("signals_answered", "signal_hours", "signals_waiting")
BOOK = (
    "customers",
    "customers_unknown",
    "exposure",
    "overdue",
    "overdue_percent",
    "written_off",
    "bad_debt_percent",
)
OVERRIDES = ("overrides", "overrides_good", "overrides_overdue", "overrides_lost", "overrides_unknown")
VISITS = ("visits_due", "visits_done", "visits_missed", "visits_over_capacity")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return kpi_home(tmp_path, monkeypatch)


def run(home: Home, *args: str) -> None:
    done = home.run(*args)
    assert done.code == 0, done.err


def test_reviews_are_on_time_late_overdue_or_none_if_they_were_closed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four reviews due in March one is approved on its day, one two days late, one never, and one was
    closed: 1 of 3 is on time. The one without an owner is whose who recommended it."""
    numbers = [owned(home, f"Customer {n}", (LONG_AGO, "u1")) for n in range(5)]
    on(monkeypatch, dt.date(2026, 3, 2))
    run(home, "assess")
    days = ("2026-03-10", "2026-03-12", "2026-03-20", "2026-03-25", "2026-04-02")
    for number, day in zip(numbers, days, strict=True):
        owner = () if day == "2026-03-12" else ("--owner", "lin FANG")
        why = ("--reason", "yearly", "--actor", "Lin Fang")
        run(home, "review", "open", str(number), "--due", day, *owner, *why)
    for case, day in ((1, 10), (2, 14)):
        on(monkeypatch, dt.date(2026, 3, day))
        _prepare(home, case)
        run(home, "review", "recommend", str(case), "--reason", "fine", "--actor", "Lin Fang")
        run(home, "review", "approve", str(case), "--actor", "Wang Lei")
    run(home, "review", "close", "4", "--reason", "sold", "--actor", "Wang Lei")
    on(monkeypatch, dt.date(2026, 4, 1))
    rows = seen(home)
    assert shown(of(rows, "Lin Fang"), *REVIEWS) == ["3", "1", "1", "1", "33.3"]
    # On the eleventh one was due and on time; on the twelfth another was not done, and nobody had it.
    assert shown(of(seen(home, as_of=dt.date(2026, 3, 11)), "Lin Fang"), *REVIEWS) == [
        *["1", "1", "0", "0", "100.0"]
    ]
    assert shown(of(seen(home, as_of=dt.date(2026, 3, 12)), None), *REVIEWS) == ["1", "0", "0", "1", "0.0"]


def _prepare(home: Home, case: int) -> None:
    for item in home.run("review", "show", str(case)).json["items"]:
        if item["required"]:
            run(home, "review", "check", str(case), item["key"], "--note", "seen", "--actor", "Lin Fang")


def test_the_time_to_answer_holds_is_the_mean_of_those_answered_in_the_month(home: Home) -> None:
    """Wang answers after 6 h and after 48 h: (6 + 48) / 2 = 27. One of February, one that passed by itself
    and one that is still waiting are in no mean."""
    number = owned(home, "Hengda", (LONG_AGO, "u1"))
    held_order(home, "SO-1", at(2, 9), number)
    decided(home, "SO-1", "rejected", "Wang Lei", at(2, 15))
    held_order(home, "SO-2", at(27, 9, month=2), number)
    held_order(home, "SO-2", at(28, 9, month=2), number)  # refused once more: it waits from the first time
    decided(home, "SO-2", "rejected", "wang lei", at(1, 9))
    held_order(home, "SO-3", at(1, 9, month=2), number)
    decided(home, "SO-3", "rejected", "Wang Lei", at(2, 9, month=2))
    held_order(home, "SO-4", at(30, 9), number)
    rows = seen(home)
    assert shown(of(rows, "Wang Lei"), *HOLDS) == ["2", "27.0", "0"]
    assert shown(of(rows, None), *HOLDS) == ["0", None, "1"]
    assert shown(team(rows, "Credit"), *HOLDS) == ["2", "27.0", "0"]
    # What is answered in April was still waiting when March ended, today as on the last day of March.
    decided(home, "SO-4", "rejected", "Wang Lei", at(1, 9, month=4))
    assert seen(home) == rows


def test_the_time_to_answer_signals_counts_the_first_answer_of_a_person(home: Home) -> None:
    """Lin acknowledges after 2.5 h, Chen by a visit in the CRM after 24 h; one that waits was given to Zhao,
    one that asks for no answer waits for nobody."""
    number = owned(home, "Hengda", (LONG_AGO, "u1"))
    answer = dt.date(2026, 3, 20)
    first = signal(home, number, "dispute", at(3, 8), deadline=answer)
    second = signal(home, number, "silence", at(4, 9), deadline=answer)
    third = signal(home, number, "pace_slowing", at(5, 9), deadline=answer)
    signal(home, number, "utilisation", at(5, 9))
    with home.opened() as runtime, runtime.store.write() as tx:
        half = dt.timedelta(minutes=30)
        signals.acknowledge(tx, [first], "asked", "Lin Fang", at(3, 10) + half)
        signals.close(tx, [first], "settled", "Wang Lei", at(9, 10))
        signals.acknowledge(tx, [second], "visit", "陈宇", at(5, 9))
        signals.assign(tx, [third], "Zhao Min", None, "Wang Lei", at(6))
    rows = seen(home)
    assert shown(of(rows, "Lin Fang"), *SIGNALS) == ["1", "2.5", "0"]
    assert shown(of(rows, "Chen Yu"), *SIGNALS) == ["1", "24.0", "0"]
    assert shown(of(rows, "Zhao Min"), *SIGNALS) == ["0", None, "1"]
    # East: Chen and Zhao; all: (2.5 + 24) / 2 = 13.25, which is 13.3 to one place.
    assert shown(team(rows, "East"), *SIGNALS) == ["1", "24.0", "1"]
    assert shown(dict(rows[-1].figures), *SIGNALS) == ["2", "13.3", "1"]


def test_a_portfolio_is_whose_it_was_when_the_month_ended(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chen: 1000.00 open of which 250.00 overdue, and a customer with 500.00 open, handed over by Zhao in
    mid-March: 250 / 1500 = 16.7 %. Zhao gets the first one only in April."""
    first = owned(home, "First", (LONG_AGO, "u1"), (at(2, month=4), "u2"))
    second = owned(home, "Second", (LONG_AGO, "u2"), (at(15), "u1"))
    owned(home, "Third", (LONG_AGO, None))
    bill(home, first, "late", 25_000, dt.date(2026, 3, 1))
    bill(home, first, "open", 75_000, dt.date(2026, 5, 1))
    bill(home, second, "open", 50_000, dt.date(2026, 5, 1))
    on(monkeypatch, dt.date(2026, 3, 31))
    run(home, "assess")
    on(monkeypatch, dt.date(2026, 4, 20))
    bill(home, second, "more", 900_000, dt.date(2026, 5, 1))
    run(home, "assess")
    rows = seen(home)
    assert shown(of(rows, "Chen Yu"), *BOOK) == ["2", "0", "1500.00", "250.00", "16.7", "0.00", "0.0"]
    assert [one.who for one in rows if one.kind == "person"] == ["Chen Yu", None]
    early = seen(home, as_of=dt.date(2026, 3, 14))
    assert shown(of(early, "Chen Yu"), *BOOK) == ["1", "1", None, None, None, None, None]
    assert shown(of(early, "Zhao Min"), *BOOK)[:2] == ["1", "1"]
    april = seen(home, Month(2026, 4))
    assert shown(of(april, "Zhao Min"), *BOOK)[:5] == ["1", "0", "1000.00", "250.00", "25.0"]
    assert shown(of(april, "Chen Yu"), *BOOK)[:5] == ["1", "0", "9500.00", "0.00", "0.0"]


def test_bad_debt_is_a_share_of_what_was_lent(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """100.00 written off beside 300.00 open: 100 / 400 = 25 %."""
    number = owned(home, "First", (LONG_AGO, "u1"))
    bill(home, number, "gone", 10_000, dt.date(2026, 1, 10), state="written_off")
    bill(home, number, "open", 30_000, dt.date(2026, 5, 1))
    on(monkeypatch, dt.date(2026, 3, 31))
    run(home, "assess")
    on(monkeypatch, dt.date(2026, 4, 1))
    assert shown(of(seen(home), "Chen Yu"), *BOOK) == ["1", "0", "300.00", "0.00", "0.0", "100.00", "25.0"]


def test_an_override_is_judged_by_what_became_of_the_customer_as_of_the_view(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In March Lin and Wang go beyond the policy three times. One customer pays, one is overdue in April, of
    one an invoice is written off in May. A limit below the policy's and a clear order are no overrides."""
    good, late, lost = (owned(home, name, (LONG_AGO, "u1")) for name in ("Good", "Late", "Lost"))
    bill(home, late, "open", 50_000, dt.date(2026, 4, 10))
    bill(home, lost, "open", 50_000, dt.date(2026, 4, 10))
    bill(home, good, "paid", 90_000, dt.date(2026, 3, 1), paid=90_000, settled_on=dt.date(2026, 3, 1))
    on(monkeypatch, dt.date(2026, 3, 9))
    run(home, "assess")
    why = ("--reason", "plant", "--actor", "Wang Lei")
    run(home, "limit", "set", "--customer", str(good), "--amount", "900000", *why)
    run(home, "limit", "set", "--customer", str(late), "--amount", "900000", *why)
    held_order(home, "SO-1", at(10, 9), lost)
    decided(home, "SO-1", "released", "Wang Lei", at(10, 12))
    run(home, "assess")
    on(monkeypatch, dt.date(2026, 5, 31))
    rows = seen(home)
    assert shown(of(rows, "Wang Lei"), *OVERRIDES) == ["3", "3", "0", "0", "0"]
    on(monkeypatch, dt.date(2026, 4, 30))
    run(home, "assess", "--all")
    on(monkeypatch, dt.date(2026, 5, 31))
    with home.opened() as runtime, runtime.store.write() as tx:
        from connector.store.record_tables import invoice

        here = invoice.c.external_id == f"open-{lost}"
        tx.execute(invoice.update().where(here).values(state="written_off"))
    run(home, "assess", "--all")
    assert seen(home) == rows
    april = of(seen(home, as_of=dt.date(2026, 4, 30)), "Wang Lei")
    assert shown(april, *OVERRIDES) == ["3", "1", "2", "0", "0"]
    may = of(seen(home, as_of=dt.date(2026, 5, 31)), "Wang Lei")
    assert shown(may, *OVERRIDES) == ["3", "1", "1", "1", "0"]


def test_what_the_policy_gives_or_the_program_does_is_no_override(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = owned(home, "Hengda", (LONG_AGO, "u1"))
    bill(
        home, number, "paid", 90_000_000, dt.date(2026, 2, 1), paid=90_000_000, settled_on=dt.date(2026, 2, 1)
    )
    on(monkeypatch, dt.date(2026, 3, 9))
    run(home, "assess")
    (line,) = home.rows("customer", "list")
    assert float(line["limit"]) > 1000
    run(
        home,
        "limit",
        "set",
        "--customer",
        str(number),
        "--amount",
        "1000",
        "--reason",
        "x",
        "--actor",
        "Wang Lei",
    )
    held_order(home, "SO-1", at(10, 9), number)
    with home.opened() as runtime, runtime.store.write() as tx:
        journal.add(tx, at(10, 10), "check", "order_ready", "order crm/SO-1", {})
    decided(home, "SO-1", "released", "Wang Lei", at(10, 12))
    on(monkeypatch, dt.date(2026, 4, 1))
    found = of(seen(home), "Wang Lei")
    assert shown(found, *OVERRIDES) == ["0", "0", "0", "0", "0"] and found["holds_answered"] == 1


def test_visits_made_missed_and_above_capacity(home: Home) -> None:
    """Chen has four visits in the week of the ninth with a bound of three: one above. One was made, one
    missed and made later, one missed, one deleted, and one moved to April."""
    number = owned(home, "Hengda", (LONG_AGO, "u1"))
    days = {"a": 9, "b": 10, "c": 11, "d": 12, "e": 13, "f": 13}
    with home.opened() as runtime, runtime.store.write() as tx:
        for key, day in days.items():
            one = visits.Visit(
                key, number, 1, f"A{number}", "u1", dt.date(2026, 3, day), "visit_class", "normal"
            )
            visits.add(tx, [one], at(2))
            _planned(tx, one)
        for key in ("b", "c"):
            detail = {"visit": key, "connection": 1, "owner": "u1", "due_on": f"2026-03-{days[key]}"}
            detail |= {"before": "planned", "after": "missed"}
            journal.add(tx, at(20), "calendar", "visit_missed", f"customer {number}", detail)
        told = [
            _told("a", state=VisitState.DONE, closed_at=at(9)),
            _told("b", state=VisitState.DONE, closed_at=at(25)),
            _told("d", state=VisitState.DROPPED),
            _told("e", due_on=dt.date(2026, 4, 3)),
        ]
        visits.settle(tx, 1, told, at(26))
    rows = seen(home)
    # a, b, c and f are left in March, all in one week: 4 - 3 = 1 above.
    assert shown(of(rows, "Chen Yu"), *VISITS) == ["4", "2", "2", "1"]
    # Before the CRM told of them on the 26th all six were due, none made, and 6 - 3 = 3 above.
    assert shown(of(seen(home, as_of=dt.date(2026, 3, 25)), "Chen Yu"), *VISITS) == ["6", "0", "2", "3"]


def _planned(tx: Any, one: visits.Visit) -> None:
    detail = {"visit": one.key, "connection": 1, "owner": one.owner_id, "per_week": 3}
    detail |= {"due_on": one.due_on, "reason": one.reason}
    journal.add(tx, at(2), "calendar", "visit_planned", f"customer {one.customer_id}", detail)


def _told(key: str, **values: Any) -> VisitResult:
    return VisitResult(external_id=key, key=key, **values)


def test_visits_that_were_planned_and_told_as_in_the_product_are_counted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = home.folder / "policies" / "standard.yaml"
    text = policy.read_text(encoding="utf-8").replace("review_days: 90}", "review_days: 90, visit_days: 20}")
    policy.write_text(text + "visits: {per_week: 2, missed_after_days: 3}\n", encoding="utf-8")
    numbers = [owned(home, f"Customer {n}", (LONG_AGO, "u2")) for n in range(3)]
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(account.update().where(account.c.customer_id.in_(numbers)).values(owner_id="u2"))
    on(monkeypatch, dt.date(2026, 3, 2))
    run(home, "assess")
    run(home, "visit", "plan")
    on(monkeypatch, dt.date(2026, 4, 1))
    run(home, "visit", "plan")
    due = [row["due_on"] for row in home.rows("visit", "list")]
    in_march = sum(day < "2026-04" for day in due)
    found = of(seen(home), "Zhao Min")
    assert in_march == 3 and shown(found, *VISITS) == ["3", "0", "0", "0"]
    # The plan of the first of April noticed which were missed: as of April they count.
    assert of(seen(home, as_of=dt.date(2026, 4, 1)), "Zhao Min")["visits_missed"] == 3


def test_whoever_is_spelt_otherwise_is_one_person_and_a_stranger_goes_by_the_crms_name(home: Home) -> None:
    for name, owner in (("A", "u1"), ("B", "u2"), ("C", "u3"), ("D", "u9")):
        owned(home, name, (LONG_AGO, owner))
    rows = seen(home)
    people = [(one.who, one.team) for one in rows if one.kind == "person"]
    assert people == [("Chen Yu", "East"), ("crm/u9", None), ("Sun Hao", None), ("Zhao Min", "East")]
    assert [one.team for one in rows if one.kind == "team"] == ["East", None]
    assert team(rows, "East")["customers"] == 2 and dict(rows[-1].figures)["customers"] == 4


def test_a_customer_of_two_people_counts_once_in_their_team_and_nothing_is_not_zero() -> None:
    one, other = Tally(), Tally(over=0)
    one.customers = {1: Standing(100_00, 10_00, None), 2: Standing(300_00, 0, None)}
    other.customers = {1: Standing(100_00, 10_00, None), 3: None}
    both = total([one, other]).figures("CNY")
    assert shown(both, *BOOK) == ["3", "1", "400.00", "10.00", "2.5", None, None]
    nothing = total([]).figures("CNY")
    unknown = {name for name, value in nothing.items() if value is None}
    assert unknown == {
        *("reviews_on_time_percent", "hold_hours", "signal_hours", "exposure", "overdue", "overdue_percent"),
        *("written_off", "bad_debt_percent", "visits_over_capacity"),
    }
    assert both["visits_over_capacity"] == 0

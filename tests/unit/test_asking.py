"""Which agency is asked: by country and size, in order, when it is time, within what it may cost."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa

from connector import adapter as ports
from connector.adapter import Fetched, Match, Subject
from connector.bureau.choice import TEXT, Agencies, Choice, load
from connector.errors import Halt, Retry
from connector.store import schema, spending
from connector.store.engine import Store
from connector.store.signals import raise_signal
from connector.store.spending import Bound
from connector.store.tables import report
from tests.cli_home import KINDS, FakeBureau, Home, make_home

PRICED = ("password=hush", "price_report=10 CNY")
CHOICES = """\
agencies: 1
choices:
  - {countries: [CN], ask: [first, second]}
  - {countries: [GB], size_from: 1000, ask: [second]}
"""


class Another(FakeBureau):
    """An agency of its own."""

    matches: ClassVar[dict[str, list[Match] | Exception]] = {}
    reports: ClassVar[dict[str, Exception]] = {}
    asked: ClassVar[list[Subject]] = []
    fetched: ClassVar[list[str]] = []

    def fetch(self, ref: str) -> Fetched:
        found = super().fetch(ref)
        return Fetched(found.report.model_copy(update={"provider": "another"}), found.raw)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    kinds = {**KINDS, "another": ("bureau", Another)}
    made = make_home(tmp_path, monkeypatch)
    monkeypatch.setattr(ports, "find", lambda kind: kinds[kind])
    monkeypatch.setattr(ports, "kinds", lambda: sorted(kinds))
    for name, value in {"matches": {}, "reports": {}, "asked": [], "fetched": []}.items():
        monkeypatch.setattr(Another, name, value)
    made.connect()
    made.connect("agency", "first", *PRICED)
    made.connect("another", "second", *PRICED)
    choose(made, CHOICES)
    return made


def choose(home: Home, text: str) -> None:
    (home.folder / "agencies.yaml").write_text(text, encoding="utf-8")


def known(agency: type[FakeBureau], name: str, ref: str) -> None:
    agency.matches[name] = [Match(ref, name, 1.0, "identifier")]


def asked(home: Home, *args: str, code: int = 0) -> dict[str, dict[str, Any]]:
    done = home.run("bureau", "refresh", *args, "--format", "json")
    assert done.code == code, done.err
    return {row["connection"]: row for row in done.json}


def test_the_next_agency_is_asked_only_about_whom_the_first_does_not_know_or_cannot_say(home: Home) -> None:
    for number, name in enumerate(("Known", "Unknown", "Broken"), 1):
        home.customer(name)
        known(Another, name, f"S{number}")
    known(FakeBureau, "Known", "F1")
    FakeBureau.matches["Broken"] = Retry("the agency is busy")
    found = asked(home, code=1)
    assert (found["first"]["stored"], found["first"]["not_on_file"], found["first"]["faults"]) == (1, 1, 1)
    assert found["second"]["stored"] == 2 and sorted(Another.fetched) == ["S2", "S3"]
    assert asked(home) == {}


def test_whoever_has_a_report_is_not_asked_about_again_when_the_agency_stops_midway(home: Home) -> None:
    choose(home, CHOICES + "ceilings: {currency: CNY, daily: 10}\n")
    home.connect("agency", "third", "password=hush")
    for number, name in enumerate(("One", "Two"), 1):
        home.customer(name)
        known(FakeBureau, name, f"F{number}")
        known(Another, name, f"S{number}")
    found = asked(home, code=1)
    assert found["first"]["stored"] == 1 and Another.fetched == []
    (refused,) = home.journal("report_too_dear")[:1]
    assert "ceiling" in refused["why"] and refused["actor"]
    calls = [(one["connection"], one["call"]) for one in home.journal("report_asked")]
    assert ("first", "report") in calls and {"price", "currency"} <= home.journal("report_asked")[-1].keys()


def test_doctor_names_unknown_agencies_and_countries_without_a_choice(home: Home) -> None:
    choose(home, CHOICES.replace("[second]", "[secnd]"))
    home.customer("Elsewhere", country="BR")
    said = [one for one in home.run("doctor", "--format", "json").json if one["what"] == "agencies"]
    assert [one["level"] for one in said] == ["warn", "warn"]
    assert "secnd" in said[0]["found"] and "BR (1)" in said[1]["found"]


def test_country_and_size_choose_and_whom_no_choice_fits_is_said(home: Home) -> None:
    home.customer("Small Ltd", country="GB")
    home.customer("Nobody knows where", country=None)
    known(Another, "Small Ltd", "S1")
    done = home.run("bureau", "refresh", "--format", "json")
    assert done.json == [] and "2 customers fit no choice" in done.err
    with home.opened() as runtime, runtime.store.write() as tx:
        from connector.store.lines import CUSTOMER, Line, save

        line = Line(CUSTOMER, 1, "CNY", "amount", 500_000, 0, "ok")
        save(tx, [line], runtime.rates, runtime.today())
    assert asked(home)["second"]["stored"] == 1


def test_a_report_is_bought_again_when_the_calendar_of_the_class_says_so(home: Home) -> None:
    home.customer("Known")
    known(FakeBureau, "Known", "F1")
    asked(home)
    assert asked(home) == {}
    aged(home, 91)
    assert asked(home)["first"]["stored"] == 1
    choose(home, CHOICES + "fresh_days: 30\n")
    aged(home, 31)
    assert asked(home)["first"]["stored"] == 1
    assert asked(home, "--customer", "1")["first"]["stored"] == 1  # whoever is named is asked about


def test_an_alarm_that_is_newer_than_the_report_makes_it_due_once(home: Home) -> None:
    home.customer("Known")
    known(FakeBureau, "Known", "F1")
    asked(home)
    aged(home, 5)
    with home.opened() as runtime, runtime.store.write() as tx:
        now = runtime.now() - dt.timedelta(days=1)
        raise_signal(tx, customer_id=1, kind="overdue", severity="alarm", evidence={}, now=now)
    assert asked(home)["first"]["stored"] == 1
    assert asked(home) == {}
    choose(home, CHOICES + "renew_on_alarm: false\n")
    aged(home, 5)
    assert asked(home) == {}


def test_a_doubtful_match_waits_for_a_person_and_no_other_agency_is_asked(home: Home) -> None:
    home.customer("Known")
    FakeBureau.matches["Known"] = [Match("F1", "Known?", 0.6, "name")]
    known(Another, "Known", "S1")
    assert asked(home, code=1)["first"]["doubtful"] == 1
    assert Another.asked == [] and asked(home) == {}


def test_no_more_is_spent_than_the_ceiling_of_the_day_and_of_the_month(home: Home) -> None:
    for number in range(5):
        home.customer(f"Firm {number}")
        known(FakeBureau, f"Firm {number}", f"F{number}")
    choose(home, CHOICES.replace(", second", "") + "ceilings: {currency: CNY, daily: 30}\n")
    done = home.run("bureau", "refresh", "--format", "json")
    assert done.code == 1 and done.json[0]["stored"] == 3 == len(FakeBureau.fetched)
    assert "ceiling" in done.err and "agencies.yaml" in done.err
    choose(home, CHOICES + "ceilings: {currency: CNY, daily: 90, monthly: 40}\n")
    assert asked(home, code=1)["first"]["stored"] == 1
    assert asked(home, code=1)["first"]["stored"] == 0


def test_what_delivered_nothing_costs_nothing(home: Home) -> None:
    home.customer("Gone")
    known(FakeBureau, "Gone", "F1")
    from connector.errors import Reject

    FakeBureau.reports["F1"] = Reject("no such company", code="not_found", field="ref")
    choose(home, CHOICES + "ceilings: {currency: CNY, daily: 30}\n")
    asked(home)
    with home.opened() as runtime, runtime.store.read() as tx:
        assert spending.spent(tx, "CNY", runtime.today().isoformat()) == 0


def test_a_kill_between_paying_and_storing_costs_one_price_more_and_the_next_run_stores_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.customer("Known")
    known(FakeBureau, "Known", "F1")
    choose(home, CHOICES + "ceilings: {currency: CNY, daily: 30}\n")

    class Killed(BaseException):
        """The process dies at this line."""

    def dies(self: FakeBureau, ref: str) -> Fetched:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(FakeBureau, "fetch", dies)
        home.run("bureau", "refresh")
    assert len(home.journal("report_asked")) >= 1 and home.journal("report_stored") == []
    assert asked(home)["first"]["stored"] == 1
    assert asked(home) == {}
    with home.opened() as runtime, runtime.store.read() as tx:
        assert spending.spent(tx, "CNY", runtime.today().isoformat()) == 2_000
        assert tx.execute(sa.select(sa.func.count()).select_from(report)).scalar_one() == 1


def test_with_a_ceiling_a_call_without_a_price_or_a_rate_is_not_made(home: Home) -> None:
    home.customer("Known")
    known(FakeBureau, "Known", "F1")
    choose(home, CHOICES.replace(", second", "") + "ceilings: {currency: JPY, daily: 30}\n")
    done = home.run("bureau", "refresh")
    assert done.code == 1 and "nobody has said what a call" in done.err
    assert FakeBureau.fetched == []


def test_an_agency_that_is_not_there_is_named_with_the_file(home: Home) -> None:
    home.customer("Known")
    choose(home, CHOICES.replace("second]", "sceond]"))
    done = home.run("bureau", "refresh")
    assert done.code == 2 and "sceond" in done.err and "agencies.yaml" in done.err


def aged(home: Home, days: int) -> None:
    """All reports were fetched so many days ago."""
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(sa.update(report).values(fetched_at=runtime.now() - dt.timedelta(days=days)))


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_many_who_spend_at_once_stay_within_the_ceiling(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    store = Store(url)
    schema.upgrade(store)
    bounds, taken = [Bound("2026-03", None), Bound("2026-03-02", 100)], []

    def spend() -> None:
        for _ in range(10):
            with store.write() as tx:
                if spending.take(tx, "CNY", 7, bounds) is None:
                    taken.append(7)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    with store.read() as tx:
        assert spending.spent(tx, "CNY", "2026-03-02") == sum(taken) == 98
    store.close()


def test_the_shipped_file_is_valid_as_it_is_and_with_its_examples(tmp_path: Path) -> None:
    path = tmp_path / "agencies.yaml"
    path.write_text(TEXT, encoding="utf-8")
    assert load(path) == load(tmp_path / "not there") == Agencies(by_class={}) or load(path).choices == ()
    examples = "\n".join(
        line[1:] if line.startswith(("#fresh", "#by", "#choices", "#  -", "#renew", "#ceil")) else line
        for line in TEXT.splitlines()
    )
    path.write_text(examples, encoding="utf-8")
    found = load(path)
    assert found.order("CN", Decimal(600_000), ()) == ("qichacha", "tianyancha")
    assert found.order("CN", None, ()) == ("tianyancha",)
    assert found.order("GB", Decimal(60_000), ()) == found.order(None, None, ()) == ("creditsafe", "dnb")
    assert found.ceilings is not None and found.ceilings.daily == 50_000
    assert (found.fresh("C", 90), found.fresh("A", 90), found.fresh(None, 90)) == (30, 90, 90)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("choices: [{ask: []}]", "asks nobody"),
        ("choices: [{countries: [China], ask: [a]}]", "'China' is no country"),
        ("choices: {ask: a}", "is no list"),
        ("choices: [{ask: [a], size_from: much}]", "is no amount"),
        ("ceilings: {daily: 5}", "no currency"),
        ("ceilings: {currency: CNY, daily: -5}", "is no amount"),
        ("fresh_days: soon", "is no number of days"),
        ("renew_on_alarm: perhaps", "neither true nor false"),
        ("choice: []", "choice"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "agencies.yaml"
    path.write_text(f"agencies: 1\n{line}\n", encoding="utf-8")
    with pytest.raises(Halt) as found:
        load(path)
    assert said in str(found.value) and "agencies.yaml:2" in str(found.value)


def test_a_choice_without_countries_is_for_all_and_an_unknown_size_counts_as_the_smallest() -> None:
    every, large = Choice(("a",)), Choice(("b",), size_from=Decimal(10))
    assert every.fits(None, None) and every.fits("CN", Decimal(5))
    assert not large.fits("CN", None) and large.fits("CN", Decimal(10))

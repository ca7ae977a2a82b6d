"""``bureau watch`` and ``bureau changes``: who is watched, and what a change leads to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from connector.adapter import Change, Fetched, Match, Watching
from connector.errors import Retry
from tests.cli_home import KINDS, FakeBureau, Home, make_home


class Watchful(Watching, FakeBureau):
    """An agency that watches; ``blind`` when it cannot say whom."""

    members: ClassVar[set[str]] = set()
    news: ClassVar[list[Change]] = []
    since: ClassVar[list[dt.datetime]] = []
    blind: ClassVar[bool] = False

    def watched(self) -> frozenset[str] | None:
        return None if self.blind else frozenset(self.members)

    def watch(self, refs: Sequence[str]) -> None:
        self.members.update(refs)

    def unwatch(self, refs: Sequence[str]) -> None:
        self.members.difference_update(refs)

    def changes(self, since: dt.datetime) -> list[Change]:
        self.since.append(since)
        return list(self.news)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    monkeypatch.setitem(KINDS, "agency", ("bureau", Watchful))
    for name, value in (("members", set()), ("news", []), ("since", []), ("blind", False)):
        monkeypatch.setattr(Watchful, name, value)
    made.connect()
    made.connect("agency", "bureau")
    return made


def on_file(home: Home, name: str, ref: str) -> int:
    """A customer with a report on ``ref``."""
    number = home.customer(name)
    FakeBureau.matches[name] = [Match(ref, name, 1.0, "identifier")]
    assert home.run("bureau", "refresh", "bureau").code == 0
    return number


def news(home: Home, ref: str, key: str, days: int = 0) -> None:
    with home.opened() as runtime:
        Watchful.news.append(Change(ref, runtime.now() + dt.timedelta(days=days), "the rating", key))


@pytest.mark.parametrize("blind", [False, True])
def test_those_with_a_report_are_watched_and_others_dropped(
    home: Home, monkeypatch: pytest.MonkeyPatch, blind: bool
) -> None:
    monkeypatch.setattr(Watchful, "blind", blind)
    on_file(home, "Hengda Metal", "R1")
    home.customer("Never Asked")
    Watchful.members.add("R9")
    for _ in range(2):
        row = home.rows("bureau", "watch", "bureau")[0]
        assert row["watched"] == 1
    assert Watchful.members == ({"R1", "R9"} if blind else {"R1"})
    first, second = home.journal("reports_watched")[:2]
    assert first["watched"] == 1
    assert (second["call"], second["basis"]) == ("watch", "legal_basis") and second["subject"] != first[
        "subject"
    ]


def test_nobody_is_watched_without_a_ground(home: Home) -> None:
    on_file(home, "Hengda Metal", "R1")
    home.connect("agency", "bureau", "password=hush", "legal_basis=")
    Watchful.members.add("R1")
    done = home.run("bureau", "watch", "bureau", "--format", "json")
    assert (done.code, done.json[0]["no_ground"], Watchful.members) == (1, 1, set())
    assert home.journal("report_refused")[-1]["call"] == "watch"


def test_a_change_renews_the_report_once(home: Home) -> None:
    number = on_file(home, "Hengda Metal", "R1")
    on_file(home, "Other Ltd", "R2")
    news(home, "R1", "k1")
    news(home, "R1", "k1")
    news(home, "unknown", "k2")
    assert home.rows("bureau", "changes", "bureau")[0]["stored"] == 1
    assert FakeBureau.fetched == ["R1", "R2", "R1"]
    assert [entry["subject"] for entry in home.journal("report_changed")] == [f"customer {number}"]
    assert home.rows("bureau", "changes", "bureau")[0]["due"] == 0, "the same change told again is no news"


def test_a_rating_that_an_agency_changes_becomes_a_signal(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_file(home, "Hengda Metal", "R1")
    first = Watchful.fetch

    def worse(self: Watchful, ref: str) -> Fetched:
        found = first(self, ref)
        told = {"band": "D", "pd_12m": 0.09, "as_of": found.report.as_of + dt.timedelta(days=1)}
        return Fetched(found.report.model_copy(update=told), found.raw + b" ")

    monkeypatch.setattr(Watchful, "fetch", worse)
    news(home, "R1", "n1", days=1)
    assert home.run("bureau", "changes", "bureau").code == 0
    (signal,) = home.rows("signal", "list")
    assert signal["kind"] == "agency_rating_changed" and signal["severity"] == "warning"
    assert (signal["evidence"]["band_before"], signal["evidence"]["band"]) == ("B", "D")


def test_what_happened_long_before_the_report_stands_in_it(home: Home) -> None:
    on_file(home, "Hengda Metal", "R1")
    news(home, "R1", "k1", days=-20)
    assert home.rows("bureau", "changes", "bureau")[0]["due"] == 0


def test_a_change_whose_report_could_not_be_had_is_tried_again(home: Home) -> None:
    on_file(home, "Hengda Metal", "R1")
    news(home, "R1", "k1")
    FakeBureau.reports["R1"] = Retry("busy")
    assert home.run("bureau", "changes", "bureau").code != 0
    Watchful.news.clear()  # an agency may tell a change once only
    del FakeBureau.reports["R1"]
    assert home.rows("bureau", "changes", "bureau")[0]["stored"] == 1


def test_changes_are_asked_for_from_before_the_last_time(home: Home) -> None:
    home.run("bureau", "changes", "bureau")
    home.run("bureau", "changes", "bureau")
    first, second = Watchful.since
    assert dt.timedelta(days=27) < second - first < dt.timedelta(days=29)


def test_an_agency_that_tells_no_changes_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "agency", ("bureau", FakeBureau))
    done = home.run("bureau", "changes", "bureau")
    assert done.code == 2 and "tells no changes" in done.err

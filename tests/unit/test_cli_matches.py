"""``bureau matches``: a person decides who a customer is, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.adapter import Match
from tests.cli_home import FakeBureau, Home, make_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    made.connect("agency", "bureau")
    made.customer("Hengda Metal")
    FakeBureau.matches["Hengda Metal"] = [
        Match("R7", "Hengda Metals Trading", 0.8, "name"),
        Match("R8", "Hengda Metal Works", 0.7, "name"),
    ]
    return made


def refresh(home: Home, *args: str) -> dict[str, int]:
    row: dict[str, int] = home.run("bureau", "refresh", "bureau", *args, "--format", "json").json[0]
    return row


def test_an_accepted_match_is_fetched_without_searching_again(home: Home) -> None:
    assert refresh(home)["doubtful"] == 1
    first, second = home.rows("bureau", "matches", "list")
    assert (first["ref"], first["candidate"], first["confidence"]) == ("R7", "Hengda Metals Trading", "0.80")
    assert home.run("bureau", "matches", "accept", str(second["id"]), "--actor", "Lin").code == 0
    assert refresh(home)["stored"] == 1
    assert (len(FakeBureau.asked), FakeBureau.fetched) == (1, ["R8"])
    assert home.rows("bureau", "matches", "list") == []
    states = {row["ref"]: row["state"] for row in home.rows("bureau", "matches", "list", "--all")}
    assert states == {"R7": "declined", "R8": "accepted"}
    assert home.journal("match_accepted")[0]["actor"] == "Lin"
    assert home.journal("report_stored")[0]["by"] == "person"


def test_a_match_that_waits_is_not_asked_about_again(home: Home) -> None:
    refresh(home)
    assert refresh(home)["due"] == 0
    assert len(FakeBureau.asked) == 1
    assert refresh(home, "--customer", "1")["doubtful"] == 1
    assert len(home.rows("bureau", "matches", "list")) == 2


def test_a_declined_match_is_not_proposed_again(home: Home) -> None:
    refresh(home)
    for row in home.rows("bureau", "matches", "list"):
        assert home.run("bureau", "matches", "decline", str(row["id"]), "--actor", "Lin").code == 0
    assert refresh(home)["not_on_file"] == 1
    assert home.rows("bureau", "matches", "list") == []
    assert refresh(home)["due"] == 0


def test_a_decision_can_be_changed_and_the_same_one_twice_is_one(home: Home) -> None:
    refresh(home)
    number = str(home.rows("bureau", "matches", "list")[0]["id"])
    for word in ("decline", "accept", "accept"):
        assert home.run("bureau", "matches", word, number, "--actor", "Lin").code == 0
    assert len(home.journal("match_accepted")) == 1
    assert refresh(home)["stored"] == 1
    missing = home.run("bureau", "matches", "accept", "99", "--actor", "Lin")
    assert missing.code == 2 and "no match 99" in missing.err

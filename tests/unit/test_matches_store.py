"""Kept candidates: decisions outlive what an agency answers later."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.adapter import Match
from connector.store import matches
from tests.cli_home import make_home


def test_what_a_person_decided_outlives_later_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home(tmp_path, monkeypatch)
    home.connect()
    home.connect("agency", "bureau")
    number = home.customer("Hengda Metal")
    with home.opened() as runtime:
        agency, now = runtime.connections.get("bureau").id, runtime.now()
        twice = [Match("R1", "Hengda", 0.7, "name"), Match("R1", "Hengda", 0.7, "name")]
        with runtime.store.write() as tx:
            matches.remember(tx, number, agency, twice, now)
            assert len(matches.find(tx)) == 1
            matches.decide(tx, matches.find(tx)[0], matches.DECLINED, "Lin", now)
            matches.remember(tx, number, agency, [Match("R1", "Hengda Works", 0.8, "name")], now)
            found = matches.find(tx)[0]
            assert (found.state, found.candidate, found.confidence) == ("declined", "Hengda Works", 0.8)
            assert matches.without_declined(tx, number, agency, twice) == []
            assert matches.waiting(tx, agency, now) == set()
            assert matches.accepted(tx, number, agency) is None

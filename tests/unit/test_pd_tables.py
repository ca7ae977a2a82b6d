"""Probability tables: named, versioned, replaced by an admin's own, refused when they make no sense."""

from __future__ import annotations

from decimal import Decimal
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bureau.creditsafe import Creditsafe
from adapters.bureau.dnb import DunBradstreet
from adapters.bureau.pd_tables import Classes, grades, load, of_classes
from connector.errors import Halt
from tests.agency_bench import Bench

SHIPPED = resources.files("adapters.bureau").joinpath("pd-tables.yaml").read_text(encoding="utf-8")


def own(folder: Path, old: str, new: str) -> str:
    """The path of a copy of the shipped file with one change."""
    assert old in SHIPPED
    place = folder / "own.yaml"
    place.write_text(SHIPPED.replace(old, new), encoding="utf-8")
    return str(place)


def failure_classes() -> Classes:
    found = of_classes(load(), "dnb-failure", "US")
    assert found is not None
    return found


def test_every_table_carries_its_version_in_its_name():
    assert {name: table.name for name, table in load().items()} == {
        "eu-cqs": "eu-cqs-2016-1799",
        "creditsafe-presets": "creditsafe-presets-1",
        "dnb-failure-us": "dnb-failure-us-1",
    }


@given(percentile=st.integers(1, 99))
def test_a_safer_percentile_never_has_a_higher_probability(percentile: int):
    table = failure_classes()
    one, next_one = table.by_percentile(percentile).pd, table.by_percentile(percentile + 1).pd
    assert one is not None and next_one is not None and one >= next_one > 0


@pytest.mark.parametrize(
    ("percentile", "pd"), [(1, "0.047"), (18, "0.00822"), (51, "0.0024"), (100, "0.0003")]
)
def test_percentiles_are_read_log_linearly_between_the_middles_of_classes(percentile: int, pd: str):
    found = failure_classes().by_percentile(percentile).pd
    assert found is not None and abs(found / Decimal(pd) - 1) < Decimal("0.02")


def test_a_grade_that_the_table_does_not_know_has_no_probability():
    assert grades(load(), "eu-cqs").estimate("AAAg").pd is None
    assert failure_classes().by_class("6").pd is None


def test_an_admins_own_file_takes_the_place_of_the_shipped_one(tmp_path: Path):
    path = own(tmp_path, "countries: [US]", 'countries: ["*"]')
    table = of_classes(load(path), "dnb-failure", "GB")
    assert table is not None and table.covers("DE")
    assert of_classes(load(), "dnb-failure", "GB") is None
    Bench(DunBradstreet, key="k", secret="s", pd_tables=path)
    Bench(Creditsafe, username="u", password="p", pd_tables=path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("D: {pd: 8}", "D: {pd: 0.1}", "safest first"),
        ("D: {pd: 8}", "D: {pd: 800}", "no percentage"),
        ("D: {pd: 8}", "D: {pd: eight}", "cannot be read"),
        ("kind: classes", "kind: magic", "grades or classes"),
        ("from: 95, to: 100", "from: 95, to: 101", "from 0 to 100"),
        ("  version: 1\n  kind: classes", "  kind: classes", "cannot be read"),
        ("creditsafe-presets:", "creditsafe-presets: [", "cannot be read"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_name(tmp_path: Path, old: str, new: str, said: str):
    with pytest.raises(Halt, match=said) as fault:
        load(own(tmp_path, old, new))
    assert "own.yaml" in str(fault.value)


def test_a_missing_file_and_a_missing_table_halt(tmp_path: Path):
    with pytest.raises(Halt, match="cannot be read"):
        load(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(Halt, match="no table"):
        grades(load(), "dnb-failure-us")

"""A year in short: an installation lives through days in logical time beside customers that go bad in ten
known ways, is killed on some of them and runs them again.

The whole year is ``benchmarks/simulated_year.py``; here declines are quicker, customers fewer, and the verbs
run twice a week.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks.year_day import KILLED
from benchmarks.year_figures import figures, missed
from benchmarks.year_run import install, run
from sandbox.year.economy import Plan, build
from sandbox.year.holidays import DAY
from sandbox.year.serve import apps
from sandbox.year.tempers import WAYS
from tests import forked
from tests.new_store import new_home
from tests.sandbox_server import running

PLAN = Plan(good=20, each=1, days=112, onset=(5, 12), haste=0.3, quick=True)
# The share of good customers that may be warned of in these four months, with the Spring Festival in them.
FALSE_ALARMS = 0.4
# Day of the year and the writing transaction before whose commit the process ends: while it reads, while it
# judges, while it writes back, while it tells.
CUTS = {3: 3, 24: 14, 45: 22, 66: 31, 80: 38, 94: 45}


def _cut(home: Path, door: str, moment: str, number: int) -> int:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CREDITGATE_")}
    done = forked.run("benchmarks.year_day", str(home), door, moment, str(number), env=kept)
    assert done.returncode in (0, KILLED), done.stderr
    return done.returncode


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    home = new_home(tmp_path_factory.mktemp("year") / "home")
    economy = build(PLAN)
    days = [day for day in range(PLAN.days) if (PLAN.start + day * DAY).weekday() in (0, 3)]
    with ExitStack() as stack:
        bases = {name: stack.enter_context(running(app)) for name, app in apps(PLAN).items()}
        clock = install(home, bases, PLAN)
        killed = run(home, clock, economy, CUTS, _cut, days=days)
        yield {**figures(home, clock, economy, bases), "killed": killed}


@pytest.mark.parametrize("way", [one.way for one in WAYS])
def test_a_customer_that_goes_bad_is_warned_of_before_its_first_sixty_days_overdue(
    year: dict[str, Any], way: str
) -> None:
    found = year["ways"][way]
    assert found["reached"] == found["customers"] >= PLAN.each
    assert found["warned_before"] == found["reached"]
    assert found["lead_days_min"] >= 14


def test_nobody_was_missed(year: dict[str, Any]) -> None:
    assert len(year["ways"]) == 10
    assert missed(year) == 0


def test_good_customers_are_mostly_left_in_peace(year: dict[str, Any]) -> None:
    assert year["good"]["customers"] == PLAN.good
    assert year["good"]["share_warned"] <= FALSE_ALARMS


def test_no_signal_was_sent_twice_though_days_were_cut_and_run_again(year: dict[str, Any]) -> None:
    assert year["killed"] == len(CUTS)
    assert min(year["told"].values()) > 0
    for channel, twice in year["twice"].items():
        assert (twice["by_identity"], twice["by_content"], twice["marked"]) == (0, 0, 0), channel

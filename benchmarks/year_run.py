"""A whole simulated year: an installation, its servers, and every day of it, some of them cut and run again.

Invariant: the truth is read off the economy, what was told off the receivers' own pages, and only what was
raised when off the store.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks import year_people
from benchmarks.year_day import Clock, first_run, live, opened
from connector.admin.connect import add, kind_of
from connector.admin.home import found
from connector.admin.provision import provision
from connector.runtime import Runtime
from sandbox.run import installed
from sandbox.year.economy import Economy, Plan
from sandbox.year.holidays import DAY
from sandbox.year.serve import DOOR

CHANNELS = {"webhook": "info", "wecom": "warning", "dingtalk": "alarm"}
RATES = "EUR,2000-01-01,7.85\nUSD,2000-01-01,7.20\nGBP,2000-01-01,9.15\nJPY,2000-01-01,0.048\n"

LETTERHEAD = '\n[letterhead]\nname = "Example Trading Co."\naccount = "IBAN XX00"\ncontact = "021-5555"\n'

Cut = Callable[[Path, str, str, int], int]
"""Runs ``benchmarks.year_day`` with these arguments in another process; its exit code."""


def install(home: Path, bases: Mapping[str, str], plan: Plan) -> Clock:
    """An installation in ``home``, which has its store already or gets one, connected and provisioned; its
    clock, on the evening before the year."""
    for _ in found(home):
        pass
    with (home / "rates.csv").open("a") as rates:
        rates.write(RATES)
    with (home / "creditgate.toml").open("a") as config:
        config.write(LETTERHEAD)
    clock = Clock(bases[DOOR], first_run(plan.start - DAY) + dt.timedelta(hours=13))
    with opened(home, clock) as runtime:
        for name, base in bases.items():
            if name != DOOR:
                _connect(runtime, name, base)
        for one in runtime.connections.all("crm"):
            provision(runtime, one, dry_run=False, actor="admin")
    return clock


def _connect(runtime: Runtime, name: str, base: str) -> None:
    known = installed()[name]
    settings = dict(known.settings_at(base))
    if name in CHANNELS:
        settings["least"] = CHANNELS[name]
    add(runtime, kind_of(known.kind), name, settings, actor="admin")


def run(
    home: Path,
    clock: Clock,
    economy: Economy,
    cuts: Mapping[int, int],
    cut: Cut,
    *,
    days: Sequence[int] | None = None,
    told: Callable[[int], None] = lambda number: None,
) -> int:
    """Every day of the year, or ``days`` of it (counted from 0). A day in ``cuts`` is first run in a process
    that ends before the commit of the given transaction, then again as a whole; how many ended so."""
    killed = 0
    with opened(home, clock) as runtime:
        mornings = [partial(year_people.write_down_promises, runtime, economy)]
        for number in days or range(economy.plan.days):
            begins = first_run(economy.plan.start + number * DAY)
            if number in cuts:
                clock.move(begins)
                killed += cut(home, clock.door, begins.isoformat(), cuts[number]) != 0
            # A process that died over a message keeps it for ten minutes; the schedule runs hourly.
            clock.move(begins + dt.timedelta(hours=number in cuts))
            live(runtime, clock, mornings)
            year_people.evening(runtime)
            told(number)
    return killed

"""A simulated year: 365 days in logical time with customers that go bad in ten known ways.

The economy (``sandbox.year``) answers over real HTTP as a CRM, a rating agency, a court register, a webhook
and two robots would on each day; the installation runs its verbs every day, and on some days is killed in
the middle and run again. Prints JSON: for each way how many were warned of before their first 60-day
overdue (all is the bound), how long before, and by which kind of signal first; the share of good customers
that were warned of at all, and how often; messages that came twice (none is the bound). Exit code 1 if a
customer was missed or a message came twice.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from benchmarks.year_figures import figures, missed, sent_twice
from benchmarks.year_run import install, run
from sandbox.year.economy import Plan, build
from sandbox.year.serve import written

FALSE_ALARMS = 1.0
"""Warnings about a good customer in a year that the standard policy is to stay below."""


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--good", type=int, default=60)
    parser.add_argument("--each", type=int, default=3, help="customers that go bad in each way")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="a folder for the installation, kept afterwards")
    given = parser.parse_args()
    plan = Plan(good=given.good, each=given.each, days=given.days, seed=given.seed)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, served(plan) as bases:
        home = given.keep or Path(folder)
        economy = build(plan)
        clock = install(home, bases, plan)
        killed = run(home, clock, economy, cuts(plan, given.kills), cut, told=_progress)
        found = figures(home, clock, economy, bases)
    bad, twice = missed(found), sent_twice(found)
    reached = sum(way["reached"] for way in found["ways"].values())
    result = {
        "benchmark": "simulated year",
        "customers": len(economy.members),
        "days": plan.days,
        "documents": sum(len(one.deals) for one in economy.members),
        **found,
        "missed": bad,
        "ratio_warned": round((reached - bad) / reached, 3) if reached else None,
        "bound_warned": 1.0,
        "ratio_false_alarms": round(found["good"]["warnings_per_customer_year"] / FALSE_ALARMS, 3),
        "bound_false_alarms_per_customer_year": FALSE_ALARMS,
        "sent_twice": twice,
        "bound_sent_twice": 0,
        "killed_days": killed,
        "seconds": round(time.perf_counter() - began),
    }
    print(orjson.dumps(result).decode())
    return int(bad > 0 or twice > 0)


def cuts(plan: Plan, count: int) -> dict[int, int]:
    """On which days the installation is killed, and before the commit of which transaction."""
    rng = random.Random(plan.seed)
    days = rng.sample(range(1, plan.days), min(count, plan.days - 1))
    return {day: rng.randint(1, 90) for day in days}


def cut(home: Path, door: str, moment: str, number: int) -> int:
    """A day in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.year_day", str(home), door, moment, str(number)]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode


@contextmanager
def served(plan: Plan) -> Iterator[Mapping[str, str]]:
    """The servers of the year in another process; their addresses by name."""
    command = [sys.executable, "-m", "sandbox.year.serve", written(plan)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())
        finally:
            server.terminate()


def _progress(day: int) -> None:
    if sys.stderr.isatty():
        print(f"\rday {day + 1}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Three daemons and four workers, of which some are killed, on vendors that have all kinds of faults: in the
end store and CRMs are as after an undisturbed run.

An hour of the calendar takes half a minute here; with CREDITGATE_WHOLE_HOUR it is one of ten minutes, with
more kills and a larger economy.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.runs import jobs_of
from connector.store import processes, queue, slots
from sandbox import faults, limits
from sandbox.server import Options
from sandbox.zoho import gatekeeper
from tests.conftest import database
from tests.e2e.hurried import BEGIN
from tests.forked import Forked, address
from tests.installation import Installation, installation
from tests.store_dump import dump

WHOLE = bool(os.environ.get("CREDITGATE_WHOLE_HOUR"))
SPEED = 6.0 if WHOLE else 180.0
KILLS = 60 if WHOLE else 6
PATIENCE_SECONDS = 900 if WHOLE else 150
OPTIONS = Options(accounts=150 if WHOLE else 12, seed=11, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))
WEATHER = {
    "429": 0.02,
    "500": 0.02,
    "502": 0.01,
    "503": 0.01,
    "drop": 0.02,
    "lost": 0.02,
    "read.hang": 0.002,
    "zoho.expired": 0.02,
    "fxiaoke.expired": 0.02,
}
CALENDAR = """schedules = [
  { verb = "pull", every = "10m", jitter = "30s" },
  { verb = "assess", every = "10m" },
  { verb = "visit plan", every = "10m" },
  { verb = "push", every = "10m", jitter = "20s" },
  { verb = "signal act", every = "10m" },
]
"""
# What comes of these depends on how far the rest is: a person lets them start, one after the other, when that
# has come to rest.
LATER, LAST = ("visit plan", "signal act"), ("assess", "visit plan", "push")
# What users of the CRMs do, and at which minute of the hour.
EVENTS = (
    (12, "zoho", "edit", {"module": "Invoices", "count": 3, "skip": 1, "values": {"Due_Date": "2026-02-01"}}),
    (18, "fxiaoke", "void", {"object": "SalesOrderObj", "count": 2, "skip": 2}),
    (27, "zoho", "delete", {"module": "Invoices", "count": 1}),
    (33, "fxiaoke", "edit", {"object": "AccountObj", "count": 2, "values": {"country": "US"}}),
    (38, "zoho", "edit", {"module": "Accounts", "count": 2, "values": {"Billing_City": "Harbin"}}),
)


@dataclass
class Sky:
    """Whether the faults strike, and how often a vendor's own limit was met."""

    stormy: bool = False
    beyond: list[str] = field(default_factory=list)


@pytest.fixture
def sky(monkeypatch: pytest.MonkeyPatch) -> Sky:
    made = Sky()
    strikes, hit = faults.Chances.strikes, faults.Chances.hit
    admits, too_many = limits.Window.admits, gatekeeper._too_many

    def counted(window: limits.Window, key: str) -> bool:
        fits = admits(window, key)
        if not fits:
            made.beyond.append(key)
        return fits

    def refused(message: str) -> Any:
        made.beyond.append(message)
        return too_many(message)

    monkeypatch.setattr(faults.Chances, "strikes", lambda *a: strikes(*a) if made.stormy else None)
    monkeypatch.setattr(faults.Chances, "hit", lambda *a: made.stormy and hit(*a))
    monkeypatch.setattr(limits.Window, "admits", counted)
    monkeypatch.setattr(gatekeeper, "_too_many", refused)
    return made


@pytest.fixture
def urls(postgres_server: sa.URL, postgres_template: str) -> tuple[str, str]:
    return (
        database(postgres_server, f"undisturbed TEMPLATE {postgres_template}"),
        database(postgres_server, f"disturbed TEMPLATE {postgres_template}"),
    )


def content(made: Installation) -> dict[str, Any]:
    with made.opened() as runtime:
        found: dict[str, Any] = {"store": dump(runtime.store)}
    return found | {name: made.door(name, "content") for name in made.bases}


def undisturbed(folder: Path, url: str) -> dict[str, Any]:
    with installation(folder, OPTIONS, pinned=True, database_url=url) as made:
        _chain(made, "pull", "assess", "push")
        for _, name, door, body in EVENTS:
            made.door(name, door, body)
        _chain(made, "pull", "assess", "push", *LATER, *LAST)
        return content(made)


def _chain(made: Installation, *commands: str) -> None:
    for command in commands:
        made.run(*command.split())


class Crew:
    """The daemons and workers of an installation, some of which are killed and started anew."""

    def __init__(self, made: Installation, log: Path) -> None:
        self._made = made
        self._log = log.open("ab")
        self.began = time.time()
        self.environment = made.environment | {
            "HURRY_FROM": str(self.began),
            "HURRY_SPEED": str(SPEED),
            "HURRY_FORKS": address(),
        }
        self.daemons = [self._start("daemon") for _ in range(3)]
        self.workers = [self._start("worker") for _ in range(4)]

    def minute(self) -> float:
        """How far the hour is."""
        return (time.time() - self.began) * SPEED / 60

    def kill(self, chance: random.Random) -> None:
        """Kill one of them, at most one daemon in seven, and start another in its place."""
        crew, what = (self.daemons, "daemon") if chance.random() < 0.15 else (self.workers, "worker")
        number = chance.randrange(len(crew))
        crew[number].kill()
        crew[number].wait(timeout=30)
        crew[number] = self._start(what)

    def rest(self, sky: Sky, *chain: str) -> None:
        """Wait until what has happened so far went through ``chain``, and the hour is over."""
        since = BEGIN + dt.timedelta(minutes=self.minute())
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not settled(self._made, since, *chain):
            assert time.monotonic() < deadline, "something is stuck"
            time.sleep(0.3)
            sky.stormy = self.minute() < 60

    def stop(self) -> None:
        """Stop the daemons, let the workers do what waits, and stop them; each ends by itself."""
        self._stopped(self.daemons)
        with self._made.opened() as runtime:
            for _ in range(300):
                with runtime.store.read() as tx:
                    states = {one.state for one in slots.latest(tx).values()}
                    if not queue.waiting(tx) and not states & {"queued", "running"}:
                        break
                time.sleep(0.1)
        self._stopped(self.workers)

    def _stopped(self, crew: list[Forked]) -> None:
        for one in crew:
            one.kill(15)
        assert [one.wait(timeout=30) for one in crew] == [0] * len(crew)

    def end(self) -> None:
        """End whatever is left."""
        for one in (*self.daemons, *self.workers):
            one.kill()
        self._log.close()

    def _start(self, what: str) -> Forked:
        streams = (None, None, self._log.fileno())
        return Forked("tests.e2e.hurried", what, env=self.environment, streams=streams)


def settled(made: Installation, since: dt.datetime, *chain: str) -> bool:
    """Whether the jobs of ``chain`` had slots after ``since``, one verb after the other, and nothing is left
    to assess or, after a push, to write."""
    with made.opened() as runtime, runtime.store.read() as tx:
        rows = tx.execute(sa.text("SELECT job, at FROM slot WHERE state = 'done' ORDER BY at")).all()
        left = sa.text(
            "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM customer WHERE changes > assessed)"
        )
        count = tx.execute(left).scalar_one()
        names = [job.name for job in jobs_of(runtime)]
    moment = (since - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    for verb in chain:
        latest = []
        for name in (name for name in names if name.startswith(verb)):
            later = [row.at for row in rows if row.job == name and row.at > moment]
            if not later:
                return False
            latest.append(later[0])
        moment = max(latest)
    return int(count) == 0 or chain[-1] != "push"


def hour(made: Installation, sky: Sky, crew: Crew) -> None:
    """Let it pass, with events and kills, until everything has come to rest; then plan and act once."""
    chance = random.Random(11)
    acts: list[tuple[float, Any]] = [(minute, event) for minute, *event in EVENTS]
    acts += [(chance.uniform(2, 55), None) for _ in range(KILLS)]
    for minute, event in sorted(acts, key=lambda act: act[0]):
        time.sleep(max(0.0, (minute - crew.minute()) * 60 / SPEED))
        if event is None:
            crew.kill(chance)
        else:
            made.door(*event)
    crew.rest(sky, "pull", "assess", "push")
    for verb in LATER:
        with made.opened() as runtime, runtime.store.write() as tx:
            assert slots.resume(tx, verb)
        crew.rest(sky, verb)
    crew.rest(sky, *LAST)
    time.sleep(max(0.0, (60 - crew.minute()) * 60 / SPEED))


def slots_of(made: Installation) -> list[Any]:
    with made.opened() as runtime, runtime.store.read() as tx:
        assert queue.waiting(tx) == 0
        assert len(processes.every(tx)) <= KILLS  # those that ended in order took their rows out
        assert not [one for one in slots.pauses(tx).values() if one.until is None]
        return list(tx.execute(sa.text("SELECT job, at, state, attempts, note FROM slot ORDER BY job, at")))


def differences(found: dict[str, Any], expected: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Rows that are in one of two contents alone."""
    for table in {**expected, **found}:
        yield from ((table, "expected", row) for row in expected[table] if row not in found[table])
        yield from ((table, "found", row) for row in found[table] if row not in expected[table])


def completions(log: str) -> Counter[tuple[str, int]]:
    """How often each slot was run to its end, by what the workers told while they did it."""
    under_way: dict[tuple[str, str], int] = {}
    ended: Counter[tuple[str, int]] = Counter()
    for pid, job, told in re.findall(r"^(\d+) (.+): (started for .*|done)$", log, re.M):
        if told == "done":
            ended[job, under_way.pop((pid, job))] += 1
        else:
            slot = dt.datetime.strptime(told, "started for %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=dt.UTC)
            under_way[pid, job] = round(slot.timestamp() * 1_000_000)
    return ended


@pytest.fixture
def crew_of(tmp_path: Path) -> Iterator[list[Crew]]:
    found: list[Crew] = []
    yield found
    for one in found:
        one.end()
    if log := (tmp_path / "crew.log"):
        sys.stderr.write(log.read_text(errors="replace")[-4000:] if log.exists() else "")


@pytest.mark.postgres
def test_an_hour_of_daemons_and_workers_in_bad_weather_ends_as_an_undisturbed_run(
    tmp_path: Path, urls: tuple[str, str], sky: Sky, crew_of: list[Crew]
) -> None:
    expected = undisturbed(tmp_path / "calm", urls[0])
    options = replace(OPTIONS, faults=WEATHER, latency_ms=15)
    with installation(tmp_path / "stormy", options, pinned=True, database_url=urls[1]) as made:
        config = made.home / "creditgate.toml"
        before, _, rest = config.read_text().partition("schedules = [\n")
        config.write_text(before + CALENDAR + rest.partition("\n]\n")[2])
        with made.opened() as runtime, runtime.store.write() as tx:
            for verb in LATER:
                slots.stop(tx, verb, BEGIN, "until the rest has settled")
        sky.stormy = True
        crew = Crew(made, tmp_path / "crew.log")
        crew_of.append(crew)
        hour(made, sky, crew)
        crew.stop()
        found, ran = content(made), slots_of(made)
    assert [one for part in expected for one in differences(found[part], expected[part])] == []
    assert sky.beyond == []
    # One whose token was refused twice in a row has failed and says so; a later one did its work.
    assert {row.state for row in ran} <= {"done", "skipped", "failed"}
    assert all(row.note for row in ran if row.state == "failed")
    last = {row.job: row.state for row in ran}
    assert set(last.values()) == {"done"}
    ended = completions((tmp_path / "crew.log").read_text())
    assert set(ended.values()) == {1}
    # One that was killed between saying so in the store and in the log is in the store alone.
    done = {(row.job, row.at) for row in ran if row.state == "done"}
    assert set(ended) <= done and len(done - set(ended)) <= KILLS

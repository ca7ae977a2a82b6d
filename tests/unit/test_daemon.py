"""The daemon: each slot once, failures paused, runs that hang ended, an orderly stop."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from connector.admin.status import lines
from connector.cli import bound, cli
from connector.daemon import Daemon
from connector.runs import LEASE, STOPPED, jobs_of
from connector.schedulable import ACTS
from connector.schedule import Job, Schedule
from connector.store import slots
from connector.store.engine import Store
from connector.store.slots import Slot
from tests.cli_home import Home, make_home
from tests.new_store import new_store

pytestmark = pytest.mark.sqlite  # on PostgreSQL a daemon only queues: test_worker.py
START = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


class World:
    """A store, a clock that is set by hand, and jobs that are lines of shell."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder, self.now = store, folder, START
        self.shell: dict[str, str] = {}
        self.told: list[str] = []
        self.daemons: list[Daemon] = []

    def daemon(self, *jobs: Job) -> Daemon:
        runtime: Any = SimpleNamespace(store=self.store, clock=lambda: self.now)
        made = Daemon(runtime, jobs, self._command, tell=self.told.append)
        self.daemons.append(made)
        return made

    def _command(self, job: Job) -> Sequence[str]:
        shell = self.shell.get(job.name, "true")
        return ["/bin/sh", "-c", f"echo '{job.name}' >> {self.folder / 'ran'}; {shell}"]

    def ran(self) -> list[str]:
        file = self.folder / "ran"
        return file.read_text().splitlines() if file.exists() else []

    def settle(self, *daemons: Daemon) -> None:
        """Look until nothing runs any more."""
        for _ in range(500):
            for one in daemons:
                one.look()
            if not any(one.runs.under_way for one in daemons):
                return
            time.sleep(0.01)
        raise AssertionError("a run does not end")

    def latest(self, job: Job) -> Slot:
        with self.store.read() as tx:
            return slots.latest(tx)[job.name]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(new_store(f"sqlite:///{tmp_path / 'store.db'}"), tmp_path)
    yield made
    for one in made.daemons:
        one.stop()
    made.store.close()


def pull(name: str = "a", **values: Any) -> Job:
    return Job(Schedule.model_validate({"verb": "pull", "every": "10m", **values}), name, "UTC")


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_three_daemons_run_each_slot_of_an_hour_once(world: World) -> None:
    jobs = [pull("a"), pull("b", every="20m", jitter="5m")]
    daemons = [world.daemon(*jobs) for _ in range(3)]
    for _ in range(60):
        world.settle(*daemons)
        world.now += MINUTE
    assert world.ran().count("pull a") == 6
    # The slot before the hour, whose jitter has passed by then, and those within it.
    due = {jobs[1].slot(START + minute * MINUTE) for minute in range(60)}
    assert world.ran().count("pull b") == len(due)


@pytest.mark.postgres
def test_daemons_that_claim_at_the_same_moment_on_postgresql_do_not_both_get_the_slot(
    postgres_url: str,
) -> None:
    store = new_store(postgres_url)
    together, got = threading.Barrier(4), []

    def claim(owner: str) -> None:
        for minute in range(10):
            together.wait()
            with store.write() as tx:
                if slots.claim(tx, "pull a", START + minute * MINUTE, owner, START, LEASE):
                    got.append(minute)
                    slots.end(tx, "pull a", START + minute * MINUTE, owner, START)

    threads = [threading.Thread(target=claim, args=(f"d{number}",)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    store.close()
    assert sorted(got) == list(range(10))


def test_missed_slots_are_caught_up_once(world: World) -> None:
    world.settle(world.daemon(pull()))
    world.now += 65 * MINUTE
    other = world.daemon(pull())
    world.settle(other)
    world.now += MINUTE
    world.settle(other)
    assert len(world.ran()) == 2
    assert world.latest(pull()).at == START + 60 * MINUTE


def test_what_fell_into_quiet_hours_runs_once_at_their_end(world: World) -> None:
    daemon = world.daemon(pull(quiet=["09:30-10:45"]))
    for _ in range(50):
        assert world.ran() == [] or world.now >= START + 45 * MINUTE
        world.settle(daemon)
        world.now += MINUTE
    assert len(world.ran()) == 1


def test_a_fault_that_may_pass_pauses_its_connection_for_ever_longer_while_others_go_on(world: World) -> None:
    world.shell["pull a"] = "echo 'creditgate: the vendor does not answer' >&2; exit 3"
    daemon = world.daemon(pull("a"), pull("b"))
    for minute in (0, 0.5, 1, 2, 3):  # fails at 0, 1 and 3
        world.now = START + minute * MINUTE
        world.settle(daemon)
    assert (world.ran().count("pull a"), world.ran().count("pull b")) == (3, 1)
    with world.store.read() as tx:
        paused = slots.pauses(tx)["a"]
    assert (paused.failures, paused.until) == (3, START + 7 * MINUTE)
    assert paused.reason == "the vendor does not answer"
    world.shell["pull a"] = "exit 1"  # done, with something set aside
    world.now = START + 7 * MINUTE
    world.settle(daemon)
    assert world.latest(pull("a")).state == "done" and world.latest(pull("a")).attempts == 4
    with world.store.read() as tx:
        assert slots.pauses(tx) == {}


def test_a_fault_that_a_person_must_put_right_is_tried_three_times_then_waits_for_one(world: World) -> None:
    world.shell["pull a"] = "echo 'creditgate: the token is refused' >&2; exit 2"
    daemon = world.daemon(pull("a"))
    for _ in range(5):
        world.settle(daemon)
        world.now += 60 * MINUTE
    assert len(world.ran()) == 3
    line = lines(world.store, [pull("a")], world.now)[0]
    assert (line.state, line.note) == ("paused", "the token is refused")
    with world.store.write() as tx:
        assert slots.resume(tx, "a")
    world.settle(daemon)
    assert len(world.ran()) == 4


@pytest.mark.parametrize("between", ["exit 3", "exit 0"])
def test_only_faults_in_a_row_wait_for_a_person(world: World, between: str) -> None:
    daemon = world.daemon(pull("a"))
    for ends in ("exit 2", "exit 2", between, "exit 2", "exit 2"):
        world.shell["pull a"] = ends
        world.settle(daemon)
        world.now += 60 * MINUTE
    with world.store.read() as tx:
        assert slots.pauses(tx)["a"].until is not None
    assert len(world.ran()) == 5


def test_a_failure_does_not_end_the_pause_that_a_person_wants(world: World) -> None:
    with world.store.write() as tx:
        slots.stop(tx, "a", START, "maintenance")
        slots.fail(tx, "a", START, "the vendor does not answer", passes=True)
        assert slots.pauses(tx)["a"].until is None


def test_what_an_unforeseen_fault_says_stays_out_of_the_listings(world: World) -> None:
    world.shell["pull a"] = "echo 'KeyError: Li Na' >&2; exit 70"
    world.settle(world.daemon(pull("a")))
    assert world.latest(pull("a")).note == "ended with exit code 70"


def test_a_run_that_hangs_is_ended_with_what_it_started(world: World) -> None:
    world.shell["pull a"] = f"sleep 300 & echo $! > {world.folder / 'child'}; wait"
    daemon = world.daemon(pull("a", at_most="30m"))
    daemon.look()
    eventually(lambda: (world.folder / "child").exists() and (world.folder / "child").read_text() != "")
    world.now += 30 * MINUTE
    daemon.look()
    assert "the most that it may take" in world.latest(pull("a")).note
    child = int((world.folder / "child").read_text())
    eventually(lambda: not _alive(child))


def test_a_daemon_that_died_leaves_its_slot_to_another(world: World) -> None:
    world.shell["pull a"] = "sleep 300"
    dead, other = world.daemon(pull("a", every="1d")), world.daemon(pull("a", every="1d"))
    dead.look()
    world.now += LEASE - dt.timedelta(seconds=1)
    other.look()
    assert not other.runs.under_way
    world.now += dt.timedelta(seconds=1)
    other.look()
    assert other.runs.under_way and world.latest(pull("a")).owner == other.owner
    dead.look()  # it was only asleep: it finds that it lost the slot, and ends its run
    assert not dead.runs.under_way and "taken over" in world.told[-1]


def test_a_daemon_that_lives_keeps_its_slot_beyond_the_lease(world: World) -> None:
    world.shell["pull a"] = "sleep 300"
    first, other = world.daemon(pull("a")), world.daemon(pull("a"))
    for _ in range(8):
        first.look()
        other.look()
        world.now += LEASE / 2
    assert first.runs.under_way and not other.runs.under_way
    assert "pull a: started" in world.told[0] and len(world.told) == 1


def test_a_stop_ends_what_runs_and_the_next_daemon_does_it_again(world: World) -> None:
    world.shell["pull a"] = "sleep 300"
    first = world.daemon(pull("a"))
    first.look()
    first.stop()
    assert (world.latest(pull("a")).state, world.latest(pull("a")).note) == ("failed", STOPPED)
    world.shell["pull a"] = "true"
    world.settle(world.daemon(pull("a")))
    assert world.latest(pull("a")).state == "done" and world.latest(pull("a")).attempts == 2


def test_status_says_that_no_daemon_runs(world: World) -> None:
    line = lines(world.store, [pull("a")], START)[0]
    assert line.state == "late" and "does a daemon run" in line.note
    world.settle(world.daemon(pull("a")))
    after = lines(world.store, [pull("a")], START)[0]
    assert (after.state, after.following) == ("ok", START + 10 * MINUTE)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return make_home(tmp_path, monkeypatch)


def schedule(home: Home, *entries: str) -> None:
    """Have these entries in place of the calendar that is there."""
    file = home.folder / "creditgate.toml"
    calendar = f"schedules = [{', '.join(f'{{ {one} }}' for one in entries)}]"
    text, count = re.subn(r"^schedules = \[.*?\]$", calendar, file.read_text(), flags=re.M | re.S)
    assert count == 1
    file.write_text(text)


def test_the_command_says_what_it_cannot_run(home: Home) -> None:
    schedule(home)
    assert "nothing is scheduled" in home.run("daemon").err
    schedule(home, 'verb = "pull", connection = "none", every = "1h"')
    done = home.run("daemon")
    assert done.code == 2 and "no CRM connection 'none'" in done.err
    schedule(home, 'verb = "bureau changes", connection = "crm", every = "1h"')
    assert "no agency 'crm'" in home.run("daemon").err
    schedule(home, 'verb = "pull", every = "soon"')
    assert "schedules.0.every" in home.run("status").err


def test_what_init_puts_on_the_calendar_runs_on_an_empty_installation(home: Home) -> None:
    """What it leaves commented out is named too, and needs something from outside."""
    text = (home.folder / "creditgate.toml").read_text()
    named = re.findall(r'^  (# )?{ verb = "([a-z ]+)"', text, re.M)
    assert {verb for _, verb in named} == set(ACTS)
    with home.opened() as runtime:
        found = jobs_of(runtime)
    assert len(found) > 6
    for job in found:
        done = home.run(*job.words)
        assert done.code == 0, (job.name, done.err)


def test_what_can_be_scheduled_is_a_command_with_the_options_that_are_added() -> None:
    for verb, act in ACTS.items():
        found: Any = cli
        for word in verb.split():
            found = found.get_command(click.Context(found), word)
        options = {flag for one in found.params for flag in one.opts}
        assert {word for word in (*act.options, act.by) if word.startswith("--")} <= options, verb


def test_a_proof_that_fails_is_a_failure_for_a_person(world: World) -> None:
    job = Job(Schedule.model_validate({"verb": "audit verify", "every": "1h"}), None, "UTC")
    world.shell["audit verify"] = "echo 'the journal is NOT whole' >&2; exit 1"
    world.settle(world.daemon(job))
    line = lines(world.store, [job], world.now)[0]
    assert (line.state, line.note) == ("paused", "the journal is NOT whole")


def test_a_person_pauses_and_resumes_a_connection(home: Home) -> None:
    home.connect()
    schedule(home, 'verb = "push", every = "1h"')
    assert "use one of: crm" in home.run("daemon", "pause", "crn", "--reason", "typed wrong").err
    assert home.run("daemon", "pause", "crm", "--reason", "the tenant moves").code == 0
    assert home.rows("daemon", "paused")[0]["reason"] == "the tenant moves"
    assert home.run("status").code == 1
    assert home.rows("status")[0]["state"] == "paused"
    assert home.run("daemon", "resume", "crm").code == 0
    assert home.run("daemon", "resume", "crm").code == 2


def test_the_daemon_runs_commands_and_stops_at_sigterm(home: Home) -> None:
    """The real processes, on a policy without customers."""
    schedule(home, 'verb = "assess", every = "1d"')
    process = subprocess.Popen([sys.executable, "-m", "connector.cli", "daemon"], stderr=subprocess.PIPE)
    try:
        eventually(lambda: home.rows("status")[0]["state"] in ("ok", "paused", "failed"))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1].decode()
    finally:
        process.kill()
    assert process.returncode == 0 and time.monotonic() - began < 20
    assert "assess: done" in said and said.endswith("stopped\n")


def test_a_run_ends_when_its_daemon_is_gone() -> None:
    hanging = (
        "import time; from connector.cli import bound; bound.main = lambda: time.sleep(300); bound.run()"
    )
    run = subprocess.Popen([sys.executable, "-c", hanging], stdin=subprocess.PIPE)
    assert run.stdin
    run.stdin.close()
    try:
        assert run.wait(20) == bound.KILLED
    finally:
        run.kill()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()

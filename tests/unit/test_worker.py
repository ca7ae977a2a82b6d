"""Workers on PostgreSQL: what is queued is done once, put back by one that stops, taken up when one dies."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from connector import worker as module
from connector.admin.status import lines
from connector.daemon import Daemon
from connector.errors import Halt
from connector.runs import LEASE
from connector.schedule import Job, Schedule
from connector.store import queue, slots
from connector.store.engine import Store
from connector.store.parts import BUCKETS, Part, alone
from connector.store.slots import Begun, Slot
from connector.worker import Worker
from tests.cli_home import Home, make_home
from tests.conftest import database
from tests.new_store import new_store

pytestmark = pytest.mark.postgres
START = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def job(name: str = "a", **values: Any) -> Job:
    return Job(Schedule.model_validate({"verb": "pull", "every": "10m", **values}), name, "UTC")


class World:
    """A store, a clock that is set by hand, and jobs that are lines of shell."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.now = url, folder, START
        self.store = new_store(url)
        self.shell: dict[str, str] = {}
        self.told: list[str] = []

    def runtime(self) -> Any:
        return SimpleNamespace(store=self.store, clock=lambda: self.now)

    def command(self, one: Job) -> Sequence[str]:
        shell = self.shell.get(one.name, "true")
        return ["/bin/sh", "-c", f"echo '{one.name}' >> {self.folder / 'ran'}; {shell}"]

    def daemon(self, *jobs: Job) -> Daemon:
        return Daemon(self.runtime(), jobs, self.command, tell=self.told.append)

    def worker(self, *jobs: Job) -> Worker:
        return Worker(self.runtime(), jobs, self.command, tell=self.told.append)

    def work(self, until: Callable[[], bool], *workers: Worker) -> None:
        """Have the workers work until something is so; then stop them in order."""

        async def go() -> None:
            tasks = [asyncio.ensure_future(one._serve()) for one in workers]
            for _ in range(1000):
                if until():
                    break
                assert not any(task.done() for task in tasks)
                await asyncio.sleep(0.02)
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            assert until()

        asyncio.run(go())

    def ran(self) -> list[str]:
        file = self.folder / "ran"
        return file.read_text().splitlines() if file.exists() else []

    def latest(self, one: Job) -> Slot:
        with self.store.read() as tx:
            return slots.latest(tx)[one.name]

    def waiting(self) -> int:
        with self.store.read() as tx:
            return queue.waiting(tx)


@pytest.fixture(scope="module")
def url(postgres_server: sa.URL, postgres_template: str) -> str:
    """One database for all tests, each of which finds it empty."""
    return database(postgres_server, f"workers TEMPLATE {postgres_template}")


@pytest.fixture
def world(url: str, tmp_path: Path) -> Iterator[World]:
    made = World(url, tmp_path)
    with made.store.write() as tx:
        tx.execute(
            sa.text("TRUNCATE slot, pause, process, procrastinate_jobs, procrastinate_workers CASCADE")
        )
    yield made
    made.store.close()


def test_the_migrations_lay_the_queue_as_the_installed_version_needs_it() -> None:
    """A newer procrastinate with more steps needs a migration of ours that applies them."""
    assert queue.steps()[-1].name.startswith(queue.LAID)


def test_what_three_daemons_queue_two_workers_do_once(world: World) -> None:
    jobs = [job("a"), job("b"), job("c")]
    for daemon in [world.daemon(*jobs) for _ in range(3)]:
        daemon.look()
    assert world.waiting() == 3 and world.ran() == []
    world.work(lambda: len(world.told) >= 9, world.worker(*jobs), world.worker(*jobs))
    assert sorted(world.ran()) == ["pull a", "pull b", "pull c"]
    assert {world.latest(one).state for one in jobs} == {"done"}
    for daemon in [world.daemon(*jobs) for _ in range(2)]:
        daemon.look()
    assert world.waiting() == 0


def test_of_slots_that_waited_for_a_worker_only_the_latest_is_done(world: World) -> None:
    daemon = world.daemon(job())
    for _ in range(3):
        daemon.look()
        world.now += 10 * MINUTE
    world.work(lambda: world.waiting() == 0 and "pull a: done" in world.told, world.worker(job()))
    assert world.ran() == ["pull a"]
    assert world.latest(job()).at == START + 20 * MINUTE
    with world.store.read() as tx:
        states = tx.execute(sa.text("SELECT state FROM slot ORDER BY at")).scalars().all()
    assert states == ["skipped", "skipped", "done"]


def test_a_worker_that_stops_ends_its_run_and_puts_it_back_for_another(world: World) -> None:
    world.shell["pull a"] = "sleep 300"
    world.daemon(job()).look()
    world.work(lambda: world.ran() == ["pull a"], world.worker(job()))
    assert world.latest(job()).state == "queued" and world.waiting() == 1
    world.shell["pull a"] = "true"
    world.work(lambda: "pull a: done" in world.told, world.worker(job()))
    assert world.latest(job()).state == "done" and len(world.ran()) == 2


def test_what_a_dead_worker_had_begun_is_begun_again_once_its_lease_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.daemon(job()).look()
    with world.store.write() as tx:
        assert slots.begin(tx, "pull a", START, "dead", world.now, LEASE) is Begun.MINE
        tx.execute(sa.text("UPDATE procrastinate_jobs SET status = 'doing'"))  # of a worker that nobody knows
    monkeypatch.setattr(queue, "HEARTBEAT", 0.05)
    world.work(lambda: world.waiting() == 1, world.worker(job()))  # found, and not yet its turn
    assert world.ran() == []
    world.now += LEASE
    with world.store.write() as tx:
        tx.execute(sa.text("UPDATE procrastinate_jobs SET scheduled_at = NULL"))
    world.work(lambda: "pull a: done" in world.told, world.worker(job()))
    assert world.latest(job()).attempts == 2 and world.ran() == ["pull a"]


def test_a_connection_that_fails_is_paused_while_others_go_on_and_then_tried_again(world: World) -> None:
    world.shell["pull a"] = "echo 'creditgate: the vendor does not answer' >&2; exit 3"
    jobs = [job("a"), job("b"), job("a", verb="push")]
    daemon = world.daemon(*jobs)
    daemon.look()
    world.work(lambda: world.waiting() == 0 and "pull b: done" in world.told, world.worker(*jobs))
    assert world.ran()[:2] == ["pull a", "pull b"] and "push a" not in world.ran()
    assert world.latest(jobs[2]).note == "a is paused: the vendor does not answer"
    daemon.look()
    assert world.waiting() == 0
    world.shell["pull a"] = "true"
    world.now += 2 * MINUTE
    daemon.look()
    world.work(lambda: world.told.count("push a: done") == 1, world.worker(*jobs))
    assert {world.latest(one).state for one in jobs} == {"done"}


def test_a_run_that_hangs_is_ended_and_its_connection_paused(world: World) -> None:
    world.shell["pull a"] = "sleep 300"
    one = job("a", at_most="30m")
    world.daemon(one).look()

    def late() -> bool:
        if world.ran():
            world.now = START + 30 * MINUTE
        return world.latest(one).state == "failed"

    world.work(late, world.worker(one))
    assert "the most that it may take" in world.latest(one).note


def test_a_job_that_the_worker_does_not_know_is_told_and_not_lost(world: World) -> None:
    world.daemon(job()).look()
    world.work(lambda: bool(world.told[1:]), world.worker(job("b")))
    assert "start it again" in world.latest(job()).note and world.latest(job()).state == "failed"


def test_a_worker_whose_store_is_lost_comes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOST_EVERY", 0.05)
    world.daemon(job()).look()
    ended = []

    def cut() -> bool:
        if not ended and world.told[1:] == []:
            with world.store.write() as tx:
                mine = "pid <> pg_backend_pid() AND datname = current_database()"
                ended.append(
                    tx.execute(
                        sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
                    )
                )
        return "pull a: done" in world.told

    world.work(cut, world.worker(job()))
    assert world.latest(job()).state == "done"


def test_status_shows_who_works_and_that_jobs_wait_for_nobody(world: World) -> None:
    daemon = world.daemon(job())
    daemon.look()
    daemon._say()
    found = {line.what: line for line in lines(world.store, [job()], world.now)}
    assert found["pull a"].state == "queued"
    assert (found["queue"].state, found["queue"].note) == ("late", "1 jobs wait: does a worker run?")
    assert found[f"daemon {daemon.owner}"].state == "ok"
    worker = world.worker(job())

    def shown() -> bool:
        found = {line.what: line for line in lines(world.store, [job()], world.now)}
        seen = found.get(f"worker {worker.owner}") is not None
        return seen and world.waiting() == 0 and world.latest(job()).state == "done"

    world.work(shown, worker)
    world.now += 2 * MINUTE
    found = {line.what: line for line in lines(world.store, [job()], world.now)}
    assert found[f"worker {worker.owner}"].note == "silent: was it killed?"


def test_a_part_waits_for_whoever_pushes_its_writes_and_for_nobody_else(world: World) -> None:
    def free(part: Part | None) -> bool:
        other = Store(world.url)
        try:
            with other.engine.connect() as tx:
                tx.execute(sa.text("SET lock_timeout = '20ms'"))
                tx.commit()
                engine = SimpleNamespace(connect=lambda: tx)
                seen: Any = SimpleNamespace(is_sqlite=False, engine=engine, translated=nullcontext)
                with alone(seen, 1, part):
                    return True
        except sa.exc.OperationalError:
            return False
        finally:
            other.close()

    with alone(world.store, 1, Part(1, 2)):
        assert free(Part(2, 2)) and free(Part(2, 4))
        assert not free(Part(1, 2)) and not free(Part(1, 4)) and not free(Part(2, 3)) and not free(None)
    with alone(world.store, 1, None):
        assert not free(Part(BUCKETS, BUCKETS))
    assert free(None)


@pytest.mark.parametrize("text", ["1", "0/2", "3/2", "a/b", "1/65", "-1/2"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no part"):
        Part.parsed(text)


@pytest.mark.sqlite
def test_on_sqlite_a_worker_says_that_the_daemon_does_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home: Home = make_home(tmp_path, monkeypatch)
    done = home.run("worker")
    assert done.code == 2 and "the daemon does the work itself" in done.err
    home.connect()
    refused = home.run("push", "crm", "--part", "1/2")
    assert refused.code == 2 and "leave --part out" in refused.err
    with pytest.raises(Halt):
        Worker(SimpleNamespace(store=new_store(f"sqlite:///{tmp_path / 's.db'}")), [], lambda one: [])

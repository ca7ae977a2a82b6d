"""SQLite's write-ahead log is moved beside the writers, and begun anew before it grows without end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.store import checkpoints
from connector.store.engine import Store
from tests.new_store import lay

pytestmark = pytest.mark.sqlite
MEGABYTE = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    lay(tmp_path / "store.db")
    return Store(f"sqlite:///{tmp_path / 'store.db'}")


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PACE_SECONDS", 0.01)


def write(store: Store, megabytes: int) -> None:
    with store.write() as tx:
        tx.exec_driver_sql("CREATE TABLE IF NOT EXISTS ballast (part BLOB)")
        for _ in range(megabytes):
            tx.exec_driver_sql("INSERT INTO ballast VALUES (randomblob(1000000))")


def comes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_what_was_written_is_moved_into_the_database_though_no_writer_moves_it(
    store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "store.db"
    before = file.stat().st_size
    with checkpoints.beside(store):
        write(store, 3)
        assert comes_true(lambda: file.stat().st_size >= before + 3 * MEGABYTE)


def test_a_log_that_became_long_is_begun_anew_while_writers_go_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LONG", 500)
    log = tmp_path / "store.db-wal"
    with checkpoints.beside(store):
        for _ in range(12):
            write(store, 3)
            time.sleep(0.05)
        assert log.stat().st_size < 30 * MEGABYTE, "36 MB were written"


def test_the_log_is_left_to_the_mover_only_as_long_as_there_is_one(store: Store) -> None:
    def pages() -> int:
        with store.read() as tx:
            return int(tx.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar_one())

    alone = pages()
    with checkpoints.beside(store):
        assert pages() == checkpoints.MOST > alone
    assert pages() == alone


def test_a_full_disk_is_told_and_looked_at_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from connector.errors import Retry

    asked: list[bool] = []

    def full(*, alone: bool = False) -> int:
        asked.append(alone)
        raise Retry("the disk is full", todo="make room")

    monkeypatch.setattr(store, "move_log", full)
    with checkpoints.beside(store):
        assert comes_true(lambda: len(asked) > 2)
    assert "the disk is full" in caplog.text

"""A store that moves from SQLite to PostgreSQL arrives whole, whatever happens on the way."""

from __future__ import annotations

import datetime as dt
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import MultiFernet

from connector.admin import audit, moving
from connector.config import load
from connector.errors import Halt
from connector.store import copying, journal, moved, schema
from connector.store.engine import Store
from connector.store.record_tables import reject
from connector.store.tables import api_key, connection, secret
from sandbox.server import Options
from tests.e2e.test_postgres import work
from tests.forked import Forked
from tests.full_store import content, fill
from tests.installation import Installation, installation
from tests.new_store import new_home

pytestmark = [pytest.mark.postgres, pytest.mark.sqlite]
NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
OPTIONS = Options(accounts=20, seed=11, as_of=NOW)


class Killed(BaseException):
    """Stands for the end of the process."""


class Bench:
    """A full SQLite store in a home folder, and an empty PostgreSQL at ``url``."""

    def __init__(self, folder: Path, url: str) -> None:
        self.home = Installation(new_home(folder / "home"))
        self.file = self.home.home / "creditgate.db"
        self.url = url
        self.cipher: MultiFernet = load(self.home.home / "creditgate.toml").cipher()
        with self.original() as store, store.write() as tx:
            fill(tx)
            hidden = self.cipher.encrypt(b"hush").decode()
            tx.execute(sa.update(secret).values(value=hidden))
            tx.execute(sa.update(api_key).values(secret=hidden))

    @contextmanager
    def original(self) -> Iterator[Store]:
        store = Store(f"sqlite:///{self.file}")
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def target(self) -> Iterator[Store]:
        store = Store(self.url)
        try:
            yield store
        finally:
            store.close()

    def move(self) -> moving.Moved:
        with self.original() as source, self.target() as target:
            return moving.move(source, target, self.cipher, NOW, actor="Lin", tell=lambda *_: None)

    def both(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What stands in the original and in its copy, but for the move's own entry."""
        raw = sa.create_engine(f"sqlite:///{self.file}")
        with raw.connect() as tx:
            old = content(tx)
        raw.dispose()
        old.pop("moved", None)
        with self.target() as store, store.read() as tx:
            new = content(tx)
        assert new["journal"].pop()["act"] == moving.MOVED
        return old | {"journal_head": []}, new | {"journal_head": []}


@pytest.fixture
def bench(tmp_path: Path, postgres_url: str) -> Bench:
    return Bench(tmp_path, postgres_url)


def test_every_row_of_every_table_arrives_and_the_chain_and_the_secrets_hold(bench: Bench) -> None:
    done = bench.move()
    old, new = bench.both()
    assert {name for name, rows in old.items() if rows} >= {"account", "assessment", "signal", "deed"}
    assert new == old
    assert done.secrets == 2 * len(old["secret"])
    assert sum(done.rows.values()) == sum(map(len, old.values())) + 1
    with bench.target() as store, store.read() as tx:
        assert audit.verify(store).breaks == ()
        assert journal.head(tx) == journal.last(tx)
        schema.require_current(store)
        assert not sa.inspect(tx).has_table("copying")


def test_numbers_go_on_after_the_largest_one(bench: Bench) -> None:
    bench.move()
    row = {"name": "later", "role": "crm", "kind": "zoho", "settings": "{}", "created_at": NOW}
    with bench.target() as store, store.write() as tx:
        assert tx.execute(connection.insert().values(**row).returning(connection.c.id)).scalar_one() == 4


def test_the_work_goes_on_where_it_was_and_the_old_store_is_out_of_use(
    tmp_path: Path, postgres_url: str
) -> None:
    with installation(tmp_path, OPTIONS, pinned=True) as made:
        expected = work(made)
        writes = made.writes()
        done = made.run("db", "copy", "--to", postgres_url, "--actor", "Lin")
        assert "rows are equal" in done.stderr
        for command in (["pull"], ["customer", "list"], ["audit", "verify"], ["db", "upgrade"]):
            assert "this store has moved to postgresql" in made.run(*command, expect=2).stderr
        assert "moved already" in made.run("db", "copy", "--to", postgres_url, expect=2).stderr
        made.database_url = postgres_url
        assert "the journal is whole" in made.run("audit", "verify").stderr
        assert work(made) == expected
        assert made.writes() == writes


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_killed_at_any_transaction_it_goes_on_without_loss_or_doubles(
    late: bool, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 2)
    some = {"connection", "credit_group", "journal", "journal_head", "customer", "account", "signal"}
    tables = copying._tables
    monkeypatch.setattr(copying, "_tables", lambda tx: [t for t in tables(tx) if t.name in some])
    attempt, ended = 0, False
    while not ended:
        attempt += 1
        assert attempt < 60, "it comes on"
        # The beginning is cut everywhere, then every batch.
        with _killed_at(attempt if attempt <= 4 else 1 if late else 2, late), suppress(Killed):
            try:
                bench.move()
            except Halt as said:
                assert late and "moved already" in str(said), said
            ended = True
    assert attempt > 14, "a batch an attempt"
    old, new = bench.both()
    for name in some:
        assert new[name] == old[name], name


def test_killed_in_earnest_it_goes_on(bench: Bench) -> None:
    arguments = ("db", "copy", "--to", bench.url, "--actor", "Lin")
    for seconds in (0.15, 0.3, 0.45):
        process = Forked("connector.cli", *arguments, env=bench.home.environment)
        time.sleep(seconds)
        process.kill()
        process.wait(timeout=30)
    done = Forked("connector.cli", *arguments, env=bench.home.environment)
    assert done.wait(timeout=60) in (0, 2)  # 2: an earlier one had come to its end
    old, new = bench.both()
    assert new == old


def test_a_process_that_was_running_writes_no_more(bench: Bench) -> None:
    with bench.original() as before:
        with before.read() as tx:
            assert content(tx)["account"]
        bench.move()
        for use in (before.read, before.write):
            with pytest.raises(Halt, match="has moved to"), use():
                pass


def test_nothing_runs_on_a_copy_that_is_not_whole_nor_on_its_original(bench: Bench) -> None:
    with bench.original() as source, bench.target() as target:
        copy = copying.Copy(source, target)
        list(copy.rows())
        copy.close()
        with pytest.raises(Halt, match="a copy that is not whole"):
            schema.require_current(target)
        with pytest.raises(Halt, match="a copy that is not whole"):
            schema.upgrade(target)
        with pytest.raises(Halt, match="is being moved"), source.write():
            pass
        copying.abandon(source)
        schema.require_current(source)


def test_a_row_that_is_not_the_same_is_found(bench: Bench) -> None:
    with bench.original() as source, bench.target() as target:
        copy = copying.Copy(source, target)
        list(copy.rows())
        # From the last table to the first, so that each is found before those that were changed earlier.
        for change, said in (
            ("UPDATE signal SET kind = 'x' WHERE id = 2", "a row of the copy differs – "),
            ("DELETE FROM api_key WHERE id = 3", "is missing"),
            ("INSERT INTO pause VALUES ('x', 1, NULL, 1, '')", "is not in the original"),
            ("UPDATE journal SET detail = 'x' WHERE number = 3", "journal, id 3: a row of the copy differs"),
        ):
            with target.write() as tx:
                assert tx.exec_driver_sql(change).rowcount == 1
            with pytest.raises(Halt, match=said):
                list(copy.compare())
        copy.close()
    with pytest.raises(Halt, match="differs"):
        bench.move()


def _in_target(bench: Bench) -> None:
    row = {"name": "x", "role": "crm", "kind": "zoho", "settings": "{}", "created_at": NOW}
    with bench.target() as store, store.write() as tx:
        tx.execute(connection.insert().values(**row))


def _older(bench: Bench) -> None:
    with bench.target() as store, store.write() as tx:
        schema.stamp(tx, "0001")


def _other_copy(bench: Bench) -> None:
    with bench.original() as source, bench.target() as target:
        copying.Copy(source, target).close()
        copying.abandon(source)


def _broken_chain(bench: Bench) -> None:
    with bench.original() as store, store.write() as tx:
        tx.exec_driver_sql("UPDATE journal SET actor = 'somebody' WHERE number = 2")


def _other_key(bench: Bench) -> None:
    with bench.original() as store, store.write() as tx:
        tx.execute(sa.update(secret).values(value="nonsense"))


def _nul(bench: Bench) -> None:
    with bench.original() as store, store.write() as tx:
        tx.execute(sa.update(reject).where(reject.c.id == 2).values(message="a\0b"))


def _older_source(bench: Bench) -> None:
    with bench.original() as store, store.write() as tx:
        schema.stamp(tx, "0001")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (_in_target, "the target is not empty: connection has rows"),
        (_older, "the target has a store with the schema 0001"),
        (_other_copy, "the beginning of another copy"),
        (_older_source, "the store's schema is 0001"),
        (_broken_chain, "the journal of the copy does not hold"),
        (_other_key, "cannot be read with the present key"),
        (_nul, r"reject, id 2: message has a NUL character"),
    ],
)
def test_what_stands_in_the_way_is_said(bench: Bench, trouble: Callable[[Bench], None], said: str) -> None:
    trouble(bench)
    with pytest.raises(Halt, match=said):
        bench.move()
    mark = moved.read(sqlite3.connect(bench.file))
    assert mark is None or not mark.done


def test_only_sqlite_moves_and_only_to_postgres(bench: Bench, tmp_path: Path) -> None:
    for target in (f"sqlite:///{tmp_path / 'x.db'}", "nonsense"):
        bench.home.run("db", "copy", "--to", target, expect=2)
    bench.home.run("db", "copy", expect=2)
    assert "not being moved" in bench.home.run("db", "copy", "--abandon", expect=2).stderr


@contextmanager
def _killed_at(step: int, late: bool) -> Iterator[None]:
    """The process ends around the commit of the writing transaction number ``step``, the marks counted."""
    count = 0
    write, mark = Store.write, moved.write

    def due() -> bool:
        nonlocal count
        count += 1
        return count == step

    @contextmanager
    def writing(store: Store) -> Iterator[sa.Connection]:
        here = due()
        with write(store) as tx:
            yield tx
            if here and not late:
                raise Killed
        if here:
            raise Killed

    def marking(raw: sqlite3.Connection, wanted: moved.Mark | None) -> None:
        here = due()
        if here and not late:
            raise Killed
        mark(raw, wanted)
        if here:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write", writing)
        patch.setattr(moved, "write", marking)
        yield

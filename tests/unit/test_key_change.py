"""Keys are changed while everything runs, and nothing becomes unreadable."""

from __future__ import annotations

import datetime as dt
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet, MultiFernet

from connector.admin import key_change
from connector.api.metrics import StoreFigures
from connector.errors import Halt
from connector.runtime import Runtime, opened
from connector.secrets.keyring import KeyRing
from connector.store import sealed
from connector.store.columns import metadata
from connector.store.connections import Connection
from connector.store.record_tables import reject
from tests.new_store import new_home

NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
SEEN = {"first_seen": NOW, "last_seen": NOW}


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with opened(new_home(tmp_path / "home") / "creditgate.toml") as made:
        yield made


def connection(runtime: Runtime, count: int = 3) -> Connection:
    secrets = {f"secret{n}": f"value {n}" for n in range(count)}
    return runtime.connections.add("crm", "crm", "zoho", {}, secrets, runtime.config.home)


def values(runtime: Runtime, one: Connection, count: int = 3) -> list[str | None]:
    return [runtime.secrets(one).get(f"setting:secret{n}") for n in range(count)]


def old(path: Path) -> None:
    """Let the file be as old as a key must be."""
    long_ago = path.stat().st_mtime - 3600
    os.utime(path, (long_ago, long_ago))


def test_a_key_is_rotated_and_the_old_one_dropped_and_every_value_can_still_be_read(runtime: Runtime) -> None:
    one, path = connection(runtime), runtime.config.home / "secret.key"
    first = path.read_text().strip()
    assert key_change.rotate(runtime, "test").moved == 3
    new, kept = path.read_text().split()
    assert kept == first != new
    assert path.stat().st_mode & 0o777 == 0o600
    keys, unreadable = key_change.shown(runtime)
    assert [(key.place, key.values) for key in keys] == [(0, 3), (1, 0)] and unreadable == 0
    old(path)
    assert key_change.drop(runtime, "test") == [key_change.fingerprint(first)]
    assert path.read_text().split() == [new]
    assert values(runtime, one) == ["value 0", "value 1", "value 2"]


def test_a_running_process_follows_the_key_file(runtime: Runtime) -> None:
    path = runtime.config.home / "secret.key"
    running = runtime.config.cipher()  # as a service holds it for days
    assert isinstance(running, KeyRing)
    before = running.encrypt(b"before")
    key_change.rotate(runtime, "test")
    after = running.encrypt(b"after")
    assert Fernet(path.read_text().split()[0]).decrypt(after) == b"after"
    assert running.decrypt(before) == b"before"
    assert Fernet(path.read_text().split()[0]).decrypt(running.rotate(before)) == b"before"


def test_a_key_file_that_cannot_be_used_leaves_the_keys_that_were_read(runtime: Runtime) -> None:
    path = runtime.config.home / "secret.key"
    running = runtime.config.cipher()
    kept = running.encrypt(b"text")
    path.write_text("half a k")
    assert running.decrypt(kept) == b"text"
    path.unlink()
    assert running.decrypt(kept) == b"text"


def test_a_young_key_is_not_alone_at_once(runtime: Runtime) -> None:
    connection(runtime)
    key_change.rotate(runtime, "test")
    with pytest.raises(Halt, match="too young"):
        key_change.drop(runtime, "test")
    assert len((runtime.config.home / "secret.key").read_text().split()) == 2


def test_what_was_written_under_the_old_key_meanwhile_is_moved_before_that_key_goes(runtime: Runtime) -> None:
    one, path = connection(runtime), runtime.config.home / "secret.key"
    late = MultiFernet([Fernet(path.read_text().strip())])
    key_change.rotate(runtime, "test")
    row = {"connection_id": one.id, "name": "setting:late", "value": late.encrypt(b"late").decode()}
    with runtime.store.write() as tx:
        tx.execute(sealed.secret.insert().values(**row))
    old(path)
    key_change.drop(runtime, "test")
    assert runtime.secrets(one).get("setting:late") == "late"


def test_whoever_writes_while_values_are_moved_wins(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = connection(runtime, 2)
    replace = sealed._replace

    def meanwhile(*given: object) -> int:
        runtime.secrets(one).put("setting:secret0", "newer")
        return replace(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(sealed, "_replace", meanwhile)
    assert key_change.rotate(runtime, "test").moved == 1
    assert values(runtime, one, 2) == ["newer", "value 1"]


def test_a_run_that_was_killed_between_batches_is_ended_by_the_next(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = connection(runtime, 7)
    monkeypatch.setattr(sealed, "BATCH", 2)

    def killed(done: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        key_change.rotate(runtime, "test", killed)
    assert None not in values(runtime, one, 7)
    assert key_change.reencrypt(runtime).moved == 3
    assert [key.values for key in key_change.shown(runtime)[0]] == [7, 0]


def test_two_rotations_at_the_same_time_lose_no_key(runtime: Runtime) -> None:
    one = connection(runtime)
    threads = [threading.Thread(target=key_change.rotate, args=(runtime, "test")) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len((runtime.config.home / "secret.key").read_text().split()) == 3
    assert values(runtime, one) == ["value 0", "value 1", "value 2"]


def test_rows_that_were_set_aside_sealed_are_moved_and_others_are_left_alone(runtime: Runtime) -> None:
    one, ring = connection(runtime, 0), runtime.config.cipher()
    raw = {"A": f'{{"sealed": "{ring.encrypt(b"row").decode()}"}}', "B": '{"sealed": "yes", "name": "x"}'}
    common = {"connection_id": one.id, "stream": "reports", "code": "c", "field": "f", "value": ""} | SEEN
    with runtime.store.write() as tx:
        for number, text in raw.items():
            tx.execute(reject.insert().values(**common, external_id=number, message="", raw=text))
    assert key_change.rotate(runtime, "test").moved == 1
    with runtime.store.read() as tx:
        found = {row.external_id: row.raw for row in tx.execute(sa.select(reject))}
    assert found["A"] != raw["A"] and found["B"] == raw["B"]


def test_a_key_that_is_lost_is_told(runtime: Runtime) -> None:
    connection(runtime)
    (runtime.config.home / "secret.key").write_text(Fernet.generate_key().decode())
    assert key_change.shown(runtime)[1] == 3


def test_keys_in_the_environment_are_not_rotated_in_a_running_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDITGATE_KEY", Fernet.generate_key().decode())
    with opened(new_home(tmp_path / "home") / "creditgate.toml") as runtime:
        with pytest.raises(Halt, match="CREDITGATE_KEY"):
            key_change.rotate(runtime, "test")
        assert key_change.shown(runtime)[0][0].values == 0


def test_the_key_may_be_a_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mounted" / "key"
    file.parent.mkdir()
    file.write_text(Fernet.generate_key().decode())
    monkeypatch.setenv("CREDITGATE_KEY", f"file:{file}")
    with opened(new_home(tmp_path / "home") / "creditgate.toml") as runtime:
        one = connection(runtime)
        assert key_change.rotate(runtime, "test").moved == 3
        assert values(runtime, one) == ["value 0", "value 1", "value 2"]
    assert len(file.read_text().split()) == 2


def test_every_column_whose_comment_says_encrypted_is_known_to_the_rotation() -> None:
    """A column that is forgotten there would be lost when the old key goes."""
    known = {(column.table.name, column.name) for column in (*sealed.COLUMNS, *sealed.IN_JSON)}
    said = set()
    for path in (Path(sealed.__file__).parent).glob("*tables.py"):
        table = ""
        for line in path.read_text().splitlines():
            if match := re.match(r'    "(\w+)",$', line):
                table = match[1]
            if "encrypted" in line and (match := re.search(r'(?:column|optional)\("(\w+)"', line)):
                said.add((table, match[1]))
    assert len(said) >= 5
    assert said <= known
    assert {name for name, _ in known} <= set(metadata.tables)


@pytest.mark.postgres
def test_on_postgresql_keys_are_rotated_and_figures_told_as_well(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDITGATE_DATABASE_URL", postgres_url)
    with opened(new_home(tmp_path / "home") / "creditgate.toml") as runtime:
        one = connection(runtime, 7)
        monkeypatch.setattr(sealed, "BATCH", 2)
        assert key_change.rotate(runtime, "test").moved == 7
        assert [key.values for key in key_change.shown(runtime)[0]] == [7, 0]
        assert None not in values(runtime, one, 7)
        told = {metric.name: metric for metric in StoreFigures(runtime).collect()}
        assert told["creditgate_store_up"].samples[0].value == 1
        assert len(told) > 15

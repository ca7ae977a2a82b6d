"""Pull: windows, slices, watermarks and deletions, against a CRM that is kept in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from connector import pull as pulling
from connector.adapter import Context, Crm, Limits, Page, Row, Slice
from connector.config import load
from connector.errors import Retry
from connector.http import Http
from connector.mapping.form import compile_mapping
from connector.model import Stream
from connector.pull import LAG, pull
from connector.runtime import Runtime
from connector.store import cursors, records
from connector.yamlfile import parse
from tests.memory_secrets import MemorySecrets
from tests.new_store import new_home

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MAPPING = compile_mapping(
    parse("mapping: memory\nread:\n  accounts: {object: A, fields: {name: name}}\n", "memory"), "memory"
)


class MemoryCrm(Crm):
    """Rows in memory, ``page`` at a time; ``fail_after`` breaks the line after so many calls."""

    name = "memory"
    settings = ()
    limits = Limits(slots=3)
    page = 10

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.rows: dict[str, dt.datetime] = {}
        self.gone: dict[str, dt.datetime] = {}
        self.names: dict[str, str] = {}
        self.calls: list[Slice] = []
        self.fail_after: int | None = None

    def test(self) -> str:
        return "fine"

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        self.calls.append(part)
        if self.fail_after is not None and len(self.calls) > self.fail_after:
            raise Retry("the line broke")
        ids = sorted(
            key
            for key, changed in self.rows.items()
            if part.since <= changed <= part.until and (part.after is None or key > part.after)
        )
        rows = [Row(key, self.rows[key], {"name": self.names.get(key, key)}) for key in ids[: self.page]]
        return Page(rows, len(ids) > self.page)

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        return iter([key for key, at in self.gone.items() if at >= since])

    def provision(self, object_name: str, specs: Any, *, dry_run: bool) -> list[Any]:
        return []

    def push(self, writes: Any) -> list[Any]:
        return []


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    new_home(tmp_path / "home")
    opened = Runtime(load(tmp_path / "home" / "creditgate.toml"))
    opened.connections.add("memory", "crm", "zoho", {}, {}, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def crm() -> MemoryCrm:
    clock = {"now": START + dt.timedelta(days=30)}
    context = Context(
        connection="memory",
        settings={},
        secrets=MemorySecrets(),
        http=Http(MemoryCrm.limits),
        language="en",
        now=lambda: clock["now"],
    )
    made = MemoryCrm(context)
    made.clock = clock  # type: ignore[attr-defined]
    return made


def fill(crm: MemoryCrm, count: int, *, same_second: bool = False) -> None:
    for number in range(count):
        changed = START if same_second else START + dt.timedelta(minutes=number)
        crm.rows[f"{number:05d}"] = changed


def run(runtime: Runtime, crm: MemoryCrm, **options: Any) -> Any:
    return pull(runtime.store, runtime.connections.get("memory"), crm, MAPPING, **options)


def stored(runtime: Runtime) -> set[str]:
    with runtime.store.read() as tx:
        return records.living_ids(tx, 1, Stream.ACCOUNTS)


def test_every_row_is_read_once_over_many_pages_and_slots(runtime: Runtime, crm: MemoryCrm) -> None:
    fill(crm, 317)
    assert run(runtime, crm).count(Stream.ACCOUNTS).changed == 317
    assert stored(runtime) == set(crm.rows)


def test_rows_changed_in_the_same_second_are_all_read(runtime: Runtime, crm: MemoryCrm) -> None:
    fill(crm, 95, same_second=True)
    run(runtime, crm)
    assert stored(runtime) == set(crm.rows)


def test_the_next_window_overlaps_the_last_one_and_adds_nothing_to_the_time(
    runtime: Runtime, crm: MemoryCrm
) -> None:
    fill(crm, 5)
    run(runtime, crm)
    first_end = crm.clock["now"]  # type: ignore[attr-defined]
    crm.calls.clear()
    crm.clock["now"] += dt.timedelta(hours=1)  # type: ignore[attr-defined]
    crm.rows["late"] = first_end  # became visible only after the window was read
    again = run(runtime, crm).count(Stream.ACCOUNTS)
    assert crm.calls[0].since == first_end - LAG
    assert (again.read, again.changed) == (1, 1)


@pytest.mark.parametrize("calls", [0, 1, 2, 5, 9, 20])
def test_a_broken_pull_goes_on_where_it_stood(runtime: Runtime, crm: MemoryCrm, calls: int) -> None:
    fill(crm, 230)
    crm.fail_after = calls
    with pytest.raises(Retry):
        run(runtime, crm)
    done = stored(runtime)
    with runtime.store.read() as tx:
        assert cursors.load(tx, 1, "accounts").watermark is None
    crm.fail_after = None
    assert run(runtime, crm).count(Stream.ACCOUNTS).changed == 230 - len(done)
    assert stored(runtime) == set(crm.rows)


def test_deleted_rows_are_marked_once(runtime: Runtime, crm: MemoryCrm) -> None:
    fill(crm, 12)
    run(runtime, crm)
    crm.clock["now"] += dt.timedelta(hours=1)  # type: ignore[attr-defined]
    del crm.rows["00003"]
    crm.gone["00003"] = crm.clock["now"]  # type: ignore[attr-defined]
    assert run(runtime, crm).count(Stream.ACCOUNTS).gone == 1
    assert "00003" not in stored(runtime)
    crm.clock["now"] += dt.timedelta(minutes=1)  # type: ignore[attr-defined]
    assert run(runtime, crm).count(Stream.ACCOUNTS).gone == 0


def test_a_row_deleted_after_a_kill_before_deletions_were_asked_for_is_found(
    runtime: Runtime, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(crm, 12)
    with monkeypatch.context() as patch:
        patch.setattr(pulling, "_find_gone", _die)
        with pytest.raises(KeyboardInterrupt):
            run(runtime, crm)
    crm.clock["now"] += dt.timedelta(hours=1)  # type: ignore[attr-defined]
    del crm.rows["00003"]
    crm.gone["00003"] = crm.clock["now"] - dt.timedelta(minutes=30)  # type: ignore[attr-defined]
    assert run(runtime, crm).count(Stream.ACCOUNTS).gone == 1
    assert "00003" not in stored(runtime)


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_vanished_rows_are_found_by_a_sweep_of_all_ids(
    runtime: Runtime, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryCrm, "sweeps", True)
    monkeypatch.setattr(MemoryCrm, "deleted", lambda self, name, since: iter(list(self.rows)))
    fill(crm, 12)
    run(runtime, crm)
    crm.clock["now"] += dt.timedelta(hours=2)  # type: ignore[attr-defined]
    del crm.rows["00007"]
    assert run(runtime, crm).count(Stream.ACCOUNTS).gone == 0  # too soon for a sweep
    crm.clock["now"] += dt.timedelta(hours=30)  # type: ignore[attr-defined]
    assert run(runtime, crm).count(Stream.ACCOUNTS).gone == 1
    assert "00007" not in stored(runtime)


def test_an_older_version_of_a_row_never_replaces_a_newer_one(runtime: Runtime, crm: MemoryCrm) -> None:
    fill(crm, 3)
    run(runtime, crm)
    crm.rows["00001"] = START - dt.timedelta(days=1)
    crm.names["00001"] = "an old name"
    assert run(runtime, crm, full=True).count(Stream.ACCOUNTS).changed == 0
    crm.rows["00001"] = START + dt.timedelta(days=1)
    assert run(runtime, crm, full=True).count(Stream.ACCOUNTS).changed == 1

"""Runs of the daemon write their logs where the daemon does, one line each, and nowhere else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector import logs
from connector.runtime import opened
from tests import forked
from tests.installation import Installation
from tests.new_store import new_home
from tests.unit.test_daemon import START, World, pull
from tests.unit.test_daemon import world as world


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    logs.begin("")


def written(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.sqlite  # on PostgreSQL a daemon only queues
def test_a_run_writes_to_the_descriptor_of_its_daemon(world: World, tmp_path: Path) -> None:
    logs.begin("log.json", folder=tmp_path)
    one = pull()
    code = "from connector import logs; logs.begin(__import__('os').environ['CREDITGATE_LOG']); "
    world.shell[one.name] = f"{sys.executable} -c \"{code}logs.logger('x').info('from_the_run')\""
    world.now = START
    world.settle(world.daemon(one))
    events = [line["event"] for line in written(tmp_path / "log.json")]
    assert events == ["slot_begins", "from_the_run", "slot_done"]
    assert len({line["run"] for line in written(tmp_path / "log.json")}) == 2


def test_a_command_writes_no_log_unless_asked_and_its_output_stays_clean(tmp_path: Path) -> None:
    made = Installation(new_home(tmp_path / "home"))
    quiet = made.run("status", "--format", "json", expect=1)
    assert '"event"' not in quiet.stdout + quiet.stderr
    file = tmp_path / "status.json"
    loud = forked.run("connector.cli", "--log", str(file), "status", "--format", "json", env=made.environment)
    assert json.loads(loud.stdout) == json.loads(quiet.stdout)
    assert [line["event"] for line in written(file)] == ["run_begins", "run_ends"]
    assert {line["verb"] for line in written(file)} == {"status"}
    wrong = forked.run("connector.cli", "--log", "/nowhere/x", "status", env=made.environment)
    assert wrong.returncode == 2 and "logs cannot be written" in wrong.stderr


def test_no_secret_is_shown_when_the_configuration_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDITGATE_METRICS_KEY", "hush-hush")
    monkeypatch.setenv("CREDITGATE_DATABASE_URL", f"sqlite:///{tmp_path}/hush-hush.db")
    with opened(new_home(tmp_path / "home") / "creditgate.toml") as runtime:
        assert "hush" not in repr(runtime) and "hush" not in str(runtime.config)
    assert os.environ["CREDITGATE_METRICS_KEY"]

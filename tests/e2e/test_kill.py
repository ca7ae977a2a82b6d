"""A kill at any moment of pull, assess and push, followed by a rerun, changes nothing in the end."""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import pytest

from sandbox.server import Options
from tests.forked import Forked
from tests.installation import Installation, installation
from tests.store_dump import dump

OPTIONS = Options(accounts=20, seed=11, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))
KILLS = 20


class Run(NamedTuple):
    """The chain at work, and what it prints."""

    process: Forked
    out: TextIO


def start(made: Installation) -> Run:
    reading, writing = os.pipe()
    try:
        process = Forked("tests.e2e.chain", env=made.environment, streams=(None, writing, 2))
    finally:
        os.close(writing)
    out = os.fdopen(reading)
    assert out.readline() == "go\n"
    return Run(process, out)


def finish(run: Run) -> None:
    with run.out:
        assert run.process.wait(timeout=120) == 0
        assert run.out.read().endswith("end\n")


def result(made: Installation) -> dict[str, Any]:
    with made.opened() as runtime:
        content: dict[str, Any] = {"store": dump(runtime.store)}
    for name in made.bases:
        content[name] = made.door(name, "content")
    return content


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float]:
    folder = tmp_path_factory.mktemp("undisturbed")
    with installation(folder, OPTIONS, pinned=True) as made:
        run = start(made)
        began = time.monotonic()
        finish(run)
        took = time.monotonic() - began
        return result(made), took


@pytest.mark.parametrize("moment", range(KILLS))
def test_a_killed_run_ends_like_an_undisturbed_one_after_a_rerun(
    moment: int, undisturbed: tuple[dict[str, Any], float], tmp_path: Path
) -> None:
    expected, took = undisturbed
    # One random moment in each twentieth of the run, so that every stage is hit.
    share = (moment + random.Random(moment).random()) / KILLS
    with installation(tmp_path, OPTIONS, pinned=True) as made:
        run = start(made)
        time.sleep(share * took)
        run.process.kill()
        run.process.wait(timeout=10)
        run.out.close()
        finish(start(made))
        found = result(made)
    for part, content in expected.items():
        assert found[part] == content, f"{part} differs after a kill at {share:.0%}"


def test_the_undisturbed_run_did_all_the_work(undisturbed: tuple[dict[str, Any], float]) -> None:
    content, _ = undisturbed
    store = content["store"]
    assert len(store["assessment"]) == len(store["customer"]) > 0
    assert store["outbox"] == []
    assert store["visit"]
    assert all(row["done"] for row in store["customer"])

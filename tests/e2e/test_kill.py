"""A kill at any moment of pull, assess and push, followed by a rerun, changes nothing in the end."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.server import Options
from tests.installation import Installation, installation
from tests.store_dump import dump

OPTIONS = Options(accounts=40, seed=11, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))
KILLS = 20
CHAIN = [sys.executable, "-m", "tests.e2e.chain"]
ROOT = Path(__file__).parents[2]


def start(made: Installation) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        CHAIN,
        env=made.environment,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    return process


def finish(process: subprocess.Popen[str]) -> None:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out.endswith("end\n")


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
        process = start(made)
        began = time.monotonic()
        finish(process)
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
        process = start(made)
        time.sleep(share * took)
        process.kill()
        process.communicate()
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

"""A kill before the commit of any single transaction of the whole job, and a rerun, change nothing.

What the killed run had done to the CRMs is done, what it had not committed is lost: the worst of each place.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.server import Options
from tests.e2e.forks import KILLED
from tests.installation import Installation, installation
from tests.store_dump import dump

OPTIONS = Options(accounts=12, seed=5, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))
ROOT = Path(__file__).parents[2]
SHARES = 4
SLACK = 6
# One transaction in three keeps the suite short; 1 takes them all.
STEP = int(os.environ.get("CREDITGATE_KILL_STEP", "3"))


class Forks:
    """The prepared process that the runs are forked from."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.forks"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def run(self, made: Installation, at: int = 0) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"environment": made.environment, "at": at}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    made = Forks()
    yield made
    made.close()


@contextmanager
def fresh(folder: Path) -> Iterator[Installation]:
    with installation(folder, OPTIONS, pinned=True) as made:
        yield made


def result(made: Installation) -> dict[str, Any]:
    with made.opened() as runtime:
        content: dict[str, Any] = {"store": dump(runtime.store)}
    for name in made.bases:
        content[name] = made.door(name, "content")
    return content


@pytest.fixture(scope="module")
def undisturbed(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int]:
    with fresh(tmp_path_factory.mktemp("undisturbed")) as made:
        ended = forks.run(made)
        assert ended["code"] == 0
        found = result(made)
        store = found["store"]
        assert store["visit"]
        assert store["outbox"] == []
        assert any(row["group"] for row in store["customer"])
        return found, ended["transactions"]


@pytest.mark.parametrize("share", range(SHARES))
def test_a_run_killed_in_any_transaction_ends_like_an_undisturbed_one_after_a_rerun(
    share: int, forks: Forks, undisturbed: tuple[dict[str, Any], int], tmp_path: Path
) -> None:
    expected, transactions = undisturbed
    assert transactions > SHARES
    for at in range(1, transactions + 1, STEP)[share::SHARES]:
        with fresh(tmp_path / str(at)) as made:
            # Which calls end first decides how windows are cut: a run may take a few pages less.
            assert forks.run(made, at)["code"] == KILLED or at > transactions - SLACK
            assert forks.run(made)["code"] == 0
            found = result(made)
        for part, content in expected.items():
            assert found[part] == content, f"{part} differs after a kill in transaction {at}"

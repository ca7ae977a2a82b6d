"""A kill before the commit of any single transaction of the whole job, and a rerun, change nothing.

What the killed run had done to the CRMs is done, what it had not committed is lost: the worst of each place.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.server import Options
from tests import forked
from tests.e2e.cut_chain import KILLED
from tests.installation import Installation, installation
from tests.store_dump import dump

OPTIONS = Options(accounts=12, seed=5, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))
SHARES = 4
SLACK = 6
# One transaction in three keeps the suite short; 1 takes them all.
STEP = int(os.environ.get("CREDITGATE_KILL_STEP", "3"))


def run(made: Installation, at: int = 0) -> tuple[int, int]:
    """The exit code of a run that ends at transaction ``at``, and how many transactions it took."""
    done = forked.run("tests.e2e.cut_chain", str(at), env=made.environment)
    return done.returncode, 0 if done.returncode else int(done.stdout.splitlines()[-1])


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
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int]:
    with fresh(tmp_path_factory.mktemp("undisturbed")) as made:
        code, transactions = run(made)
        assert code == 0
        found = result(made)
        store = found["store"]
        assert store["visit"]
        assert store["outbox"] == []
        assert any(row["group"] for row in store["customer"])
        return found, transactions


@pytest.mark.parametrize("share", range(SHARES))
def test_a_run_killed_in_any_transaction_ends_like_an_undisturbed_one_after_a_rerun(
    share: int, undisturbed: tuple[dict[str, Any], int], tmp_path: Path
) -> None:
    expected, transactions = undisturbed
    assert transactions > SHARES
    for at in range(1, transactions + 1, STEP)[share::SHARES]:
        with fresh(tmp_path / str(at)) as made:
            # Which calls end first decides how windows are cut: a run may take a few pages less.
            assert run(made, at)[0] == KILLED or at > transactions - SLACK
            assert run(made)[0] == 0
            found = result(made)
        for part, content in expected.items():
            assert found[part] == content, f"{part} differs after a kill in transaction {at}"

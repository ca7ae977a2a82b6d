"""An installation under test: a home folder, sandboxes over real HTTP, and the command line.

Invariant: nothing outside the given folder is touched; every sandbox is fresh.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from connector.admin.connect import add, kind_of
from connector.admin.provision import manifest, provision
from connector.assess import assess
from connector.config import load
from connector.privacy import person_review
from connector.runtime import Runtime
from connector.store.schema import upgrade
from sandbox.run import installed
from sandbox.server import Options
from tests import forked
from tests.new_store import new_home
from tests.sandbox_server import running

RATES = "EUR,2000-01-01,7.85\nUSD,2000-01-01,7.20\nGBP,2000-01-01,9.15\nJPY,2000-01-01,0.048\n"
COMMAND = [sys.executable, "-m", "connector.cli"]


@dataclass
class Installation:
    """``bases`` are the sandboxes' addresses by connection name."""

    home: Path
    as_of: dt.date | None = None
    database_url: str = ""
    bases: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a command of this installation runs in."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CREDITGATE_")}
        kept["CREDITGATE_HOME"] = str(self.home)
        if self.as_of is not None:
            kept["CREDITGATE_AS_OF"] = self.as_of.isoformat()
        if self.database_url:
            kept["CREDITGATE_DATABASE_URL"] = self.database_url
        return kept

    def run(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; fails with its output unless it ends with ``expect``."""
        done = forked.run("connector.cli", *arguments, env=self.environment)
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    @contextmanager
    def opened(self) -> Iterator[Runtime]:
        """The runtime of the home folder."""
        config = load(self.home / "creditgate.toml").model_copy(
            update={"as_of": self.as_of, "database_url": self.database_url}
        )
        runtime = Runtime(config)
        try:
            yield runtime
        finally:
            runtime.close()

    def review(self) -> None:
        """A person confirms everything that waits about natural persons, and it comes into force."""
        with self.opened() as runtime:
            waiting = [one.customer_id for one in person_review.listed(runtime)]
            for number in waiting:
                person_review.confirm(runtime, number, reason="seen", actor="test")
            assess(runtime.store, runtime.policy, runtime.rates, runtime.now(), customers=waiting)

    def door(self, name: str, door: str, body: Mapping[str, Any] | None = None) -> Any:
        """A side door of a sandbox: GET without a body, POST with one."""
        url = f"{self.bases[name]}/_sandbox/{door}"
        answer = requests.get(url, timeout=30) if body is None else requests.post(url, json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def writes(self) -> int:
        """Write calls that all sandboxes have seen."""
        return sum(self.door(name, "calls")["write"] for name in self.bases)


@contextmanager
def installation(
    folder: Path,
    options: Options,
    *,
    names: tuple[str, ...] = ("zoho", "fxiaoke"),
    pinned: bool = False,
    provisioned: bool = True,
    database_url: str = "",
) -> Iterator[Installation]:
    """A fresh home folder with fresh sandboxes, connected and (unless told not to) provisioned.

    ``pinned`` fixes the day of decisions to that of the sandboxes.
    """
    as_of = options.as_of.date() if pinned and options.as_of else None
    made = Installation(folder / "home", as_of, database_url)
    new_home(made.home)
    if database_url:
        with made.opened() as runtime:
            upgrade(runtime.store)
    with (made.home / "rates.csv").open("a") as rates:
        rates.write(RATES)
    known = installed()
    with ExitStack() as stack:
        with made.opened() as runtime:
            for name in names:
                base = stack.enter_context(running(known[name].app(options)))
                made.bases[name] = base
                add(runtime, kind_of(known[name].kind), name, known[name].settings_at(base), actor="test")
            if provisioned:
                provisioned_by_hand(made, runtime)
        yield made


def provisioned_by_hand(made: Installation, runtime: Runtime) -> None:
    """Provision every CRM; what its interface cannot make, an admin makes in its console."""
    for one in runtime.connections.all("crm"):
        wanted = provision(runtime, one, dry_run=False, actor="test").fields
        by_hand = manifest([item for item in wanted if item.by_hand(dry_run=False)])
        for part in by_hand:
            made.door(one.name, "console/fields", part)
        if by_hand:
            left = provision(runtime, one, dry_run=False, actor="test").fields
            assert not [item for item in left if item.by_hand(dry_run=False)]

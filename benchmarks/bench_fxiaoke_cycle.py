"""What a cycle writes to Fxiaoke after 500 of 100,000 accounts changed: one update call each, and no more.

A first cycle reads and assesses everything and is taken as written (100,000 single updates are the
vendor's price of a first load, 20,000 s at its 100 calls in 20 s, and not what is measured). Then a user
changes accounts so that their results change, and one more pull, assess and push is measured. Prints JSON:
the calls that wrote, against one for each changed result, and all other calls of the push.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import requests
import sqlalchemy as sa

from benchmarks.fxiaoke_org import tenant_of
from connector import assess as assessing
from connector.adapter import Crm
from connector.admin.connect import add, kind_of
from connector.admin.home import found
from connector.admin.provision import manifest, provision
from connector.config import load
from connector.http import NoBudget
from connector.pull import LAG, pull
from connector.push import push
from connector.runtime import Runtime
from connector.store import outbox
from connector.store.connections import Connection
from connector.store.tables import outbox as outbox_table

ACCOUNT = "AccountObj"
WRITES = ("create", "update", "lock", "unlock", "send", "changeOwner", "invalid", "delete")


@dataclass(frozen=True)
class Cycle:
    """Rows read, results queued, calls of the push by their last word, and how long it all took."""

    read: int
    results: int
    calls: Mapping[str, int]
    seconds: float

    @property
    def write_calls(self) -> int:
        return sum(count for name, count in self.calls.items() if name in WRITES)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tenant_of(arguments.accounts) as settings:
        for _ in found(Path(folder)):
            pass
        print(orjson.dumps(measure(Path(folder), dict(settings), arguments.changed)).decode())


def measure(home: Path, settings: dict[str, str], changed: int) -> dict[str, object]:
    """Load, take as written, change, measure one cycle."""
    runtime = Runtime(load(home / "creditgate.toml"))
    connection = add(runtime, kind_of("fxiaoke"), "fxiaoke", settings, actor="benchmark")
    base = settings["base_url"]
    for part in manifest(provision(runtime, connection, dry_run=False, actor="benchmark").fields):
        _door(base, "console/fields", part)
    provision(runtime, connection, dry_run=False, actor="benchmark")
    began = time.perf_counter()
    accounts = _load(runtime, connection)
    first_seconds = round(time.perf_counter() - began, 1)
    # One account is written by itself: the very first update of a tenant is watched.
    _edit(base, 1, skip=0, terms="8")
    _cycle(runtime, connection)
    time.sleep(LAG.total_seconds() + 2)
    _cycle(runtime, connection)
    _edit(base, changed, skip=1, terms="7")
    cycle = _cycle(runtime, connection)
    runtime.close()
    return {
        "benchmark": "writing to Fxiaoke after a change",
        "accounts": accounts,
        "changed": changed,
        "first_seconds": first_seconds,
        "read": cycle.read,
        "results_changed": cycle.results,
        "write_calls": cycle.write_calls,
        "write_calls_per_changed": round(cycle.write_calls / cycle.results, 3) if cycle.results else None,
        "bound_write_calls_per_changed": 1.0,
        "other_calls_of_the_push": sum(cycle.calls.values()) - cycle.write_calls,
        "seconds": cycle.seconds,
    }


def _load(runtime: Runtime, connection: Connection) -> int:
    """Pull and assess everything, and take it as written; how many accounts."""
    crm, mapping = _crm(runtime, connection), runtime.mapping(connection)
    pull(runtime.store, connection, crm, mapping)
    assessed = _assess(runtime)
    while True:
        now = runtime.clock()
        with runtime.store.write() as tx:
            items = outbox.due(tx, connection.id, now, 1_000, ["account"])
            outbox.done(tx, connection.id, [(item, item.external_id) for item in items], now)
        if not items:
            break
    with runtime.store.write() as tx:
        tx.execute(sa.delete(outbox_table))
    return assessed


def _crm(runtime: Runtime, connection: Connection) -> Crm:
    """The adapter without the vendor's limits, which the tenant does not have either."""
    crm = runtime.crm(connection)
    crm.context.http.budget = NoBudget()
    return crm


def _assess(runtime: Runtime) -> int:
    done = assessing.assess(
        runtime.store,
        runtime.policy,
        runtime.rates,
        runtime.now(),
        content=runtime.policy_text,
        language=runtime.config.language,
    )
    return done.queued


def _cycle(runtime: Runtime, connection: Connection) -> Cycle:
    """Pull, assess, push."""
    mapping = runtime.mapping(connection)
    began = time.perf_counter()
    pulled = pull(runtime.store, connection, _crm(runtime, connection), mapping)
    queued = _assess(runtime)
    crm = _crm(runtime, connection)
    pushed = push(runtime.store, runtime.connections, connection, crm, mapping)
    assert pushed.done == queued, (pushed, queued)
    calls: Counter[str] = Counter()
    for (_, path), count in crm.context.http.meter.items():
        calls[path.rpartition("/")[2]] += count
    return Cycle(
        read=sum(count.read for count in pulled.streams.values()),
        results=queued,
        calls=calls,
        seconds=round(time.perf_counter() - began, 1),
    )


def _edit(base: str, count: int, *, skip: int, terms: str) -> None:
    """A user gives accounts other payment terms, which decide on their limits."""
    values = {"payment_terms_days__c": terms}
    _door(base, "edit", {"object": ACCOUNT, "skip": skip, "count": count, "values": values})


def _door(base: str, name: str, body: Mapping[str, object]) -> None:
    answer = requests.post(f"{base}/_sandbox/{name}", json=body, timeout=60)
    assert answer.status_code == 200, answer.text


if __name__ == "__main__":
    main()

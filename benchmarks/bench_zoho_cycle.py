"""One cycle after 500 of 100,000 accounts changed: what is read, and what is written.

A first cycle loads, assesses and writes everything; quiet cycles follow until our own writes have come
back. Then a user changes accounts, and one more pull, assess and push is measured. Prints JSON: records read
for each one changed (at most 1.2 is the bound), customers with another result, and the calls that wrote
them against ⌈results ÷ 100⌉.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
import requests

from benchmarks.zoho_org import org
from connector import assess as assessing
from connector.admin.connect import add, kind_of
from connector.admin.home import found
from connector.admin.provision import provision
from connector.config import load
from connector.pull import LAG, pull
from connector.push import push
from connector.runtime import Runtime
from connector.store.connections import Connection

WRITE_BATCH = 100


@dataclass(frozen=True)
class Cycle:
    """Rows read, results queued, calls that wrote, and how long it all took."""

    read: int
    results: int
    write_calls: int
    seconds: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, org(arguments.accounts, arguments.accounts) as settings:
        for _ in found(Path(folder)):
            pass
        print(orjson.dumps(measure(Path(folder), dict(settings), arguments.changed)).decode())


def measure(home: Path, settings: dict[str, str], changed: int) -> dict[str, object]:
    """Load, come to rest, change, measure one cycle."""
    runtime = Runtime(load(home / "creditgate.toml"))
    connection = add(runtime, kind_of("zoho"), "zoho", settings, actor="benchmark")
    provision(runtime, connection, dry_run=False, actor="benchmark")
    first = _cycle(runtime, connection)
    # Windows overlap: our own writes are read once more while they are younger than that.
    time.sleep(LAG.total_seconds() + 2)
    echo = _cycle(runtime, connection)
    _edit(settings, changed)
    second = _cycle(runtime, connection)
    runtime.close()
    calls = -(-second.results // WRITE_BATCH)
    return {
        "benchmark": "cycle after a change",
        "accounts": first.results,
        "changed": changed,
        "first_seconds": first.seconds,
        "read_of_own_writes": echo.read,
        "results_from_own_writes": echo.results,
        "read": second.read,
        "read_per_changed": round(second.read / changed, 3),
        "bound_read_per_changed": 1.2,
        "results_changed": second.results,
        "write_calls": second.write_calls,
        "write_calls_per_needed": round(second.write_calls / calls, 3) if calls else None,
        "bound_write_calls_per_needed": 1.0,
        "seconds": second.seconds,
    }


def _cycle(runtime: Runtime, connection: Connection) -> Cycle:
    """Pull, assess, push."""
    crm, mapping = runtime.crm(connection), runtime.mapping(connection)
    began = time.perf_counter()
    pulled = pull(runtime.store, connection, crm, mapping)
    assessed = assessing.assess(
        runtime.store,
        runtime.policy,
        runtime.rates,
        runtime.now(),
        content=runtime.policy_text,
        language=runtime.config.language,
    )
    pushed = push(runtime.store, runtime.connections, connection, crm, mapping)
    assert pushed.done == assessed.queued, (pushed, assessed)
    writes = sum(count for (method, path), count in crm.context.http.meter.items() if method == "PUT")
    return Cycle(
        read=sum(count.read for count in pulled.streams.values()),
        results=assessed.queued,
        write_calls=writes,
        seconds=round(time.perf_counter() - began, 1),
    )


def _edit(settings: dict[str, str], count: int) -> None:
    """A user changes accounts spread over the portfolio: the terms of every other one, which decide
    something, the city of the rest, which decides nothing."""
    form = {name: settings[name] for name in ("client_id", "client_secret", "refresh_token")}
    base = settings["accounts_url"]
    token = requests.post(f"{base}/oauth/v2/token", data={"grant_type": "refresh_token", **form}, timeout=30)
    headers = {"Authorization": f"Zoho-oauthtoken {token.json()['access_token']}"}
    query = {"select_query": "select id from Accounts where id is not null order by id asc limit 2000"}
    rows = requests.post(f"{base}/crm/v8/coql", json=query, headers=headers, timeout=30).json()["data"]
    step = max(1, len(rows) // count)
    chosen = [row["id"] for row in rows[::step]][:count]
    assert len(chosen) == count, "fewer accounts than are to be changed"
    edits = [
        {"id": key, "Payment_Terms_Days": 7} if at % 2 else {"id": key, "Billing_City": "Suzhou"}
        for at, key in enumerate(chosen)
    ]
    for start in range(0, count, WRITE_BATCH):
        body = {"data": edits[start : start + WRITE_BATCH]}
        answer = requests.put(f"{base}/crm/v8/Accounts", json=body, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text


if __name__ == "__main__":
    main()

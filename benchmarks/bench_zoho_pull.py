"""First load of a large Zoho org in bulk: against the bound of that way, and against the vendor's SDK.

The bound is what a client would take that orders the same jobs and throws their files away: the vendor's own
time. How long a job takes is not documented; ``--rate`` rows a second is assumed (200,000 rows a minute). The
SDK reads the same columns of the same records by query, one process, and stores nothing; a second pull of
ours goes that way too, to be compared with it. Prints JSON: seconds of each, the share of the bound that is
reached (at least 0.9), peak memory of the pulling process (at most 300 MB), and SDK ÷ ours for both ways.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import orjson
import requests

from benchmarks.zoho_org import org
from connector.adapter import Crm
from connector.admin.connect import add, kind_of
from connector.admin.home import found
from connector.config import load
from connector.mapping.form import FieldMapping
from connector.model import Stream
from connector.pull import pull
from connector.runtime import Runtime
from connector.store.connections import Connection

STREAMS = (Stream.ACCOUNTS, Stream.ORDERS)
LOOK_SECONDS = 0.2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=300_000)
    parser.add_argument("--latency", type=int, default=100, help="milliseconds a call")
    parser.add_argument("--slots", type=int, default=10)
    parser.add_argument("--rate", type=int, default=3_333, help="rows a second that a job makes ready")
    arguments = parser.parse_args()
    sizes = (arguments.accounts, arguments.orders, arguments.latency)
    with tempfile.TemporaryDirectory() as folder, org(*sizes) as settings:
        pace = {"queue_seconds": 1, "rows_per_second": arguments.rate}
        requests.post(f"{settings['accounts_url']}/_sandbox/bulk", json=pace, timeout=30).raise_for_status()
        report = measure(Path(folder), {**settings, "slots": str(arguments.slots)})
    report |= {"latency_ms": arguments.latency, "slots": arguments.slots, "job_rows_a_second": arguments.rate}
    print(orjson.dumps(report).decode())


def measure(home: Path, settings: dict[str, str]) -> dict[str, object]:
    """Ours, then the bound, then the SDK, on the same org."""
    for _ in found(home):
        pass
    runtime = Runtime(load(home / "creditgate.toml"))
    connection = add(runtime, kind_of("zoho"), "zoho", settings, actor="benchmark")
    crm, whole = runtime.crm(connection), runtime.mapping(connection)
    readers = {stream: whole.readers[stream] for stream in STREAMS}
    mapping = FieldMapping(whole.name, readers, whole.targets)
    columns = {
        readers[stream].object: _columns(crm, readers[stream].object, readers[stream].vendor_fields)
        for stream in STREAMS
    }
    ours, rows = _pulled(runtime, connection, crm, mapping)
    # The figure is a high-water mark: what follows must not be in it.
    peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
    queried = add(runtime, kind_of("zoho"), "query", {**settings, "bulk_from": "never"}, actor="benchmark")
    by_query, again = _pulled(runtime, queried, runtime.crm(queried), mapping)
    assert again >= rows, (again, rows)  # windows overlap at their edges
    runtime.close()
    bound = _bound(settings, columns)
    sdk = _sdk(settings, columns)
    assert sdk["rows"] == rows, (sdk, rows)
    return {
        "benchmark": "first load of a Zoho org in bulk",
        "rows": rows,
        "seconds": round(ours, 1),
        "rows_per_second": round(rows / ours),
        "bound_seconds": round(bound, 1),
        "ratio_to_bound": round(bound / ours, 3),
        "least_ratio_to_bound": 0.9,
        "peak_mb": round(peak),
        "most_mb": 300,
        "sdk_seconds": sdk["seconds"],
        "sdk_to_ours": round(sdk["seconds"] / ours, 2),
        "by_query_seconds": round(by_query, 1),
        "sdk_to_ours_by_query": round(sdk["seconds"] / by_query, 2),
    }


def _pulled(runtime: Runtime, connection: Connection, crm: Crm, mapping: FieldMapping) -> tuple[float, int]:
    """Seconds of a pull, and the rows that it read."""
    began = time.perf_counter()
    pulled = pull(runtime.store, connection, crm, mapping)
    seconds = time.perf_counter() - began
    notes = [count.note for count in pulled.streams.values() if count.note]
    assert not notes, notes
    return seconds, sum(count.read for count in pulled.streams.values())


def _columns(crm: Crm, object_name: str, paths: tuple[str, ...]) -> list[str]:
    """The mapped columns that the org has."""
    lacking = set(crm.missing(object_name, paths).fields)
    roots = dict.fromkeys(path.split(".")[0] for path in paths if path not in lacking)
    return [name for name in roots if name not in ("id", "Modified_Time")] + ["Modified_Time", "id"]


def _bound(settings: Mapping[str, str], columns: Mapping[str, list[str]]) -> float:
    """Seconds of the vendor's own: first pages of all modules are ordered at once, the others when a page
    names its follower; every file is fetched and thrown away."""
    form = {name: settings[name] for name in ("client_id", "client_secret", "refresh_token")}
    base = settings["accounts_url"]
    began = time.perf_counter()
    with requests.Session() as session:
        token = session.post(f"{base}/oauth/v2/token", data={"grant_type": "refresh_token", **form}).json()
        session.headers["Authorization"] = f"Zoho-oauthtoken {token['access_token']}"
        jobs = f"{base}/crm/bulk/v8/read"

        def order(module: str, place: Mapping[str, object]) -> str:
            query = {"module": {"api_name": module}, "fields": columns[module], **place}
            return str(session.post(jobs, json={"query": query}).json()["data"][0]["details"]["id"])

        waiting = [(module, order(module, {"page": 1})) for module in columns]
        while waiting:
            module, job = waiting.pop(0)
            while (told := session.get(f"{jobs}/{job}").json()["data"][0])["state"] != "COMPLETED":
                time.sleep(LOOK_SECONDS)
            following = told["result"]["next_page_token"]
            if following:
                waiting.insert(0, (module, order(module, {"page_token": following})))
            session.get(f"{jobs}/{job}/result").raise_for_status()
    return time.perf_counter() - began


def _sdk(settings: Mapping[str, str], columns: Mapping[str, list[str]]) -> dict[str, float]:
    """Rows and seconds of the vendor's SDK."""
    command = [sys.executable, "-m", "benchmarks.zoho_sdk_reader"]
    asked = json.dumps({"settings": dict(settings), "modules": dict(columns)})
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    main()

"""How much of the 100 calls in 20 s that one Fxiaoke endpoint takes is used, for pull and for push.

Rows are read and written against the strict sandbox: each endpoint alone, then both in parallel. What is
measured begins after the burst of the first window. Prints JSON; at least 0.95 of five calls a second is the
bound, and none may be refused.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from adapters.fxiaoke import gateway
from benchmarks.fxiaoke_worker import EVER
from connector.adapter import Crm, Slice, Write
from connector.runtime import Runtime
from connector.store.connections import Connection
from sandbox.server import Options
from tests.installation import Installation, installation

QUERY, UPDATE = "/cgi/crm/v2/data/query", "/cgi/crm/v2/data/update"
ALLOWED, BOUND, WINDOW = 5.0, 0.95, 20.0
THREADS = 3


class Endpoint:
    """When calls to one path left, as the vendor's side of the wire would see them."""

    def __init__(self, crm: Crm, path: str) -> None:
        self.left: list[float] = []
        send = crm.context.http._send

        def noted(method: str, url: str, **more: Any) -> Any:
            answer = send(method, url, **more)
            if url.endswith(path):
                self.left.append(time.monotonic())
            return answer

        crm.context.http._send = noted  # type: ignore[method-assign]

    def rate(self, since: float, until: float) -> float:
        """Calls a second between two moments."""
        return len([at for at in self.left if since <= at < until]) / (until - since)


def measure(
    runtime: Runtime, connection: Connection, seconds: float, kinds: tuple[str, ...]
) -> dict[str, float]:
    """Share of the permitted rate that each kind reaches, all of them at work at once."""
    ends = time.monotonic() + seconds
    endpoints: dict[str, Endpoint] = {}
    threads = []
    for kind in kinds:
        crm = runtime.crm(connection)
        endpoints[kind] = Endpoint(crm, QUERY if kind == "pull" else UPDATE)
        work = _reading if kind == "pull" else _writing
        threads += [threading.Thread(target=work, args=(crm, ends, n)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whole windows, from the end of the first one on.
    windows = int((seconds - WINDOW) // (WINDOW + 0.6))
    shares = {}
    for kind, endpoint in endpoints.items():
        first = endpoint.left[0] + WINDOW + 0.6
        until = first + windows * (WINDOW + 0.6)
        shares[kind] = round(endpoint.rate(first, until) / ALLOWED, 4)
    return shares


def _reading(crm: Crm, ends: float, _: int) -> None:
    """As a pull does: page after page of the largest stream, by keyset, from several threads."""
    after: str | None = None
    while time.monotonic() < ends:
        page = crm.fetch("SalesOrderObj", ["name", "order_amount"], Slice(*EVER, after=after))
        after = page.rows[-1].external_id if page.more else None


def _writing(crm: Crm, ends: float, lane: int) -> None:
    """As a push does: batches of updates, one row a call."""
    ids = [row.external_id for row in crm.fetch("AccountObj", ["name"], Slice(*EVER)).rows][lane::THREADS]
    while time.monotonic() < ends:
        stamp = str(time.monotonic_ns())
        batch = ids[: crm.write_batch // 4]
        crm.push([Write("update", "AccountObj", one, {"risk_class__c": stamp}, {}) for one in batch])


def run(made: Installation, seconds: float) -> dict[str, Any]:
    """All three rounds."""
    refused: list[int] = []
    judge = gateway.fault

    def counting(answer: Any, **more: Any) -> Any:
        if answer.get("errorCode") in (14001, 30004):
            refused.append(answer["errorCode"])
        return judge(answer, **more)

    gateway.fault = counting  # type: ignore[assignment]
    try:
        with made.opened() as runtime:
            connection = runtime.connections.get("fxiaoke")
            found: dict[str, Any] = {"benchmark": "calls of one endpoint", "bound": BOUND}
            for name, kinds in (
                ("pull", ("pull",)),
                ("push", ("push",)),
                ("parallel", ("pull", "push")),
            ):
                found[name] = measure(runtime, connection, seconds, kinds)
    finally:
        gateway.fault = judge
    return {**found, "refused": len(refused)}


def main() -> None:
    """Measure and print; exit code 1 below the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=85, help="For each of the three rounds.")
    parser.add_argument("--accounts", type=int, default=200)
    arguments = parser.parse_args()
    options = Options(accounts=arguments.accounts)
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(Path(folder), options, names=("fxiaoke",)) as made,
    ):
        found = run(made, arguments.seconds)
    print(orjson.dumps(found).decode())
    shares = [share for name in ("pull", "push", "parallel") for share in found[name].values()]
    sys.exit(0 if min(shares) >= BOUND and not found["refused"] else 1)


if __name__ == "__main__":
    main()

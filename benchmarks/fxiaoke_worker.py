"""One process that pulls and pushes as fast as the limits permit, for so many seconds.

Runs on the home folder that CREDITGATE_HOME names, connection ``fxiaoke``. Prints JSON: calls by path, error
codes that the vendor gave, and rows read and written.
"""

from __future__ import annotations

import argparse
import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from adapters.fxiaoke import gateway
from connector.adapter import Crm, Slice, Write
from connector.pull import pull
from connector.runtime import Runtime, opened

EVER = (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
KINDS = ("pull", "fetch", "push")


class Work:
    """What the threads of a process do until the time is over."""

    def __init__(self, runtime: Runtime, seconds: float) -> None:
        self.runtime = runtime
        self.connection = runtime.connections.get("fxiaoke")
        self.ends = time.monotonic() + seconds
        self.codes: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.faults: list[str] = []

    def crm(self) -> Crm:
        return self.runtime.crm(self.connection)

    def pull(self, crm: Crm) -> None:
        done = pull(
            self.runtime.store, self.connection, crm, self.runtime.mapping(self.connection), full=True
        )
        self.done["rows"] += sum(count.read for count in done.streams.values())

    def fetch(self, crm: Crm) -> None:
        page = crm.fetch("SalesOrderObj", ["name", "order_amount"], Slice(*EVER))
        self.done["rows"] += len(page.rows)

    def push(self, crm: Crm) -> None:
        stamp = str(time.monotonic_ns())
        ids = [row.external_id for row in crm.fetch("AccountObj", ["name"], Slice(*EVER)).rows]
        writes = [Write("update", "AccountObj", one, {"risk_class__c": stamp}, {}) for one in ids]
        for start in range(0, len(writes), crm.write_batch):
            if time.monotonic() >= self.ends:
                return
            outcomes = crm.push(writes[start : start + crm.write_batch])
            self.done["written"] += sum(one.result == "done" for one in outcomes)
            self.faults += [one.message for one in outcomes if one.result != "done"]

    def repeat(self, act: Callable[[Crm], None]) -> None:
        crm = self.crm()
        try:
            while time.monotonic() < self.ends:
                act(crm)
        except Exception as fault:
            self.faults.append(repr(fault))
        for (_, path), count in crm.context.http.meter.items():
            self.calls[path] += count

    def counted(self) -> None:
        """Count the codes that the vendor gives."""
        judge = gateway.fault

        def counting(answer: Any, **more: Any) -> Any:
            if answer.get("errorCode"):
                self.codes[str(answer["errorCode"])] += 1
            return judge(answer, **more)

        gateway.fault = counting  # type: ignore[assignment]


def main() -> None:
    """Work and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    arguments = parser.parse_args()
    with opened() as runtime:
        work = Work(runtime, arguments.seconds)
        work.counted()
        acts = [getattr(work, kind) for kind in arguments.kinds]
        threads = [threading.Thread(target=work.repeat, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = {"codes": work.codes, "calls": work.calls, "done": work.done, "faults": work.faults[:5]}
    print(orjson.dumps(told).decode())


if __name__ == "__main__":
    main()

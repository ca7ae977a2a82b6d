"""Two hundred clients of real servers, some of which are killed meanwhile: what is granted fills the limits
and never passes them, and nothing counts twice."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from connector.config import Config
from connector.runtime import Runtime
from connector.store.lines import CUSTOMER, GROUP
from tests.check_bench import Bench
from tests.cli_home import POLICY
from tests.installation import COMMAND
from tests.unit.test_api import CIPHER_KEY, ORDER

CLIENTS = 200
AMOUNT = 1_000
# Fifty orders ask for each account; the first is bound by its own limit, all together by the group's.
OWN = {"A1": 30, "A2": 60, "A3": 60, "A4": 60}
IN_GROUP = 120
PATIENCE = 60.0
STORES = [("sqlite", 1), pytest.param(("postgres", 2), marks=pytest.mark.postgres)]


def free_port() -> int:
    """A port outside of those that outgoing calls use: one of these would take it while no server does."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


class Servers:
    """``creditgate serve`` as often as the store bears it, on ports that stay when one is killed."""

    def __init__(self, folder: Path, count: int) -> None:
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("CREDITGATE_")}
        self.environment |= {"CREDITGATE_HOME": str(folder), "CREDITGATE_KEY": CIPHER_KEY}
        self.ports = [free_port() for _ in range(count)]
        self.running = [self.start(port) for port in self.ports]

    def start(self, port: int) -> subprocess.Popen[bytes]:
        command = [*COMMAND, "serve", "--port", str(port)]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)

    def kill_one(self) -> None:
        """As the power does it; another one takes its place."""
        at = random.randrange(len(self.ports))
        self.running[at].send_signal(signal.SIGKILL)
        self.running[at].wait()
        self.running[at] = self.start(self.ports[at])

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(timeout=15)


@pytest.fixture(params=STORES, ids=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Bench, str, Servers]]:
    name, count = request.param
    bench = Bench.fresh(request.getfixturevalue("postgres_url")) if name == "postgres" else None
    bench = bench or Bench.on_sqlite(tmp_path)
    url = bench.store.url.render_as_string(hide_password=False)
    settings = {"database_url": url, "policy": "policy.yaml"}
    text = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
    (tmp_path / "creditgate.toml").write_text(
        text + "calls_per_minute = 100000\nhooks_every_seconds = 0\n", encoding="utf-8"
    )
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    runtime = Runtime(Config(home=tmp_path, key=CIPHER_KEY, **settings))  # type: ignore[arg-type]
    key = runtime.connections.issue_key(runtime.connections.get("zoho"))
    runtime.close()
    servers = Servers(tmp_path, count)
    yield bench, key, servers
    servers.stop()
    bench.store.close()


def client(number: int, key: str, servers: Servers, answered: threading.Semaphore) -> tuple[str, str]:
    """One order, every fourth asked for twice, until there is an answer: account and decision."""
    account = f"A{number % 4 + 1}"
    body = ORDER | {"account": account, "order": f"SO-{number}", "amount": "10.00"}
    told = []
    deadline = time.monotonic() + PATIENCE
    while len(told) < (2 if number % 4 == 0 else 1):
        assert time.monotonic() < deadline, "no server answers"
        port = random.choice(servers.ports)
        try:
            answer = requests.post(
                f"http://127.0.0.1:{port}/v1/checks",
                json=body,
                headers={"Authorization": f"Bearer {key}"},
                timeout=10,
            )
        except requests.exceptions.RequestException:
            time.sleep(0.1)
            continue
        if answer.status_code == 503:
            continue
        assert answer.status_code == 200, answer.text
        told.append(answer.json()["decision"])
        answered.release()
    assert len(set(told)) == 1, "the same order, the same answer"
    return account, told[0]


def test_limits_are_filled_exactly_though_servers_are_killed(shop: tuple[Bench, str, Servers]) -> None:
    bench, key, servers = shop
    group = bench.group(limit=IN_GROUP * AMOUNT)
    numbers = {name: bench.customer(name, limit=own * AMOUNT, group=group) for name, own in OWN.items()}
    answered = threading.Semaphore(0)
    with ThreadPoolExecutor(CLIENTS) as pool:
        asked = [pool.submit(client, number, key, servers, answered) for number in range(CLIENTS)]
        for _ in range(len(servers.ports)):
            for _ in range(CLIENTS // 4):
                assert answered.acquire(timeout=PATIENCE)
            servers.kill_one()
        granted = Counter(
            account for account, decision in (one.result() for one in asked) if decision == "pass"
        )
    line = bench.line(group, GROUP)
    assert sum(granted.values()) == IN_GROUP and line.reserved == IN_GROUP * AMOUNT
    active = [row for row in bench.reservations() if row.state == "active"]
    assert len(active) == len({row.order_key for row in active}) == IN_GROUP
    for name, number in numbers.items():
        assert bench.line(number, CUSTOMER).reserved == granted[name] * AMOUNT <= OWN[name] * AMOUNT

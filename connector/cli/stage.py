"""The stage of the demo: sandboxes, the check service and a home folder, all of them temporary.

Invariant: whatever happens, the servers are stopped and the folder is removed at the end.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connector.errors import Halt

HOST = "127.0.0.1"
START_SECONDS = 60.0
# Demonstration rates against the policy's currency, from long ago, so that any day finds one.
RATES = {"EUR": "7.85", "USD": "7.20", "GBP": "9.15", "JPY": "0.048"}


@dataclass(frozen=True)
class Server:
    """A sandbox that is up."""

    name: str
    kind: str
    base: str
    settings: Mapping[str, str]

    def post(self, door: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Knock at a side door (``/_sandbox/DOOR``): what a person does in the vendor's browser."""
        import requests

        answer = requests.post(f"{self.base}/_sandbox/{door}", json=body, timeout=30)
        if answer.status_code != 200:
            raise Halt(
                f"the sandbox refused: {answer.text[:300]}", where=f"{self.name} {door}", todo="report this"
            )
        content: dict[str, Any] = answer.json()
        return content


@dataclass(frozen=True)
class Stage:
    """Everything that is up."""

    home: Path
    servers: tuple[Server, ...]
    service: str


@contextmanager
def stage(accounts: int, seed: int) -> Iterator[Stage]:
    """Set the stage: a fresh home folder, the sandboxes and the check service."""
    with TemporaryDirectory(prefix="creditgate-demo-") as folder, ExitStack() as stack:
        home = Path(folder)
        _make_home(home)
        log = stack.enter_context((home / "servers.log").open("wb"))
        servers = stack.enter_context(_sandboxes(home, accounts, seed, log))
        service = stack.enter_context(_service(home, log))
        yield Stage(home, servers, service)


def _make_home(home: Path) -> None:
    from connector.admin.home import found

    for _ in found(home):
        pass
    lines = [f"{currency},2000-01-01,{rate}\n" for currency, rate in RATES.items()]
    with (home / "rates.csv").open("a", encoding="utf-8") as rates:
        rates.writelines(lines)


@contextmanager
def _sandboxes(home: Path, accounts: int, seed: int, log: Any) -> Iterator[tuple[Server, ...]]:
    import orjson

    from connector.cli.sandbox import names

    ports = [part for name in names() for part in (f"--{name}", "0")]
    sizes = ["--accounts", str(accounts), "--seed", str(seed), "--format", "json"]
    with _process(home, ["sandbox", "serve", *ports, *sizes], log) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        servers = []
        for _ in names():
            line = process.stdout.readline()
            if not line:
                _failed("the sandboxes", home)
            servers.append(Server(**orjson.loads(line)))
        yield tuple(servers)


@contextmanager
def _service(home: Path, log: Any) -> Iterator[str]:
    port = _free_port()
    with _process(home, ["serve", "--port", str(port)], log) as process:
        _wait_until_up(process, f"http://{HOST}:{port}", home)
        yield f"http://{HOST}:{port}"


@contextmanager
def _process(home: Path, arguments: list[str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "CREDITGATE_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    for name in ("CREDITGATE_DATABASE_URL", "CREDITGATE_KEY", "CREDITGATE_AS_OF"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "connector.cli", *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=log, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_up(process: subprocess.Popen[bytes], base: str, home: Path) -> None:
    import requests

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{base}/healthz", timeout=2).status_code == 200:
                return
        except requests.exceptions.RequestException:
            time.sleep(0.1)
    _failed("the check service", home)


def _failed(what: str, home: Path) -> None:
    log = (home / "servers.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise Halt(f"{what} did not start: {log[-1] if log else 'no word from it'}", todo="see the line above")

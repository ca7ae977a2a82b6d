"""Two processes pull and push the same Fxiaoke connection against the strict sandbox.

Not one call may be refused for its frequency, and no two calls for a token may be under way at once (the
sandbox refuses both with 14001). Tokens are ended now and then, so that both processes want one at once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from sandbox.server import Options
from tests.installation import Installation, installation

# The first time soon; then seldom, for a call that waits for its endpoint keeps the token that it has.
FIRST_REVOKED, REVOKED_EVERY = 9.0, 45.0
OVER_RATE = ("14001", "30004")


def crowd(folder: Path, seconds: float, processes: int = 2, accounts: int = 60) -> dict[str, Any]:
    """Calls by path, codes and faults of all processes together."""
    with installation(folder, Options(accounts=accounts), names=("fxiaoke",)) as made:
        command = [sys.executable, "-m", "benchmarks.fxiaoke_worker", "--seconds", str(seconds)]
        running = [
            subprocess.Popen(command, env=made.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(processes)
        ]
        _disturb(made, running)
        told: dict[str, Any] = {"codes": Counter(), "calls": Counter(), "done": Counter(), "faults": []}
        for process in running:
            out, err = process.communicate(timeout=120)
            if process.returncode:
                raise RuntimeError(err.decode()[-2000:])
            mine = orjson.loads(out)
            for name in ("codes", "calls", "done"):
                told[name].update(mine[name])
            told["faults"] += mine["faults"]
        told["tokens"] = made.door("fxiaoke", "calls")["token"]
    told["refused"] = sum(told["codes"][code] for code in OVER_RATE)
    return told


def _disturb(made: Installation, running: list[subprocess.Popen[bytes]]) -> None:
    due = time.monotonic() + FIRST_REVOKED
    while any(process.poll() is None for process in running):
        time.sleep(0.2)
        if time.monotonic() > due:
            made.door("fxiaoke", "revoke", {})
            due = time.monotonic() + REVOKED_EVERY


def main() -> None:
    """Run and print; exit code 1 when a call was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = crowd(Path(folder), arguments.seconds)
    print(orjson.dumps({"benchmark": "two processes, two minutes", **told}).decode())
    sys.exit(1 if told["refused"] else 0)


if __name__ == "__main__":
    main()

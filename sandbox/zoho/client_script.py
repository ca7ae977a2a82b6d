"""Running a client script on saving a record, by Node with the stand-in of ``zdk.js``.

Invariant: exactly the given script is run, alone with what a page gives it. A script that runs longer than
the vendor lets it is ended, and the record is saved as if there were none: what the vendor really does then
is not documented, and this is the worse case for whoever relies on the script.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

SECONDS = 10.0
"""After so long the vendor ends a script (manual: Client Script, Limits)."""
_STAND_IN = Path(__file__).with_name("zdk.js")


class NoNode(Exception):
    """There is no Node to run a script with."""


@dataclass(frozen=True)
class Ran:
    """What came of a script: whether the record may be saved, the fields that it set, what the user was
    shown; ``fault`` if it ended with an error, or was ended (``cut_off``)."""

    saves: bool
    changed: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[Mapping[str, str], ...] = ()
    fault: str = ""
    cut_off: bool = False


def as_number(value: Any) -> int | float:
    """A decimal number as JSON has it in scripts and functions."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is no number")
    return int(value) if value == value.to_integral_value() else float(value)


def node() -> str:
    """Node's path; ``NoNode`` if it is not installed."""
    found = shutil.which("node")
    if found is None:
        raise NoNode("a client script needs Node: install nodejs")
    return found


def check(script: str) -> str:
    """What Node says against the script's form; empty if it can be run."""
    done = subprocess.run(
        [node(), "-e", "new Function(require('fs').readFileSync(0, 'utf8'))"],
        input=script.encode(),
        capture_output=True,
        check=False,
        timeout=20,
    )
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return next((line for line in lines if "Error" in line), "it cannot be read") if done.returncode else ""


def run(
    script: str, page: Mapping[str, Any], answer: Callable[[Mapping[str, Any]], Any], seconds: float = SECONDS
) -> Ran:
    """Run ``script`` on ``page`` (``module``, ``id`` or ``None``, ``values`` by field). ``answer`` is asked
    for each call of a function or connection; what it raises the script sees as an error."""
    process = subprocess.Popen(
        [node(), str(_STAND_IN)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    said: list[Mapping[str, Any]] = []
    # A call that the script waits for may last longer than the script is let run: it is left to its end.
    talk = threading.Thread(
        target=lambda: said.append(_talk(process, {**page, "script": script}, answer)), daemon=True
    )
    talk.start()
    talk.join(seconds)
    process.kill()
    process.wait()
    if not said:
        return Ran(True, fault="it ran too long", cut_off=True)
    last = said[0]
    if "done" not in last:
        return Ran(True, fault=str(last.get("fault") or "it ended without a word"))
    return Ran(bool(last["done"]), last["changed"], tuple(last["messages"]))


def _talk(
    process: subprocess.Popen[bytes], first: Mapping[str, Any], answer: Callable[[Mapping[str, Any]], Any]
) -> Mapping[str, Any]:
    """The script's last word; nothing if it was ended."""
    assert process.stdin is not None  # noqa: S101 - narrows the type
    assert process.stdout is not None  # noqa: S101 - narrows the type
    message: Mapping[str, Any] = first
    try:
        while True:
            # Unbuffered: what could not be written must not be written again when the pipe is closed.
            os.write(process.stdin.fileno(), json.dumps(message, default=as_number).encode() + b"\n")
            line = process.stdout.readline()
            if not line:
                return {}
            said = json.loads(line)
            if "call" not in said:
                return dict(said)
            try:
                message = {"value": answer(said)}
            except Exception as fault:
                message = {"fault": f"{type(fault).__name__}: {fault}"}
    except OSError:
        return {}
    finally:
        process.stdin.close()
        process.stdout.close()

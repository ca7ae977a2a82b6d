"""The vendor's platform for functions (APL): a Groovy process that compiles and runs them, one at a time.

Invariant: one process serves every tenant of this Python process; it is started when the first function
comes, and started anew when it has died. What a function asks of its tenant is answered by the caller.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HOME = Path(__file__).with_name("apl")
Answer = Callable[[str, list[Any]], Any]


@dataclass(frozen=True)
class Run:
    """What came of a run: ``result``, or why it ``failed``; ``log`` is what the function wrote there."""

    result: Any
    failed: str
    log: tuple[str, ...]


class Broken(ValueError):
    """The platform is not there, or does not take a function."""


class Platform:
    """See the module. Safe for use by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._texts: dict[str, str] = {}

    def compile(self, name: str, text: str) -> None:
        """Take a function under ``name``; ``Broken`` with the compiler's words."""
        with self._lock:
            done = self._told({"do": "compile", "name": name, "text": text}, _nobody)
            if "failed" in done:
                raise Broken(f"{name}: {done['failed']}")
            self._texts[name] = text

    def run(
        self,
        name: str,
        context: Mapping[str, Any],
        arguments: Mapping[str, Any],
        seconds: int,
        answer: Answer,
    ) -> Run:
        """Run a compiled function; what it asks of its tenant goes to ``answer`` in this thread."""
        order = {"do": "run", "name": name, "context": context, "arguments": arguments, "seconds": seconds}
        with self._lock:
            if self._dead():
                self._start()
                for one, text in self._texts.items():
                    self._told({"do": "compile", "name": one, "text": text}, _nobody)
            done = self._told(order, answer)
        return Run(done.get("done"), done.get("failed", ""), tuple(done["log"]))

    def _told(self, order: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
        if self._dead():
            self._start()
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise Broken("the platform has ended")
        line: Mapping[str, Any] = order
        while True:
            process.stdin.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            process.stdin.flush()
            heard = process.stdout.readline()
            if not heard:
                raise Broken("the platform has ended")
            said: dict[str, Any] = json.loads(heard)
            if "ask" not in said:
                return said
            line = {"answer": answer(said["ask"], said["arguments"])}

    def _dead(self) -> bool:
        # A process that was forked off must not speak over its parent's pipes.
        return self._process is None or self._owner != os.getpid() or self._process.poll() is not None

    def _start(self) -> None:
        program = shutil.which("groovy")
        if program is None:
            raise Broken(
                "groovy is not installed, so functions cannot run here (Debian: apt-get install groovy)"
            )
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [program, "-Dgroovy.grape.enable=false", str(_HOME / "Host.groovy"), str(_HOME)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        atexit.register(_end, self._process, self._owner)


def _end(process: subprocess.Popen[str], owner: int) -> None:
    if owner == os.getpid() and process.stdin is not None and process.stdout is not None:
        process.stdin.close()
        process.wait(timeout=5)
        process.stdout.close()


def _nobody(name: str, _: list[Any]) -> Any:
    raise Broken(f"{name} is asked of nobody")


PLATFORM = Platform()

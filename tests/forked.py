"""Commands in processes of their own, forked from one that has imported everything: a real process in
milliseconds instead of most of a second.

Invariant: a command has its own environment, folder, arguments and streams, and may be killed like any other.
As a program – ``python forked.py SOCKET MODULE ARGUMENT…`` – it stands for the command that it asks for.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUN_SECONDS = 180.0
Channel = int | None


class Forked:
    """A running command: the function ``main`` of ``module``. Streams that are not given go nowhere."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        env: Mapping[str, str],
        cwd: str = "",
        streams: tuple[Channel, Channel, Channel] = (None, None, None),
        at: str = "",
    ) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(at or address())
        asked = {"module": module, "arguments": arguments, "env": dict(env), "cwd": cwd or str(ROOT)}
        nowhere = os.open(os.devnull, os.O_RDWR)
        try:
            given = [nowhere if one is None else one for one in streams]
            socket.send_fds(self._socket, [b"*"], given)
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
        finally:
            os.close(nowhere)
        self._answers = self._socket.makefile("r")
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.returncode is None and not select.select([self._socket], [], [], 0)[0]

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for the signal that ended it; ``TimeoutError`` while it runs on."""
        if self.returncode is None:
            self._socket.settimeout(timeout)
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._socket.close()
        return self.returncode

    def kill(self, with_signal: int = signal.SIGKILL) -> None:
        """End it at once, if it has not ended."""
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, with_signal)


def run(
    module: str, *arguments: str, env: Mapping[str, str], cwd: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output and exit code."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        streams = (None, out.fileno(), err.fileno())
        process = Forked(module, *arguments, env=env, cwd=cwd, streams=streams)
        try:
            code = process.wait(RUN_SECONDS)
        except BaseException:
            process.kill()
            raise
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read().decode(), err.read().decode())


@cache
def address() -> str:
    """The socket of the process that is forked from; it is started once, and ends with this one."""
    folder = tempfile.mkdtemp(prefix="forks")
    path = f"{folder}/ask"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fork_server", path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"

    def end(stdin: int = server.stdin.fileno()) -> None:
        os.close(stdin)
        server.wait(timeout=30)
        Path(path).unlink(missing_ok=True)
        Path(folder).rmdir()

    atexit.register(end)
    return path


if __name__ == "__main__":
    asked = Forked(
        sys.argv[2], *sys.argv[3:], env=os.environ, cwd=str(Path.cwd()), streams=(0, 1, 2), at=sys.argv[1]
    )
    sys.exit(asked.wait())

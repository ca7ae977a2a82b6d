"""The process that ``tests.forked`` has commands forked from: it reads in what they need, and waits.

It is asked on a UNIX socket. A caller sends three file descriptors, then one line of JSON with ``module``,
``arguments``, ``env`` and ``cwd``; it is told the process's number and, when that ended, its exit code, one a
line. It ends when its input does, that is: with the process that started it.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import connector
from connector.adapter import find, kinds
from connector.config import shipped
from connector.policy.load import load
from connector.yamlfile import read
from tests import on_postgres

SIGNALS = (signal.SIGINT, signal.SIGCHLD)


def main() -> None:
    """Serve until the input ends."""
    _prepare()
    if on_postgres.WANTED:
        on_postgres.install()
    gc.freeze()  # what is there is not copied for being looked at
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the one that it serves
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(sys.argv[1])
    listener.listen(16)
    waiting: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    for one in (0, heard, listener):
        selector.register(one, selectors.EVENT_READ)
    os.write(1, b"ready\n")
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                return
            if key.fileobj == heard:
                os.read(heard, 4096)
                _tell(waiting)
            else:
                caller, _ = listener.accept()
                process = _forked(caller)
                waiting[process] = caller


def _prepare() -> None:
    for one in pkgutil.walk_packages(connector.__path__, "connector."):
        if "migrations" not in one.name and not one.name.endswith("__main__"):
            import_module(one.name)
    for kind in kinds():
        find(kind)
    for mapping in shipped("mappings").glob("*.yaml"):
        read(mapping)
    for policy in shipped("policies").glob("*.yaml"):
        load(policy)
    for name in ("uvicorn", "alembic.command", "rich.table", "sandbox.run", "psycopg", "procrastinate"):
        import_module(name)
    for name in ("tests.e2e.cut_chain", "tests.e2e.hurried"):
        import_module(name)


def _tell(waiting: dict[int, socket.socket]) -> None:
    for process in list(waiting):
        ended, status = os.waitpid(process, os.WNOHANG)
        if not ended:
            continue
        with waiting.pop(process) as caller, suppress(OSError):  # the caller may not have waited
            caller.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _forked(caller: socket.socket) -> int:
    _, streams, _, _ = socket.recv_fds(caller, 1, 3)
    with caller.makefile("r") as lines:
        asked = json.loads(lines.readline())
    process = os.fork()
    if process == 0:
        _become(asked, streams)
    for stream in streams:
        os.close(stream)
    caller.sendall(b"%d\n" % process)
    return process


def _become(asked: dict[str, Any], streams: list[int]) -> NoReturn:
    """The work of the fork: it returns to nobody, whatever happens."""
    code: object = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 256)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.argv = [asked["module"], *asked["arguments"]]
        code = import_module(asked["module"]).main() or 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()

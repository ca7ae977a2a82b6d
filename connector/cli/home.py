"""From the command line to an opened home folder.

Invariant: a command that needs the store gets it opened with a current schema, and closed at its end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from connector.config import Config
    from connector.runtime import Runtime

# What runs on and on writes its logs to stdout unless told otherwise; its messages go to stderr as all do.
SERVICES = ("serve", "daemon", "worker")


def named(ctx: click.Context) -> Path | None:
    """The configuration file that ``--config`` names."""
    root = ctx.find_root().obj
    return Path(root) if root else None


def configuration(ctx: click.Context) -> Config:
    """The configuration alone, for commands that do not need the store."""
    from connector.config import load

    return load(named(ctx))


@contextmanager
def runtime(ctx: click.Context) -> Iterator[Runtime]:
    """The runtime of the home folder that ``--config`` or ``CREDITGATE_HOME`` names."""
    from connector import logs
    from connector.runtime import opened
    from connector.store.schema import require_current

    with opened(named(ctx)) as opened_runtime:
        verb = begin_logs(ctx, opened_runtime.config)
        started = time.monotonic()
        log = logs.logger("run")
        log.info("run_begins", verb=verb)
        try:
            require_current(opened_runtime.store)
            yield opened_runtime
        except Exception as fault:
            log.error("run_failed", seconds=round(time.monotonic() - started, 3), **logs.told(fault))
            raise
        log.info("run_ends", seconds=round(time.monotonic() - started, 3))


def _verb(ctx: click.Context) -> str:
    """The command without the program's name, such as ``signal tell``."""
    names: list[str] = []
    one: click.Context | None = ctx
    while one is not None and one.parent is not None:
        names.insert(0, one.info_name or "")
        one = one.parent
    return " ".join(names)


def begin_logs(ctx: click.Context, config: Config) -> str:
    """Let this run write logs, to where the command line, the configuration or a service's habit says; the
    verb's name."""
    from connector import logs
    from connector.errors import Halt

    verb = _verb(ctx)
    chosen: str | None = ctx.find_root().params.get("log_target")
    target = chosen or config.log or (logs.STDOUT if verb in SERVICES else "")
    try:
        logs.begin(target, config.log_level, verb, Path.cwd() if chosen else config.home)
    except (OSError, ValueError) as fault:
        todo = "name stderr, stdout or a file in a folder that may be written to"
        raise Halt(f"logs cannot be written ({type(fault).__name__})", where=target, todo=todo) from None
    return verb

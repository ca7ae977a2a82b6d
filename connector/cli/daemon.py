"""``creditgate daemon``: run what the schedules say; pause and resume."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click

from connector.cli.home import named, runtime
from connector.cli.output import emit, format_option, say

COLUMNS = ("target", "until", "failures", "since", "reason")


@click.group("daemon", invoke_without_command=True, short_help="Run what the calendar says.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run what the schedules in the configuration say, until SIGTERM or Ctrl-C.

    Any number of daemons may run on one store: each slot is done once. Of slots that were missed the latest
    is caught up. It ends within ten seconds; what it ended is done again at the next start.
    """
    if ctx.invoked_subcommand is None:
        _run(ctx)


@command.command("paused")
@format_option
@click.pass_context
def paused(ctx: click.Context, form: str) -> None:
    """List what is paused, until when (UTC; empty: until it is resumed) and why."""
    from connector.store import slots

    with runtime(ctx) as home, home.store.read() as tx:
        found = [one for one in slots.pauses(tx).values() if one.holds(home.clock())]
    emit([{name: getattr(one, name) for name in COLUMNS} for one in found], COLUMNS, form)


@command.command("pause")
@click.argument("target")
@click.option("--reason", required=True, help="Why nothing is to run; it is shown in 'creditgate status'.")
@click.pass_context
def pause(ctx: click.Context, target: str, reason: str) -> None:
    """Start nothing more on TARGET until it is resumed: a connection, or a command such as assess that is
    about none."""
    from connector.errors import Halt
    from connector.runs import jobs_of
    from connector.store import slots

    with runtime(ctx) as home:
        known = sorted({job.target for job in jobs_of(home)})
        if target not in known:
            raise Halt(
                f"nothing is scheduled on {target!r}", todo=f"use one of: {', '.join(known) or 'none'}"
            )
        with home.store.write() as tx:
            slots.stop(tx, target, home.clock(), reason)
    say(f"{target} is paused; what runs now goes on to its end")


@command.command("resume")
@click.argument("target")
@click.pass_context
def resume(ctx: click.Context, target: str) -> None:
    """Let TARGET run again, at once if a slot is due."""
    from connector.errors import Halt
    from connector.store import slots

    with runtime(ctx) as home, home.store.write() as tx:
        if not slots.resume(tx, target):
            raise Halt(f"{target!r} is not paused", todo="'creditgate daemon paused' lists what is")
    say(f"{target} runs again")


def _run(ctx: click.Context) -> None:
    from connector.daemon import Daemon
    from connector.errors import Halt
    from connector.runs import command_line, jobs_of

    with runtime(ctx) as home:
        jobs = jobs_of(home)
        if not jobs:
            raise Halt(
                "nothing is scheduled", where="schedules", todo="write an entry into the configuration"
            )
        stopped = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            stopped.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        say(f"the daemon runs {', '.join(job.name for job in jobs)}")
        Daemon(home, jobs, command_line(named(ctx)), tell=say).forever(stopped)
    say("stopped")

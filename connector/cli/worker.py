"""``creditgate worker``: do what the daemon has queued."""

from __future__ import annotations

import click

from connector.cli.home import named, runtime
from connector.cli.output import say


@click.command("worker")
@click.option("--at-once", type=click.IntRange(1, 64), default=1, show_default=True, help="Jobs at a time.")
@click.pass_context
def command(ctx: click.Context, at_once: int) -> None:
    """Do the jobs that 'creditgate daemon' queues on PostgreSQL, until SIGTERM or Ctrl-C.

    Any number of workers may run, on any number of machines. A worker ends within ten seconds and puts back
    what it had begun; what one that was killed had begun is taken up by the others. On SQLite there is
    nothing for it to do.
    """
    from connector.runs import command_line, jobs_of
    from connector.worker import Worker

    with runtime(ctx) as home:
        worker = Worker(home, jobs_of(home), command_line(named(ctx)), at_once=at_once, tell=say)
        say(f"the worker {worker.owner} waits for jobs")
        worker.forever()
    say("stopped")

"""``creditgate status``: one screen."""

from __future__ import annotations

import click

from connector.cli.home import runtime
from connector.cli.output import emit, format_option

COLUMNS = ("what", "state", "at", "following", "note")


@click.command("status")
@format_option
@click.pass_context
def command(ctx: click.Context, form: str) -> int:
    """Show jobs with their last and next start, how far each stream is read, and what waits; times are UTC.

    Calls nobody: 'creditgate doctor' does. Exit code 1 when something is paused, failed, late or waits for a
    person.
    """
    from connector.runs import jobs_of
    from connector.status import lines

    with runtime(ctx) as home:
        found = lines(home.store, jobs_of(home), home.clock())
    emit([{name: getattr(line, name) or None for name in COLUMNS} for line in found], COLUMNS, form)
    return int(any(line.state not in ("ok", "running", "queued") for line in found))

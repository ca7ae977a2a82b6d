"""``creditgate doctor``."""

from __future__ import annotations

import click

from connector.cli.home import named
from connector.cli.output import emit, format_option, say

COLUMNS = ("level", "what", "found", "todo")


@click.command("doctor", short_help="Check the installation and say what to do.")
@format_option
@click.pass_context
def command(ctx: click.Context, form: str) -> int:
    """Check configuration, key, store, connections, mappings, policy, rates and pending work.

    Every connection is called once. Exit code 2 when something has to be put right, 3 when all that
    failed may pass by itself.
    """
    from connector.doctor import examine, exit_code

    findings = list(examine(named(ctx)))
    rows = [
        {"level": one.level, "what": one.what, "found": one.found, "todo": one.todo or None}
        for one in findings
    ]
    if form == "table":
        for row in rows:
            click.echo(f"{row['level']:<5} {row['what']}: {row['found']}")
            if row["todo"]:
                click.echo(f"      → {row['todo']}")
    else:
        emit(rows, COLUMNS, form)
    failed = sum(one.level == "fail" for one in findings)
    warned = sum(one.level == "warn" for one in findings)
    say(f"{failed} failures, {warned} warnings")
    return exit_code(findings)

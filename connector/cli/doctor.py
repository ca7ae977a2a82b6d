"""``creditgate doctor``."""

from __future__ import annotations

import click

from connector.cli.actor import actor_option
from connector.cli.home import named, runtime
from connector.cli.output import emit, format_option, say

COLUMNS = ("level", "what", "found", "todo")


@click.command("doctor", short_help="Check the installation and say what to do.")
@click.option("--repair", is_flag=True, help="First put the credit lines right; every change is journalled.")
@actor_option
@format_option
@click.pass_context
def command(ctx: click.Context, form: str, repair: bool, actor: str) -> int:
    """Check configuration, key, store, connections, mappings, policy, rates, pending work and the books: what
    is reserved and owed against the credit lines.

    Every connection is called once. Exit code 2 when something has to be put right, 3 when all that
    failed may pass by itself.
    """
    from connector.admin.doctor import examine, exit_code

    if repair:
        _repair(ctx, actor)
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


def _repair(ctx: click.Context, actor: str) -> None:
    from connector.gate.books import repair
    from connector.gate.settling import gate_of
    from connector.versions.activation import require

    with runtime(ctx) as opened:
        require(opened.store, opened.policy)
        content, language = opened.policy_text, opened.config.language
        mended = repair(gate_of(opened), actor=actor, now=opened.now(), content=content, language=language)
    for gap in mended:
        say(f"put right: {gap.words}")

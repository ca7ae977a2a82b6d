"""``creditgate replay``: re-evaluate an assessment from the facts it kept."""

from __future__ import annotations

import click

from connector.cli.home import runtime


@click.command("replay")
@click.argument("assessment", type=int)
@click.pass_context
def command(ctx: click.Context, assessment: int) -> int:
    """Evaluate the facts that ASSESSMENT kept under its policy once more, and compare byte for byte."""
    from connector.explain import replay

    with runtime(ctx) as opened:
        same = replay(opened.store, assessment)
    click.echo(f"assessment {assessment}: " + ("the same, byte for byte" if same else "a different outcome"))
    return 0 if same else 1

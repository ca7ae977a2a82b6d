"""``creditgate replay``: re-evaluate an assessment from the facts it kept."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.home import runtime
from connector.cli.output import emit, emit_json, format_option


@click.command("replay")
@click.argument("assessment", type=int)
@format_option
@click.pass_context
def command(ctx: click.Context, assessment: int, form: str) -> int:
    """Evaluate the facts that ASSESSMENT kept under its policy once more, and compare byte for byte.

    Ends with 1 and lists every part that differs, if the outcome is another one.
    """
    from connector.versions.replay import replay

    with runtime(ctx) as opened:
        found = replay(opened.store, assessment)
    rows: list[dict[str, Any]] = [one._asdict() for one in found]
    if form == "json":
        emit_json({"assessment": assessment, "same": not found, "differences": rows})
    else:
        told = "a different outcome" if found else "the same, byte for byte"
        click.echo(f"assessment {assessment}: {told}", err=form == "csv")
        if found:
            emit(rows, ("where", "kept", "now"), form)
    return 1 if found else 0

"""``creditgate init``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from connector.cli.home import named
from connector.cli.output import say


@click.command("init", short_help="Write configuration, mappings and policy to start from.")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, folder: Path | None) -> None:
    """Make DIR a home folder: configuration, encryption key, mappings, policies, rates and store.

    Without DIR it is the folder of --config, else CREDITGATE_HOME, else the current folder. What is
    there already is kept, so it may be run again at any time.
    """
    from connector.admin.home import found
    from connector.config import FILE

    file = named(ctx)
    if folder is not None and file is not None:
        raise click.UsageError("give DIR or --config, not both")
    home = folder or (file.parent if file else Path(os.environ.get("CREDITGATE_HOME") or "."))
    for step in found(home, file.name if file else FILE):
        say(f"{step.done}  {step.what}")
    say(f"next: export CREDITGATE_HOME={home.absolute()}")
    say("then: creditgate connect add KIND --name NAME, and creditgate doctor")

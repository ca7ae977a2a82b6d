"""``creditgate status``: one screen.

Invariant: the table fits into 80 columns and 24 lines, whatever is in trouble and how much: what wants
attention comes first, the rest is counted; ``--all`` and JSON leave nothing out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from connector.cli.home import runtime
from connector.cli.output import emit, format_option

if TYPE_CHECKING:
    from connector.admin.status import Line

COLUMNS = ("what", "state", "at", "following", "note")
WIDTH, HEIGHT = 80, 24
WELL = ("ok", "running", "queued")


@click.command("status")
@click.option("--all", "everything", is_flag=True, help="One row each, also for what is well.")
@format_option
@click.pass_context
def command(ctx: click.Context, form: str, everything: bool) -> int:
    """Show what is paused, failed, late or waits for a person, and how much is well; times are UTC.

    Calls nobody: 'creditgate doctor' does. Exit code 1 when something is paused, failed, late or waits for a
    person.
    """
    from connector.admin.status import lines
    from connector.runs import jobs_of

    with runtime(ctx) as home:
        found = lines(home.store, jobs_of(home), home.clock())
    if form == "table" and not everything:
        for text in screen(found):
            click.echo(text)
    else:
        emit([{name: getattr(line, name) or None for name in COLUMNS} for line in found], COLUMNS, form)
    return int(any(line.state not in WELL for line in found))


def screen(found: Sequence[Line]) -> Iterator[str]:
    """The lines of the screen, the worst first; one is left for the prompt."""
    troubles = [line for line in found if line.state not in WELL]
    well = [line for line in found if line.state in WELL]
    rest = list(_well(well))
    room = HEIGHT - 1 - len(rest) - 1
    shown = troubles if len(troubles) <= room else troubles[: room - 1]
    yield _cut(f"{'':<8} {'what':<22} {'since':<11}  why" if shown else "nothing wants attention")
    for line in shown:
        since = f"{line.at:%m-%d %H:%M}" if line.at else ""
        yield _cut(f"{line.state:<8} {_short(line.what, 22):<22} {since:<11}  {line.note}")
    if len(shown) < len(troubles):
        yield _cut(f"… and {len(troubles) - len(shown)} more: creditgate status --all")
    yield from (_cut(text) for text in rest)


def _well(well: Sequence[Line]) -> Iterator[str]:
    """What is well, in a line for each state, the customers, and what starts next."""
    customers = [line for line in well if line.what == "customers"]
    for state in WELL:
        names = [line.what for line in well if line.state == state and line not in customers]
        if names:
            yield f"{state:<8} {len(names)}: {', '.join(names)}"
    for line in customers:
        yield f"{'':<8} {line.what}: {line.note}"
    following = min(
        (line for line in well if line.following), key=lambda line: str(line.following), default=None
    )
    if following is not None:
        yield f"{'next':<8} {following.what} at {following.following:%m-%d %H:%M}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _cut(text: str) -> str:
    return _short(" ".join(text.splitlines()), WIDTH - 1)

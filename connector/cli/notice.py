"""``creditgate notice``: credit acts of which the policy wants roles to be told."""

from __future__ import annotations

import datetime as dt

import click

from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

DAY = click.DateTime(["%Y-%m-%d"])
COLUMNS = ("number", "at", "step", "act", "actor", "subject", "reason")
TOLD = ("channel", "sent", "later", "dead", "fault")


@click.group("notice", short_help="List and tell the credit acts that roles are informed of.")
def command() -> None:
    """The section 'responsibility' of the policy says who is informed of what: see 'role duties'."""


@command.command("list")
@click.option(
    "--for", "who", help="What this person is told of, by the roles of today.  [default: everything]"
)
@click.option("--since", type=DAY, help="From this day on (UTC).")
@click.option("--most", type=click.IntRange(min=1), default=200, show_default=True, help="The newest only.")
@format_option
@click.pass_context
def list_(ctx: click.Context, who: str | None, since: dt.datetime | None, most: int, form: str) -> None:
    """List acts that somebody is informed of, oldest first, without those that WHO did."""
    from connector import notices

    with runtime(ctx) as home:
        found = notices.listed(home, who, since=since and since.replace(tzinfo=dt.UTC), most=most)
    emit([{name: getattr(one, name) for name in COLUMNS} for one in found], COLUMNS, form)


@command.command("tell")
@click.argument("channels", nargs=-1)
@format_option
@click.pass_context
def tell(ctx: click.Context, channels: tuple[str, ...], form: str) -> int:
    """Tell new acts by CHANNELS, or by every channel that has roles in its setting 'informs'.

    Exit code 1 says that a message will never be taken, 3 that some wait for a next run.
    """
    from connector import notices

    with runtime(ctx) as home:
        told = notices.tell(home, names=channels)
    emit([{name: getattr(one, name) for name in TOLD} for one in told], TOLD, form)
    for one in told:
        if one.fault:
            say(f"{one.channel}: {one.fault}")
    return 3 if any(one.later for one in told) else int(any(one.dead for one in told))

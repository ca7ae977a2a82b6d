"""``creditgate group``: the tree of groups and what of it counts where."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say
from connector.cli.share import SHARE

if TYPE_CHECKING:
    from connector.store.groups import Group
    from connector.store.lines import Line

COLUMNS = (
    "id",
    "name",
    "parent",
    "share",
    "ring_fenced",
    "members",
    "limit",
    "exposure",
    "reserved",
    "available",
    "currency",
)


@click.group("group", short_help="List groups and arrange them in a tree.")
def command() -> None:
    """Groups of customers with a shared limit ('creditgate limit set --group').

    A group may stand below another. An order must then pass its customer's own limit and the limit of
    every group above. Who joins a group is said with 'creditgate customer group'.
    """


@command.command("list")
@format_option
@click.pass_context
def list_(ctx: click.Context, form: str) -> None:
    """List all groups with limit and exposure; without a limit a group bounds nobody."""
    from connector import groups

    with runtime(ctx) as home:
        rows = [_row(one, line) for one, line in groups.every(home)]
    emit(rows, COLUMNS, form)


@command.command()
@click.argument("name")
@actor_option
@click.pass_context
def create(ctx: click.Context, name: str, actor: str) -> None:
    """Make a group called NAME, for other groups to stand below."""
    from connector import groups

    with runtime(ctx) as home:
        number = groups.create(home, name, actor=actor)
    say(f"{name} is group {number}")


@command.command()
@click.argument("group")
@click.option("--under", metavar="GROUP", help="The group (number or name) that it becomes part of.")
@click.option("--top", is_flag=True, help="Take it out of the group that it is part of.")
@click.option("--share", type=SHARE, default="100%", show_default=True, help="Of its exposure, what counts.")
@click.option("--ring-fenced", is_flag=True, help="Stands apart: does not count there, is not bound there.")
@actor_option
@click.pass_context
def place(
    ctx: click.Context,
    group: str,
    under: str | None,
    top: bool,
    share: Decimal,
    ring_fenced: bool,
    actor: str,
) -> None:
    """Put GROUP (number or name) below another one. A circle is refused."""
    from connector import groups

    if (under is None) != top:
        raise click.UsageError("give either --under or --top")
    with runtime(ctx) as home:
        placed = groups.place(home, group, under, actor=actor, share=share, ring_fenced=ring_fenced)
    say(f"{placed.name} is " + (f"part of group {placed.parent_id}" if placed.parent_id else "on top"))


def _row(one: Group, line: Line | None) -> dict[str, Any]:
    from connector.money import to_major

    def major(minor: int | None) -> Decimal | None:
        return None if line is None or minor is None else to_major(minor, line.currency)

    limit: Any = None
    if line is not None:
        limit = major(line.limit_minor) if line.limit_state == "amount" else line.limit_state
    return {
        "id": one.id,
        "name": one.name,
        "parent": one.parent_id,
        "share": f"{(one.share * 100).normalize():f}%",
        "ring_fenced": one.ring_fenced,
        "members": one.members,
        "limit": limit,
        "exposure": major(line.exposure) if line else None,
        "reserved": major(line.reserved) if line else None,
        "available": major(line.available) if line else None,
        "currency": line.currency if line else None,
    }

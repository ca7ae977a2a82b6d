"""``creditgate outbox``: pending writes to the CRMs."""

from __future__ import annotations

import datetime as dt

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = (
    "id",
    "connection",
    "target",
    "external_id",
    "key",
    "state",
    "attempts",
    "due_at",
    "error",
    "created_at",
)


@click.group("outbox", short_help="List, retry and drop pending writes.")
def command() -> None:
    """Pending writes to the CRMs; 'creditgate push' sends them."""


@command.command("list")
@click.argument("connection", required=False)
@click.option("--state", type=click.Choice(["pending", "dead"]), help="Only those in this state.")
@format_option
@click.pass_context
def listed(ctx: click.Context, connection: str | None, state: str | None, form: str) -> None:
    """List pending writes, of CONNECTION or of all; dead ones were given up and wait for a person."""
    from connector.store import outbox_admin

    with runtime(ctx) as opened:
        if connection is not None:
            opened.connections.get(connection)
        with opened.store.read() as tx:
            found = outbox_admin.find(tx, connection_name=connection, state=state)
    emit([{name: getattr(one, name) for name in COLUMNS} for one in found], COLUMNS, form)


@command.command()
@click.argument("numbers", metavar="[ID]...", nargs=-1, type=int)
@click.option("--all-dead", is_flag=True, help="Every dead one.")
@actor_option
@click.pass_context
def retry(ctx: click.Context, numbers: tuple[int, ...], all_dead: bool, actor: str) -> None:
    """Try dead writes again with the next push."""
    from connector.store import outbox_admin

    if bool(numbers) == all_dead:
        raise click.UsageError("give the numbers of the writes, or --all-dead")
    with runtime(ctx) as opened, opened.store.write() as tx:
        ids = None if all_dead else numbers
        count = outbox_admin.retry(tx, ids, actor=actor, now=dt.datetime.now(dt.UTC))
    say(f"{count} writes will be tried again by the next push")


@command.command()
@click.argument("numbers", metavar="ID...", nargs=-1, type=int, required=True)
@click.option("--reason", default="", help="Why they are not to be sent; it is kept.")
@actor_option
@click.pass_context
def drop(ctx: click.Context, numbers: tuple[int, ...], reason: str, actor: str) -> None:
    """Drop writes: they are not sent. The next assessment of the customer may queue them again."""
    from connector.store import outbox_admin

    with runtime(ctx) as opened, opened.store.write() as tx:
        count = outbox_admin.drop(tx, numbers, reason=reason, actor=actor, now=dt.datetime.now(dt.UTC))
    say(f"{count} writes are dropped")

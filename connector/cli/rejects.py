"""``creditgate rejects``: records that did not fit."""

from __future__ import annotations

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = ("id", "connection", "stream", "external_id", "code", "field", "value", "message", "first_seen")


@click.group("rejects")
def command() -> None:
    """List and retry records that did not fit."""


@command.command("list")
@click.option("--connection", help="Only those of one connection.")
@format_option
@click.pass_context
def list_(ctx: click.Context, connection: str | None, form: str) -> None:
    """List the records that were set aside, each with its reason and the way out."""
    from connector.store import records

    with runtime(ctx) as opened:
        names = {one.id: one.name for one in opened.connections.all()}
        only = opened.connections.get(connection).id if connection else None
        with opened.store.read() as tx:
            found = records.rejects(tx, only)
    emit([{**row._mapping, "connection": names[row.connection_id]} for row in found], COLUMNS, form)


@command.command("retry")
@click.option("--connection", help="Only those of one connection.")
@actor_option
@click.pass_context
def retry(ctx: click.Context, connection: str | None, actor: str) -> int:
    """Read the set-aside records again, under the present mapping and store."""
    from connector.bureau import files
    from connector.pull import retry_rejects

    healed = left = 0
    with runtime(ctx) as opened:
        wanted = [opened.connections.get(connection)] if connection else opened.connections.all()
        for one in wanted:
            if one.role == "agency_file":
                filed = files.retry(opened, one, actor=actor)
                left += filed.rejected
                healed += filed.stored + filed.known
                continue
            pulled = retry_rejects(opened.store, one, opened.mapping(one), counting=opened.counting)
            left += pulled.rejected
            healed += sum(count.read for count in pulled.streams.values()) - pulled.rejected
    say(f"{healed} records taken in, {left} still do not fit")
    return int(left > 0)

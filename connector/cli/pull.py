"""``creditgate pull``: read what changed in the CRMs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.faults import Faults
from connector.cli.gate import settle
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, progress, say

if TYPE_CHECKING:
    from connector.model import Stream
    from connector.pull import Pulled
    from connector.runtime import Runtime
    from connector.store.connections import Connection
    from connector.window import Count

COLUMNS = ("connection", "stream", "read", "changed", "rejected", "gone", "skipped", "missing", "note")


@click.command("pull")
@click.argument("connection", required=False)
@click.option("--full", is_flag=True, help="Read everything again, not only what changed.")
@format_option
@click.pass_context
def command(ctx: click.Context, connection: str | None, full: bool, form: str) -> int:
    """Read accounts, orders, invoices and payments from CONNECTION, or from every CRM.

    A run that was interrupted goes on where it stood. Streams and fields that the CRM does not show are
    named. Exit code 1 says that records were set aside (see 'creditgate rejects list') or a stream was
    skipped.
    """
    rows: list[dict[str, Any]] = []
    faults = Faults()
    with runtime(ctx) as opened:
        wanted = [opened.connections.get(connection)] if connection else opened.connections.all("crm")
        for one in wanted:
            with faults.survived(one.name, alone=len(wanted) == 1):
                rows += count_rows(one, pull_one(opened, one, full=full))
        settle(opened)
    emit(rows, COLUMNS, form)
    return faults.worst or int(any(row["rejected"] or row["skipped"] for row in rows))


def pull_one(opened: Runtime, connection: Connection, *, full: bool = False) -> Pulled:
    """Pull one connection under a progress bar; then renew what its CRM was asked to tell, if due."""
    from connector import hooks
    from connector.errors import CreditGateError
    from connector.pull import pull

    seen: dict[Stream, int] = {}

    def report(stream: Stream, count: Count) -> None:
        seen[stream] = count.read
        bar(sum(seen.values()), None)

    crm, mapping, began = opened.crm(connection), opened.mapping(connection), opened.clock()
    with progress(f"pull {connection.name}") as bar:
        pulled = pull(
            opened.store, connection, crm, mapping, full=full, report=report, counting=opened.counting
        )
    hooks.settle(opened.store, connection, began)
    try:
        hooks.renew(opened.store, connection, crm, mapping)
    except CreditGateError as fault:
        # What was pulled stays pulled; without notifications the next pull finds what changed.
        say(f"the notifications of {connection.name} could not be renewed: {fault}")
    return pulled


def count_rows(connection: Connection, pulled: Pulled) -> list[dict[str, Any]]:
    """The listing of what a pull did."""
    return [
        {
            "connection": connection.name,
            "stream": stream.value,
            "read": count.read,
            "changed": count.changed,
            "rejected": count.rejected,
            "gone": count.gone,
            "skipped": count.skipped or None,
            "missing": ", ".join(count.missing) or None,
            "note": count.note or None,
        }
        for stream, count in pulled.streams.items()
    ]

"""``creditgate push``: write results back to the CRMs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.faults import Faults
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, progress, say
from connector.cli.part import part_option

if TYPE_CHECKING:
    from connector.push import Pushed
    from connector.runtime import Runtime
    from connector.store.connections import Connection
    from connector.store.parts import Part

COLUMNS = ("connection", "written", "retried_later", "failed")


@click.command("push")
@click.argument("connection", required=False)
@part_option("writes")
@format_option
@click.pass_context
def command(ctx: click.Context, connection: str | None, part: Part | None, form: str) -> int:
    """Write credit fields and visit tasks that are due to CONNECTION, or to every CRM.

    Exit code 1 says that a write failed for good; see 'creditgate outbox list'.
    """
    rows: list[dict[str, Any]] = []
    told: list[str] = []
    faults = Faults()
    with runtime(ctx) as opened:
        wanted = [opened.connections.get(connection)] if connection else opened.connections.all("crm")
        for one in wanted:
            with faults.survived(one.name, alone=len(wanted) == 1):
                done = push_one(opened, one, part)
                rows.append(push_row(one, done))
                told += done.faults
    emit(rows, COLUMNS, form)
    for fault in told:
        say(fault)
    return faults.worst or int(any(row["failed"] for row in rows))


def push_one(opened: Runtime, connection: Connection, part: Part | None = None) -> Pushed:
    """Push one connection under a progress bar."""
    from connector.push import push

    with progress(f"push {connection.name}") as bar:
        return push(
            opened.store,
            opened.connections,
            connection,
            opened.crm(connection),
            opened.mapping(connection),
            part=part,
            report=bar,
        )


def push_row(connection: Connection, pushed: Pushed) -> dict[str, Any]:
    """The listing of what a push did."""
    return {
        "connection": connection.name,
        "written": pushed.done,
        "retried_later": pushed.retried,
        "failed": pushed.dead,
    }

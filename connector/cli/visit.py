"""``creditgate visit``: account visits (定期拜访)."""

from __future__ import annotations

import click

from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = (
    "due_on",
    "customer",
    "connection",
    "account_id",
    "owner_id",
    "owner",
    "reason",
    "priority",
    "state",
    "closed_at",
    "result",
    "key",
)


@click.group("visit")
def command() -> None:
    """Plan and list account visits."""


@command.command("plan")
@click.pass_context
def plan(ctx: click.Context) -> None:
    """Plan the visits that the assessments ask for; each becomes a task in the CRM at the next push."""
    from connector.visits import plan as plan_visits

    with runtime(ctx) as opened:
        names = {one.id: one.name for one in opened.connections.all()}
        done = plan_visits(opened.store, opened.now(), names, opened.config.language)
    say(f"{done.planned} visits planned for {done.looked_at} customers")


@command.command("list")
@format_option
@click.pass_context
def list_(ctx: click.Context, form: str) -> None:
    """List visits, the next one due first, with what the CRM tells of them since the last pull."""
    from connector.store import visits

    with runtime(ctx) as opened, opened.store.read() as tx:
        rows = [dict(row._mapping) for row in visits.listing(tx)]
    emit(rows, COLUMNS, form)

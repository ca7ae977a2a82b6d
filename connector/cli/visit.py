"""``creditgate visit``: account visits (定期拜访)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    import sqlalchemy as sa

    from connector.visits import Planned

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
    "missed_at",
    "closed_at",
    "result",
    "promised_on",
    "photos",
    "key",
)
DELAYED = ("customer", "name", "owner_id", "wanted_by", "planned_for")
LOAD = ("connection", "owner_id", "owner", "week", "visits", "per_week")


@click.group("visit")
def command() -> None:
    """Plan and list account visits."""


@command.command("plan")
@format_option
@click.pass_context
def plan(ctx: click.Context, form: str) -> None:
    """Plan the visits that the assessments ask for; each becomes a task in the CRM at the next push.

    Lists the visits for which their sales rep has no room in time; exit code 1 if some have none at all.
    """
    from connector import visits

    with runtime(ctx) as opened:
        names = {one.id: one.name for one in opened.connections.all()}
        rules = opened.policy.visits
        missed = visits.mark_missed(opened.store, rules, opened.now(), opened.policy.signals)
        done = visits.plan(opened.store, opened.now(), names, opened.config.language, rules)
        with opened.store.read() as tx:
            rows = _delayed(tx, done)
    if rows or form != "table":
        emit(rows, DELAYED, form)
    say(f"{done.planned} visits planned for {done.looked_at} customers; {missed} became missed")
    if rows:
        without = sum(one.day is None for one in done.delayed)
        say(
            f"{len(rows)} visits are later than they should be, {without} of them without a day: the weeks "
            "of their reps are full – spread the accounts, or raise 'visits: per_week' in the policy"
        )
        ctx.exit(1 if without else 0)


def _delayed(tx: sa.Connection, done: Planned) -> list[dict[str, object]]:
    from connector.privacy.consent import masked
    from connector.store import consents, visits

    names = visits.names(tx, [one.customer_id for one in done.delayed])
    persons = consents.persons(tx, [one.customer_id for one in done.delayed])
    return [
        {
            "customer": one.customer_id,
            "name": masked(names.get(one.customer_id) or "", one.customer_id in persons) or None,
            "owner_id": one.owner_id,
            "wanted_by": one.due,
            "planned_for": one.day,
        }
        for one in done.delayed
    ]


@command.command("list")
@click.option("--missed", is_flag=True, help="Only those that are still open long after their day.")
@click.option("--customer", type=int, help="Only of this customer.")
@format_option
@click.pass_context
def list_(ctx: click.Context, missed: bool, customer: int | None, form: str) -> None:
    """List visits, the next one due first, with what the CRM tells of them since the last pull."""
    from connector.store import visits

    with runtime(ctx) as opened, opened.store.read() as tx:
        rows = [
            dict(row._mapping)
            for row in visits.listing(tx)
            if customer in (None, row.customer_id)
            and (not missed or (row.missed_at and row.state == "planned"))
        ]
    emit(rows, COLUMNS, form)


@command.command("load")
@format_option
@click.pass_context
def load(ctx: click.Context, form: str) -> None:
    """List how many visits each sales rep has by week (its Monday), from this week on."""
    from connector.store import visits
    from connector.visits.diary import monday

    with runtime(ctx) as opened, opened.store.read() as tx:
        bound = opened.policy.visits.per_week
        rows = visits.load(tx, monday(opened.now().date()), bound)
    emit(rows, LOAD, form)

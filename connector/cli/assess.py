"""``creditgate assess``: assess the customers that changed or are due."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from connector.cli.gate import settle
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, progress, say
from connector.cli.part import part_option

if TYPE_CHECKING:
    from connector.assess import Assessed
    from connector.runtime import Runtime
    from connector.store.parts import Part

COLUMNS = ("customer", "name", "status", "risk_class", "limit", "exposure", "available", "currency")


@click.command("assess")
@click.option("--all", "everyone", is_flag=True, help="Every customer, not only changed and due ones.")
@click.option("--customer", "customers", multiple=True, metavar="ID", help="Only this customer; repeatable.")
@part_option("customers")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="What if it were this day?")
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    everyone: bool,
    customers: tuple[str, ...],
    part: Part | None,
    as_of: dt.datetime | None,
    form: str,
) -> None:
    """Assess customers by the policy: score, risk class, limit, terms and status.

    With --as-of it only shows what would come out on that day: nothing is stored and nothing will be
    pushed. To run a whole installation on historical data, pin its day with CREDITGATE_AS_OF instead.
    """
    from connector.store import listing

    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            ids = [listing.find(tx, text) for text in customers] or None
        if as_of is not None:
            emit(_what_if(opened, as_of, ids), COLUMNS, form)
            return
        done = run(opened, customers=ids, everyone=everyone, part=part)
    say(f"{done.judged} customers assessed, {done.changed} changed, {done.queued} writes queued")
    rows = [{"status": name, "customers": count} for name, count in sorted(done.by_status.items())]
    emit(rows, ("status", "customers"), form)


def run(
    opened: Runtime,
    *,
    customers: list[int] | None = None,
    everyone: bool = False,
    part: Part | None = None,
) -> Assessed:
    """Assess under a progress bar."""
    from connector.assess import assess
    from connector.limits.acts import apply_groups
    from connector.versions.activation import require

    require(opened.store, opened.policy)
    # Temporary limits of groups begin and end by the calendar.
    apply_groups(opened)
    with progress("assess") as bar:
        done = assess(
            opened.store,
            opened.policy,
            opened.rates,
            opened.now(),
            content=opened.policy_text,
            language=opened.config.language,
            customers=customers,
            everyone=everyone,
            notes=opened.writing("note"),
            part=part,
            report=bar,
        )
    settle(opened)
    return done


def _what_if(opened: Runtime, as_of: dt.datetime, ids: list[int] | None) -> list[dict[str, Any]]:
    from connector.assess import what_if
    from connector.money import to_major
    from connector.privacy.consent import masked
    from connector.store import listing

    moment = dt.datetime.combine(as_of.date(), dt.time(12), dt.UTC)
    with opened.store.read() as tx:
        names = {row.id: masked(row.name, row.is_person) for row in listing.customers(tx)}
    rows = []
    for outcome in what_if(opened.store, opened.policy, opened.rates, moment, ids):
        amounts = {
            name: None if value is None else str(to_major(value, outcome.currency))
            for name, value in (
                ("limit", outcome.limit),
                ("exposure", outcome.exposure),
                ("available", outcome.available),
            )
        }
        rows.append(
            {
                "customer": outcome.customer_id,
                "name": names.get(outcome.customer_id),
                "status": outcome.status,
                "risk_class": outcome.risk_class,
                "currency": outcome.currency,
                **amounts,
            }
        )
    return rows

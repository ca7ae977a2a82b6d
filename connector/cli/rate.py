"""``creditgate rate``: exchange rates by date."""

from __future__ import annotations

from pathlib import Path

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say


@click.group("rate", short_help="Import and list exchange rates.")
def command() -> None:
    """Exchange rates by date. The rate of a day is the latest one on or before it; a missing one is
    unknown, never 1. Every assessment keeps the rates that it used, with their dates."""


@command.command("list")
@click.option("--currency", help="Only this currency.")
@format_option
@click.pass_context
def list_(ctx: click.Context, currency: str | None, form: str) -> None:
    """List all rates: one unit of a currency in units of the policy's currency, from that day on."""
    from connector.admin import exchange_rates

    with runtime(ctx) as home:
        base = home.policy.currency
        rows = [
            {"currency": one.currency, "day": one.day, "per_unit": one.per_unit, "against": base}
            for one in exchange_rates.known(home, currency)
        ]
    emit(rows, ("currency", "day", "per_unit", "against"), form)


@command.command("import")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--replace", is_flag=True, help="Another value for a day that is known takes its place.")
@actor_option
@click.pass_context
def import_(ctx: click.Context, file: Path, replace: bool, actor: str) -> None:
    """Add the rates of FILE, a CSV with the columns currency, day and per_unit.

    Customers with documents, limits or reports in these currencies are due for assessment.
    """
    from connector.admin import exchange_rates

    with runtime(ctx) as home:
        done = exchange_rates.take_in(home, file, replace=replace, actor=actor)
    say(
        f"{done.added} rates added, {done.changed} changed, {done.known} known before; "
        f"{done.customers} customers are due for 'creditgate assess'"
    )

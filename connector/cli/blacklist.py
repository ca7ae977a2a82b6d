"""``creditgate blacklist``: customers whom people have ruled out."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = ("id", "customer", "name", "reason", "actor", "at", "ended_reason", "ended_by", "ended_at")


@click.group("blacklist", short_help="Rule customers out, and list them.")
def command() -> None:
    """Customers whom people have ruled out (黑名单).

    They are `blacklisted` for the policy, beside those that its own list names and those that the CRM marks.
    """


@command.command("add")
@click.argument("customer")
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def add(ctx: click.Context, customer: str, reason: str, actor: str) -> None:
    """Put CUSTOMER on the blacklist, and assess it at once."""
    from connector.cli.assess import run
    from connector.conduct import blacklist
    from connector.store import listing

    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            owner = listing.find(tx, customer)
        blacklist.add(opened, owner, reason=reason, actor=actor)
        say(f"customer {owner} is on the blacklist")
        run(opened, customers=[owner])


@command.command("remove")
@click.argument("customer")
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def remove(ctx: click.Context, customer: str, reason: str, actor: str) -> None:
    """Take CUSTOMER off the blacklist that people keep; 'creditgate assess' applies it."""
    from connector.conduct import blacklist
    from connector.store import listing

    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            owner = listing.find(tx, customer)
        blacklist.remove(opened, owner, reason=reason, actor=actor)
    say(f"customer {owner} is off the blacklist; 'creditgate assess' applies it")


@command.command("list")
@click.option("--all", "ended", is_flag=True, help="Those taken off, too.")
@format_option
@click.pass_context
def list_(ctx: click.Context, ended: bool, form: str) -> None:
    """List who was put on the blacklist by a person, by whom and why."""
    from connector.conduct import blacklist
    from connector.privacy.consent import masked

    def shown(row: Any) -> dict[str, Any]:
        name = masked(row.name, row.is_person)
        return dict(row._mapping) | {"customer": row.customer_id, "name": name}

    with runtime(ctx) as opened:
        rows = [shown(row) for row in blacklist.listed(opened, ended=ended)]
    emit(rows, COLUMNS, form)

"""``creditgate dispute``: invoices that customers contest."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = (
    "id",
    "customer",
    "name",
    "invoice",
    "reason",
    "actor",
    "at",
    "ended_reason",
    "ended_by",
    "ended_at",
)


@click.group("dispute", short_help="Record and list contested invoices.")
def command() -> None:
    """Invoices that customers contest, where the CRM or ledger has no field for it."""


@command.command("open")
@click.argument("customer")
@click.argument("invoice")
@click.option("--reason", required=True, help="What the customer contests. It is kept.")
@actor_option
@click.pass_context
def open_(ctx: click.Context, customer: str, invoice: str, reason: str, actor: str) -> None:
    """Record that CUSTOMER contests INVOICE (its number or id); 'creditgate assess' applies it."""
    from connector.conduct import disputes
    from connector.store import listing

    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            owner = listing.find(tx, customer)
        number = disputes.open_(opened, owner, invoice, reason=reason, actor=actor)
    say(f"dispute {number} is recorded; 'creditgate assess' applies it")


@command.command("close")
@click.argument("number", metavar="ID", type=int)
@click.option("--reason", required=True, help="How it ended. It is kept.")
@actor_option
@click.pass_context
def close(ctx: click.Context, number: int, reason: str, actor: str) -> None:
    """End dispute ID; 'creditgate assess' applies it."""
    from connector.conduct import disputes

    with runtime(ctx) as opened:
        disputes.close(opened, number, reason=reason, actor=actor)
    say(f"dispute {number} is closed; 'creditgate assess' applies it")


@command.command("list")
@click.option("--customer", help="Only disputes of this customer.")
@click.option("--all", "ended", is_flag=True, help="Those that ended, too.")
@format_option
@click.pass_context
def list_(ctx: click.Context, customer: str | None, ended: bool, form: str) -> None:
    """List disputes that people recorded, the oldest first."""
    from connector.conduct import disputes
    from connector.privacy.consent import masked
    from connector.store import listing

    def shown(row: Any) -> dict[str, Any]:
        name = masked(row.name, row.is_person)
        return dict(row._mapping) | {"customer": row.customer_id, "name": name}

    with runtime(ctx) as opened:
        owner = None
        if customer is not None:
            with opened.store.read() as tx:
                owner = listing.find(tx, customer)
        rows = [shown(row) for row in disputes.listed(opened, owner, ended=ended)]
    emit(rows, COLUMNS, form)

"""``creditgate bureau disputes``: which agency is believed where they contradict one another."""

from __future__ import annotations

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = ("id", "customer", "name", "found_at", "agencies", "state", "chosen", "decided_by", "reason")


@click.group("disputes")
def command() -> None:
    """Decide which agency speaks where their reports on a customer are grades apart."""


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Those that are settled or over, too.")
@click.option("--customer", type=int, help="Only of this customer.")
@format_option
@click.pass_context
def listed(ctx: click.Context, every: bool, customer: int | None, form: str) -> None:
    """List what waits for a decision, with what each agency says; natural persons are masked."""
    from connector.privacy.consent import masked
    from connector.store import disputes

    with runtime(ctx) as home, home.store.read() as tx:
        found = disputes.listed(tx, state=None if every else disputes.OPEN, customer_id=customer)
    rows = [
        {
            "id": one.id,
            "customer": one.customer_id,
            "name": masked(one.customer, one.is_person),
            "found_at": one.found_at,
            "agencies": "; ".join(
                f"{name}: PD {said['pd_12m']}, step {said['step']} of 6, {said['day']}"
                for name, said in sorted(one.evidence.items())
            ),
            "state": one.state,
            "chosen": one.chosen,
            "decided_by": one.decided_by,
            "reason": one.reason,
        }
        for one in found
    ]
    emit(rows, COLUMNS, form)


@command.command()
@click.argument("number", type=int)
@click.option("--believe", "provider", required=True, metavar="AGENCY", help="The agency that speaks.")
@click.option("--reason", required=True, help="Why.")
@actor_option
@click.pass_context
def settle(ctx: click.Context, number: int, provider: str, reason: str, actor: str) -> None:
    """Say which agency speaks in contradiction NUMBER, until one of the reports is replaced.

    The customer is due for 'creditgate assess'. A decision can be changed by another one.
    """
    from connector.store import disputes

    with runtime(ctx) as home, home.store.write() as tx:
        one = disputes.settle(tx, number, provider, reason, actor, home.now())
    say(f"customer {one.customer_id}: {provider} speaks until there is a newer report")

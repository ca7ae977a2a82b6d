"""``creditgate promise``: promises to pay, and what came of them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.limit_options import DAY, day
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.conduct.promises import Promise

COLUMNS = (
    "id",
    "customer",
    "name",
    "invoice",
    "amount",
    "currency",
    "made_on",
    "due_on",
    "state",
    "received",
    "reason",
    "actor",
    "ended_by",
    "ended_reason",
)
STATES = ("open", "kept", "broken", "withdrawn", "all")


@click.group("promise", short_help="Record and list promises to pay.")
def command() -> None:
    """Promises to pay. Whether one was kept is read off the money that comes until its day."""


@command.command("record")
@click.argument("customer")
@click.option("--amount", required=True, help="In major units, such as 50000.")
@click.option("--currency", help="Of the amount.  [default: the policy's]")
@click.option("--on", "due", type=DAY, required=True, help="The day promised (YYYY-MM-DD).")
@click.option("--made", type=DAY, help="When it was promised.  [default: today]")
@click.option("--invoice", help="Number or id of the invoice.  [default: whatever is open]")
@click.option("--reason", required=True, help="Who promised it, and how. It is kept.")
@actor_option
@click.pass_context
def record(
    ctx: click.Context,
    /,
    customer: str,
    amount: str,
    currency: str | None,
    due: dt.datetime,
    made: dt.datetime | None,
    **given: Any,
) -> None:
    """Record that CUSTOMER promised to pay."""
    from connector.conduct import promises
    from connector.limits.acts import size
    from connector.store import listing

    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            owner = listing.find(tx, customer)
        wanted = size("amount", amount, currency or opened.policy.currency)
        number = promises.record(opened, owner, wanted, due.date(), made_on=day(made), **given)
    say(f"promise {number} is recorded")


@command.command("settle")
@click.argument("number", metavar="ID", type=int)
@click.option("--kept", "outcome", flag_value="kept", help="It was kept; no record shows the money.")
@click.option("--broken", "outcome", flag_value="broken", help="It was not kept.")
@click.option("--withdrawn", "outcome", flag_value="withdrawn", help="It was taken back by agreement.")
@click.option("--reason", required=True, help="What it rests on. It is kept.")
@actor_option
@click.pass_context
def settle(ctx: click.Context, number: int, outcome: str | None, reason: str, actor: str) -> None:
    """Say what came of promise ID, in place of the money."""
    from connector.conduct import promises

    if outcome is None:
        raise click.UsageError("say which: --kept, --broken or --withdrawn")
    with runtime(ctx) as opened:
        promises.settle_by_hand(opened, number, outcome, reason=reason, actor=actor)
    say(f"promise {number} is {outcome}; 'creditgate assess' applies it")


@command.command("list")
@click.option("--customer", help="Only promises of this customer.")
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True)
@format_option
@click.pass_context
def list_(ctx: click.Context, customer: str | None, state: str, form: str) -> None:
    """List promises, by customer in the order in which they fall due."""
    from connector.conduct import promises
    from connector.store import listing

    with runtime(ctx) as opened:
        owner = None
        if customer is not None:
            with opened.store.read() as tx:
                owner = listing.find(tx, customer)
        found = promises.listed(opened, owner, None if state == "all" else state)
        rows = [_row(one) for one in found]
    emit(rows, COLUMNS, form)


def _row(one: Promise) -> dict[str, Any]:
    from connector.money import to_major
    from connector.privacy.consent import masked

    row, judged = one.row, one.judged
    return dict(row._mapping) | {
        "customer": row.customer_id,
        "name": masked(row.name, row.is_person),
        "amount": to_major(row.amount, row.currency),
        "state": judged.state,
        "received": to_major(judged.received, row.currency) if row.outcome is None else None,
    }

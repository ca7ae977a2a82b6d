"""``creditgate advice``: consultants' reports and trade references."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.store.advice import Advice

DAY = click.DateTime(["%Y-%m-%d"])
COLUMNS = (
    "id",
    "customer",
    "name",
    "kind",
    "author",
    "dated",
    "limit",
    "currency",
    "class",
    "valid_to",
    "state",
)


@click.group("advice", short_help="Record, list and withdraw consultants' reports and trade references.")
def command() -> None:
    """Consultants' reports and trade references: dated documents with a recommended limit or class."""


@command.command()
@click.argument("customer", type=int)
@click.option(
    "--kind",
    type=click.Choice(["consultant", "reference"]),
    required=True,
    help="A consultant's report, or another supplier's reference.",
)
@click.option("--author", required=True, help="Who wrote it.")
@click.option("--date", "dated", type=DAY, required=True, help="The day on the document (YYYY-MM-DD).")
@click.option("--limit", help="The limit that it recommends, in major units.")
@click.option("--currency", help="Of the limit.  [default: the policy's]")
@click.option("--class", "risk_class", help="The class that it recommends, in the policy's words.")
@click.option(
    "--to", "valid_to", type=DAY, help="Last day (YYYY-MM-DD).  [default: the policy's staleness.advice_days]"
)
@click.option(
    "--evidence",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The document; its SHA-256 is kept.",
)
@click.option("--note", default="", help="What else it says.")
@actor_option
@click.pass_context
def add(
    ctx: click.Context,
    customer: int,
    kind: str,
    author: str,
    dated: dt.datetime,
    limit: str | None,
    currency: str | None,
    risk_class: str | None,
    valid_to: dt.datetime | None,
    evidence: Path | None,
    note: str,
    actor: str,
) -> None:
    """Record a document about CUSTOMER (its number). About natural persons only with their consent."""
    from connector.bureau import advice
    from connector.limits.acts import size

    with runtime(ctx) as opened:
        amount = None if limit is None else size("amount", limit, currency or opened.policy.currency)
        added = advice.add(
            opened,
            customer,
            kind=kind,
            author=author,
            dated=dated.date(),
            says=advice.Recommended(
                amount.amount if amount else None, amount.currency if amount else None, risk_class
            ),
            valid_to=valid_to.date() if valid_to else None,
            evidence=evidence,
            note=note,
            actor=actor,
        )
    say(f"advice {added} is recorded")


@command.command("list")
@click.option("--customer", type=int, help="Only those about this customer.")
@click.option("--all", "every", is_flag=True, help="Expired and withdrawn ones too.")
@format_option
@click.pass_context
def listed(ctx: click.Context, customer: int | None, every: bool, form: str) -> None:
    """List the documents that count today; names of natural persons are masked."""
    from connector.bureau import advice

    with runtime(ctx) as opened:
        rows = [_row(found, state) for found, state in advice.listed(opened, customer, every=every)]
    emit(rows, COLUMNS, form)


def _row(found: Advice, state: str) -> dict[str, Any]:
    from connector.money import to_major
    from connector.privacy.consent import masked

    stated = found.amount is not None and found.currency is not None
    return {
        "id": found.id,
        "customer": found.customer_id,
        "name": masked(found.name, found.is_person),
        "kind": found.kind,
        "author": found.author,
        "dated": found.dated,
        "limit": to_major(found.amount or 0, found.currency or "") if stated else None,
        "currency": found.currency,
        "class": found.risk_class,
        "valid_to": found.valid_to,
        "state": state,
    }


@command.command()
@click.argument("number", metavar="ADVICE", type=int)
@click.option("--reason", required=True, help="Why it no longer counts; it is kept.")
@actor_option
@click.pass_context
def withdraw(ctx: click.Context, number: int, reason: str, actor: str) -> None:
    """Withdraw ADVICE (its number): from now on it does not count."""
    from connector.bureau import advice

    with runtime(ctx) as opened:
        advice.withdraw(opened, number, reason=reason, actor=actor)
    say(f"advice {number} is withdrawn")

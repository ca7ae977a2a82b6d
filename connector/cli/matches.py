"""``creditgate bureau matches``: which company of an agency a customer is."""

from __future__ import annotations

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = ("id", "customer", "name", "connection", "ref", "candidate", "confidence", "state", "decided_by")


@click.group("matches")
def command() -> None:
    """Decide which company of an agency a customer is, where only names are alike."""


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Those decided on too.")
@format_option
@click.pass_context
def listed(ctx: click.Context, every: bool, form: str) -> None:
    """List what waits for a decision; names of natural persons are masked."""
    from connector.bureau import matches
    from connector.privacy.consent import masked

    with runtime(ctx) as opened:
        rows = [
            {
                "id": doubt.id,
                "customer": doubt.customer_id,
                "name": masked(doubt.customer, doubt.is_person),
                "connection": doubt.connection,
                "ref": doubt.ref,
                "candidate": masked(doubt.candidate, doubt.is_person),
                "confidence": f"{doubt.confidence:.2f}",
                "state": doubt.state,
                "decided_by": doubt.decided_by,
            }
            for doubt in matches.listed(opened, every=every)
        ]
    emit(rows, COLUMNS, form)


@command.command()
@click.argument("match_id", type=int)
@actor_option
@click.pass_context
def accept(ctx: click.Context, match_id: int, actor: str) -> None:
    """Take candidate MATCH_ID for the customer; the others of that agency are declined with it.

    The next 'bureau refresh' fetches its report without searching again.
    """
    _decide(ctx, match_id, "accepted", actor)


@command.command()
@click.argument("match_id", type=int)
@actor_option
@click.pass_context
def decline(ctx: click.Context, match_id: int, actor: str) -> None:
    """Say that candidate MATCH_ID is another company; it is not proposed again."""
    _decide(ctx, match_id, "declined", actor)


def _decide(ctx: click.Context, match_id: int, state: str, actor: str) -> None:
    from connector.bureau import matches

    with runtime(ctx) as opened:
        doubt = matches.decide(opened, match_id, state, actor=actor)
    say(f"match {match_id}: {doubt.ref} of {doubt.connection} is {state} for customer {doubt.customer_id}")

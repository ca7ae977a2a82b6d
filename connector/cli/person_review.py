"""``creditgate customer review``: decisions about natural persons that wait for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.store.person_reviews import Review

COLUMNS = (
    "customer",
    "name",
    "state",
    "status",
    "risk_class",
    "limit",
    "currency",
    "terms_days",
    "created_at",
)


@click.group("review")
def command() -> None:
    """Confirm or reject what the policy would decide about natural persons; until then the customer's
    status and limit stay as they were."""


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Decided ones too.")
@format_option
@click.pass_context
def listed(ctx: click.Context, every: bool, form: str) -> None:
    """List what waits; names are masked."""
    from connector.privacy import person_review

    with runtime(ctx) as opened:
        rows = [_row(one) for one in person_review.listed(opened, every=every)]
    emit(rows, COLUMNS, form)


@command.command()
@click.argument("customer")
@click.option("--reason", required=True, help="Your own reason; it is kept.")
@actor_option
@click.pass_context
def confirm(ctx: click.Context, customer: str, reason: str, actor: str) -> None:
    """Agree to what is proposed about CUSTOMER: it comes into force at once."""
    _decide(ctx, customer, "confirm", reason, actor)


@command.command()
@click.argument("customer")
@click.option("--reason", required=True, help="Your own reason; it is kept.")
@actor_option
@click.pass_context
def reject(ctx: click.Context, customer: str, reason: str, actor: str) -> None:
    """Refuse what is proposed about CUSTOMER: what was in force stays."""
    _decide(ctx, customer, "reject", reason, actor)


def _decide(ctx: click.Context, customer: str, verdict: str, reason: str, actor: str) -> None:
    from connector.cli.assess import run
    from connector.privacy import person_review
    from connector.store import listing

    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            number = listing.find(tx, customer)
        act = person_review.confirm if verdict == "confirm" else person_review.reject
        found = act(opened, number, reason=reason, actor=actor)
        run(opened, customers=[number])
    say(f"customer {number}: {found.proposed['status']} is {verdict}ed; run 'creditgate push'")


def _row(found: Review) -> dict[str, Any]:
    from connector.money import to_major
    from connector.privacy.consent import masked

    told = found.proposed
    limit = told["limit_state"] if told["limit"] is None else to_major(told["limit"], told["currency"])
    return {
        "customer": found.customer_id,
        "name": masked(found.name, True),
        "state": found.state,
        "status": told["status"],
        "risk_class": told["risk_class"],
        "limit": limit,
        "currency": told["currency"],
        "terms_days": told["terms_days"],
        "created_at": found.created_at,
    }

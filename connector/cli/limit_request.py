"""``creditgate limit request|approve|decline|list``: limits that others must agree to."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.limit_options import (
    cover_option,
    day,
    from_option,
    one_of,
    season_option,
    size,
    size_options,
    subject,
    subject_options,
    to_option,
)
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.limits.limit_requests import Request

KINDS = ("base", "temporary", "seasonal", "insured", "guaranteed")
STATES = ("pending", "approved", "declined", "expired", "all")
COLUMNS = (
    "id",
    "subject",
    "kind",
    "state",
    "amount",
    "currency",
    "valid_from",
    "valid_to",
    "requested_by",
    "needs",
    "role",
    "approved_by",
    "reason",
    "expires_at",
)


@click.command("request")
@subject_options
@size_options
@click.option("--kind", type=click.Choice(KINDS), default="base", show_default=True)
@season_option
@cover_option
@from_option
@to_option
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def request(
    ctx: click.Context,
    /,
    kind: str,
    season: tuple[str, str] | None,
    cover: Decimal,
    valid_from: dt.datetime | None,
    valid_to: dt.datetime | None,
    **given: Any,
) -> None:
    """Ask for a limit. Where the policy wants nobody else to agree it is set at once."""
    from connector.limits import acts as limits
    from connector.limits import limit_requests

    one_of(given, withdraw=False)
    about = subject(given)
    with runtime(ctx) as opened:
        terms = limits.Terms(kind, day(valid_from), day(valid_to), season, cover)
        who = {"reason": given["reason"], "actor": given["actor"]}
        entry = limits.prepare(opened, about, size(opened, given), terms, **who)
        made = limit_requests.request(opened, entry)
    if made.state == "approved":
        say(f"request {made.id}: the policy wants nobody else to agree; the limit of {about} is set")
    else:
        until = f"{made.expires_at:%Y-%m-%d}"
        say(f"request {made.id}: {made.needs} more ({made.role}) to approve it until {until}")


@click.command("approve")
@click.argument("number", metavar="ID", type=int)
@click.option("--note", default="", help="What the decision rests on.")
@actor_option
@click.pass_context
def approve(ctx: click.Context, number: int, note: str, actor: str) -> None:
    """Agree to request ID of somebody else; the last approval needed sets the limit."""
    from connector.limits import limit_requests

    with runtime(ctx) as opened:
        done = limit_requests.approve(opened, number, actor=actor, note=note)
    if done.state == "approved":
        say(f"request {number} is approved and the limit set; 'creditgate assess' applies it")
    else:
        say(f"request {number}: {len(done.approved_by)} of {done.needs} approvals")


@click.command("decline")
@click.argument("number", metavar="ID", type=int)
@click.option("--reason", "note", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def decline(ctx: click.Context, number: int, note: str, actor: str) -> None:
    """Refuse request ID, or take back one's own."""
    from connector.limits import limit_requests

    with runtime(ctx) as opened:
        limit_requests.decline(opened, number, actor=actor, note=note)
    say(f"request {number} is declined")


@click.command("list")
@click.option("--state", type=click.Choice(STATES), default="pending", show_default=True)
@format_option
@click.pass_context
def list_(ctx: click.Context, state: str, form: str) -> None:
    """List requests for limits, the newest last."""
    from connector.limits import limit_requests

    with runtime(ctx) as opened:
        rows = [_row(one) for one in limit_requests.listed(opened, None if state == "all" else state)]
    emit(rows, COLUMNS, form)


def _row(one: Request) -> dict[str, Any]:
    from connector.money import to_major

    entry = one.entry
    amount: Any = entry.state
    if entry.amount is not None:
        amount = to_major(entry.amount, entry.currency)
    return {
        "id": one.id,
        "subject": f"{entry.subject} {entry.subject_id}",
        "kind": entry.kind,
        "state": one.state,
        "amount": amount,
        "currency": entry.currency,
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "requested_by": entry.actor,
        "needs": one.needs,
        "role": one.role or None,
        "approved_by": ", ".join(one.approved_by) or None,
        "reason": entry.reason,
        "expires_at": one.expires_at,
    }

"""``creditgate review``: credit reviews (复评) as cases, from the calendar to the outcome.

``creditgate customer review`` is another thing: decisions about natural persons that wait for a person.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.limit_options import DAY, size, size_options
from connector.cli.output import emit, emit_json, format_option, say

if TYPE_CHECKING:
    from connector.store.review_cases import Case

STATES = ("live", "open", "recommended", "approved", "closed", "all")
COLUMNS = (
    "id",
    "customer_id",
    "customer",
    "due_on",
    "overdue",
    "state",
    "origin",
    "reason",
    "owner",
    "recommended_by",
    "needs",
    "signed_as",
    "opened_at",
    "ended_at",
    "ended_by",
)
_number = click.argument("number", metavar="ID", type=int)


@click.group("review")
def command() -> None:
    """Open, prepare and decide credit reviews: checklist, evidence, recommendation, approval by others."""


@command.command("plan")
@click.pass_context
def plan(ctx: click.Context) -> None:
    """Open the reviews that fall due by the calendar, and hand up the overdue ones. Safe to run again."""
    from connector import reviews

    with runtime(ctx) as opened:
        done = reviews.plan(opened)
    say(
        f"{done.opened} reviews opened for {done.looked_at} customers; {done.told} became overdue, "
        f"{done.handed_up} handed up"
    )


@command.command("list")
@click.option("--state", type=click.Choice(STATES), default="live", show_default=True)
@click.option("--overdue", is_flag=True, help="Only live ones whose day has passed.")
@click.option("--customer", help="Only of this customer.")
@click.option("--owner", help="Only those that this person answers for.")
@format_option
@click.pass_context
def list_(
    ctx: click.Context, state: str, overdue: bool, customer: str | None, owner: str | None, form: str
) -> None:
    """List reviews, the first due first."""
    from connector import reviews
    from connector.store import listing
    from connector.store.review_cases import LIVE

    states = {"live": LIVE, "all": None}.get(state, (state,))
    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            number = None if customer is None else listing.find(tx, customer)
        found = reviews.listed(opened, states, customer_id=number, owner=owner, overdue=overdue)
        rows = [_row(one, opened.today()) for one in found]
    emit(rows, COLUMNS, form)


@command.command("open")
@click.argument("customer")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--event", is_flag=True, help="An event is the reason, not a person's wish.")
@click.option("--due", type=DAY, help="Until when.  [default: by the policy]")
@click.option("--owner", help="Who prepares it.")
@actor_option
@click.pass_context
def open_(
    ctx: click.Context,
    customer: str,
    reason: str,
    event: bool,
    due: dt.datetime | None,
    owner: str | None,
    actor: str,
) -> None:
    """Open a review of CUSTOMER; one that is live already stays as it is."""
    from connector import reviews
    from connector.store import listing

    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            number = listing.find(tx, customer)
        found, new = reviews.open_case(
            opened,
            number,
            reason=reason,
            actor=actor,
            origin="event" if event else "person",
            due_on=due.date() if due else None,
            owner=owner,
        )
    say(f"review {found} is {'opened' if new else 'live already'}; see 'creditgate review show {found}'")


@command.command("show")
@_number
@click.pass_context
def show(ctx: click.Context, number: int) -> None:
    """Print review ID whole, as JSON: checklist, evidence, recommendation, verdicts, outcome."""
    from dataclasses import asdict

    from connector import reviews

    with runtime(ctx) as opened:
        found = reviews.show(opened, number)
    emit_json(asdict(found))


@command.command("check")
@_number
@click.argument("item")
@click.option("--note", required=True, help="What was found, or why it does not apply.")
@click.option("--not-applicable", is_flag=True, help="It does not apply to this customer.")
@actor_option
@click.pass_context
def check(ctx: click.Context, number: int, item: str, note: str, not_applicable: bool, actor: str) -> None:
    """Say of one ITEM of the checklist of review ID what was found."""
    from connector import reviews

    with runtime(ctx) as opened:
        done = reviews.check(opened, number, item, note=note, actor=actor, applies=not not_applicable)
    left = [one.key for one in done.items if one.state == "open"]
    say(f"{item} is checked; open: {', '.join(left) or 'nothing'}")


@command.command("attach")
@_number
@click.option("--file", "file", type=click.Path(path_type=Path), help="Known by its SHA-256; it stays there.")
@click.option("--link", help="Address of a document.")
@click.option("--note", default="", help="What it shows.")
@actor_option
@click.pass_context
def attach(
    ctx: click.Context, number: int, file: Path | None, link: str | None, note: str, actor: str
) -> None:
    """Add evidence to review ID: a file or a link."""
    from connector import reviews

    if (file is None) == (link is None):
        raise click.UsageError("give either --file or --link")
    with runtime(ctx) as opened:
        new = reviews.attach(opened, number, file=file, link=link, note=note, actor=actor)
    say("attached" if new else "it is attached already")


@command.command("recommend")
@_number
@size_options
@click.option("--hold/--lift-hold", "hold", default=None, help="Put the customer on hold, or end its hold.")
@click.option("--class", "risk_class", help="The class by your own view; told, not set.")
@click.option("--terms-days", type=click.IntRange(0), help="The terms by your own view; told, not set.")
@click.option("--reason", required=True, help="What it rests on; it is kept.")
@actor_option
@click.pass_context
def recommend(
    ctx: click.Context,
    /,
    number: int,
    hold: bool | None,
    risk_class: str | None,
    terms_days: int | None,
    reason: str,
    actor: str,
    **given: Any,
) -> None:
    """Recommend what comes of review ID; without --amount, --none or --unlimited the limit stays."""
    from connector import reviews

    chosen = [given["amount"] is not None, given["nothing"], given["unlimited"]].count(True)
    if chosen > 1:
        raise click.UsageError("give at most one of --amount, --none and --unlimited")
    with runtime(ctx) as opened:
        wanted = size(opened, given) if chosen else None
        held = None if hold is None else "place" if hold else "lift"
        wish = reviews.Wish(wanted, held, risk_class, terms_days)
        done = reviews.recommend(opened, number, wish, reason=reason, actor=actor)
    say(f"review {number} waits for {done.needs} to approve it ({done.signed_as})")


@command.command("approve")
@_number
@click.option("--note", default="", help="What the decision rests on.")
@actor_option
@click.pass_context
def approve(ctx: click.Context, number: int, note: str, actor: str) -> None:
    """Agree to what somebody else recommended; the last approval brings it into force."""
    from connector import reviews

    with runtime(ctx) as opened:
        done = reviews.approve(opened, number, actor=actor, note=note)
    if done.state == "approved":
        say(f"review {number} is approved; 'creditgate assess' applies it, 'creditgate push' tells the CRM")
    else:
        say(f"review {number}: {len(done.approvals)} of {done.needs} approvals")


@command.command("decline")
@_number
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def decline(ctx: click.Context, number: int, reason: str, actor: str) -> None:
    """Send what was recommended back, or take back one's own; the review is open again."""
    from connector import reviews

    with runtime(ctx) as opened:
        reviews.decline(opened, number, reason=reason, actor=actor)
    say(f"review {number} is open again")


@command.command("close")
@_number
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def close(ctx: click.Context, number: int, reason: str, actor: str) -> None:
    """End review ID without an outcome; it does not count as a review."""
    from connector import reviews

    with runtime(ctx) as opened:
        reviews.close(opened, number, reason=reason, actor=actor)
    say(f"review {number} is closed")


def _row(one: Case, today: dt.date) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in COLUMNS if name != "overdue"}
    return row | {"overdue": one.ended_at is None and one.due_on < today}

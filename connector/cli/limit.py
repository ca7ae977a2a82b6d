"""``creditgate limit``: limits set by a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.limit_options import (
    DAY,
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
    from connector.limits.acts import Standing
    from connector.store.limits import Entry

F = TypeVar("F", bound=Callable[..., Any])
LINE = (
    "subject",
    "id",
    "name",
    "limit_state",
    "limit",
    "exposure",
    "reserved",
    "available",
    "currency",
    "status",
    "set_by",
    "pending",
    "as_of",
)
ENTRY = (
    "id",
    "kind",
    "state",
    "amount",
    "currency",
    "valid_from",
    "valid_to",
    "phase",
    "season",
    "cover",
    "request",
    "reason",
    "actor",
    "at",
)


@click.group("limit", short_help="Show and set limits, ask for and approve them.")
def command() -> None:
    """Limits set by a person; they hold in place of the policy's.

    What takes several signers by the policy ('approvals.limit' there) cannot be set by one person: ask for
    it with 'request', and others approve it.
    """


from connector.cli.limit_request import approve, decline, list_, request  # noqa: E402 - of this group

for _one in (request, approve, decline, list_):
    command.add_command(_one)


@command.command("set")
@subject_options
@size_options
@click.option("--withdraw", is_flag=True, help="Take the limit set by hand away.")
@from_option
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def set_(ctx: click.Context, /, withdraw: bool, valid_from: dt.datetime | None, **given: Any) -> None:
    """Set or withdraw the base limit of a customer or a group.

    A customer's limit is applied by the next 'creditgate assess', a group's at once.
    """
    _put(ctx, "base", withdraw, given, valid_from=day(valid_from))


@command.command()
@subject_options
@size_options
@click.option("--withdraw", is_flag=True, help="Take the limit set by hand away.")
@from_option
@click.option("--to", "valid_to", type=DAY, help="Last day (YYYY-MM-DD); required unless --withdraw.")
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def temporary(
    ctx: click.Context,
    /,
    withdraw: bool,
    valid_from: dt.datetime | None,
    valid_to: dt.datetime | None,
    **given: Any,
) -> None:
    """Set or withdraw a limit that holds for a time in place of the base limit."""
    if valid_to is None and not withdraw:
        raise click.UsageError("a temporary limit needs its last day: --to")
    _put(ctx, "temporary", withdraw, given, valid_from=day(valid_from), valid_to=day(valid_to))


@command.command()
@subject_options
@size_options
@click.option("--withdraw", is_flag=True, help="Take all seasonal limits set by hand away.")
@season_option
@from_option
@to_option
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def seasonal(
    ctx: click.Context,
    /,
    withdraw: bool,
    season: tuple[str, str] | None,
    valid_from: dt.datetime | None,
    valid_to: dt.datetime | None,
    **given: Any,
) -> None:
    """Set or withdraw a limit that holds every year from one day to another in place of the base limit."""
    if season is None and not withdraw:
        raise click.UsageError("a seasonal limit needs its days of the year: --season 11-01 01-31")
    _put(ctx, "seasonal", withdraw, given, valid_from=day(valid_from), valid_to=day(valid_to), season=season)


def secured_options(command: F) -> F:
    """What an insured and a guaranteed sum are told with."""
    for option in (
        actor_option,
        click.option("--reason", required=True, help="Why: who stands for it, by which paper. It is kept."),
        to_option,
        from_option,
        cover_option,
        click.option("--withdraw", is_flag=True, help="It has ended."),
        click.option("--currency", help="Of the amount.  [default: the policy's]"),
        click.option("--amount", help="The sum in major units, such as 50000."),
        subject_options,
    ):
        command = option(command)
    return command


@command.command()
@secured_options
@click.pass_context
def insured(ctx: click.Context, /, **given: Any) -> None:
    """Set or withdraw what a credit insurer stands for; the policy ('limit.secured') says how much counts."""
    _secure(ctx, "insured", given)


@command.command()
@secured_options
@click.pass_context
def guaranteed(ctx: click.Context, /, **given: Any) -> None:
    """Set or withdraw what a guarantor stands for; the policy ('limit.secured') says how much counts."""
    _secure(ctx, "guaranteed", given)


def _secure(ctx: click.Context, kind: str, given: dict[str, Any]) -> None:
    terms = {name: day(given.pop(name)) for name in ("valid_from", "valid_to")}
    given |= {"nothing": False, "unlimited": False}
    _put(ctx, kind, given.pop("withdraw"), given, cover=given.pop("cover"), **terms)


def _put(ctx: click.Context, kind: str, withdraw: bool, given: dict[str, Any], **terms: Any) -> None:
    """Set or withdraw a limit of one kind."""
    from connector.limits import acts as limits

    one_of(given, withdraw)
    about = subject(given)
    who = {"reason": given["reason"], "actor": given["actor"]}
    with runtime(ctx) as opened:
        if withdraw:
            limits.withdraw(opened, about, kind, **who)
            say(f"the {kind} limit of {about} is withdrawn")
            return
        entry = limits.prepare(opened, about, size(opened, given), limits.Terms(kind, **terms), **who)
        limits.put(opened, entry)
    say(f"the {kind} limit of {about} is set" + (f" until {entry.valid_to}" if entry.valid_to else ""))


@command.command()
@subject_options
@format_option
@click.pass_context
def show(ctx: click.Context, customer: int | None, group: int | None, form: str) -> None:
    """Show the credit line of a customer (and of the groups above it) or of a group."""
    from connector.limits import acts as limits

    about = subject({"customer": customer, "group": group})
    with runtime(ctx) as opened:
        rows = [_line(one) for one in limits.standing(opened, about)]
    emit(rows, LINE, form)


@command.command()
@subject_options
@format_option
@click.pass_context
def history(ctx: click.Context, customer: int | None, group: int | None, form: str) -> None:
    """List every limit that a person ever set for a customer or a group."""
    from connector.limits import acts as limits

    about = subject({"customer": customer, "group": group})
    with runtime(ctx) as opened:
        today = opened.today()
        rows = [_entry(entry, today) for entry in limits.history(opened, about)]
    emit(rows, ENTRY, form)


def _line(one: Standing) -> dict[str, Any]:
    from connector.money import to_major

    def major(minor: int | None) -> Decimal | None:
        return to_major(minor, one.line.currency) if one.line and minor is not None else None

    line, entry = one.line, one.set_by
    until = f" until {entry.valid_to}" if entry and entry.valid_to else ""
    return {
        "subject": one.subject.kind,
        "id": one.subject.id,
        "name": one.name,
        "limit_state": line.limit_state if line else None,
        "limit": major(line.limit_minor) if line else None,
        "exposure": major(line.exposure) if line else None,
        "reserved": major(line.reserved) if line else None,
        "available": major(line.available) if line else None,
        "currency": line.currency if line else None,
        "status": line.status if line else None,
        "set_by": _decided(one) or (f"{entry.kind} limit{until} ({entry.actor})" if entry else "policy"),
        "pending": one.pending,
        "as_of": line.as_of if line else None,
    }


def _decided(one: Standing) -> str:
    return f"credit module of {one.decided_by}" if one.decided_by else ""


def _entry(entry: Entry, today: dt.date) -> dict[str, Any]:
    from connector.money import to_major

    return {
        "id": entry.id,
        "kind": entry.kind,
        "state": entry.state,
        "amount": None if entry.amount is None else to_major(entry.amount, entry.currency),
        "currency": entry.currency,
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "phase": entry.phase(today),
        "season": f"{entry.season_from}..{entry.season_to}" if entry.season_from else None,
        "cover": None if entry.cover_bp is None else f"{Decimal(entry.cover_bp) / 100:f}%",
        "request": entry.request_id,
        "reason": entry.reason,
        "actor": entry.actor,
        "at": entry.at,
    }

"""``creditgate limit``: limits set by a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.limits import Size, Standing, Subject
    from connector.runtime import Runtime
    from connector.store.limits import Entry

F = TypeVar("F", bound=Callable[..., Any])
DAY = click.DateTime(["%Y-%m-%d"])
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
    "reason",
    "actor",
    "at",
)


def _subject_options(command: F) -> F:
    command = click.option("--group", type=int, help="Number of the group.")(command)
    return click.option("--customer", type=int, help="Number of the customer.")(command)


def _size_options(command: F) -> F:
    for option in (
        click.option("--withdraw", is_flag=True, help="Take the limit set by hand away."),
        click.option("--unlimited", is_flag=True, help="Credit without bound."),
        click.option("--none", "nothing", is_flag=True, help="No limit, hence no credit (customers only)."),
        click.option("--currency", help="Of the amount.  [default: the policy's]"),
        click.option("--amount", help="The limit in major units, such as 50000."),
    ):
        command = option(command)
    return command


def _subject(customer: int | None, group: int | None) -> Subject:
    from connector.limits import Subject
    from connector.store.lines import CUSTOMER, GROUP

    if (customer is None) == (group is None):
        raise click.UsageError("name either --customer or --group")
    return Subject(CUSTOMER, customer) if customer is not None else Subject(GROUP, group or 0)


def _size(opened: Runtime, amount: str | None, currency: str | None, nothing: bool, unlimited: bool) -> Size:
    from connector.limits import size

    state = "unlimited" if unlimited else "none" if nothing else "amount"
    return size(state, amount, currency or opened.policy.currency)


def _one_of(amount: str | None, nothing: bool, unlimited: bool, withdraw: bool) -> None:
    if [amount is not None, nothing, unlimited, withdraw].count(True) != 1:
        raise click.UsageError("give exactly one of --amount, --none, --unlimited and --withdraw")


@click.group("limit", short_help="Show and set limits.")
def command() -> None:
    """Limits set by a person; they hold in place of the policy's."""


@command.command("set")
@_subject_options
@_size_options
@click.option("--from", "valid_from", type=DAY, help="First day (YYYY-MM-DD).  [default: today]")
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def set_(
    ctx: click.Context,
    customer: int | None,
    group: int | None,
    amount: str | None,
    currency: str | None,
    nothing: bool,
    unlimited: bool,
    withdraw: bool,
    valid_from: dt.datetime | None,
    reason: str,
    actor: str,
) -> None:
    """Set or withdraw the base limit of a customer or a group.

    A customer's limit is applied by the next 'creditgate assess', a group's at once.
    """
    from connector import limits

    _one_of(amount, nothing, unlimited, withdraw)
    subject = _subject(customer, group)
    with runtime(ctx) as opened:
        if withdraw:
            limits.withdraw(opened, subject, "base", reason=reason, actor=actor)
            say(f"the base limit of {subject} is withdrawn")
            return
        limits.set_base(
            opened,
            subject,
            _size(opened, amount, currency, nothing, unlimited),
            reason=reason,
            actor=actor,
            valid_from=valid_from.date() if valid_from else None,
        )
    say(f"the base limit of {subject} is set")


@command.command()
@_subject_options
@_size_options
@click.option("--from", "valid_from", type=DAY, help="First day (YYYY-MM-DD).  [default: today]")
@click.option("--to", "valid_to", type=DAY, help="Last day (YYYY-MM-DD); required unless --withdraw.")
@click.option("--reason", required=True, help="Why; it is kept.")
@actor_option
@click.pass_context
def temporary(
    ctx: click.Context,
    customer: int | None,
    group: int | None,
    amount: str | None,
    currency: str | None,
    nothing: bool,
    unlimited: bool,
    withdraw: bool,
    valid_from: dt.datetime | None,
    valid_to: dt.datetime | None,
    reason: str,
    actor: str,
) -> None:
    """Set or withdraw a limit that holds for a time in place of the base limit."""
    from connector import limits

    _one_of(amount, nothing, unlimited, withdraw)
    subject = _subject(customer, group)
    if valid_to is None and not withdraw:
        raise click.UsageError("a temporary limit needs its last day: --to")
    with runtime(ctx) as opened:
        if withdraw or valid_to is None:
            limits.withdraw(opened, subject, "temporary", reason=reason, actor=actor)
            say(f"the temporary limit of {subject} is withdrawn")
            return
        limits.set_temporary(
            opened,
            subject,
            _size(opened, amount, currency, nothing, unlimited),
            valid_to=valid_to.date(),
            reason=reason,
            actor=actor,
            valid_from=valid_from.date() if valid_from else None,
        )
    say(f"the temporary limit of {subject} is set until {valid_to:%Y-%m-%d}")


@command.command()
@_subject_options
@format_option
@click.pass_context
def show(ctx: click.Context, customer: int | None, group: int | None, form: str) -> None:
    """Show the credit line of a customer (and of its group) or of a group."""
    from connector import limits

    subject = _subject(customer, group)
    with runtime(ctx) as opened:
        rows = [_line(one) for one in limits.standing(opened, subject)]
    emit(rows, LINE, form)


@command.command()
@_subject_options
@format_option
@click.pass_context
def history(ctx: click.Context, customer: int | None, group: int | None, form: str) -> None:
    """List every limit that a person ever set for a customer or a group."""
    from connector import limits

    subject = _subject(customer, group)
    with runtime(ctx) as opened:
        today = opened.today()
        rows = [_entry(entry, today) for entry in limits.history(opened, subject)]
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
        "set_by": f"{entry.kind} limit{until} ({entry.actor})" if entry else "policy",
        "pending": one.pending,
        "as_of": line.as_of if line else None,
    }


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
        "reason": entry.reason,
        "actor": entry.actor,
        "at": entry.at,
    }

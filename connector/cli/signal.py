"""``creditgate signal``: early warnings, and what people do about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, emit_json, format_option, say

if TYPE_CHECKING:
    from connector.store.signals import Signal

F = TypeVar("F", bound=Callable[..., Any])
DAY = click.DateTime(["%Y-%m-%d"])
COLUMNS = (
    "id",
    "severity",
    "customer_id",
    "customer",
    "kind",
    "key",
    "state",
    "evidence",
    "raised_at",
    "seen_at",
    "owner",
    "deadline",
    "snoozed_until",
    "closed_at",
    "actor",
    "reason",
)
SHORT = ("id", "severity", "customer", "kind", "key", "evidence", "state", "owner", "deadline", "raised_at")

TOLD = ("channel", "sent", "later", "dead", "fault")
WAITING = (
    "id",
    "channel",
    "signal_id",
    "customer_id",
    "kind",
    "severity",
    "state",
    "attempts",
    "due_at",
    "error",
)
WANTED = ("id", "signal_id", "customer_id", "kind", "severity", "action", "wanted_at")


@click.group("signal", short_help="List early warnings, acknowledge and snooze them.")
def command() -> None:
    """What was noticed about customers, with the evidence, and what people decided about it."""


@command.command("list")
@click.option("--customer", type=int, help="Only of this customer.")
@click.option("--kind", help="Only of this kind, such as overdue_started.")
@click.option(
    "--severity", type=click.Choice(["info", "warning", "alarm"]), help="Only these and more severe ones."
)
@click.option("--owner", help="Only those that this person has to answer.")
@click.option(
    "--state",
    type=click.Choice(["live", "open", "acknowledged", "snoozed", "closed", "all"]),
    default="live",
    show_default=True,
)
@format_option
@click.pass_context
def list_(
    ctx: click.Context,
    customer: int | None,
    kind: str | None,
    severity: str | None,
    owner: str | None,
    state: str,
    form: str,
) -> None:
    """List signals, the most severe and newest first."""
    from connector.store import signals

    several = {"live": signals.LIVE, "all": tuple(signals.State)}
    states = several.get(state) or (signals.State(state),)
    with runtime(ctx) as home, home.store.read() as tx:
        found = signals.listed(
            tx, states=states, customer_id=customer, kind=kind, severity=severity, owner=owner
        )
        _emit(found, form, home.config.language)


@command.command("show")
@click.argument("number", type=int)
@click.pass_context
def show(ctx: click.Context, number: int) -> None:
    """Print one signal whole, as JSON."""
    from connector.errors import Halt
    from connector.store import signals

    with runtime(ctx) as home, home.store.read() as tx:
        found = signals.listed(tx, number=number)
    if not found:
        raise Halt(f"there is no signal {number}", todo="see 'creditgate signal list --state all'")
    emit_json({name: getattr(found[0], name) for name in COLUMNS})


def _numbers(command: F) -> F:
    argument = click.argument("numbers", type=int, nargs=-1, required=True, metavar="NUMBER…")
    return argument(command)


@command.command("acknowledge")
@_numbers
@click.option("--reason", required=True, help="What is done about it.")
@actor_option
@click.pass_context
def acknowledge(ctx: click.Context, numbers: tuple[int, ...], reason: str, actor: str) -> None:
    """Say that somebody deals with it: it stays listed, and is not told again unless it gets worse."""
    from connector.store import signals

    with runtime(ctx) as home, home.store.write() as tx:
        done = signals.acknowledge(tx, numbers, reason, actor, home.now())
    say(f"{done} acknowledged")


@command.command("snooze")
@_numbers
@click.option("--until", type=DAY, required=True, help="The day on which it is open again.")
@click.option("--reason", required=True, help="Why it can wait.")
@actor_option
@click.pass_context
def snooze(ctx: click.Context, numbers: tuple[int, ...], until: dt.datetime, reason: str, actor: str) -> None:
    """Let it rest until a day; if it gets worse before, it is open again at once."""
    from connector.store import signals

    with runtime(ctx) as home, home.store.write() as tx:
        done = signals.snooze(tx, numbers, until.date(), reason, actor, home.now())
    say(f"{done} snoozed until {until:%Y-%m-%d}")


@command.command("assign")
@_numbers
@click.option("--owner", required=True, help="Who has to answer it.")
@click.option("--deadline", type=DAY, help="Until when.")
@actor_option
@click.pass_context
def assign(
    ctx: click.Context, numbers: tuple[int, ...], owner: str, deadline: dt.datetime | None, actor: str
) -> None:
    """Give it to somebody."""
    from connector.store import signals

    with runtime(ctx) as home, home.store.write() as tx:
        done = signals.assign(tx, numbers, owner, deadline.date() if deadline else None, actor, home.now())
    say(f"{done} assigned to {owner}")


@command.command("close")
@_numbers
@click.option("--reason", required=True, help="Why it is over.")
@actor_option
@click.pass_context
def close(ctx: click.Context, numbers: tuple[int, ...], reason: str, actor: str) -> None:
    """End it though its cause may last: it is not raised again within the cool-down of its kind."""
    from connector.store import signals

    with runtime(ctx) as home, home.store.write() as tx:
        done = signals.close(tx, numbers, reason, actor, home.now())
    say(f"{done} closed")


@command.command("tell")
@click.argument("channels", nargs=-1)
@click.option("--pending", is_flag=True, help="Send nothing: list what waits, failed or is in doubt.")
@format_option
@click.pass_context
def tell(ctx: click.Context, channels: tuple[str, ...], pending: bool, form: str) -> int:
    """Tell people of new signals by CHANNELS, or by every channel that is connected.

    Exit code 1 says that a message will never be taken, 3 that some wait for a next run.
    """
    from connector.signals.tell import tell as send
    from connector.store import tellings

    if pending:
        with runtime(ctx) as home, home.store.read() as tx:
            states = (tellings.PENDING, tellings.SENDING, tellings.DEAD)
            rows = [dict(row._mapping) for row in tellings.listed(tx, states)]
        emit(rows, WAITING, form)
        return 0
    with runtime(ctx) as home:
        told = send(home, names=channels)
    emit([{name: getattr(one, name) for name in TOLD} for one in told], TOLD, form)
    for one in told:
        if one.fault:
            say(f"{one.channel}: {one.fault}")
    return 3 if any(one.later for one in told) else int(any(one.dead for one in told))


@command.command("act")
@format_option
@click.pass_context
def act(ctx: click.Context, form: str) -> int:
    """Do what the policy wants about live signals: holds and lower limits at once; visits, reviews and
    questions to agencies are kept as wanted, and listed here until they are done."""
    from connector.reactions import act as react
    from connector.store import tellings

    with runtime(ctx) as home:
        acted = react(home)
        with home.store.read() as tx:
            rows = [dict(row._mapping) for row in tellings.wanted(tx)]
    emit(rows, WANTED, form)
    say(f"{acted.done} done, {acted.wanted} newly wanted")
    for fault in acted.faults:
        say(fault)
    return int(bool(acted.faults))


def _emit(found: list[Signal], form: str, language: str) -> None:
    from connector.signals.texts import sentence

    rows = [{name: getattr(one, name) for name in COLUMNS} for one in found]
    if form == "json":
        emit_json(rows)
        return
    for row in rows:
        row["evidence"] = sentence(row["kind"], row["evidence"], language)
    emit(rows, SHORT if form == "table" else COLUMNS, form)

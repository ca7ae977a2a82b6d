"""``creditgate hooks``: have the CRMs tell what changes, and read just that again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.faults import Faults
from connector.cli.gate import settle
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.adapter import Subscription
    from connector.runtime import Runtime
    from connector.store.connections import Connection

MADE = ("connection", "object", "told", "expires_at", "refused")
STANDING = (
    "connection",
    "url",
    "objects",
    "refused",
    "expires_at",
    "events",
    "last_event_at",
    "forged",
    "waiting",
    "dead",
)
WAITING = (
    "connection",
    "object",
    "external_id",
    "operation",
    "state",
    "attempts",
    "due_at",
    "first_seen",
    "last_seen",
    "error",
)
DONE = ("connection", "stream", "read", "changed", "rejected", "gone")


@click.group("hooks", short_help="Have the CRMs tell what changes, and read just that again.")
def command() -> None:
    """Notifications: the CRM tells which records changed, and just those are read again.

    They shorten the delay; 'creditgate pull' still reads everything that changed, and renews what the CRM
    was asked to tell.
    """


@command.command()
@click.argument("connection", required=False)
@click.option("--url", help="Public HTTPS address of the check service; public_url if left out.")
@format_option
@click.pass_context
def subscribe(ctx: click.Context, connection: str | None, url: str | None, form: str) -> int:
    """Have CONNECTION, or every CRM that can, tell what changes. It does nothing that is done already.

    Exit code 1 says that the CRM refuses to tell of some object.
    """
    from connector import hooks

    def ask(opened: Runtime, one: Connection) -> Subscription:
        base = url or opened.config.public_url
        return hooks.subscribe(opened.store, one, opened.crm(one), opened.mapping(one), base)

    return _asked(ctx, connection, ask, form)


@command.command()
@click.argument("connection", required=False)
@format_option
@click.pass_context
def renew(ctx: click.Context, connection: str | None, form: str) -> int:
    """Renew what CONNECTION, or every CRM, was asked to tell, however long it would still last."""
    from connector import hooks

    def ask(opened: Runtime, one: Connection) -> Subscription | None:
        return hooks.renew(opened.store, one, opened.crm(one), opened.mapping(one), anew=True)

    return _asked(ctx, connection, ask, form)


def _asked(ctx: click.Context, connection: str | None, ask: Any, form: str) -> int:
    rows: list[dict[str, Any]] = []
    by_hand: list[str] = []
    faults = Faults()
    with runtime(ctx) as opened:
        wanted = _wanted(opened, connection)
        for one in wanted:
            with faults.survived(one.name, alone=len(wanted) == 1):
                made = ask(opened, one)
                if made is not None:
                    rows += _made(one, made)
                    by_hand += [f"{one.name}: {made.by_hand}"] if made.by_hand else []
                elif connection:
                    say(f"{one.name} was not asked to tell anything: see 'creditgate hooks subscribe'")
    emit(rows, MADE, form)
    for text in by_hand:
        say(text)
    return faults.worst or int(any(row["refused"] for row in rows))


def _wanted(opened: Runtime, name: str | None) -> list[Connection]:
    from connector import adapter as ports

    if name:
        return [opened.connections.get(name)]
    found = opened.connections.all("crm")
    able = [one for one in found if getattr(ports.find(one.kind)[1], "tells_events", False)]
    for one in found:
        if one not in able:
            say(f"{one.name}: {one.kind} offers no notifications; let 'creditgate pull' run often")
    return able


def _made(one: Connection, made: Subscription) -> list[dict[str, Any]]:
    return [
        {
            "connection": one.name,
            "object": name,
            "told": name in made.channels,
            "expires_at": made.expires_at if name in made.channels else None,
            "refused": made.refused.get(name),
        }
        for name in made.objects
    ]


@command.command("list")
@format_option
@click.pass_context
def listed(ctx: click.Context, form: str) -> None:
    """List what the CRMs were asked to tell, until when, and what they told."""
    from connector.store import subscriptions

    with runtime(ctx) as opened, opened.store.read() as tx:
        found = subscriptions.standings(tx)
    rows = [
        {
            "connection": one.connection,
            "url": one.subscription.url,
            "objects": " ".join(one.subscription.channels),
            "refused": " ".join(one.subscription.refused) or None,
            "expires_at": one.subscription.expires_at,
            "events": one.events,
            "last_event_at": one.last_event_at,
            "forged": one.forged,
            "waiting": one.waiting,
            "dead": one.dead,
        }
        for one in found
    ]
    emit(rows, STANDING, form)


@command.command()
@click.argument("connection", required=False)
@format_option
@click.pass_context
def inbox(ctx: click.Context, connection: str | None, form: str) -> None:
    """List records that are to be read again, of CONNECTION or of all.

    Dead ones could not be found, nor were they deleted; the next complete pull drops them.
    """
    import datetime as dt

    from connector.store import inbox as hints

    with runtime(ctx) as opened:
        if connection is not None:
            opened.connections.get(connection)
        with opened.store.read() as tx:
            found = hints.find(tx, dt.datetime.now(dt.UTC), connection)
    emit([{name: getattr(one, name) for name in WAITING} for one in found], WAITING, form)


@command.command()
@click.argument("connection", required=False)
@format_option
@click.pass_context
def process(ctx: click.Context, connection: str | None, form: str) -> int:
    """Read again what CONNECTION, or every CRM, told of; 'creditgate serve' does so by itself.

    Exit code 1 says that records were set aside; see 'creditgate rejects list'.
    """
    from connector import hooks
    from connector.cli.pull import count_rows

    rows: list[dict[str, Any]] = []
    faults = Faults()
    with runtime(ctx) as opened:
        wanted = _wanted(opened, connection)
        for one in wanted:
            with faults.survived(one.name, alone=len(wanted) == 1):
                done = hooks.process(
                    opened.store, one, opened.crm(one), opened.mapping(one), counting=opened.counting
                )
                rows += count_rows(one, done)
                if done.unclear:
                    say(f"{one.name}: {done.unclear} records neither found nor deleted; tried again later")
        settle(opened)
    emit(rows, DONE, form)
    return faults.worst or int(any(row["rejected"] for row in rows))


@command.command()
@click.argument("connection")
@click.pass_context
def unsubscribe(ctx: click.Context, connection: str) -> None:
    """Have CONNECTION tell nothing any more, and forget the secret that proved its events."""
    from connector import hooks

    with runtime(ctx) as opened:
        one = opened.connections.get(connection)
        ended = hooks.unsubscribe(opened.store, one, opened.crm(one))
    say(f"{connection} tells nothing any more" if ended else f"{connection} was not asked to tell anything")

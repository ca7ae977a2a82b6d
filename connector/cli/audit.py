"""``creditgate audit``: what the journal says, and whether it is whole."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import click

from connector.cli.home import runtime
from connector.cli.output import emit, emit_json, format_option, say

if TYPE_CHECKING:
    from connector.store.journal import Head

DAY = click.DateTime(["%Y-%m-%d"])
NOTED = re.compile(r"(\d+):([0-9a-f]{64})")
COLUMNS = ("number", "at", "actor", "act", "subject", "detail")


@click.group("audit", short_help="Show the journal and prove that it is whole.")
def command() -> None:
    """Who did what, when, why, with what before and after.

    Every entry carries the hash of itself and of the entry before it: what was changed, taken out or put in
    afterwards is found.
    """


@command.command()
@click.option("--actor", help="Only what this person or part of the program did.")
@click.option("--act", help="Only this act, such as limit_set.")
@click.option("--customer", type=int, help="Only what was done to this customer itself.")
@click.option("--subject", help="Only this subject, such as 'policy 3f2a9c1b7d04'.")
@click.option("--since", type=DAY, help="From this day on (UTC).")
@click.option("--until", type=DAY, help="Up to and including this day (UTC).")
@click.option("--most", type=click.IntRange(min=1), default=200, show_default=True, help="The newest only.")
@format_option
@click.pass_context
def show(
    ctx: click.Context,
    actor: str | None,
    act: str | None,
    customer: int | None,
    subject: str | None,
    since: dt.datetime | None,
    until: dt.datetime | None,
    most: int,
    form: str,
) -> None:
    """List entries, oldest first."""
    from connector.admin import audit
    from connector.store.journal import Wanted

    if customer is not None and subject is not None:
        raise click.UsageError("name either --customer or --subject")
    wanted = Wanted(
        actor=actor,
        act=act,
        subject=subject if customer is None else f"customer {customer}",
        since=since and since.replace(tzinfo=dt.UTC),
        until=until and until.replace(tzinfo=dt.UTC) + dt.timedelta(days=1),
    )
    with runtime(ctx) as home:
        found = audit.acts(home.store, wanted, most)
    if form == "json":
        emit_json([{name: getattr(one, name) for name in COLUMNS} for one in found])
        return
    rows = [{name: getattr(one, name) for name in COLUMNS} | {"detail": _told(one.detail)} for one in found]
    emit(rows, COLUMNS, form)


@command.command()
@click.option("--noted", metavar="NUMBER:HASH", help="A head that 'audit head' printed earlier.")
@format_option
@click.pass_context
def verify(ctx: click.Context, noted: str | None, form: str) -> None:
    """Prove that no entry was changed, taken out or put in; exit code 1 if one was.

    The chain alone cannot tell whether somebody rewrote it from an entry to its end. Note what 'audit head'
    prints, outside of the store, and give it here.
    """
    from connector.admin import audit

    anchor = _anchor(noted)
    with runtime(ctx) as home:
        proof = audit.verify(home.store, anchor)
    if form != "table" or proof.breaks:
        rows = [{"number": one.number, "kind": one.kind, "what": one.what} for one in proof.breaks]
        emit(rows, ("number", "kind", "what"), form)
    if proof.breaks:
        say(f"the journal is NOT whole: {len(proof.breaks)} breaks among {proof.entries} entries")
        say("compare it with a back-up from before the first break; see docs/audit.md")
        ctx.exit(1)
    say(f"the journal is whole: {proof.entries} entries up to {proof.head.number}:{proof.head.hash}")


@command.command()
@click.pass_context
def head(ctx: click.Context) -> None:
    """Print number and hash of the last entry, to be kept outside of the store."""
    from connector.admin import audit

    with runtime(ctx) as home:
        found = audit.head(home.store)
    click.echo(f"{found.number}:{found.hash}")


def _anchor(noted: str | None) -> Head | None:
    from connector.store.journal import Head

    if noted is None:
        return None
    match = NOTED.fullmatch(noted.strip())
    if match is None:
        raise click.BadParameter(
            "expected NUMBER:HASH as 'creditgate audit head' prints it", param_hint="--noted"
        )
    return Head(int(match[1]), match[2])


def _told(detail: dict[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in detail.items() if value not in (None, ""))

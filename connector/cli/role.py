"""``creditgate role``: who has which role, and who may do what."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from connector.cli.home import runtime
from connector.cli.limit_options import DAY
from connector.cli.output import emit, format_option

COLUMNS = ("who", "role", "title", "team", "stands_in_for", "from", "to", "holds")
# The names of ``connector.people.roles.Act``: --help must not import it.
ACTS = (
    "request-limit",
    "grant-limit",
    "lower-limit",
    "place-hold",
    "release-hold",
    "reject-hold",
    "record",
    "rule-out",
    "readmit",
    "dun",
    "open-review",
    "recommend-review",
    "close-review",
    "propose-policy",
    "activate-policy",
)
on_option = click.option("--on", type=DAY, help="On this day (YYYY-MM-DD).  [default: today]")


@click.group("role", short_help="Show who has which role, and who may do what.")
def command() -> None:
    """Roles stand in the configuration, under [[roles]] and [[deputies]]."""


@command.command("list")
@on_option
@format_option
@click.pass_context
def list_(ctx: click.Context, on: dt.datetime | None, form: str) -> None:
    """List roles and deputies, and whether each holds that day."""
    with runtime(ctx) as opened:
        day = on.date() if on else opened.today()
        found = [*opened.roles.grants, *opened.roles.deputies]
        rows = [one.model_dump(mode="json", by_alias=True) | {"holds": one.holds(day)} for one in found]
    emit(rows, COLUMNS, form)


@command.command("able")
@click.argument("act", type=click.Choice(ACTS))
@click.option("--amount", help="In major units of the policy's currency; of a limit, or over one.")
@on_option
@format_option
@click.pass_context
def able(ctx: click.Context, act: str, amount: str | None, on: dt.datetime | None, form: str) -> None:
    """List who may do ACT on a day, and in whose right; 1 if nobody may."""
    from connector.limits.acts import size
    from connector.people.roles import Act

    what = Act[act.replace("-", "_").upper()]
    with runtime(ctx) as opened:
        day = on.date() if on else opened.today()
        minor = None if amount is None else size("amount", amount, opened.policy.currency).amount
        names = opened.roles.able(what, minor, as_of=day)
        rows: list[dict[str, Any]] = [
            {"who": name, "in_the_right_of": opened.roles.right(name, what, minor, as_of=day)}
            for name in names
        ]
    emit(rows, ("who", "in_the_right_of"), form)
    if not rows and opened.roles.in_use:
        ctx.exit(1)


@command.command("duties")
@on_option
@format_option
@click.pass_context
def duties(ctx: click.Context, on: dt.datetime | None, form: str) -> None:
    """List who is responsible, accountable, consulted and informed by step, as the policy has it, with the
    persons of a day.

    A role or title that nobody has that day stands alone.
    """
    from connector.policy.form_responsibility import Duty

    with runtime(ctx) as opened:
        day, rules = on.date() if on else opened.today(), opened.policy.responsibility
        rows = [
            {"step": step}
            | {
                part: ", ".join(_borne(word, opened.roles.bearers(word, day)) for word in names)
                for part in Duty.model_fields
                for names in [getattr(rules.of(step), part)]
            }
            for step in rules.steps()
        ]
    emit(rows, ("step", *Duty.model_fields), form)


def _borne(word: str, names: list[str]) -> str:
    return f"{word} ({', '.join(names)})" if names else word

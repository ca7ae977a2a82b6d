"""``creditgate consent``: consents and legal bases for asking an agency."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.store.consents import Consent

DAY = click.DateTime(["%Y-%m-%d"])
COLUMNS = ("id", "customer", "name", "basis", "purpose", "valid_from", "valid_to", "state")


def _day(value: dt.datetime | None) -> dt.date | None:
    return value.date() if value else None


def _row(found: Consent, today: dt.date) -> dict[str, Any]:
    """One consent for a listing: names of natural persons are masked, evidence is left out."""
    from connector.privacy.consent import masked

    state = "revoked" if found.revoked_at else "valid" if found.valid_on(today) else "not valid today"
    return {
        "id": found.id,
        "customer": found.customer_id,
        "name": masked(found.name, found.is_person),
        "basis": found.basis,
        "purpose": found.purpose,
        "valid_from": found.valid_from,
        "valid_to": found.valid_to,
        "state": state,
    }


@click.group("consent", short_help="Record, revoke and list consents to ask an agency.")
def command() -> None:
    """Consents: natural persons may be asked about only with one; companies also on a legal basis."""


@command.command()
@click.argument("customer", type=int)
@click.option(
    "--basis",
    type=click.Choice(["consent", "legal_basis"]),
    default="consent",
    show_default=True,
    help="A consent of the customer, or a legal basis (companies only).",
)
@click.option("--purpose", default="agency report for trade credit", show_default=True, help="What for.")
@click.option(
    "--evidence",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The signed document; its SHA-256 is kept.",
)
@click.option("--note", default="", help="The reasons of a legal basis.")
@click.option("--from", "valid_from", type=DAY, help="First day (YYYY-MM-DD).  [default: today]")
@click.option("--to", "valid_to", type=DAY, help="Last day (YYYY-MM-DD).  [default: none]")
@actor_option
@click.pass_context
def add(
    ctx: click.Context,
    customer: int,
    basis: str,
    purpose: str,
    evidence: Path | None,
    note: str,
    valid_from: dt.datetime | None,
    valid_to: dt.datetime | None,
    actor: str,
) -> None:
    """Record that an agency may be asked about CUSTOMER (its number)."""
    from connector.privacy import consent

    with runtime(ctx) as opened:
        added = consent.add(
            opened,
            customer,
            basis=basis,
            purpose=purpose,
            evidence=evidence,
            note=note,
            valid_from=_day(valid_from),
            valid_to=_day(valid_to),
            actor=actor,
        )
    say(f"consent {added} is recorded")


@command.command()
@click.argument("number", metavar="CONSENT", type=int)
@click.option("--reason", default="", help="Why it is revoked; it is kept.")
@actor_option
@click.pass_context
def revoke(ctx: click.Context, number: int, reason: str, actor: str) -> None:
    """Revoke CONSENT (its number): from now on it is no ground for asking."""
    from connector.privacy import consent

    with runtime(ctx) as opened:
        consent.revoke(opened, number, reason=reason, actor=actor)
    say(f"consent {number} is revoked")


@command.command("list")
@click.option("--customer", type=int, help="Only those of this customer.")
@format_option
@click.pass_context
def listed(ctx: click.Context, customer: int | None, form: str) -> None:
    """List consents; names of natural persons are masked."""
    from connector.privacy import consent

    with runtime(ctx) as opened:
        today = opened.today()
        rows = [_row(found, today) for found in consent.listed(opened, customer)]
    emit(rows, COLUMNS, form)


@command.command()
@click.argument("number", metavar="CONSENT", type=int)
@format_option
@click.pass_context
def show(ctx: click.Context, number: int, form: str) -> int:
    """Show CONSENT (its number) in full; exit code 1 when its evidence is not the recorded file."""
    from connector.privacy import consent

    with runtime(ctx) as opened:
        found, intact = consent.show(opened, number)
        row = _row(found, opened.today())
    row |= {
        "name": found.name,
        "evidence": found.evidence,
        "sha256": found.evidence_sha256 or None,
        "evidence_intact": intact,
        "revoked_at": found.revoked_at,
        "actor": found.actor,
        "recorded_at": found.at,
    }
    emit([row], list(row), form)
    return int(intact is False)


@command.command()
@click.option("--apply", is_flag=True, help="Do it; without it, only say what would be done.")
@format_option
@actor_option
@click.pass_context
def purge(ctx: click.Context, apply: bool, form: str, actor: str) -> None:
    """Remove consents that ended longer ago than privacy.yaml keeps them as proof."""
    from connector.privacy import retention as privacy

    with runtime(ctx) as opened:
        done = privacy.purge_consents(opened, actor=actor, apply=apply)
    say(f"{'removed' if apply else 'would remove (--apply does it)'}: {done.consents} consents")
    emit(done.rows, ("consent", "customer", "country", "ended"), form)

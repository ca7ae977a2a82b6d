"""``creditgate hold``: orders that were held, and holds on customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, emit_json, format_option, say

if TYPE_CHECKING:
    from connector.store.held import HeldOrder

COLUMNS = (
    "id",
    "connection",
    "order",
    "customer",
    "name",
    "amount",
    "currency",
    "state",
    "held_at",
    "reasons",
)
STATES = ("pending", "released", "rejected", "all")
language_option = click.option(
    "--language", type=click.Choice(["zh", "en"]), help="Language of the reasons.  [default: as configured]"
)


def _row(found: HeldOrder, language: str) -> dict[str, Any]:
    """One held order for a listing; names of natural persons are masked."""
    from connector.consent import masked
    from connector.money import to_major

    return {
        "id": found.id,
        "connection": found.connection,
        "order": found.order,
        "customer": found.customer_id,
        "name": masked(found.name, found.is_person) if found.name else None,
        "amount": to_major(found.amount, found.currency),
        "currency": found.currency,
        "state": found.state,
        "held_at": found.updated_at,
        "reasons": "; ".join(reason["text"][language] for reason in found.reasons),
    }


@click.group("hold", short_help="List and show held orders; place and lift holds on customers.")
def command() -> None:
    """Held orders, and holds that a person puts on a customer."""


@command.command("list")
@click.option("--state", type=click.Choice(STATES), default="pending", show_default=True)
@click.option("--customer", type=int, help="Only orders of this customer.")
@language_option
@format_option
@click.pass_context
def list_(ctx: click.Context, state: str, customer: int | None, language: str | None, form: str) -> None:
    """List orders that a check held, the latest refusal first."""
    from connector import holds

    with runtime(ctx) as home:
        found = holds.orders(home.store, None if state == "all" else state, customer)
        emit([_row(one, language or home.config.language) for one in found], COLUMNS, form)


@command.command()
@click.argument("number", metavar="ID", type=int)
@language_option
@format_option
@click.pass_context
def show(ctx: click.Context, number: int, language: str | None, form: str) -> None:
    """Show one held order with every reason and its history."""
    from connector import holds

    with runtime(ctx) as home:
        found, entries = holds.order(home.store, number)
        row = _row(found, language or home.config.language)
    history = [{"at": e.at, "actor": e.actor, "act": e.act, "detail": e.detail} for e in entries]
    if form == "json":
        emit_json(row | {"reasons": found.reasons, "history": history})
        return
    if form == "csv":
        emit([row], COLUMNS, form)
        return
    shown = {name: row[name] for name in COLUMNS if name != "reasons"}
    shown |= {f"reason_{n}": text for n, text in enumerate(row["reasons"].split("; "), start=1)}
    emit([{"field": name, "value": value} for name, value in shown.items()], ("field", "value"), form)
    emit(history, ("at", "actor", "act"), form)


@command.command()
@click.option("--customer", type=int, required=True, help="The customer's id.")
@click.option("--reason", required=True, help="Why; sales reads it with every order that is held.")
@actor_option
@click.pass_context
def place(ctx: click.Context, customer: int, reason: str, actor: str) -> None:
    """Put a customer on hold: its orders are held from now on."""
    from connector import holds

    with runtime(ctx) as home:
        notes = home.writing("note")
        holds.place(home.store, customer, reason, actor, home.now(), notes=notes)
    say(f"customer {customer} is on hold; 'creditgate assess' and 'push' carry it into the CRMs")


@command.command()
@click.option("--customer", type=int, required=True, help="The customer's id.")
@click.option("--reason", required=True, help="Why the hold is no longer needed.")
@actor_option
@click.pass_context
def lift(ctx: click.Context, customer: int, reason: str, actor: str) -> None:
    """Take back the hold that a person put on a customer."""
    from connector import holds

    with runtime(ctx) as home:
        notes = home.writing("note")
        holds.lift(home.store, customer, reason, actor, home.now(), notes=notes)
    say(
        f"the hold on customer {customer} is lifted; its orders pass again after the next 'creditgate assess'"
    )

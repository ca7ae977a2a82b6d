"""``creditgate hold``: orders that were held, and holds on customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, emit_json, format_option, say

if TYPE_CHECKING:
    from connector.store.held import HeldOrder
    from connector.store.past import Past

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
STATES = ("holding", "pending", "ready", "forced", "released", "rejected", "withdrawn", "all")
PAST = ("connection", "order", "customer", "name", "amount", "currency", "how", "told", "state", "found_at")
RELEASED = (
    "round",
    "step",
    "may_release",
    "released_by",
    "release_code",
    "released_amount",
    "released_until",
)
language_option = click.option(
    "--language", type=click.Choice(["zh", "en"]), help="Language of the reasons.  [default: as configured]"
)


def _row(found: HeldOrder, language: str) -> dict[str, Any]:
    """One held order for a listing; names of natural persons are masked."""
    from connector.money import to_major
    from connector.privacy.consent import masked

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


@click.group("hold", short_help="Held orders: list, release, reject; holds on customers.")
def command() -> None:
    """Held orders, and holds that a person puts on a customer."""


@command.command("list")
@click.option("--state", type=click.Choice(STATES), default="holding", show_default=True)
@click.option("--customer", type=int, help="Only orders of this customer.")
@click.option("--bypassed", is_flag=True, help="Orders that got past the gate instead, and how.")
@language_option
@format_option
@click.pass_context
def list_(
    ctx: click.Context, state: str, customer: int | None, bypassed: bool, language: str | None, form: str
) -> None:
    """List orders on hold, the latest refusal first, each with all its reasons.

    The state "holding" is pending, ready and forced together.
    """
    from connector import holds

    with runtime(ctx) as home:
        language = language or home.config.language
        if bypassed:
            emit([_past_row(one, language) for one in holds.past_the_gate(home.store)], PAST, form)
            return
        found = holds.orders(home.store, None if state == "all" else state, customer)
        emit([_row(one, language) for one in found], COLUMNS, form)


def _past_row(one: Past, language: str) -> dict[str, Any]:
    from connector.locale import label
    from connector.money import to_major
    from connector.privacy.consent import masked

    return {
        "connection": one.connection,
        "order": one.order,
        "customer": one.customer_id,
        "name": masked(one.name, one.is_person) if one.name else None,
        "amount": to_major(one.amount, one.currency),
        "currency": one.currency,
        "how": one.how,
        "told": label(f"past_{one.how}", language),
        "state": one.state,
        "found_at": one.found_at,
    }


@command.command()
@click.argument("number", metavar="ID", type=int)
@language_option
@format_option
@click.pass_context
def show(ctx: click.Context, number: int, language: str | None, form: str) -> None:
    """Show one held order with every reason, who may release it, and its history."""
    from connector import holds
    from connector.gate.decisions import who_may
    from connector.gate.settling import gate_of

    with runtime(ctx) as home:
        found, entries = holds.order(home.store, number)
        row = _row(found, language or home.config.language) | _released(found)
        row["may_release"] = ", ".join(who_may(gate_of(home), found, home.now())) or None
    history = [{"at": e.at, "actor": e.actor, "act": e.act, "detail": e.detail} for e in entries]
    if form == "json":
        emit_json(row | {"reasons": found.reasons, "history": history})
        return
    if form == "csv":
        emit([row], (*COLUMNS, *RELEASED), form)
        return
    shown = {name: row[name] for name in (*COLUMNS, *RELEASED) if name != "reasons"}
    texts = [reason["text"][language or "en"] for reason in found.reasons]
    shown |= {f"reason_{n}": text for n, text in enumerate(texts, start=1)}
    emit([{"field": name, "value": value} for name, value in shown.items()], ("field", "value"), form)
    emit(history, ("at", "actor", "act"), form)


def _released(found: HeldOrder) -> dict[str, Any]:
    from connector.money import to_major

    amount = found.released_amount
    return {
        "round": found.round,
        "step": found.checkpoint,
        "released_by": found.released_by,
        "release_code": found.release_code,
        "released_amount": None if amount is None else to_major(amount, found.currency),
        "released_until": found.released_until,
    }


@command.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--code", required=True, help="The reason, one of the policy's 'releases.codes'.")
@click.option("--note", default="", help="A word more.")
@click.option("--amount", help="Up to which amount, major units.  [default: the order's and the tolerance]")
@click.option("--days", type=int, help="For how many days.  [default: as the policy says]")
@actor_option
@click.pass_context
def release(
    ctx: click.Context, number: int, code: str, note: str, amount: str | None, days: int | None, actor: str
) -> int:
    """Let held order ID go on: its credit is reserved, over the limit if need be.

    Who may is said by the roles in the configuration and the policy's 'approvals.excess'; above a band it
    takes a second person, and the first one's word alone ends with exit code 1.
    """
    from connector.gate.decisions import Terms, get, minor
    from connector.gate.decisions import release as let_go
    from connector.gate.settling import gate_of

    with runtime(ctx) as home:
        found = get(home.store, number)
        terms = Terms(code, note, None if amount is None else minor(amount, found.currency), days)
        done = let_go(gate_of(home), number, terms, actor=actor, now=home.now())
    if done.missing:
        say(f"signed; {done.missing} more must sign before order {found.order} goes on")
        return 1
    say(
        f"order {found.order} is released until {done.order.released_until:%Y-%m-%d}; "
        "'creditgate push' tells it"
    )
    return 0


@command.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--reason", required=True, help="Why; it is kept in the journal.")
@actor_option
@click.pass_context
def reject(ctx: click.Context, number: int, reason: str, actor: str) -> None:
    """Refuse held order ID: it is unlocked, so that sales can change or cancel it."""
    from connector.gate.decisions import reject as refuse
    from connector.gate.settling import gate_of

    with runtime(ctx) as home:
        done = refuse(gate_of(home), number, reason=reason, actor=actor, now=home.now())
    say(f"order {done.order.order} is rejected; 'creditgate push' tells it")


@command.command()
@click.pass_context
def review(ctx: click.Context) -> None:
    """Look at what clears, ends or got past by itself, and at decisions made in the CRMs.

    'pull', 'assess' and 'serve' do so anyway.
    """
    from connector.gate.settling import settle

    with runtime(ctx) as home:
        say(settle(home).words or "nothing has changed")


@command.command()
@click.option("--customer", type=int, help="The customer's id: all its orders are held from now on.")
@click.option("--connection", help="With --order: the CRM in which it stands.")
@click.option("--order", help="One order, by its id or number: it never passes by itself.")
@click.option("--reason", required=True, help="Why; sales reads it with every order that is held.")
@actor_option
@click.pass_context
def place(
    ctx: click.Context,
    customer: int | None,
    connection: str | None,
    order: str | None,
    reason: str,
    actor: str,
) -> None:
    """Put a customer, or one order, on hold."""
    from connector import holds
    from connector.gate.decisions import force
    from connector.gate.settling import gate_of

    if (customer is None) == (order is None) or (order is None) != (connection is None):
        raise click.UsageError("name a --customer, or an --order with its --connection")
    with runtime(ctx) as home:
        if order is not None and connection is not None:
            found = force(gate_of(home), connection, order, reason=reason, actor=actor, now=home.now())
            say(f"order {order} is on hold ({found.id}); 'creditgate push' locks it")
            return
        assert customer is not None  # noqa: S101 - looked at above
        notes = home.writing("note")
        holds.place(home.store, customer, reason, actor, home.now(), notes=notes, roles=home.roles)
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
        holds.lift(home.store, customer, reason, actor, home.now(), notes=notes, roles=home.roles)
    say(
        f"the hold on customer {customer} is lifted; its orders pass again after the next 'creditgate assess'"
    )

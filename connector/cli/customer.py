"""``creditgate customer``: who the customers are and where they stand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, emit_json, format_option, say
from connector.cli.person_review import command as review
from connector.cli.share import SHARE

COLUMNS = (
    "id",
    "name",
    "country",
    "group",
    "status",
    "risk_class",
    "limit",
    "exposure",
    "reserved",
    "available",
    "currency",
)


@click.group("customer")
def command() -> None:
    """List, show, link and unlink customers."""


command.add_command(review)


@command.command("list")
@click.option("--status", type=click.Choice(["ok", "watch", "hold", "stop"]), help="Only this status.")
@click.option("--name", help="Only names that contain this text.")
@format_option
@click.pass_context
def list_(ctx: click.Context, status: str | None, name: str | None, form: str) -> None:
    """List customers with limit, exposure and status; amounts in major units of the currency."""
    from connector.store import listing

    with runtime(ctx) as opened, opened.store.read() as tx:
        rows = [_row(row) for row in listing.customers(tx, status=status, name=name)]
    emit(rows, COLUMNS, form)


@command.command("show")
@click.argument("customer")
@format_option
@click.pass_context
def show(ctx: click.Context, customer: str, form: str) -> None:
    """Show one customer: its line, its accounts with their owners, its contacts and its identifiers."""
    from connector.store import listing

    with runtime(ctx) as opened, opened.store.read() as tx:
        number = listing.find(tx, customer)
        found = listing.customers(tx, customer_id=number)[0]
        # Whoever asks for one customer sees it in full: the listing alone is masked.
        row = _row(found) | {"name": found.name, "assessment": found.assessment}
        accounts = [dict(one._mapping) for one in listing.accounts(tx, number)]
        people = [dict(one._mapping) for one in listing.contacts(tx, number)]
        known_by = [dict(one._mapping) for one in listing.identifiers(tx, number)]
        granted = [_granted(one) for one in listing.vendor_credits(tx, number)]
    if form == "json":
        shown = {"accounts": accounts, "contacts": people, "identifiers": known_by, "crm_limits": granted}
        emit_json(row | shown)
        return
    emit([row], (*COLUMNS, "assessment"), form)
    emit(accounts, ("connection", "external_id", "name", "owner", "linked_by", "deleted"), form)
    if people:
        emit(people, ("connection", "name", "role", "email", "phone"), form)
    if granted:
        # What the CRM's own credit module says, beside our line.
        emit(granted, ("connection", "account_id", "crm_limit", "prepaid", "currency", "valid_to"), form)
    emit(known_by, ("kind", "value"), form)


@command.command("link")
@click.argument("customer")
@click.argument("connection")
@click.argument("account")
@actor_option
@click.pass_context
def link(ctx: click.Context, customer: str, connection: str, account: str, actor: str) -> None:
    """Say that ACCOUNT of CONNECTION is CUSTOMER. Journalled, and reversible with 'unlink'."""
    from connector.store import customers, listing

    with runtime(ctx) as opened:
        one = opened.connections.get(connection)
        with opened.store.write() as tx:
            number = listing.find(tx, customer)
            _must_exist(tx, connection, account)
            before = customers.link(tx, one.id, account, number, actor, dt.datetime.now(dt.UTC))
    say(f"account {account} of {connection} is customer {number} (it was {before}); run 'creditgate assess'")


@command.command("unlink")
@click.argument("connection")
@click.argument("account")
@actor_option
@click.pass_context
def unlink(ctx: click.Context, connection: str, account: str, actor: str) -> None:
    """Make ACCOUNT of CONNECTION a customer of its own. Journalled, and reversible with 'link'."""
    from connector.store import customers

    with runtime(ctx) as opened:
        one = opened.connections.get(connection)
        with opened.store.write() as tx:
            _must_exist(tx, connection, account)
            own = customers.unlink(tx, one.id, account, actor, dt.datetime.now(dt.UTC))
    say(f"account {account} of {connection} is customer {own} now; run 'creditgate assess'")


@command.command("group")
@click.argument("customer")
@click.option("--set", "name", help="Put the customer into the group of this name or number.")
@click.option("--leave", is_flag=True, help="Take the customer out of its group.")
@click.option(
    "--share", type=SHARE, default="100%", show_default=True, help="Of its exposure, what counts there."
)
@click.option("--ring-fenced", is_flag=True, help="Named there, but apart: neither counts nor is bound.")
@actor_option
@click.pass_context
def group(
    ctx: click.Context,
    customer: str,
    name: str | None,
    leave: bool,
    share: Decimal,
    ring_fenced: bool,
    actor: str,
) -> None:
    """Show the group of CUSTOMER, or change it."""
    from connector import groups
    from connector.store import listing

    if name and leave:
        raise click.UsageError("give --set or --leave, not both")
    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            number = listing.find(tx, customer)
        if name or leave:
            groups.join(opened, number, name, actor=actor, share=share, ring_fenced=ring_fenced)
        with opened.store.read() as tx:
            found = listing.customers(tx, customer_id=number)[0]
    click.echo(f"{found.name}: " + (found.group_name or "in no group"))


def _must_exist(tx: Any, connection: str, account: str) -> None:
    from connector.store import listing

    listing.find(tx, f"{connection}:{account}")


def _granted(row: Any) -> dict[str, Any]:
    from connector.money import to_major

    def major(minor: int | None) -> str | None:
        return None if minor is None else str(to_major(minor, row.currency))

    return {
        "connection": row.connection,
        "account_id": row.account_id,
        "crm_limit": major(row.limit),
        "prepaid": major(row.balance),
        "currency": row.currency,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
    }


def _row(row: Any) -> dict[str, Any]:
    from connector.money import to_major
    from connector.privacy.consent import masked

    def major(minor: int | None) -> str | None:
        return None if minor is None or row.currency is None else str(to_major(minor, row.currency))

    available = None
    if row.limit_state == "amount":
        available = row.limit_minor - row.exposure - row.reserved
    limit = row.limit_state if row.limit_state in ("none", "unlimited") else major(row.limit_minor)
    return {
        "id": row.id,
        "name": masked(row.name, row.is_person),
        "country": row.country,
        "group": row.group_name,
        "status": row.status,
        "risk_class": row.risk_class,
        "limit": limit,
        "exposure": major(row.exposure),
        "reserved": major(row.reserved),
        "available": major(available),
        "currency": row.currency,
    }

"""``creditgate explain``: the steps from raw value to limit and status."""

from __future__ import annotations

import click

from connector.cli.home import runtime


@click.command("explain")
@click.argument("customer")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Else the configured one.")
@click.pass_context
def command(ctx: click.Context, customer: str, language: str | None) -> None:
    """Show how CUSTOMER (number, connection:account, legal identifier or name) came to its limit and
    status: every value with its source, every rule, every step."""
    from connector import explain
    from connector.store import listing

    with runtime(ctx) as opened:
        with opened.store.read() as tx:
            number = listing.find(tx, customer)
            name = listing.customers(tx, customer_id=number)[0].name
        kept = explain.latest(opened.store, number)
        click.echo(f"{name} ({number}), assessment {kept.id}")
        for line in explain.lines(kept, language or opened.config.language):
            click.echo(line)

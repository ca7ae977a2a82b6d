"""``creditgate db``: the store's schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from connector.cli.home import configuration
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.store.engine import Store


@contextmanager
def _store(ctx: click.Context) -> Iterator[Store]:
    from connector.store.engine import Store

    config = configuration(ctx)
    store = Store(config.url, config.database_schema)
    try:
        yield store
    finally:
        store.close()


@click.group("db", short_help="Upgrade the store's schema.")
def command() -> None:
    """The schema of the store."""


@command.command()
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Bring the store to the schema of this version, in one transaction."""
    from connector.store import schema

    with _store(ctx) as store:
        before = schema.current(store)
        after = schema.upgrade(store)
    say(
        f"the schema is {after} already"
        if before == after
        else f"upgraded from {before or 'nothing'} to {after}"
    )


@command.command()
@format_option
@click.pass_context
def current(ctx: click.Context, form: str) -> int:
    """Show the store's schema and the one this version needs; exit code 1 when they differ."""
    from connector.store import schema

    with _store(ctx) as store:
        found, needed = schema.current(store), schema.head()
    row = {"store": store.name, "current": found, "needed": needed, "up_to_date": found == needed}
    emit([row], list(row), form)
    return int(found != needed)

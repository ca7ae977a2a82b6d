"""``creditgate db``: the store's schema, its move to PostgreSQL, its back-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connector.cli.actor import actor_option
from connector.cli.alone import alone
from connector.cli.home import configuration, runtime
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


def _schema_name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from connector.config import schema_name

    try:
        return schema_name(value)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from None


@click.group("db", short_help="Upgrade, move and back up the store.")
def command() -> None:
    """The store: its schema, its move to PostgreSQL, its back-up."""


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


@command.command()
@click.option("--to", "url", metavar="URL", envvar="CREDITGATE_COPY_TO", help="The PostgreSQL to move to.")
@click.option(
    "--to-schema",
    default="",
    metavar="NAME",
    callback=_schema_name,
    help="The schema there, if it serves several companies.",
)
@click.option("--abandon", is_flag=True, help="Stay here: end a move that has not come to its end.")
@actor_option
@format_option
@click.pass_context
def copy(ctx: click.Context, url: str | None, to_schema: str, abandon: bool, actor: str, form: str) -> None:
    """Move an SQLite store to an empty PostgreSQL, and compare every row.

    From the start on nothing else reads or writes the store here; killed, the same command goes on. The
    address may stand in CREDITGATE_COPY_TO, its password in ~/.pgpass.
    """
    if abandon == bool(url):
        raise click.UsageError("give either --to URL or --abandon")
    if abandon:
        _abandon(ctx)
        return
    from connector.admin.moving import move
    from connector.store.engine import Store

    config = configuration(ctx)
    target = Store(str(url), to_schema)
    try:
        with _store(ctx) as source, alone(source):
            done = move(source, target, config.cipher(), config.now(), actor=actor, tell=_told())
            emit(
                [{"table": name, "rows": count} for name, count in done.rows.items()], ("table", "rows"), form
            )
    finally:
        target.close()
    say(f"{sum(done.rows.values())} rows are equal, {done.secrets} secrets can be read")
    say(f"the journal is whole up to {done.head.number}:{done.head.hash}")
    say(
        f"the store is {target.name} now: name it in database_url"
        + (" and database_schema" if to_schema else "")
    )


def _abandon(ctx: click.Context) -> None:
    from connector.store.copying import abandon

    with _store(ctx) as source, alone(source):
        target = abandon(source)
    say(f"the store stays here; drop what was copied to {target} before you use it for another copy")


def _told() -> Callable[[str, int], None]:
    """Every 100,000 rows of a table are told."""
    steps: dict[str, int] = {}

    def tell(name: str, count: int) -> None:
        if count // 100_000 > steps.get(name, 0):
            steps[name] = count // 100_000
            say(f"{name}: {count} rows")

    return tell


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(ctx: click.Context, file: Path) -> None:
    """Write a copy of an SQLite store to FILE while everything goes on; PostgreSQL has pg_dump.

    FILE must not be there yet. The key (secret.key) is not in it: keep a copy of that elsewhere.
    """
    from connector.store.backup import back_up

    with _store(ctx) as store:
        size = back_up(store, file)
    say(f"{file} has the whole store ({size:,} bytes) and was checked")


@command.command()
@actor_option
@click.pass_context
def restored(ctx: click.Context, actor: str) -> None:
    """Go on with a store that was put back from a back-up.

    Everybody is judged again and everything written again, for the CRMs have gone on meanwhile. Then run
    pull, assess and push before serve and daemon; see docs/backup.md for what a person has to look at.
    """
    from connector.admin.restored import restored as made_fit

    with runtime(ctx) as home:
        done = made_fit(home.store, home.now(), actor=actor)
    say(f"{done.customers} customers are judged again, {done.writes} values are written again")
    say(f"{done.tokens} tokens are fetched anew")
    say(f"the journal goes on after {done.head.number}:{done.head.hash}")
    say("compare with what you noted ('creditgate audit head'), and see 'creditgate connect keys'")

"""``creditgate ledger``: receivables from files."""

from __future__ import annotations

from pathlib import Path

import click

from connector.cli.home import runtime
from connector.cli.output import emit, format_option
from connector.cli.pull import COLUMNS, count_rows


@click.group("ledger")
def command() -> None:
    """Import receivables from files."""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--connection", help="The ledger connection; needed only if there are several.")
@format_option
@click.pass_context
def import_(ctx: click.Context, file: Path, connection: str | None, form: str) -> int:
    """Import FILE (CSV or XLSX): one row an invoice, columns by the ledger's mapping.

    Exit code 1 says that rows were set aside; see 'creditgate rejects list'.
    """
    from connector.adapter import Ledger
    from connector.errors import Halt
    from connector.pull import import_ledger

    with runtime(ctx) as opened:
        ledgers = opened.connections.all("ledger")
        if connection is None and len(ledgers) != 1:
            raise Halt(
                f"there are {len(ledgers)} ledger connections",
                todo="name one with --connection, or add one: creditgate connect add ledger --name ledger",
            )
        one = opened.connections.get(connection) if connection else ledgers[0]
        adapter = opened.adapter(one)
        if not isinstance(adapter, Ledger):
            raise Halt(f"{one.name} is no ledger", todo="name a ledger connection")
        pulled = import_ledger(opened.store, one, adapter, opened.mapping(one), file)
    emit(count_rows(one, pulled), COLUMNS, form)
    return int(pulled.rejected > 0)

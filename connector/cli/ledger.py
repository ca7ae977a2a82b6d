"""``creditgate ledger``: receivables from files."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.home import runtime
from connector.cli.output import emit, format_option, progress, say
from connector.cli.pull import COLUMNS, count_rows

if TYPE_CHECKING:
    from connector.ledger.receivables import Open
    from connector.runtime import Runtime
    from connector.store.connections import Connection

if TYPE_CHECKING:
    _Type = click.ParamType[Decimal]
else:
    _Type = click.ParamType

DAY = click.DateTime(["%Y-%m-%d"])
OPEN = (
    "customer",
    "name",
    "currency",
    "open",
    "overdue",
    "overdue_days",
    "documents",
    "credits",
    "bills",
)
DIFFERENCES = ("customer", "name", "currency", "ledger", "crm", "difference")


class Amount(_Type):
    """An amount in major units; commas between thousands are understood."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The amount, exactly."""
        try:
            found = Decimal(str(value).replace(",", ""))
        except InvalidOperation:
            self.fail(f"{value!r} is no amount", param, ctx)
        if not found.is_finite():
            self.fail(f"{value!r} is no amount", param, ctx)
        return found


@click.group("ledger")
def command() -> None:
    """Import receivables from files, and compare them with the CRMs."""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--connection", help="The ledger connection; needed only if there are several.")
@click.option(
    "--snapshot", is_flag=True, help="FILE is the whole of this ledger: what it lacks is gone or settled."
)
@click.option(
    "--expect-total", type=Amount(), help="The sum of the amounts, major units; else the import fails."
)
@click.option("--encoding", help="Of a CSV file, this time; else it is found out.")
@click.option("--sheet", help="Of an XLSX file, this time.")
@format_option
@click.pass_context
def import_(
    ctx: click.Context,
    file: Path,
    connection: str | None,
    snapshot: bool,
    expect_total: Decimal | None,
    encoding: str | None,
    sheet: str | None,
    form: str,
) -> int:
    """Import FILE (CSV or XLSX): one row a document, columns by the ledger's mapping.

    Exit code 1 says that rows were set aside; see 'creditgate rejects list'. A total row of the file is
    compared with the sum of its rows.
    """
    from dataclasses import replace

    from connector.adapter import Ledger
    from connector.errors import Halt
    from connector.ledger.importing import import_file

    with runtime(ctx) as opened:
        one = _ledger(opened, connection)
        given = {name: value for name, value in (("encoding", encoding), ("sheet", sheet)) if value}
        adapter = opened.adapter(replace(one, settings={**one.settings, **given}))
        if not isinstance(adapter, Ledger):
            raise Halt(f"{one.name} is no ledger", todo="name a ledger connection")
        with progress(f"{one.name}: rows") as bar:
            done = import_file(
                opened.store,
                one,
                adapter,
                opened.mapping(one),
                file,
                snapshot=snapshot,
                expect_total=expect_total,
                report=bar,
            )
    if done.stated is not None:
        say(f"the rows add up to {done.total}, as stated")
    if done.settled:
        say(f"{done.settled} invoices are no longer in the ledger: taken for settled")
    emit(count_rows(one, done), COLUMNS, form)
    return int(done.rejected > 0)


@command.command("open")
@click.option("--connection", help="Only this ledger.  [default: all]")
@click.option("--as-of", type=DAY, help="At the end of this day.  [default: today]")
@click.option("--all", "every", is_flag=True, help="Customers that owe nothing too.")
@format_option
@click.pass_context
def open_(
    ctx: click.Context, connection: str | None, as_of: dt.datetime | None, every: bool, form: str
) -> None:
    """List what customers owe by the ledgers, and for how long it is overdue."""
    from connector.ledger.receivables import open_items

    with runtime(ctx) as opened:
        sources = [_ledger(opened, connection)] if connection else opened.connections.all("ledger")
        day = as_of.date() if as_of else opened.today()
        rows = [_row(one) for one in open_items(opened, sources, day) if every or one.open or one.bills]
    emit(rows, OPEN, form)


@command.command("reconcile")
@click.option("--as-of", type=DAY, help="At the end of this day.  [default: today]")
@click.option("--all", "every", is_flag=True, help="Those that agree too.")
@format_option
@click.pass_context
def reconcile(ctx: click.Context, as_of: dt.datetime | None, every: bool, form: str) -> int:
    """List customers that owe another sum by the ledgers than by the CRMs, beyond the tolerance of the
    settings reconcile_share and reconcile_amount; exit code 1 when there are any.

    Each becomes a signal, which ends with the first run that finds them in agreement; with --as-of nothing
    is raised or ended.
    """
    from connector.ledger import receivables
    from connector.ledger.reconcile import reconcile as compare
    from connector.money import to_major
    from connector.privacy.consent import masked

    with runtime(ctx) as opened:
        if as_of:
            share, amount = opened.config.reconcile_share, opened.config.reconcile_amount
            found = list(receivables.differences(opened, as_of.date(), share=share, amount=amount))
        else:
            found = compare(opened, opened.today())
    rows = [
        {
            "customer": one.customer_id,
            "name": masked(one.name, one.is_person),
            "currency": one.currency,
            "ledger": to_major(one.ledger, one.currency),
            "crm": to_major(one.crm, one.currency),
            "difference": to_major(one.ledger - one.crm, one.currency),
        }
        for one in found
        if every or one.beyond
    ]
    emit(rows, DIFFERENCES, form)
    return int(any(one.beyond for one in found))


def _ledger(opened: Runtime, name: str | None) -> Connection:
    from connector.errors import Halt

    ledgers = opened.connections.all("ledger")
    if name is not None:
        return opened.connections.get(name)
    if len(ledgers) != 1:
        raise Halt(
            f"there are {len(ledgers)} ledger connections",
            todo="name one with --connection, or add one: creditgate connect add ledger --name ledger",
        )
    return ledgers[0]


def _row(one: Open) -> dict[str, Any]:
    from connector.money import to_major
    from connector.privacy.consent import masked

    amounts = {
        name: to_major(getattr(one, name), one.currency) for name in ("open", "overdue", "credits", "bills")
    }
    return {
        "customer": one.customer_id,
        "name": masked(one.name, one.is_person),
        "currency": one.currency,
        "overdue_days": one.overdue_days,
        "documents": one.documents,
        **amounts,
    }

"""What commands print: listings as table, JSON or CSV on stdout; progress and messages on stderr.

Invariant: with ``--format json`` or ``csv`` stdout carries the data and nothing else.
"""

from __future__ import annotations

import csv
import datetime as dt
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

import click

PIPE_WIDTH = 220
F = TypeVar("F", bound=Callable[..., Any])


def format_option(command: F) -> F:
    """Add ``--format table|json|csv``."""
    option = click.option(
        "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True
    )
    return option(command)


def say(text: str) -> None:
    """A message for the person at the terminal (stderr)."""
    click.echo(text, err=True)


def emit(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], form: str) -> None:
    """Print ``rows`` with ``columns`` in their order; ``None`` is a dash in tables, null in JSON."""
    if form == "json":
        emit_json([{name: row.get(name) for name in columns} for row in rows])
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([["" if row.get(n) is None else row[n] for n in columns] for row in rows])
    else:
        _table(rows, columns)


def stream_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as CSV while they come, so that memory does not grow with them."""
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row.get(name) is None else row[name] for name in columns])


def stream_json(
    name: str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str], last: str, rest: Callable[[], Any]
) -> None:
    """Print ``{name: [rows…], last: rest()}`` while the rows come; ``rest`` is asked when they have ended."""
    import orjson

    def text(value: Any) -> str:
        return orjson.dumps(value, default=_plain).decode()

    click.echo(f"{{{text(name)}: [", nl=False)
    for index, row in enumerate(rows):
        click.echo((",\n  " if index else "\n  ") + text({one: row.get(one) for one in columns}), nl=False)
    click.echo(f"\n], {text(last)}: {text(rest())}}}")


def emit_json(value: Any) -> None:
    """``value`` as JSON on stdout; Decimals and times as text."""
    import orjson

    text = orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    click.echo(text.decode())


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be shown as JSON")


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        say("nothing to list")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        numeric = isinstance(rows[0].get(name), (int, Decimal)) and not isinstance(rows[0].get(name), bool)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(name))) for name in columns))
    # What is piped into a file or another program is not folded to the width of no screen.
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)


@contextmanager
def progress(text: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on stderr; the given function takes (done so far, total or ``None``)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        console=Console(stderr=True),
    ) as bars:
        task = bars.add_task(text, total=None)

        def update(done: int, total: int | None = None) -> None:
            bars.update(task, completed=done, total=total)

        yield update
        shown = bars.tasks[0]
        bars.update(task, total=shown.completed, completed=shown.completed)

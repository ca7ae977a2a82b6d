"""``creditgate kpi``: figures on people and teams by month (考核). They rank nobody."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.home import runtime
from connector.cli.limit_options import DAY
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.kpi import Row
    from connector.runtime import Runtime

LEADING = ("kind", "who", "team", "month", "as_of", "currency")
month_option = click.option("--month", metavar="YYYY-MM", help="Which month.  [default: the last whole one]")
as_of_option = click.option(
    "--as-of", type=DAY, help="What was known at the end of this day.  [default: the month's last day]"
)
language_option = click.option(
    "--language", type=click.Choice(["zh", "en"]), help="Of headings.  [default: of the installation]"
)


@click.group("kpi")
def command() -> None:
    """Figures on people and teams by month, out of the journal and the store. They rank nobody."""


@command.command("show")
@month_option
@as_of_option
@click.option("--by", type=click.Choice(["person", "team", "all"]), help="Only these rows.")
@click.option("--who", help="Only this person.")
@language_option
@format_option
@click.pass_context
def show(
    ctx: click.Context,
    month: str | None,
    as_of: dt.datetime | None,
    by: str | None,
    who: str | None,
    language: str | None,
    form: str,
) -> None:
    """Show a month: a row a person, a row a team, one for all. A dash is not known, which is not zero."""
    from connector.people.roles import same_person

    with runtime(ctx) as opened:
        rows = _rows(opened, month, as_of)
        tongue = language or opened.config.language
    if by:
        rows = [one for one in rows if one.kind == by]
    if who:
        rows = [one for one in rows if one.who is not None and same_person(one.who, who)]
    if form == "table":
        _turned(rows, tongue)
    elif form == "csv":
        emit(_headed(rows, tongue), _headings(tongue), form)
    else:
        emit([_plain(one) for one in rows], _columns(), form)


@command.command("export")
@click.argument("connection", required=False)
@month_option
@as_of_option
@click.option("--file", "file", type=click.Path(path_type=Path), help="Write this CSV file instead.")
@language_option
@click.pass_context
def export(
    ctx: click.Context,
    connection: str | None,
    month: str | None,
    as_of: dt.datetime | None,
    file: Path | None,
    language: str | None,
) -> None:
    """Hand a month's figures to the CRMs, or the one named CONNECTION, as records; 'push' writes them.

    Running it again changes the records of the month, and adds none.
    """
    from connector import kpi

    if file is not None and connection is not None:
        raise click.UsageError("give either CONNECTION or --file")
    with runtime(ctx) as opened:
        rows = _rows(opened, month, as_of)
        if file is not None:
            _write(file, rows, language or opened.config.language)
            say(f"{len(rows)} rows written to {file}")
            return
        done = kpi.export(opened, rows, connection)
    for name, count in done.items():
        say(f"{name}: {count} of {len(rows)} records are to be written; 'creditgate push {name}' does")


def _rows(opened: Runtime, month: str | None, as_of: dt.datetime | None) -> list[Row]:
    from zoneinfo import ZoneInfo

    from connector import kpi

    today = opened.today()
    wanted = kpi.Month.parse(month) if month else kpi.Month.before(today)
    zone = ZoneInfo(opened.policy.timezone)
    return kpi.report(opened, kpi.window(wanted, today, zone, as_of.date() if as_of else None))


def _columns() -> list[str]:
    from connector.kpi import FIGURES

    return [*LEADING, *FIGURES]


def _headings(language: str) -> list[str]:
    from connector.locale import say as word

    return [word(f"kpi.{name}", {}, language) for name in _columns()]


def _plain(row: Row) -> dict[str, Any]:
    leading = (row.kind, row.who, row.team, str(row.window.month), row.window.as_of, row.currency)
    return dict(zip(LEADING, leading, strict=True)) | row.figures


def _headed(rows: list[Row], language: str) -> list[dict[str, Any]]:
    """The rows under their headings, with words for what has no name."""
    from connector.kpi.export import title
    from connector.locale import say as word

    found = []
    for row in rows:
        plain = _plain(row) | {"kind": word(f"kpi.kind_{row.kind}", {}, language)}
        plain["team" if row.kind == "team" else "who"] = title(row, language)
        found.append(dict(zip(_headings(language), (plain[name] for name in _columns()), strict=True)))
    return found


def _turned(rows: list[Row], language: str) -> None:
    """A line a figure, a column a person or team: the figures are too many for one line."""
    from connector.kpi import FIGURES
    from connector.kpi.export import title
    from connector.locale import say as word

    if not rows:
        say("nothing to list")
        return
    first = word("kpi.month", {}, language)
    names = [f"{word(f'kpi.kind_{row.kind}', {}, language)}: {title(row, language)}" for row in rows]
    seen = rows[0].window
    heading = f"{first} {seen.month}"
    lines: list[dict[str, Any]] = [
        {heading: word(f"kpi.{name}", {}, language)}
        | {title_: row.figures[name] for title_, row in zip(names, rows, strict=True)}
        for name in FIGURES
    ]
    emit(lines, [heading, *names], "table")
    say(f"{word('kpi.as_of', {}, language)} {seen.as_of}, {rows[0].currency}")


def _write(file: Path, rows: list[Row], language: str) -> None:
    """The rows as CSV, with the mark by which spreadsheets know that it is UTF-8."""
    import csv
    import io

    from connector.errors import Halt

    text = io.StringIO()
    writer = csv.DictWriter(text, _headings(language))
    writer.writeheader()
    writer.writerows(
        {name: "" if value is None else value for name, value in row.items()}
        for row in _headed(rows, language)
    )
    try:
        file.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
    except OSError as fault:
        raise Halt(f"{file} cannot be written: {fault.strerror}", todo="name another file") from None

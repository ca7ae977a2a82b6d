"""``creditgate bureau import``: agencies' reports from files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.bureau.files import Filed
    from connector.model import ReportRow

DAY = click.DateTime(["%Y-%m-%d"])
SUMMARY = ("agency", "file", "stored", "known", "rejected")
MOST_SHOWN = 20


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--agency", help="The connection of kind agency-file; needed only if there are several.")
@click.option("--customer", type=int, help="Whom the report is about, by number.")
@click.option("--date", "dated", type=DAY, help="Typed in: the day of the report (YYYY-MM-DD).")
@click.option("--class", "grade", help="Typed in: the grade, like AA+.")
@click.option("--scale", help="Typed in: its scale, like china-national.  [default: the mapping's]")
@click.option("--score", help="Typed in: the agency's score.")
@click.option("--pd", help="Typed in: the agency's probability of default in 12 months, like 0.61%.")
@click.option("--limit", help="Typed in: the recommended limit, like '500000 CNY'.")
@click.option("--limit-to", type=DAY, help="Typed in: the last day of that limit (YYYY-MM-DD).")
@click.option("--outlook", help="Typed in: the outlook.")
@click.option("--judgments", type=click.IntRange(min=0), help="Typed in: how many are open; 0 says none.")
@click.option("--insolvent/--not-insolvent", default=None, help="Typed in: whether the report says so.")
@click.option("--ref", help="Typed in: the agency's number of the company or the report.")
@click.option("--encoding", help="Of a CSV file, this time; else it is found out.")
@click.option("--sheet", help="Of an XLSX file, this time.")
@format_option
@actor_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: Path,
    agency: str | None,
    customer: int | None,
    dated: dt.datetime | None,
    encoding: str | None,
    sheet: str | None,
    form: str,
    actor: str,
    **figures: Any,
) -> int:
    """Import agencies' reports from FILE.

    A CSV, JSON or XLSX file has one report a row, columns by the mapping of the connection. Of any other
    file (a PDF) the key figures are typed in, and the file is kept, encrypted, as their evidence. Natural
    persons need a consent. Exit code 1: rows were set aside, see 'creditgate rejects list'.
    """
    from dataclasses import replace

    from connector.bureau import files

    typed = dated is not None or any(value is not None for value in figures.values())
    with runtime(ctx) as opened:
        source = files.source(opened, agency)
        given = {name: value for name, value in (("encoding", encoding), ("sheet", sheet)) if value}
        source = replace(source, settings={**source.settings, **given})
        if typed or _unreadable(file):
            row = _typed(customer, dated, figures)
            result = files.type_in(opened, source, file, row, actor=actor, customer_id=int(row.customer or 0))
            counts = {"stored": int(result == "stored"), "known": int(result == "known"), "rejected": 0}
        else:
            done = files.import_file(opened, source, file, actor=actor, customer_id=customer)
            counts = {"stored": done.stored, "known": done.known, "rejected": done.rejected}
            _explain(done)
    emit([{"agency": source.name, "file": file.name, **counts}], SUMMARY, form)
    return int(counts["rejected"] > 0)


def _unreadable(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) == b"%PDF"


def _typed(customer: int | None, dated: dt.datetime | None, figures: dict[str, Any]) -> ReportRow:
    """What a person has typed, as a row of a file."""
    from connector.model import ReportRow
    from connector.money import is_currency

    if customer is None or dated is None:
        raise click.UsageError("key figures that are typed in need --customer and --date")
    if all(value is None for name, value in figures.items() if name not in ("scale", "ref", "limit_to")):
        raise click.UsageError("type the key figures in: --class, --pd, --limit, --score, --judgments …")
    limit, currency = figures["limit"], None
    if limit is not None:
        words = limit.split()
        currency = next((word.upper() for word in words if is_currency(word.upper())), None)
    return ReportRow(
        external_id=figures["ref"] or f"customer {customer}",
        customer=str(customer),
        subject_ref=figures["ref"],
        as_of=dated.date(),
        grade=figures["grade"],
        scale=figures["scale"],
        score=figures["score"],
        pd=figures["pd"],
        recommended_limit=limit,
        currency=currency,
        limit_valid_to=figures["limit_to"].date() if figures["limit_to"] else None,
        outlook=figures["outlook"],
        judgments=figures["judgments"],
        judgments_covered=figures["judgments"] is not None,
        insolvent=figures["insolvent"],
    )


def _explain(done: Filed) -> None:
    """The rows that a person has to look after, on stderr."""
    for misfit in done.misfits[:MOST_SHOWN]:
        say(f"set aside: {misfit.row.external_id}: {misfit.reason}")
    if done.rejected > MOST_SHOWN:
        say(f"… and {done.rejected - MOST_SHOWN} more: creditgate rejects list")

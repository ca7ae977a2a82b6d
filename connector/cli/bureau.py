"""``creditgate bureau``: rating agencies' reports."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli import disputes, matches, report_file
from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, progress, say

Progress = Callable[[int, int | None], None]

if TYPE_CHECKING:
    from connector.bureau.fetching import Refreshed
    from connector.runtime import Runtime
    from connector.store.reports import Entry

SUMMARY = ("connection", "due", "stored", "not_on_file", "doubtful", "no_ground", "faults")
MOST_SHOWN = 50
COLUMNS = (
    "customer",
    "name",
    "connection",
    "subject_ref",
    "as_of",
    "fetched_at",
    "age_days",
    "band",
    "pd_12m",
    "pd_method",
    "limit",
    "currency",
)


@click.group("bureau", short_help="Fetch and list rating agencies' reports.")
def command() -> None:
    """Rating agencies' reports."""


command.add_command(matches.command)
command.add_command(disputes.command)
command.add_command(report_file.command)


@command.command()
@click.argument("connection", required=False)
@click.option("--customer", "customers", type=int, multiple=True, help="Only this customer; may be repeated.")
@click.option(
    "--older-than",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Renew reports older than this; 0 renews all.  [default: the policy's staleness.report_days]",
)
@format_option
@actor_option
@click.pass_context
def refresh(
    ctx: click.Context,
    connection: str | None,
    customers: tuple[int, ...],
    older_than: int | None,
    form: str,
    actor: str,
) -> int:
    """Ask the agency CONNECTION about customers without a fresh report; by default the agencies that
    agencies.yaml chooses for each customer, in their order.

    Natural persons are asked about only with a valid consent, companies also on the legal basis of the
    connection. Reports may cost money; what the ceilings of agencies.yaml do not allow is not asked. Exit
    code 1: some customers need a person's attention, or wait for money.
    """
    from connector.bureau import asking, fetching

    with runtime(ctx) as opened:
        if connection is None and older_than is None and fetching.choice(opened).choices:
            with ExitStack() as bars:

                def told(name: str) -> Progress:
                    return bars.enter_context(progress(f"{name}: reports"))

                results, planned = asking.ask(
                    opened, actor=actor, customer_ids=customers or None, progress=told
                )
            for done in results:
                _explain(opened, done)
            if planned.nobody:
                say(f"{len(planned.nobody)} customers fit no choice in agencies.yaml: nobody is asked")
            emit([_summary(done) for done in results], SUMMARY, form)
            return int(any(_wants_attention(done) for done in results))
        results = []
        for agency in fetching.agencies(opened, connection):
            with progress(f"{agency.name}: reports") as update:
                done = fetching.refresh(
                    opened,
                    agency,
                    actor=actor,
                    customer_ids=customers or None,
                    older_than=older_than,
                    progress=update,
                )
            _explain(opened, done)
            results.append(done)
            if done.stopped is not None:
                break
    emit([_summary(done) for done in results], SUMMARY, form)
    for done in results:
        if done.stopped is not None:
            raise done.stopped
    return int(any(_wants_attention(done) for done in results))


def _wants_attention(done: Refreshed) -> bool:
    return bool(done.no_ground or done.doubtful or done.faults or done.ceiling or done.stopped)


def _summary(done: Refreshed) -> dict[str, Any]:
    return {
        "connection": done.connection,
        "due": done.due,
        "stored": done.stored,
        "not_on_file": done.not_on_file,
        "doubtful": len(done.doubtful),
        "no_ground": len(done.no_ground),
        "faults": len(done.faults),
    }


def _explain(opened: Runtime, done: Refreshed) -> None:
    """Whom a person has to look after, on stderr."""
    from connector.bureau.fetching import shown

    answers = [*done.doubtful, *done.no_ground, *done.faults]
    for answer in answers[:MOST_SHOWN]:
        say(shown(opened, answer))
    if len(answers) > MOST_SHOWN:
        say(f"… and {len(answers) - MOST_SHOWN} more")
    for fault in filter(None, (done.ceiling, done.stopped)):
        say(f"{done.connection}: {fault}")


@command.command()
@click.argument("connection")
@format_option
@actor_option
@click.pass_context
def watch(ctx: click.Context, connection: str, form: str, actor: str) -> int:
    """Have the agency CONNECTION watch the customers that it has given a report on.

    Run it again whenever customers have come or gone. Agencies may charge for watching. Exit code 1: some
    customers are not watched for want of a consent.
    """
    from dataclasses import asdict

    from connector.bureau import fetching, watching

    with runtime(ctx) as opened:
        (agency,) = fetching.agencies(opened, connection)
        done = watching.watch(opened, agency, actor=actor)
    emit([asdict(done)], ("connection", "watched", "dropped", "no_ground"), form)
    return int(bool(done.no_ground))


@command.command()
@click.argument("connection")
@format_option
@actor_option
@click.pass_context
def changes(ctx: click.Context, connection: str, form: str, actor: str) -> int:
    """Ask the agency CONNECTION what has changed about watched customers, and renew their reports.

    Reports may cost money. Exit code 1: some customers need a person's attention.
    """
    from connector.bureau import fetching, watching

    with runtime(ctx) as opened:
        (agency,) = fetching.agencies(opened, connection)
        done = watching.renew(opened, agency, actor=actor)
        _explain(opened, done)
    emit([_summary(done)], SUMMARY, form)
    if done.stopped is not None:
        raise done.stopped
    return int(bool(done.no_ground or done.doubtful or done.faults))


@command.command("list")
@click.option("--customer", type=int, help="Only those of this customer.")
@click.option("--all", "every", is_flag=True, help="Older reports too, not the newest of each agency alone.")
@format_option
@click.pass_context
def listed(ctx: click.Context, customer: int | None, every: bool, form: str) -> None:
    """List the stored reports; names of natural persons are masked."""
    from connector.bureau import fetching

    with runtime(ctx) as opened:
        now = opened.now()
        rows = [
            _row(entry) | {"age_days": (now - entry.fetched_at).days}
            for entry in fetching.listed(opened, customer, every=every)
        ]
    emit(rows, COLUMNS, form)


def _row(entry: Entry) -> dict[str, Any]:
    from connector.money import to_major
    from connector.privacy.consent import masked

    body = entry.body
    limit, currency = body.get("limit"), body.get("limit_currency")
    probability = body.get("pd_12m")
    return {
        "customer": entry.customer_id,
        "name": masked(entry.name, entry.is_person),
        "connection": entry.connection,
        "subject_ref": body["subject_ref"],
        "as_of": body["as_of"],
        "fetched_at": entry.fetched_at,
        "band": body.get("band"),
        "pd_12m": None if probability is None else Decimal(str(probability)),
        "pd_method": body.get("pd_method"),
        "limit": to_major(limit, currency) if limit is not None and currency else None,
        "currency": currency,
    }


@command.command()
@click.argument("customer", type=int)
@click.option("--connection", help="Only the report of this agency.")
@click.option("--raw", is_flag=True, help="The agency's own words; your role must allow it. On record.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --raw: a folder to write them to.",
)
@format_option
@actor_option
@click.pass_context
def show(
    ctx: click.Context,
    customer: int,
    connection: str | None,
    raw: bool,
    output: Path | None,
    form: str,
    actor: str,
) -> None:
    """Show the newest reports about CUSTOMER (its number), or with --raw what the agencies wrote."""
    from connector.bureau import fetching
    from connector.privacy import retention as privacy

    with runtime(ctx) as opened:
        if raw:
            for name, text in privacy.raw(opened, customer, connection, actor):
                if output is None:
                    say(f"{name}:" if text[:4] != b"%PDF" else f"{name}: a PDF; --output FOLDER writes it")
                    click.echo(text.decode("utf-8", errors="replace") if text[:4] != b"%PDF" else "")
                    continue
                output.mkdir(parents=True, exist_ok=True)
                place = output / f"{customer}-{name}{'.pdf' if text[:4] == b'%PDF' else '.txt'}"
                place.write_bytes(text)
                say(f"{name}: written to {place}")
            return
        rows = [
            _row(entry)
            for entry in fetching.listed(opened, customer, every=False)
            if connection in (None, entry.connection)
        ]
    emit(rows, COLUMNS, form)


@command.command()
@click.option("--apply", is_flag=True, help="Do it; without it, only say what would be done.")
@format_option
@actor_option
@click.pass_context
def purge(ctx: click.Context, apply: bool, form: str, actor: str) -> None:
    """Drop what privacy.yaml says has had its time: ended negative records about natural persons, and
    agencies' answers, word by word, that are too old."""
    from connector.privacy import retention as privacy

    with runtime(ctx) as opened:
        done = privacy.purge_reports(opened, actor=actor, apply=apply)
    how = "dropped" if apply else "would drop (--apply does it)"
    say(f"{how}: {done.negatives} negative records, {done.raw} answers word by word")
    emit(done.rows, ("report", "customer", "country", "negatives", "raw"), form)

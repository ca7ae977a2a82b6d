"""The demo's summary: what a credit manager wants to see of a portfolio and of three orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from connector.locale import label, say
from connector.money import show
from connector.policy.schema import STATUSES
from connector.store import listing

if TYPE_CHECKING:
    from rich.console import Console

    from connector.cli.demo import Attempt
    from connector.cli.stage import Stage
    from connector.runtime import Runtime

COLOURS = {"ok": "green", "watch": "yellow", "hold": "red", "stop": "bold red"}


def portfolio(opened: Runtime, console: Console, language: str) -> None:
    """Customers by status and by risk class, with total limit and exposure."""
    from rich.table import Table

    with opened.store.read() as tx:
        totals = {row.status: row for row in listing.totals(tx)}
        rows = listing.customers(tx)
    table = Table(title=say("demo.portfolio", {"customers": len(rows)}, language), title_justify="left")
    for name, justify in (
        ("status", "left"),
        ("customers", "right"),
        ("limit", "right"),
        ("exposure", "right"),
    ):
        table.add_column(label(name, language), justify=justify)  # type: ignore[arg-type]
    for status in STATUSES:
        if status in totals:
            row = totals[status]
            table.add_row(
                f"[{COLOURS[status]}]{label(status, language)}[/]",
                str(row.customers),
                show(row.limit_minor, row.currency),
                show(row.exposure, row.currency),
            )
    # Of natural persons a decision counts only once somebody has confirmed it.
    waiting = len(rows) - sum(row.customers for row in totals.values())
    if waiting:
        table.add_row(say("demo.waiting", {}, language), str(waiting), "–", "–")
    currency = opened.policy.currency
    table.add_section()
    table.add_row(
        label("total", language),
        str(len(rows)),
        show(sum(row.limit_minor for row in totals.values()), currency),
        show(sum(row.exposure for row in totals.values()), currency),
    )
    console.print(table)
    _classes(opened, rows, console, language)


def _classes(opened: Runtime, rows: Sequence[Any], console: Console, language: str) -> None:
    from rich.table import Table

    table = Table(title=say("demo.classes", {}, language), title_justify="left")
    names = [one.name for one in opened.policy.classes]
    for name in names:
        table.add_column(name, justify="right")
    counts = [sum(row.risk_class == name for row in rows) for name in names]
    table.add_row(*(str(count) for count in counts))
    console.print(table)


def orders(tried: Sequence[tuple[Attempt, dict[str, Any]]], console: Console, language: str) -> None:
    """What became of the orders that the reps tried to save."""
    console.print(f"[bold]{say('demo.orders', {}, language)}[/]")
    for number, (attempt, answer) in enumerate(tried, start=1):
        check = answer.get("check") or {}
        verdict = label("saved" if answer["saved"] else "refused", language)
        colour = "green" if answer["saved"] else "red"
        params = {
            "story": label(attempt.story, language),
            "crm": attempt.server.name,
            "customer": attempt.customer,
            "order": str(answer.get("number") or "–"),
            "amount": f"{thousands(attempt.amount)} {attempt.currency}",
        }
        head = escape(say("demo.order", params, language))
        console.print(f" {number}. {head} [{colour}]{verdict}[/]", highlight=False)
        for reason in check.get("reasons", []):
            console.print(f"      – {escape(reason['text'][language])}", highlight=False)
    console.print()


def thousands(amount: str) -> str:
    """A decimal text with thousands apart."""
    whole, _, rest = amount.partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "")


def where_to_look(console: Console, language: str) -> None:
    """What to try next."""
    console.print(say("demo.look", {}, language), highlight=False)


def addresses(up: Stage, console: Console, language: str) -> None:
    """Where the servers are, and how to use this home folder from another terminal."""
    for server in up.servers:
        console.print(f"{server.name:10} {server.base}", highlight=False)
    console.print(f"{'service':10} {up.service}/docs", highlight=False)
    console.print(f"export CREDITGATE_HOME={up.home}", highlight=False, soft_wrap=True)
    console.print(say("demo.stop", {}, language))

"""``creditgate policy diff|activate|history``: what another policy would change, and how it takes over."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, progress, say, stream_csv, stream_json

if TYPE_CHECKING:
    from connector.versions.activation import Activation, Version
    from connector.versions.comparison import Moved, Swing

MOVED = (
    "customer",
    "name",
    "class_before",
    "class_after",
    "status_before",
    "status_after",
    "limit_before",
    "limit_after",
    "change",
    "currency",
)
SWING = (
    "currency",
    "customers",
    "changed",
    "class_changes",
    "status_changes",
    "newly_held",
    "released",
    "limit_before",
    "limit_after",
    "change",
    "moved",
    "moved_share",
)
HISTORY = (
    "policy",
    "hash",
    "state",
    "first_used_at",
    "activation",
    "proposed_by",
    "at",
    "confirmed_by",
    "confirmed_at",
    "reason",
    "swing",
)


@click.command("diff")
@click.argument("a")
@click.argument("b")
@click.option("--top", type=int, default=50, show_default=True, help="Rows of the table; 0 for all of them.")
@format_option
@click.pass_context
def diff(ctx: click.Context, a: str, b: str, top: int, form: str) -> None:
    """Judge everybody in the store by policy A and by policy B, and show whom B changes.

    A and B are files, 'active' for the policy in force, or beginnings of hashes ('policy history').
    Nothing is stored. The table shows the largest changes of limits first; JSON and CSV hold all.
    """
    from connector.versions.activation import find
    from connector.versions.comparison import Swing, compare

    with runtime(ctx) as home, progress("compare") as bar:
        before, after = find(home, a), find(home, b)
        swing = Swing(before.currency)
        moved = compare(home.store, before, after, home.rates, home.now(), swing, bar)
        rows = (_moved(one) for one in moved)
        if form == "json":
            stream_json("changes", rows, MOVED, "totals", lambda: [_swing(swing)])
        elif form == "csv":
            stream_csv(rows, MOVED)
        else:
            shown = _largest(moved, top)
    if form == "table":
        emit([_moved(one) for one in shown], MOVED, form)
        emit([_swing(swing)], SWING, form)
    else:
        say(_told(_swing(swing)))


@click.command("activate")
@click.argument("file", required=False, type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option(
    "--confirm", "number", type=int, metavar="ID", help="Agree, as a second person, to a proposed one."
)
@click.option("--withdraw", type=int, metavar="ID", help="Take back or refuse a proposed one.")
@click.option("--reason", help="Why; it is kept. Required with FILE.")
@actor_option
@click.pass_context
def activate(
    ctx: click.Context,
    file: Path | None,
    number: int | None,
    withdraw: int | None,
    reason: str | None,
    actor: str,
) -> int:
    """Put the policy in FILE in force; everybody is assessed by it at the next 'creditgate assess'.

    A policy that moves more than 'activation' allows (in it or in the one in force) is only proposed,
    and another person must confirm it: then the command ends with 1.
    """
    from connector.versions import activation

    if [file, number, withdraw].count(None) != 2:
        raise click.UsageError("give exactly one of FILE, --confirm and --withdraw")
    with runtime(ctx) as home:
        if number is not None:
            done = activation.confirm(home, number, actor=actor)
        elif withdraw is not None:
            activation.withdraw(home, withdraw, actor=actor)
            say(f"activation {withdraw} is withdrawn")
            return 0
        else:
            assert file is not None  # noqa: S101 - one of three, see above
            if not reason:
                raise click.UsageError("say with --reason why")
            with progress("compare") as bar:
                done = activation.activate(home, file, reason=reason, actor=actor, report=bar)
    return _outcome(done)


@click.command("history")
@format_option
@click.pass_context
def history(ctx: click.Context, form: str) -> None:
    """List the policies that were used or proposed: first use, activation, who, and what it changed."""
    from connector.versions import activation

    with runtime(ctx) as home:
        rows = [_version(one) for one in activation.history(home)]
    emit(rows, HISTORY, form)


def _outcome(done: Activation) -> int:
    swing = _told(_recorded(done.swing))
    if done.state == "active":
        say(f"{done.name} {done.version} ({done.hash[:12]}) is in force: {swing}; run 'creditgate assess'")
        return 0
    say(f"proposed as {done.id}, not in force: {swing}; over the bounds: {', '.join(done.exceeds)}")
    say(f"somebody else has to confirm it: creditgate policy activate --confirm {done.id}")
    return 1


def _largest(moved: Iterable[Moved], top: int) -> list[Moved]:
    def size(one: Moved) -> tuple[bool, int]:
        return one.change is None, abs(one.change or 0)

    return heapq.nlargest(top, moved, key=size) if top else sorted(moved, key=size, reverse=True)


def _moved(one: Moved) -> dict[str, Any]:
    from connector.money import to_major

    def limit(outcome: Any) -> Any:
        if outcome.limit_state != "amount":
            return outcome.limit_state
        return to_major(outcome.limit, outcome.currency)

    before, after = one.before, one.after
    return {
        "customer": one.customer,
        "name": one.name,
        "class_before": before.risk_class,
        "class_after": after.risk_class,
        "status_before": before.status,
        "status_after": after.status,
        "limit_before": limit(before),
        "limit_after": limit(after),
        "change": None if one.change is None else to_major(one.change, before.currency),
        "currency": before.currency
        if before.currency == after.currency
        else f"{before.currency}/{after.currency}",
    }


def _swing(swing: Swing) -> dict[str, Any]:
    from dataclasses import asdict

    return _recorded(asdict(swing) | {"share": str(swing.share)})


def _recorded(swing: dict[str, Any]) -> dict[str, Any]:
    """A swing as it is kept, with amounts in major units."""
    from connector.money import to_major

    amounts = {
        name: to_major(swing[name], swing["currency"]) for name in ("limit_before", "limit_after", "moved")
    }
    share = None if swing["share"] == "None" else swing["share"]
    change = amounts["limit_after"] - amounts["limit_before"]
    return swing | amounts | {"change": change, "moved_share": share}


def _told(swing: dict[str, Any]) -> str:
    from decimal import Decimal

    share = swing["moved_share"]
    part = "–" if share is None else f"{(Decimal(share) * 100).normalize():f} %"
    return (
        f"{swing['changed']} of {swing['customers']} customers change, limits {swing['limit_before']:,} → "
        f"{swing['limit_after']:,} {swing['currency']} ({part} moved), {swing['newly_held']} newly on hold, "
        f"{swing['released']} released"
    )


def _version(one: Version) -> dict[str, Any]:
    act = one.activation
    state = "in force" if one.in_force else act.state if act and act.state != "active" else "earlier"
    return {
        "policy": f"{one.name} {one.version}",
        "hash": one.hash[:12],
        "state": state,
        "first_used_at": one.first_used_at,
        "activation": act.id if act else None,
        "proposed_by": act.actor if act else None,
        "at": act.at if act else None,
        "confirmed_by": act.confirmed_by if act else None,
        "confirmed_at": act.confirmed_at if act else None,
        "reason": act.reason if act else None,
        "swing": _told(_recorded(act.swing)) if act else None,
    }


def coverage_rows(found: Any, name: str) -> Iterator[dict[str, Any]]:
    """What a policy covers in the store, as findings."""
    if found.uncovered:
        yield {
            "severity": "note",
            "line": None,
            "code": "not_covered",
            "message": f"{found.uncovered} of {found.customers} customers are judged by nothing of "
            f"their own: no score, no known term of the limit, no rule acts ({name})",
            "todo": "give them statements, reports or sales, or a rule on what is unknown",
        }

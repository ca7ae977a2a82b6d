"""``creditgate demo``: the whole job on sandboxes, and what a credit manager would want to see of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from connector.cli.output import progress

if TYPE_CHECKING:
    from rich.console import Console

    from connector.cli.stage import Server, Stage
    from connector.runtime import Runtime
    from connector.store.connections import Connection


@dataclass(frozen=True)
class Attempt:
    """An order that a rep tries to save: ``story`` is passes, over_limit or on_hold."""

    story: str
    customer: str
    server: Server
    account_id: str
    amount: str
    currency: str


@click.command("demo")
@click.option("--accounts", type=click.IntRange(20), default=200, show_default=True, help="Companies.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed, the same companies.")
@click.option("--keep", is_flag=True, help="Leave the servers up and print their addresses.")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.pass_context
def command(ctx: click.Context, accounts: int, seed: int, keep: bool, language: str) -> int:
    """Show the whole job on sandboxes of the CRMs and an agency; nothing is left behind."""
    from rich.console import Console

    from connector.cli.stage import stage

    console = Console()
    with ExitStack() as stack:
        with progress("start sandboxes and service") as bar:
            up = stack.enter_context(stage(accounts, seed))
            bar(1, 1)
        code = _play(up, language, console)
        if keep:
            _wait(up, console, language)
    return code


def _play(up: Stage, language: str, console: Console) -> int:
    """Run the job and print the summary; the exit code."""
    from connector.config import load
    from connector.runtime import Runtime

    opened = Runtime(load(up.home / "creditgate.toml").model_copy(update={"language": language}))
    try:
        _connect(opened, up)
        _provision(opened, up)
        _work(opened)
        tried = [(one, _save(one)) for one in _attempts(opened, up)]
        _follow(opened)
        _summary(opened, tried, console, language)
        return 0 if _as_told(tried) else 1
    finally:
        opened.close()


def _connect(opened: Runtime, up: Stage) -> None:
    from connector.admin.connect import add, kind_of

    agencies = 0
    for server in up.servers:
        kind = kind_of(server.kind)
        agencies += kind.role == "bureau"
        # One agency shows the job; waiting for the call limits of the others would not.
        if kind.role != "bureau" or agencies == 1:
            add(opened, kind, server.name, dict(server.settings), actor="demo")


def _provision(opened: Runtime, up: Stage) -> None:
    """Create the credit fields; where no API can, play the admin who creates them by hand."""
    from connector.admin.provision import manifest, provision

    crms = opened.connections.all("crm")
    with progress("provision credit fields") as bar:
        for done, one in enumerate(crms, start=1):
            wanted = provision(opened, one, dry_run=False, actor="demo").fields
            by_hand = manifest([item for item in wanted if item.by_hand(dry_run=False)])
            for part in by_hand:
                _server(up, one).post("console/fields", part)
            if by_hand:
                provision(opened, one, dry_run=False, actor="demo")
            _server(up, one).post("plugin", _plugin(opened, up, one))
            bar(done, len(crms))


def _plugin(opened: Runtime, up: Stage, one: Connection) -> dict[str, str]:
    key = opened.connections.issue_key(one)
    return {"url": up.service, "key": key, "connection": one.name, "on_failure": "refuse"}


def _work(opened: Runtime) -> None:
    """Pull, ask the agency, assess, plan visits, push."""
    from connector.bureau.fetching import refresh
    from connector.cli.assess import run as assess
    from connector.cli.pull import pull_one
    from connector.visits import plan

    for one in opened.connections.all("crm"):
        pull_one(opened, one)
    for one in opened.connections.all("bureau"):
        with progress(f"ask {one.name}") as bar:
            refresh(opened, one, actor="demo", progress=bar)
    assess(opened)
    names = {one.id: one.name for one in opened.connections.all()}
    plan(opened.store, opened.now(), names, opened.config.language, opened.policy.visits)
    _push(opened)


def _push(opened: Runtime) -> None:
    from connector.cli.push import push_one

    for one in opened.connections.all("crm"):
        push_one(opened, one)


def _follow(opened: Runtime) -> None:
    """The order that passed arrives by pull, and its reservation becomes exposure."""
    from connector.cli.assess import run as assess
    from connector.cli.pull import pull_one

    for one in opened.connections.all("crm"):
        pull_one(opened, one)
    assess(opened)
    _push(opened)


def _attempts(opened: Runtime, up: Stage) -> list[Attempt]:
    """One order for each story, spread over the CRMs."""
    from connector.cli.cast import Part, cast

    parts: list[Part] = cast(opened.store)
    servers = {server.name: server for server in up.servers}
    return [
        Attempt(p.story, p.customer, servers[p.connection], p.account_id, p.amount, p.currency) for p in parts
    ]


def _save(one: Attempt) -> dict[str, Any]:
    body = {"account_id": one.account_id, "amount": one.amount, "currency": one.currency}
    return one.server.post("orders", body)


def _as_told(tried: Sequence[tuple[Attempt, dict[str, Any]]]) -> bool:
    """Whether each order ended as its story says."""
    return len(tried) == 3 and all(
        answer["saved"] == (attempt.story == "passes") for attempt, answer in tried
    )


def _server(up: Stage, one: Connection) -> Server:
    return next(server for server in up.servers if server.name == one.name)


def _summary(
    opened: Runtime, tried: Sequence[tuple[Attempt, dict[str, Any]]], console: Console, language: str
) -> None:
    from connector.cli.summary import orders, portfolio, where_to_look

    console.print()
    portfolio(opened, console, language)
    orders(tried, console, language)
    where_to_look(console, language)


def _wait(up: Stage, console: Console, language: str) -> None:
    from connector.cli.summary import addresses

    addresses(up, console, language)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()

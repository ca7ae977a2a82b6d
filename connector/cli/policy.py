"""``creditgate policy``: the credit policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.home import configuration, runtime
from connector.cli.output import emit, format_option, progress, say
from connector.cli.policy_change import activate, coverage_rows, diff, history
from connector.cli.policy_manual import manual

if TYPE_CHECKING:
    from connector.policy.schema import Policy
    from connector.versions.comparison import Coverage

FINDING = ("severity", "line", "code", "message", "todo")


@click.group("policy", short_help="Check, compare and change the credit policy.")
def command() -> None:
    """The credit policy: how customers are judged and what follows."""


for _one in (diff, activate, history, manual):
    command.add_command(_one)


@command.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--coverage/--no-coverage", default=True, help="Count the customers whom no rule covers.")
@format_option
@click.pass_context
def lint(ctx: click.Context, file: Path | None, coverage: bool, form: str) -> int:
    """Check a policy FILE, by default the one in force.

    If the policy can be used and there is a store, it also says how many of its customers the policy does
    not cover: whom it judges by nothing of their own (no score, no known term of the limit, no rule acts).
    Exit code 2 when it cannot be used; warnings and notes alone do not count.
    """
    from connector.policy.lint import lint as find
    from connector.policy.load import load

    policy = load(file or _in_force(ctx), strict=False)
    rows = [{name: getattr(one, name) for name in FINDING} for one in find(policy)]
    errors = sum(row["severity"] == "error" for row in rows)
    warnings = len(rows) - errors
    covered = None if errors or not coverage else _coverage(ctx, policy)
    emit(rows + list(coverage_rows(covered, policy.name) if covered else ()), FINDING, form)
    say(f"{policy.file}: {errors} errors, {warnings} warnings")
    if covered is not None:
        say(
            f"{covered.customers} customers: {covered.uncovered} not covered, "
            f"{covered.without_score} without a score, "
            f"{covered.without_term} without a known term of the limit"
        )
    return 2 if errors else 0


@command.command()
@format_option
@click.pass_context
def show(ctx: click.Context, form: str) -> None:
    """Show the policy in force, defaults included, one setting a line."""
    from connector.policy.load import load

    policy = load(_in_force(ctx))
    emit(list(_settings(policy)), ("setting", "value"), form)
    say(f"hash {policy.hash}")


def _coverage(ctx: click.Context, policy: Policy) -> Coverage | None:
    """What the policy covers of the store; ``None`` without a usable store."""
    from connector.errors import CreditGateError
    from connector.versions.comparison import coverage

    try:
        with runtime(ctx) as home, progress("coverage") as bar:
            return coverage(home.store, policy, home.rates, home.now(), bar)
    except CreditGateError as fault:
        say(f"the coverage cannot be told: {fault}")
        return None


def _in_force(ctx: click.Context) -> Path:
    config = configuration(ctx)
    return config.path(config.policy)


def _settings(policy: Policy) -> Iterator[dict[str, Any]]:
    yield from _leaves(policy.model_dump(by_alias=True, exclude_none=True), ())


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The tree as dotted settings; parts of a list go by their name where they have one."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, str(key)))
    elif isinstance(node, (list, tuple)) and any(isinstance(one, dict) for one in node):
        for index, one in enumerate(node):
            yield from _leaves(one, (*path, _label(one, index)))
    else:
        value = ", ".join(str(one) for one in node) if isinstance(node, (list, tuple)) else node
        yield {"setting": ".".join(path), "value": value if value != {} else None}


def _label(node: Any, index: int) -> str:
    for key in ("fact", "name", "reason"):
        if isinstance(node, dict) and isinstance(node.get(key), str):
            return str(node[key])
    return str(index + 1)

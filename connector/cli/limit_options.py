"""What the commands about limits ask for: whose limit, how much, when.

Invariant: an option has one name and one meaning in all of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from connector.cli.share import SHARE

if TYPE_CHECKING:
    from connector.limits.acts import Size, Subject
    from connector.runtime import Runtime

F = TypeVar("F", bound=Callable[..., Any])
DAY = click.DateTime(["%Y-%m-%d"])

from_option = click.option("--from", "valid_from", type=DAY, help="First day (YYYY-MM-DD).  [default: today]")
to_option = click.option("--to", "valid_to", type=DAY, help="Last day (YYYY-MM-DD).  [default: no end]")
season_option = click.option(
    "--season", nargs=2, metavar="MM-DD MM-DD", help="First and last day of every year, such as 11-01 01-31."
)
cover_option = click.option(
    "--cover", type=SHARE, default="100%", show_default=True, help="Of the insured amount, what is paid."
)


def subject_options(command: F) -> F:
    """``--customer`` and ``--group``."""
    command = click.option("--group", type=int, help="Number of the group.")(command)
    return click.option("--customer", type=int, help="Number of the customer.")(command)


def size_options(command: F) -> F:
    """``--amount``, ``--currency``, ``--none`` and ``--unlimited``."""
    for option in (
        click.option("--unlimited", is_flag=True, help="Credit without bound."),
        click.option("--none", "nothing", is_flag=True, help="No limit, hence no credit (customers only)."),
        click.option("--currency", help="Of the amount.  [default: the policy's]"),
        click.option("--amount", help="The limit in major units, such as 50000."),
    ):
        command = option(command)
    return command


def subject(given: Mapping[str, Any]) -> Subject:
    """Whose limit: exactly one of both."""
    from connector.limits.acts import Subject
    from connector.store.lines import CUSTOMER, GROUP

    customer, group = given["customer"], given["group"]
    if (customer is None) == (group is None):
        raise click.UsageError("name either --customer or --group")
    return Subject(CUSTOMER, customer) if customer is not None else Subject(GROUP, group)


def size(opened: Runtime, given: Mapping[str, Any]) -> Size:
    """How much."""
    from connector.limits.acts import size

    state = "unlimited" if given["unlimited"] else "none" if given["nothing"] else "amount"
    return size(state, given["amount"], given["currency"] or opened.policy.currency)


def one_of(given: Mapping[str, Any], withdraw: bool) -> None:
    """Refuse anything but exactly one size, or its withdrawal."""
    if [given["amount"] is not None, given["nothing"], given["unlimited"], withdraw].count(True) != 1:
        raise click.UsageError("give exactly one of --amount, --none, --unlimited and --withdraw")


def day(moment: dt.datetime | None) -> dt.date | None:
    """The calendar day that was typed."""
    return moment.date() if moment else None

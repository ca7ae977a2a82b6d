"""Who acts: the person named in the journal.

Invariant: every act that is journalled names somebody: ``--actor``, else the user of the operating
system; if there is neither, the command does not run.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def actor_option(command: F) -> F:
    """Add ``--actor NAME``, by default the operating system's user name."""
    option = click.option(
        "--actor",
        metavar="NAME",
        callback=_named,
        help="Who acts, for the journal.  [default: the user of the operating system]",
    )
    return option(command)


def _named(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    if value is not None:
        if not value.strip():
            raise click.BadParameter("the name is empty")
        return value.strip()
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # a container may run under a number without a name
        raise click.UsageError(
            "the operating system knows no name for this user – pass --actor NAME"
        ) from None

"""From the command line to an opened home folder.

Invariant: a command that needs the store gets it opened with a current schema, and closed at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from connector.config import Config
    from connector.runtime import Runtime


def named(ctx: click.Context) -> Path | None:
    """The configuration file that ``--config`` names."""
    root = ctx.find_root().obj
    return Path(root) if root else None


def configuration(ctx: click.Context) -> Config:
    """The configuration alone, for commands that do not need the store."""
    from connector.config import load

    return load(named(ctx))


@contextmanager
def runtime(ctx: click.Context) -> Iterator[Runtime]:
    """The runtime of the home folder that ``--config`` or ``CREDITGATE_HOME`` names."""
    from connector.runtime import opened
    from connector.store.schema import require_current

    with opened(named(ctx)) as opened_runtime:
        require_current(opened_runtime.store)
        yield opened_runtime

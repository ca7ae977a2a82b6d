"""Runs the chain and ends it at one transaction.

Its argument is the number of the writing transaction before whose commit the process ends (from 1; 0 for
none), as a killed process does, without unwinding anything: then with the exit code ``KILLED``. A run that
went to its end prints as its last line how many such transactions it took.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

import connector.check  # noqa: F401 - imports belong to the start, not to the work
from connector.store.engine import Store
from tests.e2e import chain

KILLED = 9
_write = Store.write


def main() -> int:
    """Run the chain; the worst exit code of its commands."""
    at = int(sys.argv[1])
    count = 0

    @contextmanager
    def counted(store: Store) -> Iterator[sa.Connection]:
        nonlocal count
        with _write(store) as connection:
            count += 1
            here = count  # transactions may nest
            yield connection
            if here == at:
                os._exit(KILLED)

    Store.write = counted  # type: ignore[method-assign]
    code = chain.main()
    sys.stdout.write(f"{count}\n")
    return code

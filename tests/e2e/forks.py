"""Runs the chain in forks of one prepared process, each of which may be killed at one transaction.

Reads one JSON object a line: the ``environment`` of the run and ``at``, the number of the writing transaction
before whose commit the fork ends (from 1; 0 for none), as a killed process does, without unwinding anything.
Answers with one JSON object a line: the exit ``code`` and, for a run that
ended, the ``transactions`` that it took.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

import connector.assess
import connector.check
import connector.pull
import connector.push  # noqa: F401 - imported before the forks, so that none of them has to
from connector.store.engine import Store
from tests.e2e import chain

KILLED = 9
_write = Store.write


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the commands print is not for the test
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _run(json.loads(line), writing)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            transactions = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "transactions": int(transactions or 0)}), file=answers, flush=True)


def _run(asked: dict[str, object], writing: int) -> None:
    """The work of one fork; never returns."""
    environment = asked["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    count = 0

    @contextmanager
    def counted(store: Store) -> Iterator[sa.Connection]:
        nonlocal count
        with _write(store) as connection:
            count += 1
            here = count  # transactions may nest
            yield connection
            if here == asked["at"]:
                os._exit(KILLED)

    Store.write = counted  # type: ignore[method-assign]
    try:
        code = chain.main()
        os.write(writing, str(count).encode())
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()

"""When one connection fails and others can go on.

Invariant: the fault is told at once in one line, and the worst exit code is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connector.cli import fail


class Faults:
    """Faults of a run over several connections; ``worst`` is the exit code (0: none)."""

    def __init__(self) -> None:
        self.worst = 0

    @contextmanager
    def survived(self, name: str, *, alone: bool) -> Iterator[None]:
        """Tell a fault of connection ``name`` and go on, unless it was the only one."""
        from connector.errors import CreditGateError

        try:
            yield
        except CreditGateError as fault:
            if alone:
                raise
            fail(f"{name}: {fault}")
            self.worst = max(self.worst, fault.exit_code)

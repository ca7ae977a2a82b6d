"""The policy and rates in force, followed while the service runs.

Invariant: a changed file takes effect at the next request, whole or not at all: a file that cannot be
used, or was changed past ``policy activate``, leaves what was in force before, and says so in the log.
"""

from __future__ import annotations

import threading
from pathlib import Path

from connector import logs
from connector.errors import CreditGateError
from connector.money import Rates
from connector.policy.load import load
from connector.policy.schema import Policy
from connector.runtime import Runtime, load_rates
from connector.versions.activation import require

log = logs.logger("api")

Signature = tuple[tuple[int, int] | None, ...]


class Rules:
    """The policy and the rates of a home folder; the first reading raises ``Halt`` if it fails."""

    def __init__(self, runtime: Runtime) -> None:
        self._store = runtime.store
        self._policy_path = runtime.config.path(runtime.config.policy)
        self._rates_path = runtime.config.path(runtime.config.rates)
        self._lock = threading.Lock()
        self._seen = self._signature()
        self._current = self._read()

    def current(self) -> tuple[Policy, Rates]:
        """Policy and rates, read again if a file has changed."""
        with self._lock:
            seen = self._signature()
            if seen != self._seen:
                self._seen = seen
                try:
                    self._current = self._read()
                    log.warning("rules_read_again", policy=self._current[0].hash[:12])
                except (CreditGateError, OSError) as fault:
                    log.error("rules_not_usable_old_ones_stay", **logs.told(fault))
            return self._current

    def _read(self) -> tuple[Policy, Rates]:
        policy = load(self._policy_path)
        require(self._store, policy)
        return policy, load_rates(self._rates_path, policy.currency)

    def _signature(self) -> Signature:
        return tuple(_stamp(path) for path in (self._policy_path, self._rates_path))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size

"""Faults that are a behaviour of the vendor rather than an answer to a call.

Invariant: which event a fault strikes is decided by a seeded generator, as for the faults of the gate.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace

from sandbox.server import Options


class Behaviours:
    """The rates of one sandbox's behaviour faults. Safe for threads."""

    def __init__(self, rates: Mapping[str, float], seed: str = "") -> None:
        self._rates = dict(rates)
        self._chance = random.Random(f"{seed}/behaviours")
        self._lock = threading.Lock()

    def strikes(self, name: str) -> bool:
        """Whether ``name`` is to happen now; always the same answers for the same seed and questions."""
        rate = self._rates.get(name, 0.0)
        if not rate:
            return False
        with self._lock:
            return self._chance.random() < rate


def taken_out(options: Options, sandbox: str, names: Collection[str]) -> tuple[Options, Behaviours]:
    """``options`` without the faults ``names`` (plain or as ``zoho.NAME``), which the gate does not know,
    and the behaviours that they ask for."""
    rates: dict[str, float] = {}
    left = dict(options.faults)
    for name in names:
        for text in (name, f"{sandbox}.{name}"):
            if text in left:
                rates[name] = max(rates.get(name, 0.0), left.pop(text))
    return replace(options, faults=left), Behaviours(rates, f"{options.seed}/{sandbox}")

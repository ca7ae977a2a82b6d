"""Faults that a sandbox can be told to have, and which call they hit.

Invariant: an unknown fault, or one narrowed to nothing that exists, is refused before the sandbox
starts; which call a fault hits is decided by a seeded generator, so that a run can be repeated.

Three sorts: *answers* stand in for the vendor's own answer; faults of the *line* break the connection;
what a sandbox carries out itself, *inside*, it declares by name and asks ``Chances`` about.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Literal

from starlette.responses import HTMLResponse, JSONResponse, Response

CallKind = Literal["read", "write", "token"]
_KINDS: dict[str, CallKind] = {"read": "read", "write": "write", "token": "token"}

FaultAnswer = Callable[[], Response]
"""Makes the answer that a named fault gives instead of the vendor's own."""


def _problem(status: int, headers: dict[str, str] | None = None) -> FaultAnswer:
    return lambda: JSONResponse({"message": "sandbox fault"}, status_code=status, headers=headers)


COMMON_FAULTS: Mapping[str, FaultAnswer] = {
    "500": _problem(500),
    "502": _problem(502),
    "503": _problem(503, {"Retry-After": "1"}),
    "429": _problem(429, {"Retry-After": "1"}),
    # What a proxy or a login page in the way looks like.
    "html": lambda: HTMLResponse("<html><body>Service temporarily unavailable</body></html>"),
}
"""Faults that answer; a sandbox's dialect may replace one by the vendor's own wording."""

BURST, BURST_PAUSE = 4, 20
"""A burst refuses this many calls in a row with 429, then lets at least so many through."""

COMMON_TEXTS: Mapping[str, str] = {
    "500": "answer 500 in place of the vendor (502 and 503 likewise)",
    "502": "",
    "503": "",
    "429": "answer 429, too many requests",
    "burst": f"answer 429 {BURST} times in a row, then at least {BURST_PAUSE} calls as usual",
    "html": "answer 200 with an HTML page, as a proxy does",
    "hang": "give no answer until the client gives up",
    "drop": "close the connection before the call is carried out",
    "lost": "close the connection after the call has been carried out",
}
"""What each fault that all sandboxes share does, for people; one without a text is told by another's."""

LINE_FAULTS = ("hang", "drop", "lost")
"""Faults of the line: no answer until the client gives up; closed before the call is carried out;
closed after it has been carried out, so that its outcome is unknown to the client."""


def parse_fault(text: str) -> tuple[str, float]:
    """``NAME`` or ``NAME=RATE`` as typed by a person; ``ValueError`` for a rate outside 0…1."""
    name, _, rate_text = text.partition("=")
    try:
        rate = float(rate_text) if rate_text else 1.0
    except ValueError:
        rate = -1.0
    if not name or not 0.0 <= rate <= 1.0:
        raise ValueError(f"fault {text!r} is not NAME or NAME=RATE with a rate from 0 to 1")
    return name, rate


@dataclass(frozen=True)
class Fault:
    """One fault as asked for; ``kind`` narrows it to one kind of call."""

    name: str
    rate: float
    kind: CallKind | None

    def applies(self, kind: CallKind | None) -> bool:
        return self.kind is None or kind is None or self.kind == kind


def asked_for(sandbox: str, faults: Mapping[str, float], known: Collection[str]) -> list[Fault]:
    """The faults that concern this sandbox; ``ValueError`` for one that nobody knows."""
    installed = {point.name for point in entry_points(group="creditgate.sandbox")} | {sandbox}
    found: list[Fault] = []
    for text, rate in faults.items():
        *scopes, name = text.split(".")
        if not installed.union(_KINDS).issuperset(scopes):
            words = ", ".join((*sorted(installed), *_KINDS))
            raise ValueError(f"fault {text!r}: narrow it by one of {words}")
        places = installed.intersection(scopes)
        if places and sandbox not in places:
            continue
        kind = next((_KINDS[word] for word in scopes if word in _KINDS), None)
        if name not in known:
            raise ValueError(f"{sandbox} has no fault {name!r}; it has {', '.join(sorted(known))}")
        found.append(Fault(name, rate, kind))
    return found


class Chances:
    """Decides whether a fault strikes. Safe for threads."""

    def __init__(self, faults: Collection[Fault], seed: str) -> None:
        self._faults = list(faults)
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._burst_left, self._calm_left = 0, 0

    def strikes(self, kind: CallKind) -> str | None:
        """The fault that hits this call, if any."""
        with self._lock:
            if self._burst_left:
                self._burst_left -= 1
                self._calm_left = BURST_PAUSE
                return "429"
            calm = self._calm_left > 0
            self._calm_left -= calm
            for fault in self._faults:
                if not fault.applies(kind) or (calm and fault.name == "burst"):
                    continue
                if self._chance.random() < fault.rate:
                    if fault.name != "burst":
                        return fault.name
                    self._burst_left = BURST - 1
                    return "429"
        return None

    def hit(self, name: str, kind: CallKind | None = None) -> bool:
        """Whether the fault ``name`` strikes now."""
        with self._lock:
            return any(
                fault.name == name and fault.applies(kind) and self._chance.random() < fault.rate
                for fault in self._faults
            )

    def rate(self, name: str) -> float:
        """How often it strikes, 0…1; for faults that hold for a whole run."""
        return max((fault.rate for fault in self._faults if fault.name == name), default=0.0)

    def pick(self, count: int, of: int) -> set[int]:
        """``count`` different numbers below ``of``."""
        with self._lock:
            return set(self._chance.sample(range(of), min(count, of)))

"""A signal in words, as sales reps and controllers read it.

Invariant: a text says what, how much, since when; it carries no personal data beside the customer's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.locale import has_text, label, say
from connector.store.signals import Signal

LATEST = 3


def sentence(kind: str, evidence: Mapping[str, Any], language: str) -> str:
    """One signal in a sentence; a kind without text shows its evidence as it is."""
    params = {name: _plain(value) for name, value in evidence.items()}
    code = f"signal.{kind}"
    if ("limit" in params and kind == "limit_expiring") or "ratio" in params:
        params |= {name: label(params[name], language) for name in ("limit", "ratio") if name in params}
    if has_text(code):
        return say(code, params, language)
    return f"{kind}: " + ", ".join(f"{name} {value}" for name, value in params.items())


def fields(live: Sequence[Signal], language: str) -> dict[str, Any]:
    """What the CRM account shows: how many signals are live, and the latest ones in words."""
    newest = sorted(live, key=lambda one: (one.raised_at, one.id), reverse=True)[:LATEST]
    lines = [
        f"{one.raised_at:%Y-%m-%d} [{label(one.severity.value, language)}] "
        f"{sentence(one.kind, one.evidence, language)}"
        for one in newest
    ]
    return {"credit_signal_count": len(live), "credit_signals": "\n".join(lines) or None}


def _plain(value: Any) -> str | int | None:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value if value is None or isinstance(value, int) else str(value)

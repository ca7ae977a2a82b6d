"""What doctor finds: one line, and how long ago in words.

Invariant: whatever is not ok comes with the way out.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line: ``level`` ``ok``, ``note`` (to be known), ``warn`` or ``fail``; ``what`` was looked at,
    what was ``found`` and what ``todo``. ``exit_code`` is that of the error behind a failure."""

    level: str
    what: str
    found: str
    todo: str = ""
    exit_code: int = 0


def ago(age: dt.timedelta) -> str:
    """An age in the words of a person."""
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"

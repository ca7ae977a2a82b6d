"""One thing that an admin is asked for.

Invariant: plain data; what an adapter is asked for stands in its settings and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One thing that ``connect add`` or ``plugin pack`` asks for. ``secret`` values are stored encrypted.

    ``default`` ``None`` means required unless ``optional``; ``help`` says where the admin finds it.
    ``choices``, if there are any, are the values it may have; what is not ``asked`` for can only be
    given by name; what is ``settled`` is chosen once, and changed only by who says so.
    """

    key: str
    help: str
    secret: bool = False
    default: str | None = None
    optional: bool = False
    choices: tuple[str, ...] = ()
    asked: bool = True
    settled: bool = False

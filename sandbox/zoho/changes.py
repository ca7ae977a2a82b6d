"""What happens to rows: attempts that may be refused, and changes that have been made.

Invariant: every write of a row, from the API or from the browser, is first put to all guards and then
told to all observers of the tenant; both are called under the tenant's lock and have to be quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.table import Row
from sandbox.zoho.fields import Module
from sandbox.zoho.people import User

TRIGGERS = ("workflow", "approval", "blueprint", "pathfinder", "orchestration")
"""The kinds of automation that a write sets off, unless it names fewer."""

Action = Literal["insert", "update", "delete"]


@dataclass(frozen=True)
class Attempt:
    """``by`` is about to change the existing ``row``: ``fields`` names what is written, ``None`` means
    deleting. ``path`` is the record's place in the request, ``$.data[0]``."""

    module: Module
    row: Row
    fields: frozenset[str] | None
    by: User
    path: str


@dataclass(frozen=True)
class Change:
    """A row as it is now (a deleted one: as it was); ``fields`` are those with another value than before."""

    module: Module
    action: Action
    row: Row
    fields: tuple[str, ...]


Guard = Callable[[Attempt], dict[str, Any] | None]
"""The vendor's error for an attempt that is refused."""

Observer = Callable[[Change], None]

Validator = Callable[[Module, Row, str], list[dict[str, Any]]]
"""The vendor's errors for a row as it would become; the text is the record's place in the request."""

FunctionRule = Callable[[Module, Mapping[str, Any], User], str | None]
"""What is said against a record as it was sent, if anything; called without the tenant's lock."""

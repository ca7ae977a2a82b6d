"""What happens to rows, for those who are told of it.

Invariant: every change of a row by anybody, the API's own callers included, is told to every observer of
the tenant once, in order, under the tenant's lock; an observer has to be quick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sandbox.fxiaoke.fields import Object

Action = Literal["create", "update", "invalid", "delete", "recover"]


@dataclass(frozen=True)
class Change:
    """``workflow`` says whether the tenant's workflows see the change (a write can keep them out)."""

    kind: Object
    action: Action
    row_id: str
    workflow: bool


Observer = Callable[[Change], None]

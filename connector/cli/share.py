"""A share on the command line: ``50%`` or ``0.5``.

Invariant: what is no share is refused with what to write instead; no float takes part.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    _Type = click.ParamType[Decimal]
else:
    _Type = click.ParamType


class Share(_Type):
    """``50%`` or ``0.5``, between nothing and all."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The share as a ``Decimal`` of 1."""
        if isinstance(value, Decimal):
            return value
        text = str(value).strip()
        try:
            found = Decimal(text.removesuffix("%").strip())
        except InvalidOperation:
            self.fail(f"{text!r} is no share: write 50% or 0.5", param, ctx)
        found = found / 100 if text.endswith("%") else found
        if not found.is_finite() or not 0 <= found <= 1:
            self.fail(f"{text!r} is no share between 0% and 100%", param, ctx)
        return found


SHARE = Share()

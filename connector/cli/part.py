"""The option ``--part``: only a part of the work, so that several processes share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from connector.store.parts import Part

    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType

Command = TypeVar("Command", bound=Callable[..., Any])


class _Part(_Type):
    name = "N/OF"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Part:
        from connector.store.parts import Part

        if isinstance(value, Part):
            return value
        try:
            return Part.parsed(str(value))
        except ValueError as fault:
            self.fail(str(fault), param, ctx)


def part_option(what: str) -> Callable[[Command], Command]:
    """``--part`` of a command that works on ``what``."""
    return click.option(
        "--part", type=_Part(), metavar="N/OF", help=f"Only a part of the {what}, such as 1/2; for workers."
    )

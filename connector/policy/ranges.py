"""Half-open ranges that have to cover a scale exactly once.

Invariant: pure arithmetic on edges; ``None`` is an open end.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

Number = int | Decimal


class Range(NamedTuple):
    """``low`` inclusive, ``high`` exclusive; ``at`` is its index in the file."""

    low: Number | None
    high: Number | None
    at: int


class Fault(NamedTuple):
    """``kind`` is ``gap``, ``overlap`` or ``unreachable``; ``at`` the index of the range."""

    at: int
    kind: str
    what: str
    todo: str


def faults(ranges: list[Range], low: Number | None, high: Number | None) -> Iterator[Fault]:
    """What keeps ``ranges`` from covering ``low``…``high`` (both inclusive) exactly once."""
    empty = [r for r in ranges if _empty(r, low, high)]
    for item in empty:
        yield Fault(item.at, "unreachable", "holds no value", "correct or remove it")
    used = sorted((r for r in ranges if r not in empty), key=_start)
    if not used:
        return
    first = used[0]
    if first.low is not None and (low is None or first.low > low):
        yield Fault(first.at, "gap", "leaves lower values out", "remove its `from`")
    top: Range = first
    for item in used[1:]:
        if top.high is None or (item.low is None or item.low < top.high):
            edge = "a `below`" if top.high is None else f"`from: {top.high}`"
            yield Fault(item.at, "overlap", "overlaps the one before", f"write {edge}")
        elif item.low > top.high:
            yield Fault(item.at, "gap", f"leaves a gap from {top.high}", f"write `from: {top.high}`")
        if top.high is not None and (item.high is None or item.high > top.high):
            top = item
    if top.high is not None and (high is None or top.high <= high):
        yield Fault(top.at, "gap", "leaves higher values out", "remove its `below`")


def _start(item: Range) -> Decimal:
    return Decimal("-Infinity") if item.low is None else Decimal(item.low)


def _empty(item: Range, low: Number | None, high: Number | None) -> bool:
    if item.low is not None and item.high is not None and item.low >= item.high:
        return True
    if item.high is not None and low is not None and item.high <= low:
        return True
    return item.low is not None and high is not None and item.low > high

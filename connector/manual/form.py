"""What a manual is made of: chapters of paragraphs, tables and chapters below them.

Invariant: plain data in one language; whoever writes it to a file adds no words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Table:
    """``rows`` have as many cells as ``head``."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chapter:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = "str | Table | Chapter"


@dataclass(frozen=True)
class Manual:
    """``language`` is ``zh`` or ``en``; ``facts`` are the lines of the title page."""

    title: str
    language: str
    facts: tuple[str, ...]
    chapters: tuple[Chapter, ...]


def lines(blocks: tuple[Block, ...], above: str = "") -> Iterator[str]:
    """Every statement as one line that names the chapters above it, to compare two manuals by."""
    for block in blocks:
        if isinstance(block, Chapter):
            yield from lines(block.blocks, f"{above} › {block.title}" if above else block.title)
        elif isinstance(block, Table):
            for row in block.rows:
                cells = zip(block.head, row, strict=True)
                yield f"{above}: " + "; ".join(f"{name} {cell}" for name, cell in cells if cell)
        else:
            yield f"{above}: {block}"

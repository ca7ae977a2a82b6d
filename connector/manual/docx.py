"""A manual as a Word document.

Invariant: the same chapters, paragraphs and tables as the HTML page, by the styles that Word brings along, so
that a table of contents and a house style can be put on it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from connector.errors import Halt
from connector.manual.form import Block, Manual, Table

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Row

_DEEPEST = 6


def docx(made: Manual) -> bytes:
    """The document; ``Halt`` if the package that writes it is not installed."""
    try:
        from docx import api
    except ImportError:
        raise Halt(
            "python-docx is not installed",
            where="manual",
            todo="run pip install 'creditgate[docx]', or take --format html",
        ) from None
    document = api.Document()
    document.core_properties.title = made.title
    document.core_properties.language = made.language
    document.add_heading(made.title, 0)
    for fact in made.facts:
        document.add_paragraph(fact)
    for chapter in made.chapters:
        _write(document, chapter, 1)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _write(document: Document, block: Block, level: int) -> None:
    if isinstance(block, str):
        document.add_paragraph(block)
    elif isinstance(block, Table):
        grid = document.add_table(rows=1, cols=len(block.head), style="Table Grid")
        _fill(grid.rows[0], block.head)
        _repeat(grid.rows[0])
        for row in block.rows:
            _fill(grid.add_row(), row)
        document.add_paragraph()
    else:
        document.add_heading(block.title, min(level, _DEEPEST))
        for one in block.blocks:
            _write(document, one, level + 1)


def _fill(row: _Row, texts: tuple[str, ...]) -> None:
    for cell, text in zip(row.cells, texts, strict=True):
        cell.text = text


def _repeat(row: _Row) -> None:
    """Let Word repeat the head of a table on every page, and readers know it as the head."""
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))

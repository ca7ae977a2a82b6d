"""A manual as a Word document.

Invariant: the same chapters, paragraphs and tables as the HTML page, by the styles that Word brings along, so
that a table of contents and a house style can be put on it.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from connector.errors import Halt
from connector.manual.form import Block, Manual, Table

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Row

_DEEPEST = 6
# The form keeps no longer titles among a document's properties.
_TITLE = 255
# What XML has no way to say: control signs, halves of signs, and two that mean nothing.
_UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


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
    document.core_properties.title = _sayable(made.title)[:_TITLE]
    document.core_properties.language = made.language
    document.add_heading(_sayable(made.title), 0)
    for fact in made.facts:
        document.add_paragraph(_sayable(fact))
    for chapter in made.chapters:
        _write(document, chapter, 1)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _write(document: Document, block: Block, level: int) -> None:
    if isinstance(block, str):
        document.add_paragraph(_sayable(block))
    elif isinstance(block, Table):
        grid = document.add_table(rows=1, cols=len(block.head), style="Table Grid")
        _fill(grid.rows[0], block.head)
        _repeat(grid.rows[0])
        for row in block.rows:
            _fill(grid.add_row(), row)
        document.add_paragraph()
    else:
        document.add_heading(_sayable(block.title), min(level, _DEEPEST))
        for one in block.blocks:
            _write(document, one, level + 1)


def _sayable(text: str) -> str:
    """The text as XML can hold it."""
    return _UNSAYABLE.sub("\ufffd", text)


def _fill(row: _Row, texts: tuple[str, ...]) -> None:
    for cell, text in zip(row.cells, texts, strict=True):
        cell.text = _sayable(text)


def _repeat(row: _Row) -> None:
    """Let Word repeat the head of a table on every page, and readers know it as the head."""
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))

"""Delimited text: encoding and delimiter found out, then read row by row.

Invariant: text is decoded without loss or not at all; a quote that is never closed is an error and
does not swallow the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path

from connector.errors import Halt

DELIMITERS = ",;\t"
_CHUNK = 1 << 20
_SAMPLE_CHARS, _SAMPLE_ROWS = 1 << 16, 20
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_EXCEL_HINT = re.compile(r"\ufeff?sep=(.)\r?\n?")


def delimited_rows(path: Path, encoding: str | None) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) for each row of ``path``; the line is the one on which the row begins.

    ``encoding`` ``None`` finds it out. Raises ``Halt`` for text that does not decode and for broken
    quotes, with the line.
    """
    codec = _known(path, encoding) if encoding else _encoding(path)
    line = 1
    try:
        with path.open(encoding=codec, newline="") as file:
            hint = _EXCEL_HINT.fullmatch(file.readline(16))
            if hint:
                line, delimiter = 2, hint[1]
            else:
                file.seek(0)
                delimiter = _delimiter(file.read(_SAMPLE_CHARS))
                file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            first = line
            for cells in reader:
                yield line, cells
                line = first + reader.line_num
    except UnicodeError:
        raise Halt(
            f"the text is not {codec} (after line {line})",
            where=str(path),
            todo="save the file as UTF-8, or set 'encoding' of the connection to what it is",
        ) from None
    except csv.Error as fault:
        raise Halt(
            f"the quotes do not close ({fault})",
            where=f"{path}:{line}",
            todo="close or double the quotes in this row, then import again",
        ) from None


def _known(path: Path, encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding).name
        "".encode(codec)
    except LookupError:
        raise Halt(
            f"there is no text encoding {encoding!r}",
            where=str(path),
            todo="set 'encoding' of the connection to one like utf-8, gb18030 or cp1252",
        ) from None
    return "utf-8-sig" if codec == "utf-8" else codec


def _encoding(path: Path) -> str:
    """By its mark, else UTF-8 if all of it is, else GB 18030 (what Chinese Excel writes)."""
    with path.open("rb") as file:
        start = file.read(4096)
        for mark, codec in _MARKS.items():
            if start.startswith(mark):
                return codec
        if b"\0" in start:
            raise Halt(
                "this is neither text nor XLSX",
                where=str(path),
                todo="export the ledger as CSV or XLSX; for UTF-16 without a mark set 'encoding'",
            )
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8"


def _delimiter(sample: str) -> str:
    """The delimiter that cuts the sample's rows most evenly, and of equals into most columns."""

    def fit(delimiter: str) -> tuple[int, int]:
        widths: list[int] = []
        # The sample may end inside a quoted cell, so quotes are taken leniently here.
        for cells in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter):
            if any(cells):
                widths.append(len(cells))
            if len(widths) == _SAMPLE_ROWS:
                break
        if not widths or widths[0] < 2:
            return 0, 0
        return widths.count(widths[0]), widths[0]

    return max(DELIMITERS, key=fit)

"""Rows of a file by the names in its header: CSV and XLSX alike.

Invariant: every row comes out as text by column name, complete or not at all: a cell that is missing
is empty text, and a row whose cells cannot be laid to columns stops the reading. A file is never held
in memory whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from adapters.files.delimited import delimited_rows
from adapters.files.workbook import workbook_rows
from connector.adapter import Setting
from connector.errors import Halt

_ZIP, _OLD_EXCEL = (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0"

# What a connection that reads files may be told about them.
SETTINGS = (
    Setting(
        "encoding",
        "encoding of CSV files; left out, UTF-8 and UTF-16 are recognised, all else is read as GB 18030",
        optional=True,
    ),
    Setting("sheet", "name of the sheet in XLSX files; left out, the first one", optional=True),
)


def rows(path: Path, settings: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The rows of ``path`` as text by column name, in the file's order; blank rows are left out.

    The first row that is not blank names the columns. What a file is, is told by its content, not
    by its name. Cells are stripped of blanks at both ends. Numbers in XLSX come out as plain
    decimals, dates as ISO dates. ``settings`` are those of ``SETTINGS``.

    Raises ``Halt``, with file, line and way out, at the first row for a file that is missing,
    empty or no table, and at the row in question for one that is damaged further down.
    """
    if _kind(path) == "workbook":
        table = workbook_rows(path, settings.get("sheet") or None)
    else:
        table = delimited_rows(path, settings.get("encoding") or None)
    return _named(path, table)


def _kind(path: Path) -> str:
    """``workbook`` or ``text``; ``Halt`` for what is neither."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except FileNotFoundError:
        raise Halt("there is no such file", where=str(path), todo="check the path") from None
    except IsADirectoryError:
        raise Halt("this is a folder", where=str(path), todo="name one file in it") from None
    except OSError as fault:
        raise Halt(
            f"the file cannot be read ({fault.strerror})", where=str(path), todo="make it readable"
        ) from None
    if not start.strip():
        raise Halt("the file is empty", where=str(path), todo="export it again, with a header row")
    if start.startswith(_OLD_EXCEL):
        raise Halt(
            "this is an old Excel file (.xls) or one protected by a password",
            where=str(path),
            todo="save it as XLSX without a password, or as CSV",
        )
    return "workbook" if start.startswith(_ZIP) else "text"


def _named(path: Path, table: Iterator[tuple[int, Sequence[str]]]) -> Iterator[dict[str, str]]:
    """Rows by column name from (line, cells) pairs, the first of which is the header."""
    columns: list[str] = []
    for line, raw in table:
        cells = list(map(str.strip, raw))
        if len(cells) == len(columns) and any(cells):
            yield dict(zip(columns, cells, strict=True))
            continue
        if not any(cells):
            continue
        if not columns:
            cells[0] = cells[0].removeprefix("\ufeff").strip()
            columns = _header(path, line, cells)
            continue
        if any(cells[len(columns) :]):
            raise Halt(
                f"the row has {len(cells)} cells, but there are {len(columns)} columns",
                where=f"{path}:{line}",
                todo="put quotes around cells that hold the delimiter, then import again",
            )
        padded = cells + [""] * (len(columns) - len(cells))
        yield dict(zip(columns, padded, strict=False))
    if not columns:
        raise Halt("the file is empty", where=str(path), todo="export it again, with a header row")


def _header(path: Path, line: int, cells: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    for number, name in enumerate(cells, start=1):
        if not name:
            raise Halt(
                f"column {number} has no name",
                where=f"{path}:{line}",
                todo="name it in the header, or delete the column",
            )
        if name in seen:
            raise Halt(
                f"columns {seen[name]} and {number} are both called {name!r}",
                where=f"{path}:{line}",
                todo="rename one of them in the header",
            )
        seen[name] = number
    return list(cells)

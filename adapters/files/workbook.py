"""XLSX workbooks, read row by row with openpyxl (extra ``xlsx``).

Invariant: a cell becomes text without loss: whole numbers without a point, other numbers as the
shortest decimal that is the same number, dates as ISO dates, moments as ISO moments. Formulas give
the value that was saved with them.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from zipfile import BadZipFile

from connector.errors import Halt

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

_MIDNIGHT = dt.time()


def workbook_rows(path: Path, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) for each row of ``sheet``, or of the first sheet; cells after the last one
    with content are left out. Raises ``Halt`` when it cannot be read, or has no such sheet."""
    with path.open("rb") as file:
        yield from _rows(path, _open(path, file), sheet)


def _rows(path: Path, book: Workbook, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    try:
        worksheet = _sheet(path, book, sheet)
        # Some programs write a wrong extent, which would cut rows off.
        worksheet.reset_dimensions()
        for number, values in enumerate(worksheet.iter_rows(values_only=True), start=1):
            cells = [cell_text(value) for value in values]
            while cells and not cells[-1].strip():
                cells.pop()
            yield number, cells
    except (BadZipFile, OSError, KeyError, SyntaxError) as fault:
        raise _damaged(path, fault) from None
    finally:
        book.close()


def cell_text(value: Any) -> str:
    """A cell's value as text; empty for an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        plain = Decimal(repr(value))
        if not plain.is_finite():
            return str(value)
        return str(int(plain)) if plain == plain.to_integral_value() else f"{plain:f}"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)


def _open(path: Path, file: BinaryIO) -> Workbook:
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        raise Halt(
            "reading XLSX needs openpyxl, which is not installed",
            where=str(path),
            todo="run: pip install 'creditgate[xlsx]', or save the sheet as CSV",
        ) from None
    try:
        with warnings.catch_warnings():
            # About styles and extensions, which do not touch the values.
            warnings.simplefilter("ignore", UserWarning)
            return load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except (BadZipFile, InvalidFileException, OSError, KeyError, ValueError, SyntaxError) as fault:
        raise _damaged(path, fault) from None


def _sheet(path: Path, book: Workbook, sheet: str | None) -> Any:
    names = [worksheet.title for worksheet in book.worksheets]
    if sheet is None and names:
        return book.worksheets[0]
    if sheet not in names:
        raise Halt(
            f"there is no sheet {sheet!r}" if sheet else "the workbook has no sheet with cells",
            where=str(path),
            todo=f"set 'sheet' of the connection to one of: {', '.join(names)}"
            if names
            else "check the file",
        )
    return book[sheet]


def _damaged(path: Path, fault: Exception) -> Halt:
    return Halt(
        f"this is no sound XLSX file ({type(fault).__name__})",
        where=str(path),
        todo="open it in Excel and save it as XLSX again, or as CSV",
    )

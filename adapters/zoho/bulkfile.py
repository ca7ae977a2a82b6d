"""The file of a bulk read: a zip with one CSV, a header of API names, every value as text.

Invariant: a row reads as the same record read by query does: empty is nothing, checkboxes are true or
false, numbers keep all their digits, lookups are ids. The file is never held whole.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import IO, Any

from adapters.zoho.rows import to_row
from connector.adapter import BulkFailed, Row
from connector.errors import Retry

BATCH = 2_000
LOOKUPS = ("lookup", "ownerlookup", "userlookup")
# What is a list or a structure by query and some text in the file: such fields are read by query.
_STRUCTURES = (
    "multiselectpicklist",
    "multiselectlookup",
    "multiuserlookup",
    "subform",
    "tag",
    "fileupload",
    "imageupload",
    "profileimage",
    "consent_lookup",
    "event_reminder",
    "RRULE",
    "ALARM",
)

Converter = Callable[[str], Any]


def converter(data_type: str) -> Converter | None:
    """How the text of a field becomes its value; ``None`` for a field that the file cannot carry."""
    if data_type in _STRUCTURES:
        return None
    if data_type == "boolean":
        return lambda text: text.strip().lower() == "true"
    if data_type in ("integer", "bigint"):
        return lambda text: int(text) if text.lstrip("-").isdigit() else text
    if data_type in ("currency", "double", "percent", "decimal"):
        return _decimal
    if data_type in LOOKUPS:
        return lambda text: {"id": text}
    return str


def batches(
    file: IO[bytes],
    names: Sequence[str],
    converters: Mapping[str, Converter],
    paths: Sequence[str],
    skip: int,
) -> Iterator[list[Row]]:
    """The rows of a zipped file after the first ``skip``, some thousand at a time.

    ``BulkFailed`` when it is not the file that was asked for, ``Retry`` when it is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            inner = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            if not inner:
                raise BulkFailed("the result of the bulk read holds no CSV file")
            with archive.open(inner[0]) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
                yield from _rows(csv.reader(text), names, converters, paths, skip)
    except (zipfile.BadZipFile, EOFError, csv.Error, UnicodeDecodeError):
        raise Retry(
            "the result of the bulk read is damaged", todo="run again: it is downloaded once more"
        ) from None


def _rows(
    lines: Iterator[list[str]],
    names: Sequence[str],
    converters: Mapping[str, Converter],
    paths: Sequence[str],
    skip: int,
) -> Iterator[list[Row]]:
    header = next(lines, [])
    if not header:
        return
    lower = {name.lower(): at for at, name in enumerate(header)}
    lacking = [name for name in names if name.lower() not in lower]
    if lacking:
        raise BulkFailed(f"the result of the bulk read has no column {lacking[0]}")
    picks = [(name, lower[name.lower()], converters.get(name, str)) for name in names]
    rest = islice(lines, skip, None)
    while part := list(islice(rest, BATCH)):
        try:
            yield [
                to_row({n: make(cells[at]) if cells[at] else None for n, at, make in picks}, paths)
                for cells in part
            ]
        except (ValueError, IndexError):
            raise BulkFailed("the result of the bulk read has lines that cannot be read") from None


def _decimal(text: str) -> Any:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    return int(value) if "." not in text and "e" not in text.lower() else value

"""Objects of a JSON file: a list of them, one object that holds such a list, or one object alone.

Invariant: no number passes through a float; what is no list of objects stops the reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.errors import Halt

_MOST_BYTES = 64 * 1024 * 1024  # read whole


def is_json(path: Path) -> bool:
    """Whether the first character that is not blank opens a list or an object."""
    with path.open("rb") as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{")


def objects(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of ``path`` in order. UTF-8 (with or without a mark) and GB 18030 are understood.

    Raises ``Halt`` for a file that is too large, no JSON, or holds anything but objects.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise Halt("the file is larger than 64 MB", where=str(path), todo="cut it into parts")
    content = path.read_bytes()
    try:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("gb18030")
        found = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except ValueError as fault:
        line = getattr(fault, "lineno", "?")
        raise Halt("this is no JSON", where=f"{path}:{line}", todo="export the file again") from None
    yield from _list(found, path)


def _list(found: Any, path: Path) -> list[Mapping[str, Any]]:
    if isinstance(found, Mapping):
        lists = [value for value in found.values() if _is_rows(value)]
        found = lists[0] if len(lists) == 1 else [found] if not lists else None
    if not _is_rows(found):
        raise Halt(
            "this is no list of objects",
            where=str(path),
            todo="give a JSON list with one object for each report, or one object that holds one such list",
        )
    rows: list[Mapping[str, Any]] = found
    return rows


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")

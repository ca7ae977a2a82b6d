"""The file of a bulk read: a zip with one CSV, a header of API names, one line a row.

Invariant: empty is nothing, true and false are words, lookups are bare ids, moments carry the org's
offset. Rows are written as they are met, so that a full page costs little more than its zip.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from sandbox.table import Row
from sandbox.zoho.bulk_query import Cell

_CHUNK = 5_000


@dataclass(frozen=True)
class Written:
    """``content`` is the zip; ``last`` the id of the last row in it, ``more`` whether others follow."""

    content: bytes
    count: int
    last: str
    more: bool


def written(job_id: str, cells: Mapping[str, Cell | None], rows: Iterable[Row], most: int) -> Written:
    """The first ``most`` of ``rows`` as ``{job_id}.csv`` in a zip."""
    columns = list(cells.items())
    target, count, last, feed = io.BytesIO(), 0, "", iter(rows)
    # Level 1: the sandbox shares its processors with the client that is measured.
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"{job_id}.csv", "w", force_zip64=True) as entry,
        io.TextIOWrapper(entry, "utf-8", newline="", write_through=False) as text,
    ):
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(cells)
        while chunk := list(islice(feed, min(_CHUNK, most - count))):
            writer.writerows(
                [row.get(name) if read is None else read(row) for name, read in columns] for row in chunk
            )
            count += len(chunk)
            last = chunk[-1]["id"]
    more = count == most and next(feed, None) is not None
    return Written(target.getvalue(), count, last, more)

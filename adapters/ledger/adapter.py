"""Receivables from files: CSV and XLSX, read row by row.

Invariant: what ``adapters.files`` says of rows holds here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from adapters.files.rows import SETTINGS, rows
from connector.adapter import Ledger, Limits, Setting


class FileLedger(Ledger):
    """The adapter for ledger files (``creditgate ledger import FILE``)."""

    name = "ledger"
    settings: ClassVar[tuple[Setting, ...]] = SETTINGS
    limits = Limits(slots=1)

    def test(self) -> str:
        """Files need no credentials: there is nothing to prove."""
        return "reads CSV and XLSX files; no credentials needed"

    def read(self, path: Path) -> Iterator[Mapping[str, str]]:
        """The rows of ``path`` as text by column name; see ``adapters.files.rows.rows``."""
        return rows(path, self.context.settings)

"""A file ledger for tests: reads a path with the given settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from adapters.ledger.adapter import FileLedger
from connector.adapter import Context
from connector.http import Http
from tests.memory_secrets import MemorySecrets


def file_ledger(**settings: str) -> FileLedger:
    """An adapter with ``settings``."""
    http = Http(FileLedger.limits)
    context = Context("files", settings, MemorySecrets(), http, "en", lambda: dt.datetime.now(dt.UTC))
    return FileLedger(context)


def read_all(path: Path, **settings: str) -> list[Mapping[str, str]]:
    """All rows of ``path``."""
    return list(file_ledger(**settings).read(path))

"""Secrets that are given by reference: ``file:PATH`` or ``env:NAME`` in place of the value.

Invariant: a reference is followed whenever the secret is used, so that a file that a secret manager renews
takes effect at once; what it leads to is never kept.
"""

from __future__ import annotations

import os
from pathlib import Path

from connector.errors import Halt

FILE, ENVIRONMENT, NOW = "file:", "env:", "@"


def secret(text: str, what: str) -> str:
    """``text``, or what it refers to, without the line's end. ``Halt`` names ``what`` cannot be read."""
    path = named_file(text)
    if path is not None:
        return _read(path, what)
    if text.startswith(ENVIRONMENT):
        name = text.removeprefix(ENVIRONMENT)
        if name not in os.environ:
            raise Halt(
                f"the environment has no {name}", where=what, todo="set it for every process of CreditGate"
            )
        return os.environ[name]
    return text


def named_file(text: str) -> Path | None:
    """The file that a reference names."""
    return Path(text.removeprefix(FILE)) if text.startswith(FILE) else None


def read_now(text: str, what: str) -> str:
    """What stands in the file behind ``@``; any other text as it is."""
    return _read(Path(text.removeprefix(NOW)), what) if text.startswith(NOW) else text


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        why = type(fault).__name__
        raise Halt(
            f"the secret's file cannot be read ({why})", where=f"{what}, {path}", todo="check it"
        ) from None

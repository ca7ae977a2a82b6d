"""The encryption keys in a file that may change while we run.

Invariant: the newest key, the first line, encrypts; any of them decrypts; a file that was put in place whole
is used by the next call, so that keys are changed without a stop. A file that cannot be used leaves the keys
that were read before.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from connector.errors import Halt

Stamp = tuple[int, int, int]


class KeyRing(MultiFernet):
    """The keys in the file ``path``, one a line. Raises ``Halt`` when there is none that can be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._stamp = _stamp(path)
        self._present = MultiFernet(read_keys(_text(path), str(path)))

    def encrypt(self, msg: bytes) -> bytes:
        """Ciphertext under the newest key."""
        return self._newest().encrypt(msg)

    def decrypt(self, msg: bytes | str, ttl: int | None = None) -> bytes:
        """What any of the keys has encrypted."""
        return self._newest().decrypt(msg, ttl)

    def rotate(self, msg: bytes | str) -> bytes:
        """The same under the newest key."""
        return self._newest().rotate(msg)

    def _newest(self) -> MultiFernet:
        stamp = _stamp(self._path)
        if stamp is not None and stamp != self._stamp:
            with self._guard, contextlib.suppress(Halt):
                self._present = MultiFernet(read_keys(_text(self._path), str(self._path)))
                self._stamp = stamp
        return self._present


def read_keys(text: str, where: str) -> list[Fernet]:
    """The keys in ``text``, divided by lines or commas; ``Halt`` when one cannot be used or there is none."""
    try:
        found = [Fernet(one) for one in lines(text)]
    except ValueError:
        found = []
    if not found:
        raise Halt(
            "the encryption key is not usable",
            where=where,
            todo="it must be 32 bytes in URL-safe base64, as 'creditgate init' makes it",
        )
    return found


def lines(text: str) -> list[str]:
    """The keys as they are written, newest first."""
    return [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise Halt(
            "there is no encryption key", where=str(path), todo="run 'creditgate init', or set CREDITGATE_KEY"
        ) from None


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

"""Changing the encryption key while everything runs.

Invariant: at every moment, and after a kill at any line, the file holds every key that some value needs; it
is replaced whole and readable by its owner alone. A key leaves it only when nothing in the store uses it and
every process has had time to notice the newer one.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from connector.errors import Halt
from connector.runtime import Runtime
from connector.secrets import keyring
from connector.store import journal, sealed
from connector.store.sealed import Sealing

# A process that is in the midst of something may write under the key that it began with.
SETTLE = dt.timedelta(minutes=10)
Report = Callable[[int], None]


@dataclass(frozen=True)
class Key:
    """A key: its place (0 encrypts), its fingerprint, and how many values are under it."""

    place: int
    fingerprint: str
    values: int


def shown(runtime: Runtime) -> tuple[list[Key], int]:
    """The keys, and how many values none of them opens."""
    texts = _texts(runtime)
    found = sealed.look(runtime.store, keyring.read_keys("\n".join(texts), "the keys"))
    keys = [Key(place, fingerprint(text), found.by_key[place]) for place, text in enumerate(texts)]
    return keys, found.unreadable


def rotate(runtime: Runtime, actor: str, report: Report = lambda done: None) -> Sealing:
    """Put a new key on top of the file, and every value under it. ``Halt`` when the keys stand in no file
    that can be replaced."""
    with _changing(runtime) as path:
        texts = [Fernet.generate_key().decode(), *keyring.lines(path.read_text(encoding="ascii"))]
        _put(path, texts)
        _note(runtime, actor, "key_added", texts[0])
    return reencrypt(runtime, report)


def reencrypt(runtime: Runtime, report: Report = lambda done: None) -> Sealing:
    """Put every value under the first key, which was set by hand."""
    keys = keyring.read_keys("\n".join(_texts(runtime)), "the keys")
    return sealed.reencrypt(runtime.store, keys, report)


def drop(runtime: Runtime, actor: str, *, at_once: bool = False) -> list[str]:
    """Take all keys but the first out of the file; their fingerprints. ``Halt`` while the first is younger
    than ten minutes (unless ``at_once``: nothing else runs), or a value needs another one."""
    with _changing(runtime) as path:
        age = runtime.clock() - dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        if age < SETTLE and not at_once:
            raise Halt(
                "the first key is too young: a process may still write under the one before",
                where=str(path),
                todo="wait ten minutes, or say --now if nothing else runs",
            )
        texts = keyring.lines(path.read_text(encoding="ascii"))
        sealed.reencrypt(runtime.store, keyring.read_keys("\n".join(texts), str(path)))
        left = sealed.look(runtime.store, keyring.read_keys("\n".join(texts), str(path)))
        if left.older:
            raise Halt(
                f"{left.older} values were written under an older key meanwhile",
                where=str(path),
                todo="see that every process reads this file, then run again",
            )
        _put(path, texts[:1])
        gone = [fingerprint(text) for text in texts[1:]]
        for text in texts[1:]:
            _note(runtime, actor, "key_dropped", text)
    return gone


def fingerprint(text: str) -> str:
    """By what a key can be told from another, and not found out."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _texts(runtime: Runtime) -> list[str]:
    path = runtime.config.key_path
    return keyring.lines(runtime.config.key if path is None else path.read_text(encoding="ascii"))


def _note(runtime: Runtime, actor: str, act: str, text: str) -> None:
    with runtime.store.write() as tx:
        journal.add(tx, runtime.now(), actor, act, "encryption", {"fingerprint": fingerprint(text)})


@contextmanager
def _changing(runtime: Runtime) -> Iterator[Path]:
    """The file of the keys, while nobody else changes it."""
    path = runtime.config.key_path
    if path is None:
        raise Halt(
            "the keys stand in CREDITGATE_KEY, which a running process cannot read again",
            todo="put them into a file, and set CREDITGATE_KEY=file:PATH; or restart all processes with the "
            "new key before the old one, run 'creditgate key reencrypt', and leave the old one out",
        )
    try:
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as fault:
        raise Halt(
            f"the key file cannot be replaced here ({type(fault).__name__})",
            where=str(path),
            todo="add the new key at its source, as the last line, later as the first; then run "
            "'creditgate key reencrypt'",
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


def _put(path: Path, texts: list[str]) -> None:
    """The file with these keys, whole or as it was."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write("".join(f"{text}\n" for text in texts))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

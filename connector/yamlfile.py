"""YAML with lines: every complaint about a file names the file, the line and what to write instead.

Invariant: a file is read as data only (no tags, no code); a duplicate key is an error. The same text is
parsed once in a process: what is read is shared, and nobody changes it but who asked for a copy of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from connector.errors import Halt


def read(path: Path, *, own: bool = False) -> Any:
    """The content of ``path``, a copy of the caller's ``own`` if it is to be changed; ``Halt`` when it is
    missing, unreadable or no YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Halt("there is no such file", where=str(path), todo="check the path") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise Halt(
            f"the file cannot be read ({type(fault).__name__})",
            where=str(path),
            todo="make it readable UTF-8 text",
        ) from None
    return parse(text, str(path), own=own)


def parse(text: str, name: str, *, own: bool = False) -> Any:
    """YAML text as mappings and lists that know their lines; ``Halt`` with ``name`` and line."""
    try:
        return _loaded(text) if own else _tree(text)
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = mark.line + 1 if mark else 1
        raise Halt(
            str(fault.problem or fault.context or "this is not YAML").splitlines()[0],
            where=f"{name}:{line}",
            todo="correct the YAML there (indentation, colon and blank, quotes)",
        ) from None
    except YAMLError as fault:
        raise Halt(str(fault).splitlines()[0], where=name, todo="write the file as plain YAML") from None


@lru_cache(maxsize=32)
def _tree(text: str) -> Any:
    return _loaded(text)


def _loaded(text: str) -> Any:
    yaml = YAML(typ="rt")
    yaml.allow_duplicate_keys = False
    return yaml.load(text)


def line_of(node: Any, key: Any = None) -> int:
    """The line (from 1) of ``node``, or of ``key`` in it; 1 where the node does not know."""
    try:
        marks: Any = node.lc
        if key is not None:
            at = marks.key(key) if isinstance(node, Mapping) else marks.item(key)
            return int(at[0]) + 1
        return int(marks.line) + 1
    except (AttributeError, KeyError, TypeError, IndexError):
        return 1


def close_to(word: str, known: Iterable[str]) -> str:
    """Advice on a word that is not known: the nearest known one, or all of them."""
    choices = sorted(known)
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    return f"write {near[0]!r}" if near else f"use one of: {', '.join(choices)}"


class Source:
    """One YAML file under reading; ``fail`` complains about a place in it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, what: str, node: Any, key: Any = None, *, todo: str) -> NoReturn:
        """Raise ``Halt`` at ``node`` (or at ``key`` in it)."""
        raise Halt(what, where=f"{self.name}:{line_of(node, key)}", todo=todo)

    def mapping(self, node: Any, parent: Any, key: Any) -> Mapping[str, Any]:
        """``node`` as a mapping, else a complaint at ``key`` of ``parent``."""
        if not isinstance(node, Mapping):
            self.fail(
                f"{key!r} must hold names and values, not {type(node).__name__}",
                parent,
                key,
                todo=f"write '{key}:' and below it, indented, one 'name: value' a line",
            )
        return node

    def known(self, node: Mapping[str, Any], keys: Iterable[str]) -> None:
        """Complain about the first key of ``node`` that is none of ``keys``."""
        allowed = set(keys)
        for key in node:
            if key not in allowed:
                self.fail(f"{key!r} is not known here", node, key, todo=close_to(str(key), allowed))

"""One lint finding.

Invariant: a finding names a line of the file and what to write instead.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal, NamedTuple

from connector.policy.catalogue import FACTS
from connector.policy.schema import Path, Policy


class Finding(NamedTuple):
    """``line`` from 1; ``code`` is a stable word; ``todo`` says what to write instead."""

    line: int
    code: str
    message: str
    todo: str
    severity: Literal["error", "warning"] = "error"


def finding(
    policy: Policy,
    path: Path,
    code: str,
    message: str,
    todo: str,
    severity: Literal["error", "warning"] = "error",
) -> Finding:
    """A finding about the part of the policy at ``path``."""
    return Finding(policy.line(path), code, message, todo, severity)


def unknown_fact(policy: Policy, path: Path, name: str) -> Finding:
    """The finding that ``name`` is no fact, with the nearest one."""
    near = get_close_matches(name, FACTS, 1)
    todo = f"write `{near[0]}`" if near else "write a fact of the catalogue"
    return finding(policy, path, "unknown_fact", f"`{name}` is no fact", todo)


def shown(low: object, high: object) -> str:
    """A range for people."""
    return f"{'…' if low is None else low} to {'…' if high is None else high}"

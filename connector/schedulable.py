"""What the daemon may run: the commands that belong into a calendar, and what each of them needs.

Invariant: every one of them is a command that a person could type, safe to be killed at any line and to be
run again; nothing here asks back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_JSON = ("--format", "json")

Connections = Literal["none", "each", "may", "must"]


@dataclass(frozen=True)
class Act:
    """How a command is scheduled.

    ``connection``: it is about no connection, about ``each`` of ``role`` by itself, about one or all of them
    (``may``), or about one that is named (``must``); ``by`` is the option that names it, if it is none of the
    arguments. ``options`` are what a person would add. ``file``: ``arguments`` must name a file. ``shared``:
    several workers may share one run. ``proof``: exit code 1 says that something is wrong, where it otherwise
    says that something was set aside.
    """

    connection: Connections = "none"
    role: str = ""
    by: str = ""
    options: tuple[str, ...] = ()
    file: bool = False
    shared: bool = False
    proof: bool = False


ACTS: Mapping[str, Act] = {
    "pull": Act("each", "crm", options=_JSON),
    "assess": Act(options=_JSON, shared=True),
    "push": Act("each", "crm", options=_JSON, shared=True),
    "hooks process": Act("each", "crm", options=_JSON),
    "hooks renew": Act("each", "crm", options=_JSON),
    "hold review": Act(),
    "signal act": Act(options=_JSON),
    "signal tell": Act(options=_JSON),
    "notice tell": Act(options=_JSON),
    "visit plan": Act(options=_JSON),
    "review plan": Act(),
    "dunning send": Act(options=("--unseen",)),
    "kpi export": Act(),
    "bureau refresh": Act("may", "bureau", options=_JSON),
    "bureau changes": Act("must", "bureau", options=_JSON),
    "bureau watch": Act("must", "bureau", options=_JSON),
    "bureau purge": Act(options=("--apply", *_JSON)),
    "consent purge": Act(options=("--apply", *_JSON)),
    "ledger import": Act("may", "ledger", by="--connection", options=_JSON, file=True),
    "rate import": Act(file=True),
    "audit verify": Act(options=_JSON, proof=True),
}
"""By what stands behind ``creditgate`` on the command line."""

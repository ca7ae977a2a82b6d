"""A message to people, as it is handed to a channel.

Invariant: a message names the customer and the figures, never a person's data; ``key`` is the same however
often the message is sent, so that a receiver can know it again. A letter goes to one address outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Message:
    """``title`` and ``lines`` for people, ``facts`` for programs; ``severity`` is info, warning or alarm.
    ``repeated``: an earlier attempt may have arrived."""

    key: str
    title: str
    lines: tuple[str, ...]
    severity: str
    facts: Mapping[str, Any]
    repeated: bool = False


@dataclass(frozen=True)
class Letter:
    """A text for a customer: ``to`` is the address, ``sender`` the name that it comes from."""

    key: str
    to: str
    sender: str
    subject: str
    text: str

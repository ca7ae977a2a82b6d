"""How the installation writes to people outside: the ``[letterhead]`` and ``[mail]`` of the configuration.

Invariant: what a letter says of its sender stands here, in no template; no password stands in the file.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# One mailbox in ASCII, as every mail server takes it.
_ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Letterhead(BaseModel):
    """``name`` of the creditor, its ``address``, the bank ``account`` to pay into, and the ``contact`` for
    questions (a person or department with telephone or e-mail)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Words
    address: str = ""
    account: Words
    contact: Words


class MailServer(BaseModel):
    """``security`` is ``starttls``, ``tls`` (from the first byte) or ``none``; ``sender`` the address that
    letters come from; ``timeout`` in seconds. The password for ``user`` comes from the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Words
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    sender: Annotated[str, StringConstraints(pattern=_ADDRESS)]
    timeout: float = Field(default=30, gt=0)


def is_address(text: str) -> bool:
    """Whether ``text`` is one e-mail address that every server takes."""
    return re.fullmatch(_ADDRESS, text) is not None

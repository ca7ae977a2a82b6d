"""How the installation writes to people outside: the ``[letterhead]`` of the configuration, and addresses.

Invariant: what a letter says of its sender stands here, in no template.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# One mailbox in ASCII, as every mail server takes it.
_ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
OneLine = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\r\n]+$")]


class Letterhead(BaseModel):
    """``name`` of the creditor, its ``address``, the bank ``account`` to pay into, and the ``contact`` for
    questions (a person or department with telephone or e-mail)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: OneLine
    address: str = ""
    account: Words
    contact: Words


def is_address(text: str) -> bool:
    """Whether ``text`` is one e-mail address that every server takes."""
    return re.fullmatch(_ADDRESS, text) is not None

"""What all channels share: from which severity on they are told, and how a message reads.

Invariant: nothing here knows an address or a secret.
"""

from __future__ import annotations

from collections.abc import Collection

import requests

from connector.adapter import Context, Setting
from connector.errors import Halt, Reauth, Reject, Retry
from connector.http import place
from connector.ports.message import Message

LEAST = Setting(
    "least",
    "from which severity on it is told: info, warning or alarm",
    default="warning",
    choices=("info", "warning", "alarm"),
)
INFORMS = Setting(
    "informs",
    "roles of the policy's 'responsibility' that read here and are told of acts, commas between",
    optional=True,
)
_AGAIN = {"zh": "（可能已发送过）", "en": " (may have been sent before)"}


def title(message: Message, context: Context) -> str:
    """The title; a message whose first attempt may have arrived says so."""
    return message.title + (_AGAIN["zh" if context.language == "zh" else "en"] if message.repeated else "")


def cut(text: str, most: int) -> str:
    """At most ``most`` bytes of UTF-8, whole characters."""
    raw = text.encode()
    return text if len(raw) <= most else raw[: most - 3].decode(errors="ignore") + "…"


def where(answer: requests.Response) -> str:
    """Where a call went: its host, since query and path may be the robot's key."""
    return place("POST", answer.url or "", path=False)


def check_passing(answer: requests.Response, name: str) -> None:
    """``Retry`` for 429 and 5xx; ``Reject`` for any other status that is no success."""
    status = answer.status_code
    if status == 429 or status >= 500:
        raise Retry(
            f"{name} answered {status}",
            where=where(answer),
            after=float(raw) if (raw := answer.headers.get("Retry-After", "")).isdigit() else None,
            busy=status == 429,
        )
    if not answer.ok:
        raise Reject(
            f"{name} answered {status}",
            code="refused",
            field="message",
            where=where(answer),
            todo="check the connection with 'creditgate connect test'",
        )


def check_robot(
    answer: requests.Response, name: str, *, busy: Collection[int], refused: Collection[int], todo: str
) -> None:
    """What the ``errcode`` of a robot's answer means: 0 is sent, ``busy`` codes may pass, ``refused`` ones
    are about the robot itself, of which ``todo`` says the way out. ``Retry``, ``Reauth`` or ``Reject``."""
    check_passing(answer, name)
    try:
        body = answer.json()
        code, why = int(body["errcode"]), str(body.get("errmsg", ""))[:120]
    except (ValueError, KeyError, TypeError):
        # A page of a proxy: whether the robot got the message is not known.
        raise Retry(f"{name} gave no JSON answer", where=where(answer), unknown_outcome=True) from None
    if code in busy:
        raise Retry(f"{name} takes no more messages for now ({code})", where=where(answer), after=60)
    if code in refused:
        raise Reauth(f"{name} refuses this robot ({code} {why})", where=where(answer), todo=todo)
    if code:
        raise Reject(
            f"{name} refuses the message ({code} {why})",
            code="refused",
            field="message",
            where=where(answer),
        )


def secret(context: Context, key: str) -> str:
    """A required setting; ``Halt`` without it."""
    value = context.settings.get(key)
    if not value:
        raise Halt(f"{key} is not set", where=f"connection {context.connection}", todo="add it again")
    return value

"""A webhook of one's own: signed JSON to an address.

Invariant: the same message has the same ``Idempotency-Key`` however often it comes; the signature covers
moment and body, so that neither can be changed or played back later.

``X-CreditGate-Signature`` is ``v1=`` and the hex HMAC-SHA256 with the secret over ``X-CreditGate-Timestamp``
(seconds since 1970), a full stop, and the body.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import ClassVar

import orjson
import requests

from adapters.channels.common import INFORMS, LEAST, check_passing, secret, where
from connector.adapter import Channel, Limits, Setting
from connector.errors import Halt, Reauth
from connector.ports.message import Message


def sign(timestamp: str, body: bytes, secret_: str) -> str:
    """The signature of a moment and a body."""
    made = hmac.new(secret_.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={made.hexdigest()}"


class Webhook(Channel):
    """The adapter for a webhook (``creditgate connect add webhook``)."""

    name = "webhook"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("url", "where the messages go; https", secret=True),
        Setting("secret", "what the messages are signed with, at least 16 characters", secret=True),
        LEAST,
        INFORMS,
    )
    hosts: ClassVar[tuple[str, ...] | None] = None  # the receiver is one's own: the admin says where it is
    limits = Limits(slots=1)

    def tell(self, message: Message) -> None:
        """Post one message."""
        url, key = secret(self.context, "url"), secret(self.context, "secret")
        if not url.startswith(("https://", "http://")):
            raise Halt("the url is no http address", where=f"connection {self.context.connection}")
        content = {
            "key": message.key,
            "title": message.title,
            "lines": message.lines,
            "severity": message.severity,
            **message.facts,
        }
        body = orjson.dumps(content, default=str, option=orjson.OPT_SORT_KEYS)

        def headers() -> dict[str, str]:
            timestamp = str(int(self.context.now().timestamp()))
            return {
                "Content-Type": "application/json",
                "Idempotency-Key": message.key,
                "X-CreditGate-Timestamp": timestamp,
                "X-CreditGate-Signature": sign(timestamp, body, key),
            }

        self.context.http.call("POST", url, check=self._check, headers=headers, body=body)

    def _check(self, answer: requests.Response) -> None:
        if answer.status_code in (401, 403):
            raise Reauth(
                f"the receiver refuses the signature ({answer.status_code})",
                where=where(answer),
                todo="compare the secret with the receiver's",
            )
        check_passing(answer, "the receiver")

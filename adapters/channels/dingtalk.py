"""钉钉 (DingTalk) group robot with the security setting 加签.

Invariant: every attempt is signed anew, since a signature is good for an hour; token and signature stand in
the query alone, which no log and no error repeats.

API facts: ``POST /robot/send?access_token=…&timestamp=…&sign=…``; ``sign`` is Base64 of HMAC-SHA256 with the
secret over ``timestamp`` (milliseconds), a line feed and the secret, within an hour of the vendor's clock;
``errcode`` 310000 for a signature, keyword or address that does not fit, 300001 for an unknown token, 130101
beyond 20 messages a minute. Source: open.dingtalk.com, custom robot access and its security settings.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import ClassVar

import requests

from adapters.channels.common import INFORMS, LEAST, check_robot, cut, secret, title
from connector.adapter import Channel, Limits, Setting
from connector.ports.message import Message

LIVE = "https://oapi.dingtalk.com"
MOST_BYTES = 5000
_BUSY = frozenset({130101, 130102, 660026, 410100, -1})
_REFUSED = frozenset({310000, 300001, 300005, 400013, 400101})


def sign(timestamp: str, secret_: str) -> str:
    """The signature of a moment in milliseconds."""
    digest = hmac.new(secret_.encode(), f"{timestamp}\n{secret_}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class DingTalk(Channel):
    """The adapter for a DingTalk group robot (``creditgate connect add dingtalk``)."""

    name = "dingtalk"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("access_token", "the part behind access_token= of the robot's webhook address", secret=True),
        Setting("secret", "the secret of the security setting 加签, beginning with SEC", secret=True),
        LEAST,
        INFORMS,
        Setting("base_url", "address of the API", default=LIVE, asked=False),
    )
    hosts: ClassVar[tuple[str, ...] | None] = ("oapi.dingtalk.com",)
    limits = Limits(slots=1, calls=20, per_seconds=60)

    def tell(self, message: Message) -> None:
        """Send one message to the group."""
        head = title(message, self.context)
        text = "\n\n".join([f"#### {head}", *(f"> {line}" for line in message.lines)])
        self.context.http.call(
            "POST",
            self.context.settings["base_url"].rstrip("/") + "/robot/send",
            check=self._check,
            params=self._query,
            json={"msgtype": "markdown", "markdown": {"title": head, "text": cut(text, MOST_BYTES)}},
            repeatable=False,
        )

    def _query(self) -> dict[str, str]:
        timestamp = str(int(self.context.now().timestamp() * 1000))
        return {
            "access_token": secret(self.context, "access_token"),
            "timestamp": timestamp,
            "sign": sign(timestamp, secret(self.context, "secret")),
        }

    def _check(self, answer: requests.Response) -> None:
        check_robot(
            answer,
            "DingTalk",
            busy=_BUSY,
            refused=_REFUSED,
            todo="compare token and secret with the robot's settings, and this machine's clock",
        )

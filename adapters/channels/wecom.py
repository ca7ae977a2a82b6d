"""企业微信 (WeCom) group robot.

Invariant: the key stands in the query alone, which no log and no error repeats.

API facts: ``POST /cgi-bin/webhook/send?key=…`` with ``msgtype`` ``markdown`` of at most 4096 bytes; answers
``errcode`` 0; 20 messages a minute and robot (45009 beyond); 93000 for a key that is not valid. The key is
all there is: these robots have no signature. Source: developer.work.weixin.qq.com, document/path/91770.
"""

from __future__ import annotations

from typing import ClassVar

import requests

from adapters.channels.common import INFORMS, LEAST, check_robot, cut, secret, title
from connector.adapter import Channel, Limits, Setting
from connector.ports.message import Message

LIVE = "https://qyapi.weixin.qq.com"
MOST_BYTES = 4096
_BUSY = frozenset({45009, 45033, -1})
_KEY_WRONG = frozenset({93000, 93017, 40014})
_COLOUR = {"info": "info", "warning": "comment", "alarm": "warning"}


class WeCom(Channel):
    """The adapter for a WeCom group robot (``creditgate connect add wecom``)."""

    name = "wecom"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("key", "the part behind key= of the robot's webhook address", secret=True),
        LEAST,
        INFORMS,
        Setting("base_url", "address of the API", default=LIVE, asked=False),
    )
    hosts: ClassVar[tuple[str, ...] | None] = ("qyapi.weixin.qq.com",)
    limits = Limits(slots=1, calls=20, per_seconds=60)

    def tell(self, message: Message) -> None:
        """Send one message to the group."""
        head = f'**<font color="{_COLOUR[message.severity]}">{title(message, self.context)}</font>**'
        text = "\n".join([head, *(f"> {line}" for line in message.lines)])
        self.context.http.call(
            "POST",
            self.context.settings["base_url"].rstrip("/") + "/cgi-bin/webhook/send",
            check=self._check,
            params={"key": secret(self.context, "key")},
            json={"msgtype": "markdown", "markdown": {"content": cut(text, MOST_BYTES)}},
            repeatable=False,
        )

    def _check(self, answer: requests.Response) -> None:
        check_robot(
            answer,
            "WeCom",
            busy=_BUSY,
            refused=_KEY_WRONG,
            todo="copy the webhook address of the robot again",
        )

"""The message that tells an employee of a new visit (vendor manual: message/send, composite).

Invariant: a message is sent once, right after its task was created by this very call; the vendor knows
no key by which a second one could be told apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.fxiaoke.client import Client
from connector.errors import CreditGateError

# The console cuts titles; nothing states where.
TITLE, TEXT = 60, 500


class Messages:
    """Tells owners of their visits, in ``language`` (``zh…`` or else English)."""

    def __init__(self, client: Client, language: str) -> None:
        self._client = client
        self._zh = language.startswith("zh")

    def tell(self, object_name: str, row_id: str, owner: str, title: str, text: str, due: str) -> str:
        """Send one; empty, or why it could not be sent. The task stands all the same."""
        try:
            self._client.send(self._message(object_name, row_id, owner, title, text, due))
        except CreditGateError as fault:
            if self._zh:
                return f"任务已创建，但未能通知负责人：{fault.what}"
            return f"the task is there, but its owner was not told: {fault.what}"
        return ""

    def _message(
        self, object_name: str, row_id: str, owner: str, title: str, text: str, due: str
    ) -> Mapping[str, Any]:
        head, until, link = "Credit visit", "Due", "Open the task"
        if self._zh:
            head, until, link = "信用拜访", "截止日期", "打开任务"
        content: dict[str, Any] = {
            "head": {"title": head},
            "first": {"content": title[:TITLE] or head},
            "link": {"title": link, "url": deep_link(object_name, row_id)},
        }
        if due:
            content["form"] = [{"label": until, "value": due}]
        if text:
            content["remark"] = {"content": text[:TEXT]}
        return {"toUser": [owner], "msgType": "composite", "composite": content}


def deep_link(object_name: str, row_id: str) -> str:
    """Opens a row in the vendor's apps (vendor manual: message/send)."""
    target = {"objDescApiName": object_name, "objDataId": row_id}
    return f"fs://CRM/udobj?{json.dumps(target, separators=(',', ':'))}"

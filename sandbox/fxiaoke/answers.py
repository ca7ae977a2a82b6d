"""The one form in which Fxiaoke answers: HTTP 200 and an envelope with ``errorCode`` and ``traceId``.

Invariant: the HTTP status never tells success from failure; only ``errorCode`` does (vendor manual:
error codes).
"""

from __future__ import annotations

import uuid
from typing import Any

import orjson
from starlette.responses import Response

BUSY = -1
NO_SCOPE = 10006
OFFSET = 10013
TOO_MANY_CALLS = 14001
TOKEN_MISSING, TOKEN_EXPIRED, NO_CORP = 20005, 20016, 20017
QUOTA_USED = 30002
NO_EMPLOYEE = 30027
PARAMETER = 32000
SERVICE = 50009
NO_SUCH_LOOKUP = 201112011

DESCRIPTIONS = {
    BUSY: "系统繁忙",
    NO_SCOPE: "缺少权限或应用信息错误",
    OFFSET: "参数错误",
    TOO_MANY_CALLS: "接口调用超过限制",
    TOKEN_MISSING: "缺少token",
    TOKEN_EXPIRED: "token不存在或者已经过期",
    NO_CORP: "企业不存在",
    QUOTA_USED: "接口当日调用量已用完",
    NO_EMPLOYEE: "员工不存在",
    PARAMETER: "参数错误",
    SERVICE: "服务异常或超时",
    NO_SUCH_LOOKUP: "查找关联字段的值不存在",
}


class Fault(Exception):
    """A call that is refused with ``code``; ``message`` says why."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message or DESCRIPTIONS[code]


def wrong(message: str) -> Fault:
    """A parameter error."""
    return Fault(PARAMETER, message)


def answer(**content: Any) -> Response:
    """Success."""
    return _envelope(0, "OK", "success", content)


def refusal(fault: Fault, **content: Any) -> Response:
    return _envelope(fault.code, fault.message, DESCRIPTIONS[fault.code], content)


def _envelope(code: int, message: str, description: str, content: dict[str, Any]) -> Response:
    body = {
        "errorCode": code,
        "errorMessage": message,
        "errorDescription": description,
        "traceId": f"E-O.sandbox.{uuid.uuid4().hex}",
        **content,
    }
    return Response(orjson.dumps(body), media_type="application/json")

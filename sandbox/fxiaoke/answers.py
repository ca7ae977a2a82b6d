"""The one form in which Fxiaoke answers: HTTP 200 and an envelope with ``errorCode`` and ``traceId``.

Invariant: the HTTP status never tells success from failure; only ``errorCode`` does (vendor manual:
error codes). Words are Chinese and may change; codes do not.
"""

from __future__ import annotations

import uuid
from typing import Any

import orjson
from starlette.responses import Response

BUSY, SYSTEM = -1, -2
NO_SCOPE = 10006
NO_CORP_TOKEN = OFFSET = 10013  # the vendor uses the number twice
TOO_MANY_CALLS, TOO_OFTEN = 14001, 30004
NOT_AUTHORISED = 15003
TOKEN_MISSING, TOKEN_EXPIRED, NO_CORP = 20005, 20016, 20017
QUOTA_USED, NO_QUOTA = 30002, 30003
NO_DEPARTMENT, NO_EMPLOYEE = 30007, 30027
PARAMETER = 32000
SERVICE = 50009
NO_SUCH_LOOKUP = 201112011

DESCRIPTIONS = {
    BUSY: "系统繁忙",
    SYSTEM: "系统错误",
    NO_SCOPE: "缺少权限或应用信息错误",
    OFFSET: "缺少参数corpAccessToken",
    TOO_MANY_CALLS: "接口调用超过限制",
    NOT_AUTHORISED: "应用未授权",
    20014: "应用未授权给该企业",
    20020: "企业未授权该应用",
    20021: "员工未授权该应用",
    20022: "应用授权已取消",
    20023: "应用已停用",
    TOKEN_MISSING: "缺少token",
    TOKEN_EXPIRED: "token不存在或者已经过期",
    NO_CORP: "企业不存在",
    QUOTA_USED: "接口当日调用量已用完",
    NO_QUOTA: "企业未购买OpenAPI接口调用量",
    TOO_OFTEN: "接口调用频率超过限制",
    NO_DEPARTMENT: "部门不存在",
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


def forbidden() -> Fault:
    """No right to the row. Which code comes with these words is not settled: only the words are known."""
    return Fault(PARAMETER, "无此操作的数据权限")


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

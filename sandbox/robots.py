"""Group robots of 企业微信 and 钉钉 and a signed webhook, as their vendors answer.

Invariant: strict: a key, token or signature that is not right, a body of another form or a message too many
gets the vendor's own error; what came through is shown at ``GET /_sandbox/messages`` and nowhere kept else.

Sources: developer.work.weixin.qq.com document/path/91770; open.dingtalk.com, custom robot and its security
settings (加签). A third manual, the webhook's, is docs/signals.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.faults import CallKind, FaultAnswer
from sandbox.limits import UNLIMITED_FAULT, UNLIMITED_TEXT, Window, without_limits
from sandbox.server import Options, Sandbox, gate

KEY = "sandbox-robot-key"
TOKEN = "sandbox-token"
SECRET = "SECsandbox"
WEBHOOK_SECRET = "sandbox-webhook-secret"
PER_MINUTE = 20
HOUR_MS = 3_600_000
FIVE_MINUTES = 300
Clock = Callable[[], float]


class _Robot:
    """What all of them do: count, keep, show."""

    def __init__(self, clock: Clock, unlimited: bool) -> None:
        self.clock = clock
        self.window = None if unlimited else Window(PER_MINUTE, 60.0, clock)
        self.messages: list[dict[str, Any]] = []

    def busy(self) -> bool:
        return self.window is not None and not self.window.admits("messages")

    async def shown(self, _: Request) -> JSONResponse:
        return JSONResponse({"messages": self.messages})


def _error(code: int, text: str) -> JSONResponse:
    return JSONResponse({"errcode": code, "errmsg": text})


async def _markdown(request: Request, field: str) -> dict[str, Any] | None:
    """The body of a markdown message with its text, or ``None``."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("msgtype") != "markdown":
        return None
    part = body.get("markdown")
    return part if isinstance(part, dict) and part.get(field) else None


class _WeCom(_Robot):
    async def send(self, request: Request) -> JSONResponse:
        if request.query_params.get("key") != KEY:
            return _error(93000, "invalid webhook url")
        part = await _markdown(request, "content")
        if part is None:
            return _error(40058, "invalid Request Parameter")
        if len(str(part["content"]).encode()) > 4096:
            return _error(40058, "markdown.content exceed max length 4096")
        if self.busy():
            return _error(45009, "api freq out of limit")
        self.messages.append({"text": part["content"]})
        return _error(0, "ok")


class _DingTalk(_Robot):
    async def send(self, request: Request) -> JSONResponse:
        query = request.query_params
        if query.get("access_token") != TOKEN:
            return _error(300001, "token is not exist")
        timestamp = query.get("timestamp", "")
        if not timestamp.isdigit() or abs(int(timestamp) - self.clock() * 1000) > HOUR_MS:
            return _error(310000, "invalid timestamp")
        wanted = hmac.new(SECRET.encode(), f"{timestamp}\n{SECRET}".encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(query.get("sign", "").encode(), base64.b64encode(wanted)):
            return _error(310000, "sign not match")
        part = await _markdown(request, "text")
        if part is None or not part.get("title"):
            return _error(40035, "缺少参数 markdown")
        if self.busy():
            return _error(130101, "send too fast, exceed 20 times per minute")
        self.messages.append({"title": part["title"], "text": part["text"]})
        return _error(0, "ok")


class _Webhook(_Robot):
    async def send(self, request: Request) -> JSONResponse:
        body, timestamp = await request.body(), request.headers.get("x-creditgate-timestamp", "")
        made = hmac.new(WEBHOOK_SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        given = request.headers.get("x-creditgate-signature", "")
        late = not timestamp.isdigit() or abs(int(timestamp) - self.clock()) > FIVE_MINUTES
        if late or not hmac.compare_digest(given.encode(), f"v1={made.hexdigest()}".encode()):
            return JSONResponse({"error": "signature"}, status_code=401)
        key = request.headers.get("idempotency-key", "")
        known = next((one for one in self.messages if one["key"] == key), None)
        if known is None:
            self.messages.append({"key": key, "body": json.loads(body), "times": 1})
        else:
            known["times"] += 1
        return JSONResponse({"ok": True})


def _classify(method: str, path: str) -> CallKind:
    return "write"


NAMES = ("wecom", "dingtalk", "webhook")


def build(name: str, options: Options, clock: Clock = time.time) -> ASGIApp:
    """The robot or webhook called ``name``; ``clock`` gives seconds since 1970."""
    path, kind = _PATHS[name]
    options, unlimited = without_limits(options, name)
    robot = kind(clock, unlimited)
    routes = [
        Route(path, robot.send, methods=["POST"]),
        Route("/_sandbox/messages", robot.shown, methods=["GET"]),
    ]
    return gate(Starlette(routes=routes), options, sandbox=name, classify=_classify, dialect=_DIALECT)


_PATHS: dict[str, tuple[str, type[_WeCom | _DingTalk | _Webhook]]] = {
    "wecom": ("/cgi-bin/webhook/send", _WeCom),
    "dingtalk": ("/robot/send", _DingTalk),
    "webhook": ("/signals", _Webhook),
}
_DIALECT: dict[str, FaultAnswer] = {"system_busy": lambda: _error(-1, "system busy")}
_TOLD = {"system_busy": "answer errcode -1, system busy", UNLIMITED_FAULT: UNLIMITED_TEXT}

WECOM = Sandbox(
    name="wecom",
    kind="wecom",
    settings={"base_url": "{base}", "key": KEY},
    app=partial(build, "wecom"),
    default_port=8711,
    faults=_TOLD,
)
DINGTALK = Sandbox(
    name="dingtalk",
    kind="dingtalk",
    settings={"base_url": "{base}", "access_token": TOKEN, "secret": SECRET},
    app=partial(build, "dingtalk"),
    default_port=8712,
    faults=_TOLD,
)
WEBHOOK = Sandbox(
    name="webhook",
    kind="webhook",
    settings={"url": "{base}/signals", "secret": WEBHOOK_SECRET},
    app=partial(build, "webhook"),
    default_port=8713,
    faults={UNLIMITED_FAULT: UNLIMITED_TEXT},
)

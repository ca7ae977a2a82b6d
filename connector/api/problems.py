"""Errors as RFC 9457 problem documents.

Invariant: every error, whoever raises it, leaves as ``application/problem+json`` with the status in it;
it says what the caller can do, never how the inside looks; values that were sent are not sent back.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector import logs
from connector.errors import CreditGateError, Retry

MEDIA_TYPE = "application/problem+json"
BODY_LIMIT = 64 * 1024
# Where the body stands in the state of a request once it was read.
BODY = "body"
RETRY_SECONDS = 5
log = logs.logger("api")

Header = tuple[str, str]


class Complaint(BaseModel):
    """One field that does not fit."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the body, or the parameter.")
    detail: str


class Problem(BaseModel):
    """RFC 9457. ``type`` names the kind of problem; ``detail`` says what to do about it."""

    type: str = Field(examples=["urn:creditgate:problem:unauthorized"])
    title: str
    status: int
    detail: str
    errors: list[Complaint] | None = Field(None, description="What does not fit, with status 422.")


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, detail: str, *headers: Header) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def response(
    status: int, detail: str, errors: list[Complaint] | None = None, headers: tuple[Header, ...] = ()
) -> Response:
    """The problem document for ``status``."""
    phrase = HTTPStatus(status).phrase
    slug = phrase.lower().replace(" ", "-")
    problem = Problem(
        type=f"urn:creditgate:problem:{slug}", title=phrase, status=status, detail=detail, errors=errors
    )
    body = orjson.dumps(problem.model_dump(exclude_none=True))
    return Response(body, status, headers=dict(headers), media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, for OpenAPI."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer what the framework and the endpoints raise."""

    @app.exception_handler(HTTPException)
    def _http(_request: Request, fault: HTTPException) -> Response:
        detail = {404: "there is nothing at this path", 405: "this path has no such method"}
        headers = tuple((fault.headers or {}).items())
        return response(fault.status_code, detail.get(fault.status_code, str(fault.detail)), None, headers)

    @app.exception_handler(RequestValidationError)
    def _invalid(_request: Request, fault: RequestValidationError) -> Response:
        complaints = [
            Complaint(pointer=_pointer(item["loc"]), detail=str(item["msg"]).removeprefix("Value error, "))
            for item in fault.errors()
        ]
        return response(422, "the request does not have the form that is documented", complaints)


def answer(fault: Exception) -> Response:
    """The problem for any exception; what the caller must not see goes to the log, without values."""
    if isinstance(fault, Refused):
        return response(fault.status, fault.detail, None, fault.headers)
    if isinstance(fault, Retry):
        log.warning("cannot_decide", **logs.told(fault))
        seconds = math.ceil(fault.after) if fault.after else RETRY_SECONDS
        detail = "the service cannot decide at this moment: send the same request again"
        return response(503, detail, None, (("Retry-After", str(seconds)),))
    if isinstance(fault, CreditGateError):
        log.error("not_set_up", **logs.told(fault))
        return response(503, "the service is not set up: its operator finds the reason in the log")
    log.error("failed", **logs.told(fault))
    return response(500, "the service failed: its operator finds the place in the log")


class Catch:
    """Outermost: whatever is raised inside becomes a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as fault:
            if scope["type"] != "http" or started:
                raise
            await answer(fault)(scope, receive, send)


class Limit:
    """No body larger than ``BODY_LIMIT`` gets in, whatever its headers claim."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: its body is read here, as far as allowed, and handed on whole."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return
        scope.setdefault("state", {})[BODY] = body
        handed = False

        async def again() -> Message:
            nonlocal handed
            if handed:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; ``None`` if the caller went away."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            raise Refused(413, f"a request has at most {BODY_LIMIT} bytes", ("Connection", "close"))
        if not message.get("more_body", False):
            return b"".join(parts)


def _pointer(place: tuple[int | str, ...]) -> str:
    kind, *rest = place
    if kind == "body":
        parts = [str(part).replace("~", "~0").replace("/", "~1") for part in rest if isinstance(part, str)]
        return "#" + "".join(f"/{part}" for part in parts)
    return "/".join(str(part) for part in place)

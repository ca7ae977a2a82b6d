"""An address that takes the Fxiaoke sandbox's events and hooks, read as the vendor's demo reads them."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.sandbox_server import running

PATIENCE = 10.0


def sha1(*parts: Any) -> str:
    return hashlib.sha1("".join(map(str, parts)).encode()).hexdigest()


def cipher(key: str) -> Cipher[modes.CBC]:
    raw = base64.b64decode(key)
    return Cipher(algorithms.AES(raw), modes.CBC(raw[:16]))


def opened(content: str, key: str) -> str:
    """The text inside, its padding cut off by hand."""
    decryptor = cipher(key).decryptor()
    padded = decryptor.update(base64.b64decode(content)) + decryptor.finalize()
    return padded[: -padded[-1]].decode()


def sealed(text: str, key: str) -> str:
    rest = 16 - len(text.encode()) % 16
    encryptor = cipher(key).encryptor()
    padded = text.encode() + bytes([rest]) * rest
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


class EventReceiver:
    """``envelopes`` as they came, ``events`` what was in them, ``hooks`` header and body of hooks.

    ``deaf`` answers so many events wrongly before it acknowledges one.
    """

    def __init__(self) -> None:
        self.base = ""
        self.key = ""
        self.deaf = 0
        self.envelopes: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.hooks: list[tuple[dict[str, str], bytes]] = []

    async def event(self, request: Request) -> JSONResponse:
        envelope = await request.json()
        retried = [envelope["retryTimes"]] if "retryTimes" in envelope else []
        head = (envelope["timestamp"], envelope["nonce"], envelope["messageId"], *retried)
        signed = sha1(*head, envelope["enterpriseAccount"], envelope["encryptedContent"], self.key)
        assert signed == envelope["signature"]
        self.envelopes.append(envelope)
        self.events.append(json.loads(opened(envelope["encryptedContent"], self.key)))
        self.deaf -= 1
        result, now = (
            sealed("signature is wrong" if self.deaf >= 0 else "success", self.key),
            int(time.time() * 1000),
        )
        return JSONResponse(
            {
                "signature": sha1(now, "n", result, self.key),
                "timestamp": now,
                "nonce": "n",
                "encryptedResult": result,
            }
        )

    async def hook(self, request: Request) -> JSONResponse:
        self.hooks.append((dict(request.headers), await request.body()))
        return JSONResponse({})

    def wait(self, count: int) -> list[dict[str, Any]]:
        """The events once there are ``count``; fewer when they do not come in time."""
        _until(lambda: len(self.events) >= count)
        return self.events

    def wait_for_hooks(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        _until(lambda: len(self.hooks) >= count)
        return self.hooks


def _until(there: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not there() and time.monotonic() < deadline:
        time.sleep(0.01)


@contextmanager
def event_receiver() -> Iterator[EventReceiver]:
    taker = EventReceiver()
    routes = [
        Route("/event", taker.event, methods=["POST"]),
        Route("/hook", taker.hook, methods=["POST"]),
    ]
    with running(Starlette(routes=routes)) as base:
        taker.base = base
        yield taker

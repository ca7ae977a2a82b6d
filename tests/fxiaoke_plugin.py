"""The plugin of Fxiaoke as it is packed, a check service that can be told how to answer, and the platform.

Invariant: what runs here are the packed files themselves, by real Groovy.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.fxiaoke.adapter import FxiaokeCrm
from connector.adapter import PluginSpec, ReadFrom, Written
from connector.gate.check_model import CHECKPOINTS
from connector.locale import LANGUAGES, texts
from connector.mapping.form import load
from connector.model import Stream
from sandbox.fxiaoke.platform import PLATFORM, Run
from tests.sandbox_server import running

MAPPING = load(Path(__file__).parents[1] / "mappings" / "fxiaoke.yaml")
SCRIPTS = "package/fx/custom/apl/script"
KEY, SECRET = "sandbox-key", "hook-secret"
FILL = {
    "PUT THE API KEY OF THE CONNECTION HERE": KEY,
    "PUT THE SAME TEXT HERE AS IN THE SETTING hook_secret": SECRET,
}
ACCOUNT, ORDER = "AccountObj", "SalesOrderObj"
needs_groovy = pytest.mark.skipif(shutil.which("groovy") is None, reason="groovy is not installed")


def plugin_spec(gate_url: str, *, language: str = "zh", **changes: Any) -> PluginSpec:
    """What is packed for the shipped mapping; ``on_failure`` may be one word for every step."""
    written = {}
    for target in ("account", "order", "visit"):
        writer = MAPPING.writer(target)
        assert writer is not None
        written[target] = Written(
            writer.object,
            {one.name: one.vendor_field for one in writer.fields},
            {one.name: one.options for one in writer.fields if one.options},
            tuple(writer.specs(language)),
        )
    settings = {one.key: one.default for one in FxiaokeCrm.plugin_settings if one.default is not None}
    on_failure = changes.pop("on_failure", "hold")
    orders = {
        one.name: ReadFrom(one.key, one.default if isinstance(one.default, str) else None)
        for one in MAPPING.readers[Stream.ORDERS].fields
    }
    made = PluginSpec(
        connection="crm",
        gate_url=gate_url,
        on_failure=dict.fromkeys(CHECKPOINTS, on_failure) if isinstance(on_failure, str) else on_failure,
        seconds=changes.pop("seconds", 4.0),
        language=language,
        texts={tongue: texts(tongue) for tongue in LANGUAGES},
        written=written,
        order_object=ORDER,
        orders=orders | changes.pop("orders", {}),
        settings=settings | changes.pop("settings", {}),
    )
    return replace(made, **changes)


def packed(gate_url: str, **changes: Any) -> dict[str, str]:
    """The packed files, text by path."""
    made = FxiaokeCrm.plugin(plugin_spec(gate_url, **changes))
    return {path: content.decode() for path, content in made.files.items()}


def installed(files: Mapping[str, str]) -> dict[str, Any]:
    """The body of the sandbox's door that installs packed files, all but ``credit_event``."""
    coded = {path: base64.b64encode(text.encode()).decode() for path, text in files.items()}
    return {"files": coded, "key": KEY}


def filled(text: str) -> str:
    """A function with the key and the secret put in, as an admin does."""
    for place, value in FILL.items():
        text = text.replace(place, value)
    return text


class Functions:
    """The packed functions on the platform; the tenant's rows are ``rows`` by (object, id)."""

    def __init__(self, gate_url: str, **changes: Any) -> None:
        self.files = packed(gate_url, **changes)
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.plans: list[dict[str, Any]] = []

    def text(self, name: str) -> str:
        return filled(self.files[f"{SCRIPTS}/{name}__c.groovy"])

    def run(self, name: str, context: Mapping[str, Any], seconds: int = 20, **arguments: Any) -> Run:
        PLATFORM.compile(f"test_{name}", self.text(name))
        known = {"tenantId": "1", "userId": "1000", **context}
        return PLATFORM.run(f"test_{name}", known, arguments, seconds, self._answer)

    def check(self, data: Mapping[str, Any], details: Any = None) -> Run:
        """The function before an order is saved."""
        return self.run("credit_check", {"data": data, "details": details, "arg": {}})

    def _answer(self, name: str, arguments: list[Any]) -> list[Any]:
        if name == "checkins.createPlan":
            self.plans.append(arguments[0])
            return [False, {"checkinId": f"plan-{len(self.plans)}"}, ""]
        row = self.rows.get((arguments[0], arguments[1]))
        if row is None:
            return [True, None, "数据不存在"]
        if name == "object.update":
            row |= arguments[2]
        return [False, row, ""]


class Service:
    """Answers every path as it is told; ``answer`` is a JSON value, or bytes of ``content_type``; ``hang``
    keeps callers waiting until the test ends."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.status = 200
        self.answer: Any = {"decision": "pass", "reasons": []}
        self.content_type = "application/json"
        self.hang = False
        self.done = threading.Event()
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    async def answered(self, request: Request) -> Response:
        content = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.asked.append((request.method, path, json.loads(content) if content else None))
        self.headers.append(dict(request.headers))
        if self.hang:
            await run_in_threadpool(self.done.wait, 30)
        told = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return Response(told, self.status, media_type=self.content_type)


@contextmanager
def service() -> Iterator[tuple[Service, str]]:
    """A service that passes everything until it is told otherwise, and its address."""
    made = Service()
    app = Starlette(routes=[Route("/{path:path}", made.answered, methods=["GET", "POST"])])
    with running(app) as base:
        try:
            yield made, base
        finally:
            made.done.set()


def nowhere() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"

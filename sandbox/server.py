"""What every sandbox is made of: its declaration, its options, and the gate before its vendor paths.

Invariant: side doors (``/_sandbox/…``) are never delayed, counted or made to fail; everything else
is, before the vendor's own code sees it. Which call a fault hits is decided by a seeded generator.

How a sandbox is put together::

    def app(options: Options) -> ASGIApp:
        tenant = Tenant(options.world())
        inner = Starlette(routes=[*vendor_routes(tenant), *crm_doors(tenant)])   # sandbox.doors
        return gate(inner, options, sandbox="zoho", classify=classify, dialect=FAULTS)

    SANDBOX = Sandbox(name="zoho", kind="zoho", settings={"client_id": "sandbox-client", …}, app=app,
                      default_port=8701)
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox import faults
from sandbox.economy import build
from sandbox.faults import COMMON_FAULTS, COMMON_TEXTS, LINE_FAULTS, CallKind, Chances, FaultAnswer
from sandbox.receivables import from_receivables
from sandbox.world import World

SIDE_DOORS = "/_sandbox/"
HANG_SECONDS = 120.0
pause = asyncio.sleep

Classify = Callable[[str, str], CallKind]
"""(HTTP method, path) → what kind of vendor call it is. Called for vendor paths only."""


@dataclass(frozen=True)
class Options:
    """How a sandbox is run.

    ``accounts``, ``seed`` and ``as_of`` (aware UTC; the start of today when left out) choose the
    economy, unless ``receivables`` names a file to build it from. ``latency_ms`` is added to every
    vendor call. ``faults`` maps a fault to its rate 0…1; a fault is a name of ``COMMON_FAULTS`` or of
    the sandbox's own dialect, and may be narrowed to a sandbox, a kind of call or both: ``500``,
    ``zoho.429``, ``write.drop``, ``fxiaoke.read.hang``.
    """

    accounts: int = 200
    seed: int = 7
    as_of: dt.datetime | None = None
    latency_ms: int = 0
    faults: Mapping[str, float] = field(default_factory=dict)
    receivables: Path | None = None
    receivables_mapping: Path | None = None

    def __post_init__(self) -> None:
        # Settled once, so that all sandboxes that share these options share one day.
        if self.as_of is None:
            today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            object.__setattr__(self, "as_of", today)

    def world(self) -> World:
        """The economy; the same object for equal options. ``ValueError`` for a bad receivables file."""
        assert self.as_of is not None  # noqa: S101 - see __post_init__
        if self.receivables is not None:
            return from_receivables(self.receivables, self.as_of.date(), self.receivables_mapping)
        return build(self.accounts, self.seed, self.as_of)


@dataclass(frozen=True)
class Sandbox:
    """One sandbox, as the entry points ``creditgate.sandbox`` name it.

    ``kind`` is what ``creditgate connect add`` takes; ``settings`` are the exact credentials, in which
    ``{base}`` stands for the server's base URL without a slash at the end. ``faults`` tells what the
    sandbox's own faults do, beside the common ones.
    """

    name: str
    kind: str
    settings: Mapping[str, str]
    app: Callable[[Options], ASGIApp]
    default_port: int
    faults: Mapping[str, str] = field(default_factory=dict)

    def told_faults(self) -> dict[str, str]:
        """What ``--fault`` takes here and what it does: the common faults first, then the sandbox's own,
        narrowed to it, since the others do not know them."""
        own = {f"{self.name}.{name}": text for name, text in self.faults.items() if name not in COMMON_TEXTS}
        return {name: text for name, text in {**COMMON_TEXTS, **own}.items() if text}

    def settings_at(self, base: str) -> dict[str, str]:
        """The settings for a server that answers at ``base``."""
        return {key: value.replace("{base}", base.rstrip("/")) for key, value in self.settings.items()}


class _Calls:
    """Vendor calls so far, by kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[CallKind, int] = {"read": 0, "write": 0, "token": 0}

    def count(self, kind: CallKind) -> None:
        with self._lock:
            self._counts[kind] += 1

    def snapshot(self) -> dict[CallKind, int]:
        with self._lock:
            return dict(self._counts)


def gate(
    app: ASGIApp,
    options: Options,
    *,
    sandbox: str,
    classify: Classify,
    dialect: Mapping[str, FaultAnswer] | None = None,
    inside: Collection[str] = (),
) -> ASGIApp:
    """``app`` behind latency, call counting and faults; answers ``GET /_sandbox/calls`` itself.

    ``dialect`` adds faults or replaces common ones by answers in the vendor's own form; the faults
    ``inside`` are known and left to ``app``, see ``chances_inside``. Raises ``ValueError`` for an unknown
    fault in ``options.faults``.
    """
    answers = {**COMMON_FAULTS, **(dialect or {})}
    asked = faults.asked_for(sandbox, options.faults, {*answers, *LINE_FAULTS, "burst", *inside})
    mine = [fault for fault in asked if fault.name not in inside]
    chances = Chances(mine, f"{options.seed}/{sandbox}/faults")
    calls = _Calls()

    async def gated(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        path = scope["path"]
        if path.startswith(SIDE_DOORS):
            if path == f"{SIDE_DOORS}calls" and scope["method"] == "GET":
                await JSONResponse(calls.snapshot())(scope, receive, send)
            else:
                await app(scope, receive, send)
            return
        kind = classify(scope["method"], path)
        calls.count(kind)
        if options.latency_ms:
            await pause(options.latency_ms / 1000)
        fault = chances.strikes(kind)
        if fault is None:
            await app(scope, receive, send)
        elif fault in answers:
            await answers[fault]()(scope, receive, send)
        elif fault == "hang":
            await _until_gone(receive)
        else:
            if fault == "lost":
                await app(scope, receive, _swallow)
            await _close_line(receive, send)

    return gated


def chances_inside(options: Options, sandbox: str, inside: Collection[str]) -> Chances:
    """The chances of the faults that a sandbox carries out itself. The gate has checked their names."""
    mine = {text: rate for text, rate in options.faults.items() if text.rpartition(".")[2] in inside}
    return Chances(faults.asked_for(sandbox, mine, inside), f"{options.seed}/{sandbox}/inside")


async def _swallow(message: MutableMapping[str, Any]) -> None:
    """Takes the vendor's answer and gives it to nobody."""


async def _until_gone(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), HANG_SECONDS)
    except TimeoutError:
        return


async def _close_line(receive: Receive, send: Send) -> None:
    """Close the connection without an answer.

    ASGI has no word for that; uvicorn's ``send`` belongs to the object that owns the transport. On
    another server the answer breaks off after its headers, which a client cannot use either.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        await _until_gone(receive)
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})

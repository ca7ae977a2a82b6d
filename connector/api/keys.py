"""Who asks: an API key is the plugin of one connection.

Invariant: nothing below ``/v1/`` is read or answered without a valid key that is for it, and a key answers
only for its own connection. A signed call is heard once, within minutes of its time, with the body that was
signed. The CRMs' own events alone come without: they carry another proof (``connector.api.hooks``). What is
refused is counted in the log, never with what was sent.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import threading
from dataclasses import dataclass

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from connector import logs
from connector.api.problems import BODY, Refused
from connector.hooks import PATH
from connector.runtime import Runtime
from connector.store.api_keys import MINUTE, ApiKey, ApiKeys

PROTECTED = "/v1/"
EVENTS = PATH
SIGNED = "CreditGate-HMAC-SHA256"
# A signed call is believed this long before and after its time: clocks differ.
FRESH = dt.timedelta(minutes=5)
_CHALLENGE = ("WWW-Authenticate", f'Bearer realm="creditgate", {SIGNED} realm="creditgate"')
_SIGNATURE = re.compile(
    r"key=(?P<key>[0-9]{1,18}), *time=(?P<time>[0-9]{1,12}), *nonce=(?P<nonce>[A-Za-z0-9_-]{16,64}), *"
    r"signature=(?P<signature>[0-9a-f]{64})"
)
log = logs.logger("api")


@dataclass(frozen=True)
class _Proof:
    """What a signed call carries; it is judged once the body is there."""

    key: int
    time: str
    nonce: str
    signature: str


class Keys:
    """Finds the key of a request before anything else of it is looked at."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._keys = ApiKeys(runtime.store, runtime.config.cipher())
        self._clock = runtime.clock
        self._refusals = _Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; the key is then ``request.state.key``."""
        if scope["type"] == "http" and _protected(scope):
            scheme, _, rest = _authorization(scope).partition(" ")
            state = scope.setdefault("state", {})
            if scheme.lower() == "bearer" and rest.strip():
                found = await run_in_threadpool(self._keys.bearer, rest.strip(), self._clock())
                if found is None:
                    raise self._refusals.refused(scope, "key_not_valid")
                state["key"] = found
            elif scheme == SIGNED and (parts := _SIGNATURE.fullmatch(rest.strip())):
                state["proof"] = _Proof(int(parts["key"]), parts["time"], parts["nonce"], parts["signature"])
            else:
                raise self._refusals.refused(scope, "no_key")
        await self._app(scope, receive, send)


class Signatures:
    """Judges signed calls, inside of what reads their bodies."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._keys = ApiKeys(runtime.store, runtime.config.cipher())
        self._clock = runtime.clock
        self._refusals = _Refusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        state = scope.get("state") or {}
        if scope["type"] == "http" and "proof" in state:
            state["key"] = await run_in_threadpool(self._judge, scope, state["proof"], state.get(BODY, b""))
        await self._app(scope, receive, send)

    def _judge(self, scope: Scope, proof: _Proof, body: bytes) -> ApiKey:
        now = self._clock()
        if abs(now.timestamp() - int(proof.time)) > FRESH.total_seconds():
            raise self._refusals.refused(scope, "signature_not_fresh")
        found = self._keys.signer(proof.key, now)
        expected = signature(
            found[1] if found else b"", scope["method"], _target(scope), proof.time, proof.nonce, body
        )
        if found is None or not hmac.compare_digest(expected, proof.signature):
            raise self._refusals.refused(scope, "signature_wrong")
        if not self._keys.first(proof.key, proof.nonce, now):
            raise self._refusals.refused(scope, "heard_before")
        return found[0]


class Meter:
    """Counts calls by key, for all processes together, in packets."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._keys = ApiKeys(runtime.store, runtime.config.cipher())
        self._clock = runtime.clock
        self._most = runtime.config.calls_per_minute
        self._left: dict[int, tuple[dt.datetime, int]] = {}
        self._lock, self._leasing = threading.Lock(), threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        key = (scope.get("state") or {}).get("key")
        if scope["type"] == "http" and key is not None and not self._from_packet(key.id):
            await run_in_threadpool(self._lease, key.id)
        await self._app(scope, receive, send)

    def _from_packet(self, key: int) -> bool:
        now = self._clock()
        with self._lock:
            minute, left = self._left.get(key, (now, 0))
            if left <= 0 or minute != _minute(now):
                return False
            self._left[key] = (minute, left - 1)
        return True

    def _lease(self, key: int) -> None:
        with self._leasing:
            if not self._from_packet(key):  # another call may have brought one meanwhile
                self._take_packet(key)

    def _take_packet(self, key: int) -> None:
        now = self._clock()
        minute = _minute(now)
        granted = self._keys.lease(key, minute, self._most, max(1, self._most // 20))
        if not granted:
            seconds = int((minute + MINUTE - now).total_seconds()) + 1
            detail = f"this API key has made {self._most} calls this minute: wait"
            raise Refused(429, detail, ("Retry-After", str(seconds)))
        with self._lock:
            before, left = self._left.get(key, (minute, 0))
            self._left[key] = (minute, (left if before == minute else 0) + granted - 1)


class _Refusals:
    """Counts what was refused; whoever sends much does not fill the log."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    def refused(self, scope: Scope, why: str) -> Refused:
        """The answer to one that could not prove itself, which tells nothing of why."""
        with self._lock:
            self._count += 1
            count = self._count
        if count < 10 or count & (count - 1) == 0:
            area = "/".join(scope["path"].split("/")[:3])
            log.warning("call_refused", method=scope["method"], area=area, outcome=why, count=count)
        detail = "send the API key of a connection as 'Authorization: Bearer KEY', or sign the call"
        return Refused(401, detail, _CHALLENGE)


def signature(secret: bytes, method: str, target: str, time: str, nonce: str, body: bytes) -> str:
    """HMAC-SHA256 (hex) over method, path with query, time (seconds since 1970), nonce and the SHA-256 of the
    body, one a line."""
    text = "\n".join((method, target, time, nonce, hashlib.sha256(body).hexdigest()))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def key_of(request: Request) -> ApiKey:
    """The key that came with the request."""
    found = request.state.key
    assert isinstance(found, ApiKey)  # noqa: S101 - the middleware has put it there
    return found


class Scoped:
    """A dependency: the key of the request, which must be for ``scope``."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    async def __call__(self, request: Request) -> ApiKey:  # a plain one would change threads
        """The key."""
        found = key_of(request)
        if self._scope not in found.scopes:
            log.warning("scope_refused", target=self._scope, key=found.id)
            raise Refused(403, f"this API key is not for {self._scope!r}")
        return found


def _minute(now: dt.datetime) -> dt.datetime:
    return now.replace(second=0, microsecond=0)


def _target(scope: Scope) -> str:
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string") or b""
    target: bytes = raw.split(b"?")[0] + (b"?" + query if query else b"")
    return target.decode("latin-1")


def _protected(scope: Scope) -> bool:
    path = scope["path"]
    event = scope["method"] == "POST" and path.startswith(EVENTS)
    return bool(path.startswith(PROTECTED) and not event)


def _authorization(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    return values[0].decode("latin-1") if len(values) == 1 else ""

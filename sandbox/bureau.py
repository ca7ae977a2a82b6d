"""A rating agency that answers as Creditsafe Connect does, about the companies of the economy.

Invariant: what it says follows from the company's health and statements alone, so that two servers
over one economy give the same report. ``pod`` is in percent, amounts are whole major units.

Sources: the vendor's public pages on authentication, security and error codes; its help pages for the
wording of errors; reports as public clients read them. Companies that failed or give no accounts
carry the letter E, which means *not rated*; some companies are not on file at all. The vendor's own
search takes one set of criteria at a time (regNo, vatNo, safeNo, id, or name).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.bureau_monitoring import PORTFOLIO, Portfolio
from sandbox.faults import CallKind
from sandbox.reports import CompanyFile
from sandbox.server import Options, Sandbox, gate
from sandbox.world import World

USERNAME = "sandbox-user"
PASSWORD = "sandbox-password"
TOKEN_SECONDS = 3600
BAD_LOGINS = 5
BAD_LOGIN_WINDOW = 120.0
LOCKOUT_SECONDS = 300.0

_DENIED = (
    "Access denied - Please check that your username and password are correct. Please be aware that "
    "usernames and passwords are case sensitive. If the problem persists, please contact your "
    "Creditsafe account manager."
)
_TOO_MANY = "Too many identical requests within a 2-minute period or total amount of requests exceeded"
_ALONE = ("id", "safeNo", "regNo", "vatNo")
_CRITERIA = (*_ALONE, "name")

Clock = Callable[[], float]
Files = dict[str, CompanyFile]


class _Doorkeeper:
    """Logins and tokens. ``clock`` gives seconds since 1970, as a token states its expiry in them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._bad: dict[bytes, deque[float]] = {}
        self._locked_until = float("-inf")

    def login(self, username: Any, password: Any) -> tuple[int, dict[str, str]]:
        """Status and body of ``POST /authenticate``."""
        now = self._clock()
        with self._lock:
            if now < self._locked_until:
                return 429, {"message": _TOO_MANY}
            if (username, password) == (USERNAME, PASSWORD):
                return 200, {"token": self._token(now)}
            # Only a digest is kept: enough to see that a bad request is the same one again.
            same = hashlib.sha256(json.dumps([username, password]).encode()).digest()
            bad = self._bad.setdefault(same, deque())
            bad.append(now)
            while bad[0] < now - BAD_LOGIN_WINDOW:
                bad.popleft()
            if len(bad) >= BAD_LOGINS:
                self._locked_until = now + LOCKOUT_SECONDS
                self._bad.clear()
        return 401, {"message": _DENIED}

    def _token(self, now: float) -> str:
        claims = {"sub": USERNAME, "jti": uuid.uuid4().hex, "exp": int(now) + TOKEN_SECONDS}
        body = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        return f"{body}.{self._signature(body)}"

    def _signature(self, body: str) -> str:
        digest = hmac.new(self._key, body.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def admits(self, header: str | None) -> bool:
        """Whether the Authorization header holds a live token, with or without ``Bearer``."""
        token = (header or "").removeprefix("Bearer ").strip()
        body, _, signature = token.rpartition(".")
        if not body or not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            return False
        claims = body.partition(".")[2]
        padded = claims + "=" * (-len(claims) % 4)
        return bool(json.loads(base64.urlsafe_b64decode(padded))["exp"] > self._clock())


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _refused(status: int, message: str, details: str) -> JSONResponse:
    body = {"correlationId": str(uuid.uuid4()), "message": message, "details": details}
    return JSONResponse(body, status_code=status)


class _Agency:
    """The endpoints below ``/v1``."""

    def __init__(self, files: Files, clock: Clock) -> None:
        self._door = _Doorkeeper(clock)
        self._files = files
        self.portfolio = Portfolio(self._files, self._stopped)

    def routes(self) -> list[Route]:
        return [
            Route("/v1/authenticate", self._authenticate, methods=["POST"]),
            Route("/v1/companies/searchcriteria", self._search_criteria, methods=["GET"]),
            Route("/v1/companies", self._search, methods=["GET"]),
            Route("/v1/companies/{connect_id}", self._report, methods=["GET"]),
            *self.portfolio.routes(),
            Route("/_sandbox/content", self._content, methods=["GET"]),
        ]

    async def _authenticate(self, request: Request) -> JSONResponse:
        try:
            body = await request.json()
        except ValueError:
            return JSONResponse({"message": "Bad request"}, status_code=400)
        credentials = body if isinstance(body, dict) else {}
        status, answer = self._door.login(credentials.get("username"), credentials.get("password"))
        return JSONResponse(answer, status_code=status)

    def _stopped(self, request: Request) -> JSONResponse | None:
        if self._door.admits(request.headers.get("authorization")):
            return None
        return _refused(401, "Unauthorized", "Invalid token")

    async def _search_criteria(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        sets: list[dict[str, Any]] = [{name: {"required": True}} for name in _ALONE]
        sets.append({"name": {"required": True}, "exact": {"required": False}})
        countries = _countries(request)
        return JSONResponse({"countries": countries, "languages": ["EN"], "criteriaSets": sets})

    async def _search(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        countries = _countries(request)
        if not countries:
            return _refused(400, "Bad request", "countries is required")
        given = request.query_params
        asked = {name: given[name] for name in _CRITERIA if given.get(name)}
        if len(asked) != 1:
            return _refused(400, "Bad request", "Specified criteria combination is not allowed")
        try:
            page, size = int(given.get("page", "1")), int(given.get("pageSize", "10"))
        except ValueError:
            page = size = 0
        if page < 1 or not 1 <= size <= 100:
            return _refused(400, "Bad request", "page or pageSize is out of range")
        if given.get("exact", "").lower() == "true":
            asked["exact"] = "true"
        found = await run_in_threadpool(self._find, countries, asked)
        shown = found[(page - 1) * size : page * size]
        return JSONResponse(
            {
                "correlationId": str(uuid.uuid4()),
                "totalSize": len(found),
                "companies": [file.entry() for file in shown],
            }
        )

    def _find(self, countries: list[str], asked: dict[str, str]) -> list[CompanyFile]:
        """Companies that match, the most relevant first."""
        scored = [
            (relevance, file.connect_id, file)
            for file in self._files.values()
            if file.company.country in countries and (relevance := file.relevance(asked))
        ]
        scored.sort(key=lambda item: (-item[0], item[1]))
        return [file for _, _, file in scored]

    async def _report(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        file = self._files.get(request.path_params["connect_id"])
        if file is None:
            return _refused(404, "Not found", "Company not found")
        language = request.query_params.get("language", "en")
        if len(language) != 2 or not language.isalpha():
            return _refused(400, "Bad request", "language must be two letters")
        return JSONResponse({"correlationId": str(uuid.uuid4()), **file.order()})

    async def _content(self, _: Request) -> JSONResponse:
        """Nothing is ever written to an agency: its content is what it has on file."""
        entries = [self._files[key].entry() for key in sorted(self._files)]
        return JSONResponse({"companies": entries})


def _countries(request: Request) -> list[str]:
    text = request.query_params.get("countries", "")
    return [code.strip().upper() for code in text.split(",") if code.strip()]


def _classify(method: str, path: str) -> CallKind:
    return "token" if path.endswith("/authenticate") else "read"


def app(options: Options, clock: Clock = time.time) -> ASGIApp:
    """The agency over the economy of ``options``; ``clock`` gives seconds since 1970."""
    return build(files_of(options.world()), options, clock)[0]


def files_of(world: World) -> Files:
    """What the agency has on file about the companies of ``world``, by its own number."""
    files = (CompanyFile.of(company, world) for company in world.companies)
    return {file.connect_id: file for file in files if file is not None}


def build(files: Files, options: Options, clock: Clock) -> tuple[ASGIApp, Portfolio]:
    """The agency over ``files``, which may change while it serves, and the portfolio that it watches."""
    agency = _Agency(files, clock)
    inner = Starlette(routes=agency.routes())
    return gate(inner, options, sandbox="bureau", classify=_classify), agency.portfolio


SANDBOX = Sandbox(
    name="bureau",
    kind="creditsafe",
    settings={"base_url": "{base}/v1", "username": USERNAME, "password": PASSWORD, "portfolio": PORTFOLIO},
    app=app,
    default_port=8703,
)

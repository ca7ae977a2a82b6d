"""A rating agency that answers as D&B Direct+ does, about the companies of the economy.

Invariant: strict where the vendor is known to be: a token for everything, a contract that covers named
data blocks, five calls a second, a legal ground for German companies. A block that is not bought is
refused exactly as a bad token is: status 401, code 00004.

Sources: public clients of Direct+; a public OpenAPI sketch of monitoring; an integration's notes on the
codes 21113 and 21012. Pulling takes notifications off the queue. The codes of other errors are not
public and stand here as 10001 (bad request) and 10003 (not found).
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.dnb_files import DnbFile
from sandbox.faults import CallKind
from sandbox.likeness import letters, likeness
from sandbox.limits import UNLIMITED_FAULT, UNLIMITED_TEXT, Window, without_limits
from sandbox.server import Options, Sandbox, gate
from sandbox.world import World

KEY, SECRET = "sandbox-key", "sandbox-secret"
TOKEN_SECONDS = 86_400
CALLS_PER_SECOND = 5
BOUGHT = re.compile(r"(companyinfo|financialstrengthinsight|paymentinsight|companyfinancials)_L[1-4]_v[1-3]")

Clock = Callable[[], float]


class _Agency:
    """The endpoints of Direct+."""

    def __init__(self, world: World, clock: Clock, unlimited: bool) -> None:
        self._clock = clock
        self._files = {f.duns: f for f in (DnbFile.of(company, world) for company in world.companies) if f}
        self._window = None if unlimited else Window(CALLS_PER_SECOND, 1.0, clock)
        self._tokens: dict[str, float] = {}
        self._registrations: dict[str, set[str]] = {}
        self._waiting: dict[str, list[dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        registration = "/v1/monitoring/registrations/{reference}"
        return [
            Route("/v3/token", self._token, methods=["POST"]),
            Route("/v1/match/cleanseMatch", self._match, methods=["GET"]),
            Route("/v1/data/duns/{duns}", self._data, methods=["GET"]),
            Route("/v1/monitoring/registrations", self._register, methods=["POST"]),
            Route(f"{registration}/duns", self._portfolio, methods=["POST", "DELETE"]),
            Route(f"{registration}/notifications", self._notifications, methods=["GET"]),
            Route("/_sandbox/content", self._content, methods=["GET"]),
            Route("/_sandbox/change", self._change, methods=["POST"]),
        ]

    async def _token(self, request: Request) -> JSONResponse:
        wanted = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        form = dict(part.partition("=")[::2] for part in (await request.body()).decode().split("&"))
        if request.headers.get("authorization") != wanted:
            return _problem(401, "00004", "You are not authorised")
        if form.get("grant_type") != "client_credentials":
            return _problem(400, "10001", "grant_type is missing")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = self._clock() + TOKEN_SECONDS
        return JSONResponse({"access_token": token, "token_type": "bearer", "expiresIn": TOKEN_SECONDS})

    def _stopped(self, request: Request) -> JSONResponse | None:
        if self._window is not None and not self._window.admits("calls"):
            return _problem(429, "00047", "Too many calls", {"Retry-After": "1"})
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or self._tokens.get(token, 0.0) <= self._clock():
            return _problem(401, "00004", "You are not authorised")
        return None

    async def _match(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        given = request.query_params
        country, name, number = (
            given.get(key, "") for key in ("countryISOAlpha2Code", "name", "registrationNumber")
        )
        if not re.fullmatch("[A-Z]{2}", country) or not (name or number):
            return _problem(400, "10001", "name or registrationNumber and countryISOAlpha2Code are needed")
        scored = []
        for file in self._files.values():
            if file.company.country != country:
                continue
            same = bool(number and file.number and letters(number) == letters(file.number))
            confidence = 10 if same else round(10 * likeness(letters(file.company.name), letters(name)))
            if confidence >= 4:
                scored.append((confidence, file.duns, file))
        scored.sort(key=lambda item: (-item[0], item[1]))
        most = int(given.get("candidateMaximumQuantity", "10"))
        if not scored:
            return _problem(404, "10003", "No match found")
        found = [file.candidate(at + 1, confidence) for at, (confidence, _, file) in enumerate(scored[:most])]
        return _answer({"candidatesMatchedQuantity": len(found), "matchCandidates": found})

    async def _data(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        blocks = [block for block in request.query_params.get("blockIDs", "").split(",") if block]
        if not blocks:
            return _problem(400, "10001", "blockIDs is missing")
        if not all(BOUGHT.fullmatch(block) for block in blocks):
            return _problem(401, "00004", "You are not authorised for this product")
        file = self._files.get(request.path_params["duns"])
        if file is None:
            return _problem(404, "10003", "Requested D-U-N-S number not found")
        if file.company.country == "DE" and not request.query_params.get("orderReason", "").isdigit():
            return _problem(400, "10001", "orderReason is needed")
        return _answer({"organization": file.organization()})

    async def _register(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        body = await _body(request)
        reference = body.get("registrationReference")
        if not isinstance(reference, str) or not reference or body.get("deliveryMethod") != "API_PULL":
            return _problem(400, "10001", "registrationReference and deliveryMethod are needed")
        if reference in self._registrations:
            return _problem(409, "10001", "The registration exists")
        self._registrations[reference] = set()
        return _answer({"registrationReference": reference, "status": "ACTIVE"}, 201)

    async def _portfolio(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        portfolio = self._registrations.get(request.path_params["reference"])
        if portfolio is None:
            return _problem(404, "10003", "No such registration")
        listed = (await _body(request)).get("dunsList")
        if not isinstance(listed, list) or not all(re.fullmatch("[0-9]{9}", str(duns)) for duns in listed):
            return _problem(400, "10001", "dunsList is no list of D-U-N-S numbers")
        if request.method == "DELETE":
            portfolio.difference_update(listed)
            return _answer({"removedQuantity": len(listed)})
        if portfolio.issuperset(listed):
            return _problem(400, "21012", "The requested duns already exists in your registration")
        portfolio.update(listed)
        said = {"code": "21113", "message": "Requested duns added to registration successfully"}
        return _answer({"addedQuantity": len(listed), "information": said})

    async def _notifications(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        reference = request.path_params["reference"]
        if reference not in self._registrations:
            return _problem(404, "10003", "No such registration")
        most = int(request.query_params.get("maximumQuantity", "100"))
        if not 1 <= most <= 1000:
            return _problem(400, "10001", "maximumQuantity is out of range")
        waiting = self._waiting.get(reference, [])
        self._waiting[reference] = waiting[most:]
        return _answer({"notifications": waiting[:most]})

    async def _content(self, _: Request) -> JSONResponse:
        watched = {reference: sorted(portfolio) for reference, portfolio in self._registrations.items()}
        companies = [{"duns": duns, "name": self._files[duns].company.name} for duns in sorted(self._files)]
        return JSONResponse({"companies": companies, "watched": watched})

    async def _change(self, request: Request) -> JSONResponse:
        """Something changes about ``duns``: a notification for every registration that holds it."""
        body = await _body(request)
        told = 0
        for reference, portfolio in self._registrations.items():
            if body.get("duns") in portfolio:
                notification = {
                    "duns": body["duns"],
                    "changeTimestamp": body.get("at", "2026-03-01T08:00:00Z"),
                    "blockID": "financialstrengthinsight_L4_v1",
                    "elementId": body.get("element", "dnbAssessment.failureScore.classScore"),
                    "previousValue": 2,
                    "currentValue": body.get("value", 4),
                }
                self._waiting.setdefault(reference, []).append(notification)
                told += 1
        return JSONResponse({"told": told})


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _detail() -> dict[str, str]:
    return {"transactionID": f"rrt-{secrets.token_hex(6)}", "inLanguage": "en-US"}


def _answer(body: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse({"transactionDetail": _detail(), **body}, status_code=status)


def _problem(status: int, code: str, said: str, headers: dict[str, str] | None = None) -> JSONResponse:
    body = {"transactionDetail": _detail(), "error": {"errorCode": code, "errorMessage": said}}
    return JSONResponse(body, status_code=status, headers=headers)


def _classify(method: str, path: str) -> CallKind:
    if path == "/v3/token":
        return "token"
    return "read" if method == "GET" else "write"


def app(options: Options, clock: Clock = time.time) -> ASGIApp:
    """The agency over the economy of ``options``; ``clock`` gives seconds since 1970."""
    options, unlimited = without_limits(options, "dnb")
    inner = Starlette(routes=_Agency(options.world(), clock, unlimited).routes())
    return gate(inner, options, sandbox="dnb", classify=_classify)


SANDBOX = Sandbox(
    name="dnb",
    kind="dnb",
    settings={"base_url": "{base}", "key": KEY, "secret": SECRET, "order_reason_de": "6332"},
    app=app,
    default_port=8706,
    faults={UNLIMITED_FAULT: UNLIMITED_TEXT},
)

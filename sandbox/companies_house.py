"""The register of British companies, as the Companies House API answers, about the economy.

Invariant: strict as the register is: a key as user name with an empty password, 600 calls in five
minutes for each key, company numbers of eight characters only. A flag that is false is left out.

Sources: the public API pages on rate limits (429 beyond, ``X-Ratelimit-Remain`` and ``-Reset``), profile
and insolvency as public clients read them. Practitioners are made-up persons.
"""

from __future__ import annotations

import base64
import datetime as dt
import time
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.faults import CallKind
from sandbox.likeness import letters, likeness
from sandbox.limits import UNLIMITED_FAULT, UNLIMITED_TEXT, without_limits
from sandbox.server import Options, Sandbox, gate
from sandbox.world import Company, World

API_KEY = "sandbox-companies-house-key"
CALLS, SECONDS = 600, 300
LIQUIDATED_BELOW = 0.1

Clock = Callable[[], float]


class _Register:
    """The endpoints of the register."""

    def __init__(self, world: World, clock: Clock, unlimited: bool) -> None:
        self._clock = clock
        self._unlimited = unlimited
        self._passed: deque[float] = deque()
        self._today = world.as_of.date()
        self._companies = {
            company.registration_no: company
            for company in world.companies
            if company.country == "GB" and company.registration_no and not company.sole_trader
        }

    def routes(self) -> list[Route]:
        return [
            Route("/search/companies", self._answered(self._search), methods=["GET"]),
            Route("/company/{number}", self._answered(self._profile), methods=["GET"]),
            Route("/company/{number}/insolvency", self._answered(self._insolvency), methods=["GET"]),
            Route("/_sandbox/content", self._content, methods=["GET"]),
        ]

    def _answered(self, answer: Callable[[Request], JSONResponse]) -> Callable[[Request], Any]:
        """``answer`` behind the key and the rate limit, which every answer states."""

        async def answered(request: Request) -> JSONResponse:
            now = self._clock()
            while self._passed and self._passed[0] <= now - SECONDS:
                self._passed.popleft()
            left = CALLS - len(self._passed)
            reset = (self._passed[0] if self._passed else now) + SECONDS
            if left <= 0 and not self._unlimited:
                response = JSONResponse({"error": "Rate limit exceeded"}, status_code=429)
            else:
                self._passed.append(now)
                left -= 1
                response = answer(request) if _admitted(request) else _refused()
            response.headers["X-Ratelimit-Limit"] = str(CALLS)
            response.headers["X-Ratelimit-Remain"] = str(CALLS if self._unlimited else max(0, left))
            response.headers["X-Ratelimit-Reset"] = str(int(reset))
            response.headers["X-Ratelimit-Window"] = "5m"
            return response

        return answered

    def _search(self, request: Request) -> JSONResponse:
        asked = letters(request.query_params.get("q", ""))
        if not asked:
            return JSONResponse({"errors": [{"error": "q is missing"}]}, status_code=400)
        scored = [(likeness(letters(company.name), asked), no) for no, company in self._companies.items()]
        found = sorted((item for item in scored if item[0] >= 0.4), key=lambda item: (-item[0], item[1]))
        most = int(request.query_params.get("items_per_page", "20"))
        items = [
            {
                "company_number": number,
                "title": self._companies[number].name.upper(),
                "company_status": self._status(self._companies[number]),
                "company_type": "ltd",
                "kind": "searchresults#company",
            }
            for _, number in found[:most]
        ]
        return JSONResponse({"items": items, "total_results": len(found), "kind": "search#companies"})

    def _profile(self, request: Request) -> JSONResponse:
        number = request.path_params["number"]
        company = self._companies.get(number)
        if company is None:
            return _nothing("company-profile-not-found")
        rng = Random(f"{number}/profile")
        made_up = dt.date(self._today.year - 1, 12, 31)
        profile: dict[str, Any] = {
            "company_name": company.name.upper(),
            "company_number": number,
            "company_status": self._status(company),
            "type": "ltd",
            "jurisdiction": "england-wales",
            "date_of_creation": (company.customer_since - dt.timedelta(days=900)).isoformat(),
            "accounts": {"last_accounts": {"made_up_to": made_up.isoformat(), "type": "full"}},
            "confirmation_statement": {},
        }
        if company.health < 0.3 and rng.random() < 0.7:
            profile["accounts"]["overdue"] = True
        if company.health < LIQUIDATED_BELOW:
            profile["has_insolvency_history"] = True
        elif company.health < 0.15:
            profile["company_status_detail"] = "active-proposal-to-strike-off"
        return JSONResponse(profile)

    def _insolvency(self, request: Request) -> JSONResponse:
        number = request.path_params["number"]
        company = self._companies.get(number)
        if company is None or company.health >= LIQUIDATED_BELOW:
            return _nothing("company-insolvencies-not-found")
        since = self._today - dt.timedelta(days=Random(f"{number}/case").randint(20, 200))
        case = {
            "number": "1",
            "type": "creditors-voluntary-liquidation",
            "dates": [{"type": "wound-up-on", "date": since.isoformat()}],
            "practitioners": [{"name": "Made Up Practitioner", "role": "practitioner"}],
        }
        return JSONResponse({"cases": [case]})

    def _status(self, company: Company) -> str:
        return "liquidation" if company.health < LIQUIDATED_BELOW else "active"

    async def _content(self, _: Request) -> JSONResponse:
        return JSONResponse({"companies": sorted(self._companies)})


def _admitted(request: Request) -> bool:
    wanted = "Basic " + base64.b64encode(f"{API_KEY}:".encode()).decode()
    return request.headers.get("authorization") == wanted


def _refused() -> JSONResponse:
    return JSONResponse({"error": "Invalid Authorization", "type": "ch:service"}, status_code=401)


def _nothing(error: str) -> JSONResponse:
    return JSONResponse({"errors": [{"type": "ch:service", "error": error}]}, status_code=404)


def _classify(method: str, path: str) -> CallKind:
    return "read"


def app(options: Options, clock: Clock = time.time) -> ASGIApp:
    """The register over the economy of ``options``; ``clock`` gives seconds since 1970."""
    options, unlimited = without_limits(options, "companies-house")
    inner = Starlette(routes=_Register(options.world(), clock, unlimited).routes())
    return gate(inner, options, sandbox="companies-house", classify=_classify)


SANDBOX = Sandbox(
    name="companies-house",
    kind="companies-house",
    settings={"base_url": "{base}", "api_key": API_KEY},
    app=app,
    default_port=8707,
    faults={UNLIMITED_FAULT: UNLIMITED_TEXT},
)

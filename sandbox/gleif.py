"""The index of Legal Entity Identifiers, as the GLEIF API answers, about the companies of the economy.

Invariant: strict as JSON:API is: only the filters that exist, pages of at most 200, and the media type
``application/vnd.api+json`` asked for. Every identifier passes its check (ISO 17442).

Source: the public API pages (records, filters, paging); 60 calls a minute is what clients report.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.faults import CallKind
from sandbox.identifiers import lei
from sandbox.likeness import letters, likeness
from sandbox.limits import UNLIMITED_FAULT, UNLIMITED_TEXT, Window, without_limits
from sandbox.server import Options, Sandbox, gate
from sandbox.world import Company, World

JSON_API = "application/vnd.api+json"
CALLS_PER_MINUTE = 60
MOST_PER_PAGE = 200
GONE_BELOW = 0.1
_FILTERS = ("lei", "entity.legalName", "entity.registeredAs", "entity.jurisdiction", "fulltext")

Clock = Callable[[], float]


class _Index:
    """The endpoints below ``/api/v1``."""

    def __init__(self, world: World, clock: Clock, unlimited: bool) -> None:
        self._window = None if unlimited else Window(CALLS_PER_MINUTE, 60.0, clock)
        # About every second company has an identifier.
        self._records = {
            lei(Random(f"{company.key}/lei")): company
            for company in world.companies
            if company.country and not company.sole_trader and Random(f"{company.key}/gleif").random() < 0.5
        }

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/lei-records", self._search, methods=["GET"]),
            Route("/api/v1/lei-records/{lei}", self._record, methods=["GET"]),
            Route("/_sandbox/content", self._content, methods=["GET"]),
        ]

    def _stopped(self, request: Request) -> JSONResponse | None:
        if self._window is not None and not self._window.admits("calls"):
            return _problem(429, "Too Many Attempts.", {"Retry-After": "60"})
        if JSON_API not in request.headers.get("accept", ""):
            return _problem(406, "Not Acceptable")
        return None

    async def _record(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        company = self._records.get(request.path_params["lei"])
        if company is None:
            return _problem(404, "Resource not found")
        return _answer(_record(request.path_params["lei"], company))

    async def _search(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request):
            return stopped
        filters: dict[str, str] = {}
        for key, value in request.query_params.items():
            name = key.removeprefix("filter[").removesuffix("]")
            if key.startswith("filter[") and name not in _FILTERS:
                return _problem(400, f"Filter {name} is not allowed")
            if key.startswith("filter["):
                filters[name] = value
        try:
            page = int(request.query_params.get("page[number]", "1"))
            size = int(request.query_params.get("page[size]", "15"))
        except ValueError:
            page = size = 0
        if page < 1 or not 1 <= size <= MOST_PER_PAGE:
            return _problem(400, "page is out of range")
        found = sorted(code for code, company in self._records.items() if _fits(code, company, filters))
        shown = [_record(code, self._records[code]) for code in found[(page - 1) * size : page * size]]
        return _answer(shown, {"pagination": {"currentPage": page, "perPage": size, "total": len(found)}})

    async def _content(self, _: Request) -> JSONResponse:
        return JSONResponse({"records": {code: self._records[code].key for code in sorted(self._records)}})


def _fits(code: str, company: Company, filters: dict[str, str]) -> bool:
    name = letters(company.name)
    tests: dict[str, Callable[[str], bool]] = {
        "lei": lambda value: code in value.split(","),
        "entity.legalName": lambda value: likeness(name, letters(value)) >= 0.6,
        "fulltext": lambda value: letters(value) in name,
        "entity.registeredAs": lambda value: value == (company.uscc or company.registration_no),
        "entity.jurisdiction": lambda value: value == company.country,
    }
    return all(tests[key](value) for key, value in filters.items())


def _record(code: str, company: Company) -> dict[str, Any]:
    rng = Random(f"{code}/record")
    gone = company.health < GONE_BELOW
    state = "RETIRED" if gone else "LAPSED" if rng.random() < 0.15 else "ISSUED"
    corroborated = "FULLY" if rng.random() < 0.9 else "PARTIALLY"
    return {
        "type": "lei-records",
        "id": code,
        "attributes": {
            "lei": code,
            "entity": {
                "legalName": {"name": company.name, "language": "en"},
                "legalAddress": {"country": company.country, "city": company.city},
                "registeredAs": company.uscc or company.registration_no,
                "jurisdiction": company.country,
                "status": "INACTIVE" if gone else "ACTIVE",
            },
            "registration": {
                "status": state,
                "initialRegistrationDate": "2019-05-02T00:00:00Z",
                "lastUpdateDate": "2025-06-01T00:00:00Z",
                "nextRenewalDate": "2026-06-01T00:00:00Z",
                "managingLou": "529900T8BM49AURSDO55",
                "corroborationLevel": f"{corroborated}_CORROBORATED",
            },
        },
    }


def _answer(data: Any, meta: dict[str, Any] | None = None) -> JSONResponse:
    body = {"meta": meta or {}, "data": data}
    return JSONResponse(body, media_type=JSON_API)


def _problem(status: int, title: str, headers: dict[str, str] | None = None) -> JSONResponse:
    body = {"errors": [{"status": str(status), "title": title}]}
    return JSONResponse(body, status_code=status, media_type=JSON_API, headers=headers)


def _classify(method: str, path: str) -> CallKind:
    return "read"


def app(options: Options, clock: Clock = time.time) -> ASGIApp:
    """The index over the economy of ``options``; ``clock`` gives seconds since 1970."""
    options, unlimited = without_limits(options, "gleif")
    inner = Starlette(routes=_Index(options.world(), clock, unlimited).routes())
    return gate(inner, options, sandbox="gleif", classify=_classify)


SANDBOX = Sandbox(
    name="gleif",
    kind="gleif",
    settings={"base_url": "{base}/api/v1"},
    app=app,
    default_port=8708,
    faults={UNLIMITED_FAULT: UNLIMITED_TEXT},
)

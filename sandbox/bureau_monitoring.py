"""Monitoring at the agency that answers as Creditsafe Connect does: one portfolio and its events.

Invariant: events arise only for companies that are in the portfolio. Pages are counted from 0, as the
public clients count them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.reports import CompanyFile

PORTFOLIO = "4711"


class Portfolio:
    """The endpoints below ``/v1/monitoring``; ``stopped`` refuses a call without a token."""

    def __init__(
        self, files: Mapping[str, CompanyFile], stopped: Callable[[Request], JSONResponse | None]
    ) -> None:
        self._files = files
        self._stopped = stopped
        self._members: set[str] = set()
        self._events: list[dict[str, Any]] = []

    def routes(self) -> list[Route]:
        companies = "/v1/monitoring/portfolios/{portfolio}/companies"
        return [
            Route(companies, self._add, methods=["POST"]),
            Route(companies, self._list, methods=["GET"]),
            Route(f"{companies}/{{connect_id}}", self._remove, methods=["DELETE"]),
            Route("/v1/monitoring/notificationEvents", self._notified, methods=["GET"]),
            Route("/_sandbox/change", self._change, methods=["POST"]),
        ]

    def _refused(self, request: Request) -> JSONResponse | None:
        if stopped := self._stopped(request):
            return stopped
        named = request.path_params.get("portfolio") or request.query_params.get("portfolioId")
        return None if named == PORTFOLIO else _problem(404, "Portfolio not found")

    async def _add(self, request: Request) -> JSONResponse:
        if refused := self._refused(request):
            return refused
        ref = (await _body(request)).get("id")
        if not isinstance(ref, str) or ref not in self._files:
            return _problem(400, "id is no company")
        if ref in self._members:
            return _problem(400, "The company is in the portfolio")
        self._members.add(ref)
        return JSONResponse({"message": "Company added"}, status_code=201)

    async def _list(self, request: Request) -> JSONResponse:
        if refused := self._refused(request):
            return refused
        return _page(request, [{"id": ref, "portfolioId": int(PORTFOLIO)} for ref in sorted(self._members)])

    async def _remove(self, request: Request) -> JSONResponse:
        if refused := self._refused(request):
            return refused
        ref = request.path_params["connect_id"]
        if ref not in self._members:
            return _problem(404, "Company not found in the portfolio")
        self._members.discard(ref)
        return JSONResponse({"message": "Company deleted"})

    async def _notified(self, request: Request) -> JSONResponse:
        if refused := self._refused(request):
            return refused
        start = request.query_params.get("startDate", "")
        return _page(request, [event for event in self._events if event["eventDate"] >= start])

    async def _change(self, request: Request) -> JSONResponse:
        """Something changes about ``id``: an event of rule 101, unless nobody watches the company."""
        body = await _body(request)
        at, value = body.get("at", "2026-03-01T08:00:00Z"), body.get("value", "D")
        return JSONResponse({"told": int(self.changed(str(body.get("id")), at, "B", value))})

    def changed(self, ref: str, at: str, old: str, new: str) -> bool:
        """The rating of ``ref`` changes; whether anybody watches the company, so that an event arises."""
        if ref not in self._members:
            return False
        self._events.append(
            {
                "company": {"id": ref, "portfolioId": int(PORTFOLIO)},
                "eventDate": at,
                "ruleCode": 101,
                "ruleName": "International Rating",
                "oldValue": old,
                "newValue": new,
            }
        )
        return True


def _page(request: Request, items: list[dict[str, Any]]) -> JSONResponse:
    try:
        page = int(request.query_params.get("page", "0"))
        size = int(request.query_params.get("pageSize", "50"))
    except ValueError:
        page = size = -1
    if page < 0 or not 1 <= size <= 1000:
        return _problem(400, "page or pageSize is out of range")
    last = max(0, (len(items) - 1) // size)
    paging = {"size": size, "prev": page - 1 if page else None, "next": page + 1 if page < last else None}
    shown = items[page * size : (page + 1) * size]
    return JSONResponse({"totalCount": len(items), "data": shown, "paging": {**paging, "last": last}})


def _problem(status: int, said: str) -> JSONResponse:
    return JSONResponse({"message": said}, status_code=status)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}

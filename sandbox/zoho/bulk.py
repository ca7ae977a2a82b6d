"""Bulk read jobs: ordered, queued, run, fetched (vendor manual: Bulk Read API).

Invariant: a job reads the rows as they are at the moment when its turn comes, whoever asks for it and
whenever; time is the tenant's clock. The rows of a job have no order that a client may rely on.

How the moment is kept: rows change only through requests, so due jobs are run before any request is
let through, and by a timer of their own where the clock is the real one.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import requests
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.faults import Chances
from sandbox.limits import Window
from sandbox.table import EVERYTHING, Row
from sandbox.zoho.answers import Item, Refused, answer, refuse
from sandbox.zoho.bulk_file import Written, written
from sandbox.zoho.bulk_query import Order, Query, ordered
from sandbox.zoho.faults import Shift
from sandbox.zoho.fields import USERS
from sandbox.zoho.gatekeeper import BulkLimits
from sandbox.zoho.heavy import BULK
from sandbox.zoho.moments import stamp_of
from sandbox.zoho.routing import Router
from sandbox.zoho.scopes import of_module
from sandbox.zoho.tenant import Tenant

CALLBACK_SECONDS = 5.0
PLACES_LIFE = 24 * 3600.0


@dataclass
class _Job:
    """``runs_at`` and ``ends_at`` in seconds since 1970; ``ends_at`` is known once it has run."""

    id: str
    order: Order
    created_at: float
    runs_at: float
    fails: bool
    result: Written | None = None
    ends_at: float | None = None
    next_token: str | None = None
    told: bool = False

    def state(self, now: float) -> str:
        if now < self.runs_at:
            return "ADDED"
        if self.ends_at is None or now < self.ends_at:
            return "IN PROGRESS"
        return "FAILURE" if self.fails else "COMPLETED"


@dataclass(frozen=True)
class _Place:
    """Where a page token goes on: below the id ``after``."""

    mark: str
    after: str
    page: int
    expires_at: float


class Jobs:
    """The bulk read jobs of one tenant."""

    def __init__(self, tenant: Tenant, limits: BulkLimits, chances: Chances) -> None:
        self._tenant = tenant
        self._limits = limits
        self._chances = chances
        self._shift = Shift(tenant, chances)
        self._running = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._places: dict[str, _Place] = {}
        self._downloads = Window(limits.downloads, 60, tenant.clock)
        self._timers: set[asyncio.Task[None]] = set()

    def tune(self, body: dict[str, Any]) -> dict[str, Any]:
        """The side door ``/_sandbox/bulk``: ``queue_seconds``, ``rows_per_second``, ``page_rows``."""
        wanted = {
            name: body[name] for name in ("queue_seconds", "rows_per_second", "page_rows") if name in body
        }
        for name, value in wanted.items():
            lowest = 0 if name == "queue_seconds" else 1
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < lowest:
                raise ValueError(f"{name} must be a number from {lowest}")
        if "page_rows" in wanted:
            wanted["page_rows"] = int(wanted["page_rows"])
        self._limits = replace(self._limits, **wanted)
        limits = self._limits
        return {
            "queue_seconds": limits.queue_seconds,
            "rows_per_second": limits.rows_per_second,
            "page_rows": limits.page_rows,
        }

    def kept_up(self, app: ASGIApp) -> ASGIApp:
        """``app``, before which every due job is run."""

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            if self._due():
                await run_in_threadpool(self.run_due)
            await app(scope, receive, send)

        return served

    # -- the vendor's three calls

    def read_order(self, content: bytes) -> Order:
        """``Refused`` for a query that is wrong or a page token that is not this query's."""
        order = ordered(self._tenant, content, self._limits.pages)
        if order.query.place is not None:
            place = self._places.get(order.query.place)
            if place is None or place.mark != order.query.mark or place.expires_at <= self._tenant.clock():
                raise refuse(
                    400, "INVALID_REQUEST", "the page_token is not one of this query", api_name="page_token"
                )
        return order

    def add(self, order: Order) -> Item:
        """Queue the job; the item that the vendor answers."""
        now = self._tenant.clock()
        runs_at = now + self._limits.queue_seconds
        job = _Job(self._tenant.new_record_id(), order, now, runs_at, self._chances.hit("bulk_failure"))
        self._jobs[job.id] = job
        timer = asyncio.get_running_loop().create_task(self._follow(job))
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)
        return {
            "status": "success",
            "code": "ADDED_SUCCESSFULLY",
            "message": "Added successfully.",
            "details": {
                "id": job.id,
                "operation": "read",
                "state": "ADDED",
                "created_by": self._creator(),
                "created_time": stamp_of(now),
            },
        }

    def shown(self, job_id: str) -> Item:
        """The job as ``GET /read/{id}`` shows it."""
        return self._shown(self._job(job_id))

    def fetched(self, job_id: str) -> bytes:
        """The zip. ``Refused`` before it is complete, a day after, and past ten downloads a minute."""
        job, now = self._job(job_id), self._tenant.clock()
        ends_at = job.ends_at or now
        if job.result is None or job.state(now) != "COMPLETED" or now >= ends_at + self._limits.kept_seconds:
            raise _not_found("result")
        if not self._downloads.admits("org"):
            raise refuse(429, "TOO_MANY_REQUESTS", "Only ten downloads are allowed in a minute")
        return job.result.content

    # -- the machine

    def run_due(self) -> None:
        """Run every job whose time has come and tell those who asked for it."""
        with self._running:
            now = self._tenant.clock()
            for job in list(self._jobs.values()):
                if job.ends_at is None and job.runs_at <= now:
                    self._run(job)
                if job.ends_at is not None and now >= job.ends_at and not job.told:
                    job.told = True
                    self._tell(job)

    def _due(self) -> bool:
        now = self._tenant.clock()
        return any(
            job.runs_at <= now if job.ends_at is None else not job.told and job.ends_at <= now
            for job in self._jobs.values()
        )

    def _run(self, job: _Job) -> None:
        query, most = job.order.query, self._limits.page_rows
        if job.fails:
            job.ends_at = job.runs_at
            return
        with self._tenant.lock:
            result = written(job.id, query.cells, self._rows(query, most), most)
        if result.more and query.place and self._chances.hit("repeat_token"):
            job.next_token = query.place
        elif result.more:
            job.next_token = secrets.token_hex(24)
            expires_at = job.runs_at + PLACES_LIFE
            self._places[job.next_token] = _Place(query.mark, result.last, self._page(query) + 1, expires_at)
        if result.more:
            self._shift.after(query.module, [row["id"] for row in islice(query.module.table, 50)])
        job.result = result
        job.ends_at = job.runs_at + result.count / self._limits.rows_per_second

    def _rows(self, query: Query, most: int) -> Iterator[Row]:
        """The rows that match, newest id first, from the page on."""
        table, conditions = query.module.table, query.conditions
        ids = conditions.ids if conditions else EVERYTHING
        times = conditions.times if conditions else {}
        place = self._places.get(query.place or "")
        if place is not None:
            ids = ids.narrowed("<", place.after)
        rows = table.by_id(ids, times, wanted=len(table), descending=True)
        if conditions is not None:
            holds = conditions.holds
            rows = (row for row in rows if holds(row))
        return rows if place else islice(rows, (query.page - 1) * most, None)

    def _page(self, query: Query) -> int:
        place = self._places.get(query.place or "")
        return place.page if place else query.page

    async def _follow(self, job: _Job) -> None:
        """Run the job in time when nobody asks. With a clock that stands still this does nothing."""
        await asyncio.sleep(max(0.0, job.runs_at - self._tenant.clock()))
        await run_in_threadpool(self.run_due)
        if job.order.callback is not None and job.ends_at is not None:
            await asyncio.sleep(max(0.0, job.ends_at - self._tenant.clock()))
            await run_in_threadpool(self.run_due)

    def _tell(self, job: _Job) -> None:
        """Post the ended job to its callback, once; nobody hears of a callback that fails."""
        if job.order.callback is None:
            return
        body = {"job_id": job.id, **self._shown(job)}
        threading.Thread(target=_post, args=(job.order.callback, answer(body).body), daemon=True).start()

    def _job(self, job_id: str) -> _Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise _not_found("job")
        return job

    def _shown(self, job: _Job) -> Item:
        state = job.state(self._tenant.clock())
        shown: Item = {
            "id": job.id,
            "operation": "read",
            "state": state,
            "query": dict(job.order.query.shown),
            "created_by": self._creator(),
            "created_time": stamp_of(job.created_at),
            "file_type": "csv",
        }
        if state == "COMPLETED" and job.result is not None:
            shown["result"] = {
                "page": self._page(job.order.query),
                "per_page": self._limits.page_rows,
                "count": job.result.count,
                "download_url": f"{BULK}/read/{job.id}/result",
                "more_records": job.result.more,
                "next_page_token": job.next_token,
            }
        return shown

    def _creator(self) -> Item:
        who = self._tenant.lookup(USERS, self._tenant.admin.id) or {}
        return {"id": who["id"], "name": who["name"]}


def routes(router: Router, jobs: Jobs, limits: BulkLimits) -> list[Route]:
    """The three calls below ``/crm/bulk/v8``."""
    gatekeeper = router.gatekeeper

    async def start(request: Request) -> Response:
        content = await request.body()
        try:
            order = jobs.read_order(content)
        except Refused:
            gatekeeper.charge(1)
            raise
        gatekeeper.demand(request, of_module(order.query.module.api_name, "READ"))
        gatekeeper.charge(limits.credits)
        return answer({"data": [jobs.add(order)], "info": {}}, 201)

    def state(request: Request) -> Response:
        return answer({"data": [jobs.shown(request.path_params["id"])]})

    def result(request: Request) -> Response:
        job_id = request.path_params["id"]
        headers = {"Content-Disposition": f'attachment;filename="{job_id}.zip"'}
        return Response(jobs.fetched(job_id), 200, headers, media_type="application/zip")

    needs = "bulk.READ"
    return [
        router.route("POST", "/read", start, needs, base=BULK),
        router.route("GET", "/read/{id}", router.read(state), needs, base=BULK),
        router.route("GET", "/read/{id}/result", router.read(result), needs, base=BULK),
    ]


def _not_found(resource: str) -> Refused:
    return refuse(404, "RESOURCE_NOT_FOUND", "the resource is not found", resource=resource)


def _post(url: str, body: bytes) -> None:
    with requests.Session() as session:
        session.trust_env = False
        try:
            session.post(
                url, data=body, headers={"Content-Type": "application/json"}, timeout=CALLBACK_SECONDS
            )
        except requests.RequestException:
            return

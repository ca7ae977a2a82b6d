"""Reading records by page, one by one, and the list of deleted ones (vendor manual: Get Records).

Invariant: page numbers reach 2,000 records and page tokens 100,000; a token is bound to the other
parameters; no rows is 204 and nothing changed is 304, both without a body.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.faults import Chances
from sandbox.table import EVERYTHING, Bounds, Row
from sandbox.zoho.answers import answer, empty, refuse
from sandbox.zoho.faults import Shift
from sandbox.zoho.fields import CREATED, MODIFIED, Module
from sandbox.zoho.moments import parsed_stamp, stamp_of
from sandbox.zoho.reading import Column, Projection
from sandbox.zoho.tenant import Tenant

MAX_FIELDS, MAX_PER_PAGE = 50, 200
DISCRETE, REACH = 2_000, 100_000
TOKEN_LIFE = 24 * 3600.0
SORTS = ("id", CREATED, MODIFIED)


@dataclass(frozen=True)
class _Place:
    """Where a page token goes on: after the row ``after`` with the sort value ``value``."""

    bound: tuple[Any, ...]
    value: Any
    after: str
    read: int
    page: int
    expires_at: float


@dataclass(frozen=True)
class _Asked:
    fields: list[str]
    per_page: int
    page: int
    sort_by: str
    descending: bool
    since: str | None
    ids: tuple[str, ...]

    @property
    def bound(self) -> tuple[Any, ...]:
        return (*self.fields, self.per_page, self.sort_by, self.descending, self.since, self.ids)


class Lists:
    """The list read of one tenant, with the page tokens that it has given out."""

    def __init__(self, tenant: Tenant, chances: Chances) -> None:
        self._tenant = tenant
        self._chances = chances
        self._shift = Shift(tenant, chances)
        self._places: dict[tuple[str, str], _Place] = {}

    def get(self, module: Module, request: Request) -> Response:
        """``GET /{module}``."""
        asked = _asked(request)
        with self._tenant.lock:
            return self._page(module, asked, request.query_params)

    def _page(self, module: Module, asked: _Asked, params: Mapping[str, str]) -> Response:
        place = None
        if "page_token" in params:
            place = self._place(module, asked, params)
        read = place.read if place else (asked.page - 1) * asked.per_page
        rows = _rows(module, asked, place, read + asked.per_page + 1)
        found = list(islice(rows, 0 if place else read, (0 if place else read) + asked.per_page + 1))
        more = len(found) > asked.per_page
        found = found[: asked.per_page]
        if not found:
            return empty(304 if asked.since and read == 0 else 204)
        page = place.page if place else asked.page
        info: dict[str, Any] = {
            "per_page": asked.per_page,
            "count": len(found),
            "page": page,
            "sort_by": asked.sort_by,
            "sort_order": "desc" if asked.descending else "asc",
            "more_records": more,
            "next_page_token": None,
            "previous_page_token": None,
            "page_token_expiry": None,
        }
        if more:
            expires_at = self._tenant.clock() + TOKEN_LIFE
            last = found[-1]
            token = secrets.token_hex(24)
            if place is not None and self._chances.hit("repeat_token"):
                token = params["page_token"]
            self._places[module.api_name, token] = _Place(
                asked.bound, last[asked.sort_by], last["id"], read + len(found), page + 1, expires_at
            )
            info |= {"next_page_token": token, "page_token_expiry": stamp_of(expires_at)}
        project = _projection(self._tenant, module, asked.fields)
        given = answer({"data": [project(row) for row in found], "info": info})
        if more:
            self._shift.after(module, [row["id"] for row in found])
        return given

    def _place(self, module: Module, asked: _Asked, params: Mapping[str, str]) -> _Place:
        place = self._places.get((module.api_name, params["page_token"]))
        if "page" in params:
            raise refuse(
                400,
                "AMBIGUITY_DURING_PROCESSING",
                "ambiguity while processing",
                ambiguity_due_to=[{"param_name": "page"}, {"param_name": "page_token"}],
            )
        if place is None or place.bound != asked.bound:
            raise refuse(
                400,
                "TOKEN_BOUND_DATA_MISMATCH",
                "The page_token given seems to be invalid or input param is added or altered or deleted",
                param_name="page_token",
            )
        if place.expires_at <= self._tenant.clock():
            raise refuse(
                400,
                "EXPIRED_VALUE",
                "Page token expired",
                api_name="page_token",
                json_path="$.query.page_token",
            )
        if place.read >= REACH:
            message = "You can only get upto 100000 records using page_token param"
            raise refuse(400, "PAGINATION_LIMIT_EXCEEDED", message, param_name="page_token")
        return place


def get_one(tenant: Tenant, module: Module, request: Request) -> Response:
    """``GET /{module}/{id}``: all fields, or those of ``fields``."""
    row_id = request.path_params["id"]
    if not row_id.isdigit():
        raise refuse(400, "INVALID_DATA", "the related id given seems to be invalid", resource_path_index=1)
    wanted = _names(request.query_params.get("fields", "")) or list(module.fields)
    with tenant.lock:
        row = module.table.get(row_id)
        if row is None:
            return empty()
        return answer({"data": [_projection(tenant, module, wanted)(row)]})


def shown(tenant: Tenant, module: Module, row: Row) -> dict[str, Any]:
    """A record with all its fields, as a page or a function sees it; the caller holds the tenant's lock."""
    return _projection(tenant, module, list(module.fields))(row)


def deleted(tenant: Tenant, module: Module, request: Request) -> Response:
    """``GET /{module}/deleted``, newest first."""
    params = request.query_params
    kind = params.get("type", "all")
    if kind not in ("all", "recycle", "permanent"):
        message = "Please check whether the input values are correct"
        raise refuse(400, "PATTERN_NOT_MATCHED", message, param_name="type")
    per_page, page, since = _whole(params, "per_page", 200), _whole(params, "page", 1), _since(request)
    with tenant.lock:
        rows = [
            row
            for row in reversed(module.deleted)
            if kind in ("all", row["type"]) and (since is None or row["deleted_time"] >= since)
        ]
    shown_rows = rows[(page - 1) * per_page : page * per_page]
    if not shown_rows:
        return empty()
    more = len(rows) > page * per_page
    info = {"per_page": per_page, "count": len(shown_rows), "page": page, "more_records": more}
    return answer({"data": shown_rows, "info": info})


def _asked(request: Request) -> _Asked:
    params = request.query_params
    if not params.get("fields"):
        raise refuse(400, "REQUIRED_PARAM_MISSING", "required param is missing", param_name="fields")
    fields = _names(params["fields"])
    if len(fields) > MAX_FIELDS:
        raise refuse(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_FIELDS, param_name="fields")
    if "cvid" in params:  # the org has no custom views
        raise refuse(400, "INVALID_DATA", "invalid data", param_name="cvid")
    sort_by, order = params.get("sort_by", "id"), params.get("sort_order", "desc")
    for name, value, known in (("sort_by", sort_by, SORTS), ("sort_order", order, ("asc", "desc"))):
        if value not in known:
            raise refuse(400, "INVALID_DATA", "invalid data", param_name=name, supported_values=list(known))
    per_page, page = _whole(params, "per_page", MAX_PER_PAGE), _whole(params, "page", 1)
    if "page_token" not in params and page * per_page > DISCRETE:
        message = "You can only get the first 2000 records without using page_token param"
        raise refuse(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", message, limit=DISCRETE)
    ids = tuple(_names(params.get("ids", "")))
    return _Asked(fields, per_page, page, sort_by, order == "desc", _since(request), ids)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _whole(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise refuse(400, "INVALID_DATA", "invalid data", param_name=name, expected_data_type="integer")
    if name == "per_page" and int(text) > MAX_PER_PAGE:
        raise refuse(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_PER_PAGE, param_name=name)
    return int(text)


def _since(request: Request) -> str | None:
    text = request.headers.get("if-modified-since")
    if text is None:
        return None
    since = parsed_stamp(text)
    if since is None:
        raise refuse(
            400, "INVALID_DATA", "invalid data", header="If-Modified-Since", expected_data_type="datetime"
        )
    return since


def _rows(module: Module, asked: _Asked, place: _Place | None, wanted: int) -> Iterator[Row]:
    """Rows in the order asked for, from ``place`` on."""
    window = Bounds(low=asked.since) if asked.since else EVERYTHING
    chosen = set(asked.ids)
    ids = times = EVERYTHING
    if place is not None and asked.sort_by == "id":
        ids = _after(place.after, asked.descending)
    elif place is not None:
        # Rows of the same second may stand on both sides of the end of a page.
        times = _from(place.value, asked.descending)
    if asked.sort_by == "id":
        rows = module.table.by_id(ids, {MODIFIED: window}, wanted=wanted, descending=asked.descending)
    else:
        rows = module.table.by_time(asked.sort_by, times, descending=asked.descending)
    for row in rows:
        if asked.since and row[MODIFIED] < asked.since:
            continue
        if chosen and row["id"] not in chosen:
            continue
        if place is not None and not _is_after(row, asked, place):
            continue
        yield row


def _after(row_id: str, descending: bool) -> Bounds:
    return Bounds(high=row_id, high_open=True) if descending else Bounds(low=row_id, low_open=True)


def _from(value: Any, descending: bool) -> Bounds:
    return Bounds(high=value) if descending else Bounds(low=value)


def _is_after(row: Row, asked: _Asked, place: _Place) -> bool:
    here, there = (row[asked.sort_by], row["id"]), (place.value, place.after)
    return here < there if asked.descending else here > there


def _projection(tenant: Tenant, module: Module, names: list[str]) -> Projection:
    """Unknown names are left out without a word."""
    known = [name for name in names if name in module.fields]
    columns = {name: Column(tenant, module, (name,)) for name in known}
    return Projection(columns, with_module="What_Id" in columns)

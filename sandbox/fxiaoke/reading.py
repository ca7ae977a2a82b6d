"""Query and get (vendor manual: query data, data by id).

Invariant: pages have at most 100 rows, offsets are multiples of the limit and end at 10,000, so that
whoever wants all rows walks by ``_id``; void rows come only by id; empty fields are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from sandbox.fxiaoke.answers import OFFSET, Fault, wrong
from sandbox.fxiaoke.calls import Caller, employees_out
from sandbox.fxiaoke.fields import MODIFIED, Field, Object
from sandbox.fxiaoke.filters import Filters
from sandbox.fxiaoke.tenant import Tenant, is_decimal
from sandbox.table import EVERYTHING, Row

MAX_LIMIT, DEFAULT_LIMIT, MAX_OFFSET = 100, 20, 10_000


@dataclass(frozen=True)
class Page:
    """Which rows of the matching ones, in which order, with which fields (``None``: all)."""

    limit: int
    offset: int
    orders: list[tuple[str, bool]]
    """Field and whether descending."""
    projection: list[str] | None


def query(
    tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any], *, void_too: bool
) -> dict[str, Any]:
    """The ``data`` of the answer. ``void_too`` shows rows that have been invalidated."""
    data = body["data"]
    info = data.get("search_query_info")
    if not isinstance(info, dict):
        raise wrong("search_query_info is missing")
    page = _page(kind, info)
    filters = Filters(tenant, who, kind, info.get("filters", []))

    def holds(row: Row) -> bool:
        return (void_too or row["life_status"] != "invalid") and filters.holds(row)

    found = list(islice(_matching(kind, page, filters, holds), page.offset, page.offset + page.limit))
    total = 0
    if data.get("find_explicit_total_num") is True:
        total = sum(1 for row in _all(kind, filters) if holds(row))
    names = page.projection or _shown_names(kind)
    include_empty = body.get("includeNull") is True
    rows = [shown(tenant, who, kind, row, names, include_empty=include_empty) for row in found]
    return {"dataList": rows, "total": total, "offset": page.offset, "limit": page.limit}


def get(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> Row:
    """The row called ``objectDataId``, void or not."""
    row = kind.table.get(body["data"].get("objectDataId"))
    if row is None:
        raise wrong("数据不存在")
    include_empty = body.get("includeNull") is True
    return shown(tenant, who, kind, row, _shown_names(kind), include_empty=include_empty)


def shown(
    tenant: Tenant, who: Caller, kind: Object, row: Row, names: list[str], *, include_empty: bool
) -> Row:
    """The row as an answer carries it."""
    out: Row = {}
    for name in names:
        value = _value(tenant, who, kind, row, name)
        if value is not None or include_empty:
            out[name] = value
    return out


def _shown_names(kind: Object) -> list[str]:
    """All fields, with name or label of references and options beside them."""
    names = list(kind.fields)
    derived = [f"{n}__r" for n, field in kind.fields.items() if field.target or field.options]
    return [*names, *derived, "object_describe_api_name"]


def _value(tenant: Tenant, who: Caller, kind: Object, row: Row, name: str) -> Any:
    if name in row:
        value = row[name]
        return employees_out(tenant, who, value) if isinstance(value, list) else value
    if name == "object_describe_api_name":
        return kind.api_name
    base = name.removesuffix("__r")
    if base == name or base not in kind.fields or base not in row:
        return None
    field = kind.fields[base]
    if field.target:
        target = tenant.objects[field.target].table.get(row[base])
        return target.get("name") if target else None
    return field.options.get(row[base])


def _page(kind: Object, info: Mapping[str, Any]) -> Page:
    limit, offset = info.get("limit", DEFAULT_LIMIT), info.get("offset", 0)
    for value, low in ((limit, 1), (offset, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise wrong("limit and offset must be whole numbers")
    if limit > MAX_LIMIT:
        raise wrong(f"limit must not exceed {MAX_LIMIT}")
    if offset > MAX_OFFSET:
        raise Fault(OFFSET, f"offset out of range {MAX_OFFSET}")
    if offset % limit:
        raise wrong("offset must be a multiple of limit")
    projection = info.get("fieldProjection")
    if projection is not None:
        if not isinstance(projection, list):
            raise wrong("fieldProjection must be a list")
        projection = list(dict.fromkeys(["_id", *projection]))
    return Page(limit, offset, [_order(kind, one) for one in info.get("orders") or []], projection)


def _order(kind: Object, given: Any) -> tuple[str, bool]:
    if not isinstance(given, Mapping) or given.get("fieldName") not in kind.fields:
        raise wrong("an order needs the fieldName of an existing field")
    if not isinstance(given.get("isAsc"), bool):
        raise wrong("an order needs isAsc true or false")
    return given["fieldName"], not given["isAsc"]


def _matching(kind: Object, page: Page, filters: Filters, holds: Any) -> Iterator[Row]:
    """Matching rows in the order asked for, read lazily where an index has that order."""
    orders = page.orders or [(MODIFIED, True)]
    name, descending = orders[0]
    wanted = page.offset + page.limit
    if name == "_id":
        rows = kind.table.by_id(filters.ids, filters.times, wanted=wanted, descending=descending)
        return (row for row in rows if holds(row))
    if name == MODIFIED and orders[1:] in ([], [("_id", descending)]):
        rows = kind.table.by_time(MODIFIED, filters.times.get(MODIFIED, EVERYTHING), descending=descending)
        return (row for row in rows if holds(row))
    found = [row for row in _all(kind, filters) if holds(row)]
    for key, is_descending in reversed(orders):
        found.sort(key=_sort_key(kind.fields[key]), reverse=is_descending)
    return iter(found)


def _all(kind: Object, filters: Filters) -> Iterator[Row]:
    return kind.table.by_id(filters.ids, filters.times, wanted=len(kind.table))


def _sort_key(field: Field) -> Any:
    """Empty values before all others; numbers as numbers, lists by their first member."""
    name = field.api_name

    def of(row: Row) -> tuple[bool, Any]:
        value = row.get(name)
        if value is None:
            return False, 0
        if is_decimal(field):
            return True, Decimal(value)
        return True, value[0] if isinstance(value, list) else value

    return of

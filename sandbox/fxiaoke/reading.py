"""Query, find and get (vendor manual: query data, data by id, findSimple, findOne).

Invariant: pages have at most 100 rows, offsets are multiples of the limit and end at 10,000, so that
whoever wants all rows walks by ``_id``; void rows come only by id; empty fields are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from sandbox.fxiaoke.answers import OFFSET, Fault, forbidden, wrong
from sandbox.fxiaoke.calls import Caller, employees_out
from sandbox.fxiaoke.fields import MODIFIED, Field, Object
from sandbox.fxiaoke.filters import Filters
from sandbox.fxiaoke.tenant import VOID, Tenant
from sandbox.fxiaoke.traits import Traits
from sandbox.table import EVERYTHING, Row

MAX_LIMIT, DEFAULT_LIMIT, MAX_OFFSET = 100, 20, 10_000
_INFO_KEYS = {"limit", "offset", "filters", "orders", "fieldProjection"}


@dataclass(frozen=True)
class Page:
    """Which rows of the matching ones, in which order, with which fields (``None``: all)."""

    limit: int
    offset: int
    orders: list[tuple[str, bool]]
    """Field and whether descending."""
    projection: list[str] | None


def query(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> dict[str, Any]:
    """The ``data`` of the answer."""
    return _found(tenant, who, kind, body, stale=False)


def find_simple(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> dict[str, Any]:
    """As ``query``, but running totals and formulas as they were when the row itself last changed."""
    return _found(tenant, who, kind, body, stale=True)


def find_one(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> dict[str, Any]:
    """The first row that ``find_simple`` would list, as ``objectData``."""
    rows = _found(tenant, who, kind, body, stale=True)["dataList"]
    return {"objectData": rows[0]} if rows else {}


def _found(
    tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any], *, stale: bool
) -> dict[str, Any]:
    data = body["data"]
    info = data.get("search_query_info")
    if not isinstance(info, dict):
        raise wrong("缺少search_query_info")
    page = _page(kind, info, data.get("field_projection") if stale else None, tenant.traits)
    filters = Filters(tenant, who, kind, info.get("filters", []))
    sees_all = kind.api_name != "PersonnelObj" and tenant.employees[who.user_id].admin

    def holds(row: Row) -> bool:
        if row["life_status"] == VOID and not tenant.traits.void_in_query:
            return False
        return (sees_all or tenant.sees(who.user_id, kind, row)) and filters.holds(row)

    found = list(islice(_matching(kind, page, filters, holds), page.offset, page.offset + page.limit))
    if stale:
        found = [{**row, **kind.stale.get(row["_id"], {})} for row in found]
    total = sum(1 for row in _all(kind, filters) if holds(row)) if _counts(body) else 0
    names = page.projection or _shown_names(kind)
    include_empty = body.get("includeNull") is True
    rows = [shown(tenant, who, kind, row, names, include_empty=include_empty) for row in found]
    return {"dataList": rows, "total": total, "offset": page.offset, "limit": page.limit}


def _counts(body: Mapping[str, Any]) -> bool:
    """Whether the total is asked for: pages of the manual name it in three ways."""
    places = (
        body["data"].get("find_explicit_total_num"),
        body.get("returnTotalNum"),
        body.get("need_return_count_num"),
    )
    return any(place is True for place in places)


def get(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> Row:
    """The row called ``objectDataId``, void or not."""
    row = kind.table.get(body["data"].get("objectDataId"))
    if row is None:
        raise wrong("数据不存在")
    if not tenant.sees(who.user_id, kind, row):
        raise forbidden()
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
    """All fields in use, with name or label of references and options beside them."""
    fields = [field for field in kind.fields.values() if field.active]
    derived = [f"{field.api_name}__r" for field in fields if field.target or field.options]
    return [*(field.api_name for field in fields), *derived, "is_deleted", "object_describe_api_name"]


def _value(tenant: Tenant, who: Caller, kind: Object, row: Row, name: str) -> Any:
    field = kind.fields.get(name)
    if field is not None and not _readable(tenant, field):
        return None
    if name in row:
        value = row[name]
        is_people = field is not None and field.type == "employee"
        return employees_out(tenant, who, value) if is_people else value
    if name == "object_describe_api_name":
        return kind.api_name
    if name == "is_deleted":
        return row["life_status"] == VOID
    return _derived(tenant, kind, row, name)


def _readable(tenant: Tenant, field: Field) -> bool:
    return field.active and (field.type != "quote" or tenant.traits.quotes_readable)


def _derived(tenant: Tenant, kind: Object, row: Row, name: str) -> Any:
    """What stands beside a field as ``…__r``: a label, or the name of the row that is meant."""
    base = name.removesuffix("__r")
    field = kind.fields.get(base)
    if base == name or field is None or not field.active or base not in row:
        return None
    value = row[base]
    if field.target:
        target = tenant.objects[field.target].table.get(value)
        return target.get("name") if target else None
    if field.type == "select_many":
        return [field.options.get(one) for one in value]
    return field.options.get(value) if field.options else None


def _page(kind: Object, info: Mapping[str, Any], projection: Any, traits: Traits) -> Page:
    if not set(info) <= _INFO_KEYS:
        raise wrong(f"search_query_info中不支持{'、'.join(sorted(set(info) - _INFO_KEYS))}")
    limit, offset = info.get("limit", DEFAULT_LIMIT), info.get("offset", 0)
    for value, low in ((limit, 1), (offset, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise wrong("limit和offset必须是整数")
    if limit > MAX_LIMIT and traits.over_limit == "refuse":
        raise wrong(f"limit不能超过{MAX_LIMIT}")
    limit = min(limit, MAX_LIMIT)
    if offset > MAX_OFFSET:
        raise Fault(OFFSET, f"offset out of range {MAX_OFFSET}")
    if offset % limit:
        raise wrong("offset必须是limit的整数倍")
    projection = info.get("fieldProjection") if projection is None else projection
    if projection is not None:
        if not isinstance(projection, list):
            raise wrong("fieldProjection必须是列表")
        projection = list(dict.fromkeys(["_id", *projection]))
    return Page(limit, offset, [_order(kind, one) for one in info.get("orders") or []], projection)


def _order(kind: Object, given: Any) -> tuple[str, bool]:
    if not isinstance(given, Mapping) or given.get("fieldName") not in kind.fields:
        raise wrong("orders中缺少fieldName或字段不存在")
    if not isinstance(given.get("isAsc"), bool):
        raise wrong("orders中缺少isAsc")
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
        if field.is_decimal:
            return True, Decimal(value)
        return True, value[0] if isinstance(value, list) else value

    return of

"""Runs COQL queries.

Invariant: the rows and their order are those of the vendor (by id where nothing else is asked); a
query bounded by id or by a time of change reads no more rows than those bounds and the page need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from typing import Any

from sandbox.table import EVERYTHING, Row
from sandbox.zoho.answers import parsed, refuse
from sandbox.zoho.conditions import Conditions, column
from sandbox.zoho.coql import Query, Selected, parse
from sandbox.zoho.fields import SE_MODULE, Module
from sandbox.zoho.reading import Column, Projection
from sandbox.zoho.tenant import Tenant

_SUMMED = ("integer", "currency", "double", "percent")
_RANKED = (*_SUMMED, "date", "datetime")


def credits_of(limit: int) -> int:
    """What a query costs by its LIMIT (vendor manual: Query API Overview)."""
    return 1 if limit <= 200 else 2 if limit <= 1000 else 3


def asked(content: bytes) -> Query:
    """The query in the body of ``POST /coql``, or ``Refused``."""
    text = parsed(content).get("select_query")
    if not isinstance(text, str):
        raise refuse(400, "MANDATORY_NOT_FOUND", "mandatory key not found", api_name="select_query")
    return parse(text)


def run(tenant: Tenant, query: Query) -> dict[str, Any] | None:
    """The answer's body, ``None`` when there are no rows. ``Refused`` for a query that makes no sense."""
    module = tenant.modules.get(query.module)
    if module is None:
        raise refuse(400, "INVALID_MODULE", "the given module is not supported in api")
    columns = {
        selected.key: column(tenant, module, selected.path)
        for selected in query.selected
        if not _is_module_name(selected, module)
    }
    conditions = Conditions(tenant, module, query.where)
    if query.group_by or any(selected.aggregate for selected in query.selected):
        rows = _aggregated(tenant, module, query, columns, conditions)
    else:
        matching = _ordered(tenant, module, query, conditions)
        with_module = len(columns) < len(query.selected)
        project = Projection(columns, with_module=with_module)
        rows = [project(row) for row in islice(matching, query.offset, _beyond(query))]
    if not rows:
        return None
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    return {"data": rows, "info": {"count": len(rows), "more_records": more}}


def _beyond(query: Query) -> int:
    """One row more than the page, to see whether more records follow."""
    return query.offset + query.limit + 1


def _is_module_name(selected: Selected, module: Module) -> bool:
    """'$se_module' stands beside What_Id and is no field."""
    return selected.path == (SE_MODULE,) and "What_Id" in module.fields


def _ordered(tenant: Tenant, module: Module, query: Query, conditions: Conditions) -> Iterator[Row]:
    """Matching rows in the order asked for, read lazily where an index has that order."""
    keys = [(column(tenant, module, path), descending) for path, descending in query.order_by]
    names = [(found.name, descending) for found, descending in keys]
    table, holds = module.table, conditions.holds
    descending = names[0][1] if names else False
    if not names or names[0][0] == "id":
        candidates = table.by_id(
            conditions.ids, conditions.times, wanted=_beyond(query), descending=descending
        )
        return (row for row in candidates if holds(row))
    by_time = table.has_time(names[0][0]) and names[1:] in ([], [("id", descending)])
    if by_time and (len(names) == 2 or not descending):
        bounds = conditions.times.get(names[0][0], EVERYTHING)
        candidates = table.by_time(names[0][0], bounds, descending=descending)
        return (row for row in candidates if holds(row))
    found = [row for row in _all(module, conditions) if holds(row)]
    for key, is_descending in reversed(keys):
        found.sort(key=_sort_key(key), reverse=is_descending)
    return iter(found)


def _all(module: Module, conditions: Conditions) -> Iterator[Row]:
    return module.table.by_id(conditions.ids, conditions.times, wanted=len(module.table))


def _sort_key(key: Column) -> Any:
    """Empty values before all others."""

    def of(row: Row) -> tuple[bool, Any]:
        value = key.compared(row)
        return value is not None, value if value is not None else 0

    return of


def _aggregated(
    tenant: Tenant,
    module: Module,
    query: Query,
    columns: Mapping[str, Column],
    conditions: Conditions,
) -> list[dict[str, Any]]:
    for selected in query.selected:
        if not selected.aggregate and selected.path not in query.group_by:
            raise refuse(
                400, "INVALID_QUERY", "Invalid query formed", column_name=selected.key, clause="group by"
            )
    group_columns = [column(tenant, module, path) for path in query.group_by]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in _all(module, conditions):
        if conditions.holds(row):
            key = tuple(found.compared(row) for found in group_columns)
            groups.setdefault(key, []).append(row)
    if not query.group_by:
        groups.setdefault((), [])
    made = [
        {
            selected.key: _aggregate(selected.aggregate, columns[selected.key], rows)
            if selected.aggregate
            else columns[selected.key].shown(rows[0])
            for selected in query.selected
        }
        for rows in groups.values()
    ]
    return made[query.offset : _beyond(query)]


def _aggregate(function: str, found: Column, rows: Iterable[Row]) -> Any:
    values = [value for row in rows if (value := found.compared(row)) is not None]
    if function == "COUNT":
        return len(values)
    if found.field.data_type not in (_SUMMED if function in ("SUM", "AVG") else _RANKED):
        raise refuse(
            400,
            "INVALID_DATA",
            "invalid data",
            reason="unsupported aggregate function",
            column=f"{function}({found.name})",
        )
    if not values:
        return None
    if function == "SUM":
        return sum(values)
    if function == "AVG":
        mean = Decimal(sum(values)) / len(values)
        return mean.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return min(values) if function == "MIN" else max(values)

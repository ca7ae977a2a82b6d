"""Checks the values of a written row, field by field (vendor manual: field types on write).

Invariant: what is stored has the form in which it travels; the first value that does not fit refuses
the whole write. Amounts are written as decimal texts, times in milliseconds, employees as lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.fxiaoke.answers import NO_SUCH_LOOKUP, Fault, wrong
from sandbox.fxiaoke.calls import Caller, employees_in
from sandbox.fxiaoke.fields import DECIMALS, MOMENTS, NEVER_WRITTEN, TEXTS, Field, Object
from sandbox.fxiaoke.tenant import Tenant
from sandbox.table import Row

_DECIMAL = re.compile(r"-?\d{1,16}(\.\d+)?")
_OWN_KEYS = ("dataObjectApiName", "object_describe_api_name")


def checked(tenant: Tenant, who: Caller, kind: Object, given: Mapping[str, Any], *, creating: bool) -> Row:
    """The values to store (``None`` empties a field), or ``Fault``."""
    row: Row = {}
    for name, value in given.items():
        if name in _OWN_KEYS:
            continue
        field = kind.fields.get(name)
        if field is None:
            raise wrong(f"字段 {name} 不存在")
        if field.system or field.type in NEVER_WRITTEN or (name == "owner" and not creating):
            continue  # kept by the vendor; the owner is changed by another call
        row[name] = None if value in (None, "", []) else _value(tenant, who, field, value)
        if row[name] is None and field.required:
            raise wrong(f"{field.label} 不能为空")
    if creating:
        for name, field in kind.fields.items():
            if field.required and row.get(name) is None:
                raise wrong(f"{field.label} ({name}) 不能为空")
    return row


def _value(tenant: Tenant, who: Caller, field: Field, value: Any) -> Any:
    name = field.api_name
    if field.type in TEXTS:
        if not isinstance(value, str):
            raise wrong(f"{name} must be a text")
        if field.max_length and len(value) > field.max_length:
            raise wrong(f"{name} is longer than {field.max_length}")
        return value
    if field.type in DECIMALS:
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            raise wrong(f"{name} must be a decimal text such as 100.01")
        places = Decimal(1).scaleb(-field.decimals)
        return format(Decimal(value).quantize(places, rounding=ROUND_HALF_UP), "f")
    if field.type in MOMENTS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong(f"{name} must be milliseconds")
        return value
    if field.type == "true_or_false":
        if not isinstance(value, bool):
            raise wrong(f"{name} must be true or false")
        return value
    if field.type == "select_one":
        if not isinstance(value, str) or value not in field.options:
            raise wrong(f"{name} has no option {value!r}")
        return value
    if field.type == "employee":
        plain = employees_in(tenant, who, value)
        if plain is None:
            raise wrong(f"{name} must be a list of employee ids")
        return plain
    if not tenant.valid_target(field.target, value):
        raise Fault(NO_SUCH_LOOKUP, f"{name}: 查找关联字段的值不存在")
    return value

"""Checks the values of a written row, field by field (vendor manual: field types on write).

Invariant: what is stored has the form in which it travels; the first value that does not fit refuses
the whole write. Amounts are written as decimal texts, times in milliseconds, employees as lists.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.fxiaoke.answers import NO_SUCH_LOOKUP, Fault, wrong
from sandbox.fxiaoke.calls import Caller, employees_in
from sandbox.fxiaoke.fields import (
    CREATED,
    DECIMALS,
    MODIFIED,
    MOMENTS,
    NEVER_WRITTEN,
    OPTIONS,
    TEXTS,
    Field,
    Object,
)
from sandbox.fxiaoke.tenant import Tenant
from sandbox.table import Row

_DECIMAL = re.compile(r"-?\d{1,16}(\.\d+)?")
_OWN_KEYS = ("dataObjectApiName", "object_describe_api_name")
SPECIFIED = {"hasSpecifyTime": (CREATED, MODIFIED), "hasSpecifyCreatedBy": ("created_by",)}
"""System fields that a create may set when the flag beside it says so (vendor manual: create)."""


def checked(
    tenant: Tenant,
    who: Caller,
    kind: Object,
    given: Mapping[str, Any],
    *,
    creating: bool,
    specified: Collection[str] = (),
    exempt: Collection[str] = (),
) -> Row:
    """The values to store (``None`` empties a field), or ``Fault``. ``specified`` names the system
    fields that this write may set, ``exempt`` fields that are filled in later."""
    row: Row = {}
    for name, value in given.items():
        if name in _OWN_KEYS:
            continue
        field = kind.fields.get(name)
        if field is None or not field.active:
            raise wrong(f"字段{name}不存在")
        kept = field.system and name not in specified
        if kept or field.type in NEVER_WRITTEN or (name == "owner" and not creating):
            continue  # kept by the vendor; the owner is changed by another call
        row[name] = None if value in (None, "", []) else value_of(tenant, who, field, value)
        if row[name] is None and field.required:
            raise wrong(f"{field.label}不能为空")
    if creating:
        for name, field in kind.fields.items():
            demanded = field.required and field.active and name not in exempt
            if demanded and row.get(name) is None:
                raise wrong(f"{field.label}（{name}）不能为空")
    return row


def value_of(tenant: Tenant, who: Caller, field: Field, value: Any) -> Any:
    """One value as it is stored, or ``Fault``."""
    name = field.api_name
    if field.type in TEXTS:
        if not isinstance(value, str):
            raise wrong(f"{name}必须是文本")
        if field.max_length and len(value) > field.max_length:
            raise wrong(f"{name}的长度不能超过{field.max_length}")
        return value
    if field.type in DECIMALS:
        if tenant.traits.bare_numbers_taken and type(value) in (int, float):
            value = str(value)
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            raise wrong(f"{name}必须是数字文本，例如100.01")
        places = Decimal(1).scaleb(-field.decimals)
        return format(Decimal(value).quantize(places, rounding=ROUND_HALF_UP), "f")
    if field.type in MOMENTS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong(f"{name}必须是毫秒时间戳")
        return value
    if field.type == "true_or_false":
        if not isinstance(value, bool):
            raise wrong(f"{name}必须是true或false")
        return value
    if field.type in OPTIONS:
        return _chosen(field, value)
    if field.type == "employee":
        plain = employees_in(tenant, who, value)
        if plain is None:
            raise wrong(f"{name}必须是员工ID的列表")
        return plain
    if not tenant.valid_target(field.target, value):
        raise Fault(NO_SUCH_LOOKUP, f"{name}：查找关联字段的值不存在")
    return value


def _chosen(field: Field, value: Any) -> Any:
    many = field.type == "select_many"
    chosen = value if many else [value]
    if not isinstance(chosen, list) or any(
        not isinstance(one, str) or one not in field.options for one in chosen
    ):
        raise wrong(f"{field.api_name}没有选项{value!r}")
    return value

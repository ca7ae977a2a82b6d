"""Provisioning: compare the wanted fields with the tenant's, and say what the admin has to create.

Invariant: nothing is created here. The OpenAPI has no documented call for creating objects or fields,
so every field is reported as present, mismatched, or missing with instructions for the console.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.fxiaoke.client import Client
from adapters.fxiaoke.schema import JUST_NOW, Field, Schemas
from connector.adapter import FieldSpec, FieldState, Provisioned

# Our type → the vendor's types that take its values, the best first, and the console's names for it.
TYPES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "text": (("text",), "单行文本", "single-line text"),
    "long_text": (("long_text",), "多行文本", "multi-line text"),
    "money": (("currency",), "金额", "currency"),
    "number": (("number", "percentile"), "数字", "number"),
    "integer": (("number",), "数字", "number"),
    "boolean": (("true_or_false",), "布尔值", "true or false"),
    "date": (("date",), "日期", "date"),
    "datetime": (("date_time",), "日期时间", "date and time"),
    "option": (("select_one",), "单选", "single choice"),
    "owner": (("employee",), "人员", "employee"),
    "reference": (("object_reference", "master_detail"), "查找关联", "lookup"),
}
# Decimal places that our values need.
DIGITS = {"money": 2, "number": 2, "integer": 0}


def provision(
    client: Client, schemas: Schemas, object_name: str, specs: Sequence[FieldSpec], language: str
) -> list[Provisioned]:
    """One result for each of ``specs``, in order; texts in ``language`` (``zh…``, else English)."""
    chinese = language.startswith("zh")
    listed = {str(o.get("describeApiName")): o for o in client.objects()}
    found = listed.get(object_name)
    if found is None or found.get("isActive") is False:
        first = _object_by_hand(object_name, found is not None, chinese)
        return [
            Provisioned(
                object_name, s, FieldState.MISSING, by_hand=f"{first} {_create(object_name, s, chinese)}"
            )
            for s in specs
        ]
    fields = schemas.of(object_name, no_older=JUST_NOW)
    return [_compared(object_name, spec, fields, chinese) for spec in specs]


def _compared(object_name: str, spec: FieldSpec, fields: Mapping[str, Field], chinese: bool) -> Provisioned:
    found = _match(spec, fields)
    if found is None:
        by_hand = _create(object_name, spec, chinese)
        return Provisioned(object_name, spec, FieldState.MISSING, by_hand=by_hand)
    wrong = _mismatches(spec, found, chinese)
    if not wrong:
        return Provisioned(object_name, spec, FieldState.PRESENT, found.api_name)
    place = f"{object_name}.{found.api_name}"
    by_hand = f"{place}：{'；'.join(wrong)}。" if chinese else f"{place}: {'; '.join(wrong)}."
    return Provisioned(object_name, spec, FieldState.MISMATCH, found.api_name, by_hand)


def _match(spec: FieldSpec, fields: Mapping[str, Field]) -> Field | None:
    """By API name, else the custom field with our label: the console may have generated its name."""
    if spec.api_name in fields:
        return fields[spec.api_name]
    labelled = [f for f in fields.values() if f.custom and f.label.strip() == spec.label]
    usable = [f for f in labelled if f.type in TYPES[spec.type][0]]
    return next(iter(usable or labelled), None)


def _mismatches(spec: FieldSpec, found: Field, chinese: bool) -> list[str]:
    wrong = []
    accepted, zh, en = TYPES[spec.type]
    if found.type not in accepted:
        wrong.append(
            f"类型为 {found.type}，应为{zh}（{accepted[0]}），请另建字段"
            if chinese
            else f"its type is {found.type}, wanted is {en} ({accepted[0]}); create another field"
        )
    missing = [label for _, label in spec.options if label not in found.options.values()]
    if missing and found.type in accepted:
        wrong.append(
            f"请添加选项：{'、'.join(missing)}" if chinese else f"add the options {', '.join(missing)}"
        )
    if not found.active:
        wrong.append("字段已禁用，请启用" if chinese else "it is disabled, enable it")
    if spec.unique and found.unique is False:
        wrong.append("请设为唯一（不允许重复）" if chinese else "set it to unique")
    return wrong


def _object_by_hand(object_name: str, exists: bool, chinese: bool) -> str:
    if exists:
        return (
            f"在管理后台「对象管理」中启用对象 {object_name}，然后："
            if chinese
            else f"In the console, enable the object {object_name} first; then:"
        )
    return (
        f"在管理后台「对象管理」中先新建自定义对象，API 名称填 {object_name}，然后："
        if chinese
        else f"In the console, first create a custom object with the API name {object_name}; then:"
    )


def _create(object_name: str, spec: FieldSpec, chinese: bool) -> str:
    """Exactly what to enter in the console for ``spec``."""
    _, zh, en = TYPES[spec.type]
    digits = DIGITS.get(spec.type)
    labels = [label for _, label in spec.options]
    if chinese:
        parts = [f"在对象 {object_name} 上新建字段「{spec.label}」，类型：{zh}"]
        parts += [f"API 名称：{spec.api_name}"]
        parts += [f"小数位数：{digits}"] if digits is not None else []
        parts += [f"选项：{'、'.join(labels)}"] if labels else []
        parts += ["关联对象：客户 AccountObj"] if spec.type == "reference" else []
        parts += ["设为唯一（不允许重复）"] if spec.unique else []
        return "；".join(parts) + "。"
    parts = [f"On the object {object_name} create the field '{spec.label}' of type {en}"]
    parts += [f"API name {spec.api_name}"]
    parts += [f"decimal places {digits}"] if digits is not None else []
    parts += [f"options {', '.join(labels)}"] if labels else []
    parts += ["looking up AccountObj (accounts)"] if spec.type == "reference" else []
    parts += ["unique (no duplicates)"] if spec.unique else []
    return "; ".join(parts) + "."

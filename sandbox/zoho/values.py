"""Checks the values of a written record, field by field.

Invariant: what is stored has the type, length and options of its field; every error names the field
by ``api_name`` and ``json_path`` in the vendor's words. Unknown and read-only fields are dropped
without a word (vendor behaviour seen by integrators), so that a caller has to read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.table import Row
from sandbox.zoho.answers import Item, error, invalid
from sandbox.zoho.fields import ANY_MODULE, LOOKUPS, Field, Module
from sandbox.zoho.moments import is_date, parsed_stamp
from sandbox.zoho.tenant import Tenant

_TEXTS = ("text", "textarea", "email", "phone", "website")


class _Misfit(Exception):
    def __init__(self, message: str = "invalid data", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


def checked(
    tenant: Tenant, module: Module, given: Mapping[str, Any], path: str, *, inserting: bool
) -> tuple[Row, list[Item]]:
    """The values to store (``None`` empties a field) and the errors; ``path`` is ``$.data[0]``."""
    row: Row = {}
    errors: list[Item] = []
    given = _with_module(tenant, module, given)
    for name, value in given.items():
        field = module.fields.get(name)
        if field is None or field.read_only:
            continue
        where = {"api_name": name, "json_path": f"{path}.{name}"}
        if field.target == ANY_MODULE and value is not None and not given.get("$se_module"):
            errors.append(_module_missing(where, path))
            continue
        try:
            row[name] = _stored(tenant, field, value, given)
        except _Misfit as misfit:
            errors.append(invalid({**misfit.details, **where}, misfit.message))
        if field.target == ANY_MODULE and row.get(name) is not None:
            row["$se_module"] = given["$se_module"]
    if inserting:
        errors += _missing(module, row, errors, path)
        errors += _empty_note(module, given, path)
    return row, errors


def _with_module(tenant: Tenant, module: Module, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A note names its parent's module inside ``Parent_Id``; tasks name it in ``$se_module``."""
    parent = given.get("Parent_Id")
    if module.api_name != "Notes" or not isinstance(parent, dict):
        return given
    inside = parent.get("module")
    named = inside.get("api_name") if isinstance(inside, dict) else None
    return {**given, "$se_module": named}


def _module_missing(where: Mapping[str, str], path: str) -> Item:
    return error(
        "DEPENDENT_FIELD_MISSING",
        f"The field '$se_module' is required when '{where['api_name']}' is provided",
        {"dependee": where, "api_name": "$se_module", "json_path": f"{path}.$se_module"},
    )


def _missing(module: Module, row: Row, errors: list[Item], path: str) -> list[Item]:
    faulty = {found["details"]["api_name"] for found in errors}
    return [
        error(
            "MANDATORY_NOT_FOUND",
            "required field not found",
            {"api_name": name, "json_path": f"{path}.{name}"},
        )
        for name, field in module.fields.items()
        if field.mandatory and row.get(name) in (None, "") and name not in faulty
    ]


def _empty_note(module: Module, given: Mapping[str, Any], path: str) -> list[Item]:
    if module.api_name != "Notes" or given.get("Note_Content") or given.get("Note_Title"):
        return []
    names = ("Note_Content", "Note_Title")
    expected = [{"api_name": name, "json_path": f"{path}.{name}"} for name in names]
    message = "should contain either content or title"
    return [error("EXPECTED_FIELD_MISSING", message, {"expected_fields": expected})]


def _stored(tenant: Tenant, field: Field, value: Any, given: Mapping[str, Any]) -> Any:
    """The value as it is kept, ``None`` for an emptied field."""
    kind = field.data_type
    if value is None or (value == "" and kind in _TEXTS):
        if field.mandatory or kind == "boolean":
            raise _Misfit()
        return None
    if kind in _TEXTS:
        return _text(field, value)
    if kind == "picklist":
        if not isinstance(value, str):
            raise _Misfit(expected_data_type="text")
        if value not in field.options:
            raise _Misfit(supported_values=list(field.options))
        return value
    if kind == "boolean":
        if not isinstance(value, bool):
            raise _Misfit(expected_data_type="boolean")
        return value
    if kind in ("integer", "bigint"):
        return _integer(field, value)
    if kind in ("currency", "double", "percent"):
        return _decimal(field, value)
    if kind == "date":
        if not is_date(value):
            raise _Misfit(expected_data_type="date")
        return value
    if kind == "datetime":
        moment = parsed_stamp(value)
        if moment is None:
            raise _Misfit(expected_data_type="datetime")
        return moment
    if kind in LOOKUPS:
        return _reference(tenant, field, value, given)
    raise _Misfit()


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _Misfit(expected_data_type="text")
    if field.length and len(value) > field.length:
        raise _Misfit(maximum_length=field.length)
    return value


def _integer(field: Field, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Misfit(expected_data_type=field.data_type)
    if field.length is not None and len(str(abs(value))) > field.length:
        raise _Misfit(maximum_length=field.length)
    return value


def _decimal(field: Field, value: Any) -> Decimal:
    """Rounded to the places of the field; ``length`` bounds the digits before the point."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise _Misfit(expected_data_type="double")
    places = field.decimals if field.decimals is not None else 2
    number = Decimal(value)
    if abs(number) >= 10 ** (field.length or 16):
        raise _Misfit(maximum_length=field.length)
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _reference(tenant: Tenant, field: Field, value: Any, given: Mapping[str, Any]) -> str:
    if not isinstance(value, dict):
        raise _Misfit(expected_data_type="jsonobject")
    row_id = value.get("id")
    if isinstance(row_id, int) and not isinstance(row_id, bool):
        row_id = str(row_id)
    target = field.target
    if target == ANY_MODULE:
        target = given["$se_module"]
    if not isinstance(row_id, str) or not tenant.exists(target, row_id):
        raise _Misfit("the id given seems to be invalid")
    return row_id

"""Org, modules and fields (vendor manual: Organization, Modules, Fields, Custom Fields).

Invariant: fields are created one to five in a call, with a label of at most 25 characters that the
module does not have yet; the vendor makes the api name and does not tell it in the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.zoho import faults
from sandbox.zoho.answers import Item, answer, empty, error, invalid, items, parsed, refuse
from sandbox.zoho.fields import Field, Module
from sandbox.zoho.tenant import ORG_ID, Tenant

MAX_FIELDS, MAX_LABEL, MAX_OPTIONS, MAX_OPTION = 5, 25, 10, 25
TEXT_SIZES = {"small": 2_000, "large": 32_000, "rich_text": 50_000}
LENGTHS = {
    "text": 255,
    "email": 100,
    "phone": 30,
    "website": 450,
    "picklist": 120,
    "integer": 9,
    "bigint": 18,
    "currency": 16,
    "double": 16,
    "percent": 5,
    "date": 20,
    "datetime": 120,
    "boolean": 5,
    "textarea": 2_000,
}
"""Types that the sandbox can create, with their usual length."""
UNIQUE_TYPES = ("text", "email", "phone", "integer", "bigint", "double")


def org(tenant: Tenant) -> Response:
    """``GET /org``."""
    return answer(
        {
            "org": [
                {
                    "id": ORG_ID,
                    "zgid": "60012345678",
                    "company_name": "CreditGate Sandbox",
                    "primary_email": tenant.admin.email,
                    "country_code": "CN",
                    "currency": "CNY",
                    "iso_code": "CNY",
                    "currency_locale": "zh_CN",
                    "time_zone": "Asia/Shanghai",
                    "mc_status": True,
                    "license_details": {"paid": True, "paid_type": "enterprise", "trial_expiry": None},
                }
            ]
        }
    )


def modules(tenant: Tenant) -> Response:
    """``GET /settings/modules``."""
    return answer({"modules": [module.described() for module in tenant.modules.values()]})


def one_module(module: Module) -> Response:
    """``GET /settings/modules/{api_name}``."""
    return answer({"modules": [module.described()]})


def invalid_module() -> Exception:
    message = "the module name given seems to be invalid"
    return refuse(400, "INVALID_MODULE", message, resource_path_index=0)


def module_of(tenant: Tenant, request: Request) -> Module:
    """The module named by ``?module=``."""
    api_name = request.query_params.get("module")
    if not api_name:
        raise refuse(
            400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name="module"
        )
    if api_name not in tenant.modules:
        raise refuse(400, "INVALID_MODULE", "the module name given seems to be invalid")
    return tenant.modules[api_name]


def fields(tenant: Tenant, request: Request, oddness: float = 0.0) -> Response:
    """``GET /settings/fields?module=``; ``oddness`` is the rate of the fault ``odd_fields``."""
    hidden = tenant.hidden_modules.get(request.query_params.get("module", ""))
    module = hidden or module_of(tenant, request)
    if oddness and module.api_name == faults.INVALID_MODULE:
        raise refuse(400, "INVALID_MODULE", "the module name given seems to be invalid")
    if oddness and module.api_name == faults.EMPTY_MODULE:
        return empty()
    with tenant.lock:
        described = [field.described() for field in module.fields.values()]
    return answer({"fields": [faults.odd(field, oddness) for field in described]})


def one_field(tenant: Tenant, request: Request, field_id: str) -> Response:
    """``GET /settings/fields/{id}?module=``."""
    module = module_of(tenant, request)
    found = next((f for f in module.fields.values() if f.id == field_id), None)
    if found is None:
        return empty()
    return answer({"fields": [found.described()]})


def create_fields(tenant: Tenant, request: Request, content: bytes, most: int) -> Response:
    """``POST /settings/fields?module=``; ``most`` custom fields may stand in a module."""
    module = module_of(tenant, request)
    wanted = parsed(content).get("fields")
    if not isinstance(wanted, list) or not wanted:
        raise refuse(
            400, "MANDATORY_NOT_FOUND", "required field not found", api_name="fields", json_path="$.fields"
        )
    if len(wanted) > MAX_FIELDS:
        raise refuse(
            400,
            "LIMIT_EXCEEDED",
            "limit exceeded",
            maximum_length=MAX_FIELDS,
            api_name="fields",
            json_path="$.fields",
        )
    with tenant.lock:
        results = [_created(tenant, module, one, f"$.fields[{i}]", most) for i, one in enumerate(wanted)]
    return items("fields", results, 201)


def _created(tenant: Tenant, module: Module, wanted: Any, path: str, most: int) -> Item:
    if not isinstance(wanted, dict):
        return invalid({"expected_data_type": "jsonobject", "json_path": path})
    fault = _fault(module, wanted, path)
    if fault is not None:
        return fault
    if sum(1 for field in module.fields.values() if field.custom) >= most:
        details = {"limit": most, "limit_due_to": [{"api_name": "custom_field", "json_path": path}]}
        return error("LIMIT_EXCEEDED", "limit exceeded", details)
    field = tenant.create_field(module, _new_field(wanted))
    return {
        "code": "SUCCESS",
        "details": {"id": field.id},
        "message": "field created",
        "status": "success",
    }


def _fault(module: Module, wanted: Mapping[str, Any], path: str) -> Item | None:
    def where(name: str) -> dict[str, Any]:
        return {"api_name": name, "json_path": f"{path}.{name}"}

    for name in ("field_label", "data_type"):
        if not wanted.get(name):
            return error("MANDATORY_NOT_FOUND", "required field not found", where(name))
    label, data_type = wanted["field_label"], wanted["data_type"]
    if not isinstance(label, str):
        return invalid({"expected_data_type": "text", **where("field_label")})
    if len(label) > MAX_LABEL:
        return invalid({"maximum_length": MAX_LABEL, **where("field_label")})
    if data_type not in LENGTHS:
        return invalid(where("data_type"))
    if data_type == "textarea" and _text_size(wanted) is None:
        return error("DEPENDENT_FIELD_MISSING", "dependent field missing", where("textarea"))
    length = wanted.get("length")
    longest = max(TEXT_SIZES.values()) if data_type == "textarea" else LENGTHS[data_type]
    if length is not None and (not isinstance(length, int) or not 0 < length <= longest):
        return invalid({"maximum_length": longest, **where("length")})
    if wanted.get("unique") and data_type not in UNIQUE_TYPES:
        return invalid(where("unique"))
    if data_type == "picklist" and (fault := _options_fault(wanted, path)):
        return fault
    if module.labelled(label) is not None:
        return error("DUPLICATE_DATA", "duplicate data", where("field_label"))
    return None


def _options_fault(wanted: Mapping[str, Any], path: str) -> Item | None:
    where = {"api_name": "pick_list_values", "json_path": f"{path}.pick_list_values"}
    options = wanted.get("pick_list_values")
    if not isinstance(options, list) or not options:
        return error("MANDATORY_NOT_FOUND", "required field not found", where)
    if len(options) > MAX_OPTIONS:
        return error("LIMIT_EXCEEDED", "limit exceeded", {"limit": MAX_OPTIONS, **where})
    seen = set()
    for i, option in enumerate(options):
        value = option.get("display_value") if isinstance(option, dict) else None
        if not isinstance(value, str) or not 0 < len(value) <= MAX_OPTION or value in seen:
            return invalid({**where, "json_path": f"{path}.pick_list_values[{i}].display_value"})
        seen.add(value)
    return None


def _text_size(wanted: Mapping[str, Any]) -> int | None:
    size = wanted.get("textarea")
    return TEXT_SIZES.get(size.get("type", "")) if isinstance(size, dict) else None


def _new_field(wanted: Mapping[str, Any]) -> Field:
    data_type = wanted["data_type"]
    longest = _text_size(wanted) or LENGTHS[data_type]
    decimals = wanted.get("decimal_place")
    if data_type in ("currency", "double", "percent") and decimals is None:
        decimals = 2
    return Field(
        api_name="",
        label=wanted["field_label"],
        data_type=data_type,
        length=min(wanted.get("length") or longest, longest),
        decimals=decimals,
        unique=bool(wanted.get("unique")),
        options=tuple(option["display_value"] for option in wanted.get("pick_list_values") or ()),
    )

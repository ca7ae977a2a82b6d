"""Who calls, and in which of the two styles of passing credentials (vendor manual: credentials).

Invariant: one call uses one style; ids of employees travel as plain CRM ids in the header style and
as FSUIDs in the body style, in both directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sandbox.fxiaoke.answers import NO_CORP, NO_EMPLOYEE, TOKEN_EXPIRED, TOKEN_MISSING, Fault, wrong
from sandbox.fxiaoke.tenant import Tenant
from sandbox.fxiaoke.tokens import CORP_ID, EA, TokenDesk
from sandbox.table import Row

_BODY_KEYS = ("corpAccessToken", "corpId", "currentOpenUserId")


@dataclass(frozen=True)
class Caller:
    """``user_id`` is the employee whose rights the call has; ``open_ids`` shows employees as FSUIDs."""

    user_id: str
    open_ids: bool


def caller(
    tenant: Tenant, desk: TokenDesk, request: Request, body: Mapping[str, Any], *, as_user: bool = True
) -> Caller:
    """The caller, or ``Fault``. Without ``as_user`` no employee has to be named."""
    headers = request.headers
    by_header = "authorization" in headers or "x-fs-ea" in headers
    by_body = any(key in body for key in _BODY_KEYS)
    if by_header and by_body:
        raise wrong("credentials in headers and in the body must not be mixed")
    if by_header:
        return _by_header(tenant, desk, headers, as_user, open_ids=body.get("convertUserId") is True)
    if by_body:
        return _by_body(tenant, desk, body, as_user)
    raise Fault(NO_CORP)


def _by_header(
    tenant: Tenant, desk: TokenDesk, headers: Mapping[str, str], as_user: bool, *, open_ids: bool
) -> Caller:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Fault(TOKEN_MISSING)
    if not desk.by_header.valid(token.strip()):
        raise Fault(TOKEN_EXPIRED)
    if headers.get("x-fs-ea") != EA:
        raise Fault(NO_CORP)
    user_id = headers.get("x-fs-userid", "")
    if as_user and user_id not in tenant.employees:
        raise Fault(NO_EMPLOYEE)
    return Caller(user_id, open_ids)


def _by_body(tenant: Tenant, desk: TokenDesk, body: Mapping[str, Any], as_user: bool) -> Caller:
    if not body.get("corpAccessToken"):
        raise Fault(TOKEN_MISSING)
    if not desk.by_body.valid(body["corpAccessToken"]):
        raise Fault(TOKEN_EXPIRED)
    if body.get("corpId") != CORP_ID:
        raise Fault(NO_CORP)
    user_id = tenant.plain_id(body.get("currentOpenUserId"))
    if as_user and user_id is None:
        raise Fault(NO_EMPLOYEE)
    return Caller(user_id or "", open_ids=True)


def employees_in(tenant: Tenant, who: Caller, ids: object) -> list[str] | None:
    """Ids as the caller wrote them, as plain ids; ``None`` when one is not an employee."""
    if not isinstance(ids, list):
        return None
    plain = [tenant.plain_id(one) if who.open_ids else one for one in ids]
    if any(not isinstance(one, str) or one not in tenant.employees for one in plain):
        return None
    return [one for one in plain if one is not None]


def employees_out(tenant: Tenant, who: Caller, ids: list[str]) -> list[str]:
    """Plain ids as the caller's style shows them."""
    return [tenant.employees[one].open_id for one in ids] if who.open_ids else ids


def by_mobile(tenant: Tenant, who: Caller, mobile: object) -> Row:
    """The employee with this mobile number; ``Fault`` when there is none."""
    for employee in tenant.employees.values():
        if employee.mobile == mobile:
            shown = employees_out(tenant, who, [employee.id])[0]
            return {"openUserId": shown, "name": employee.name, "mobile": mobile, "departmentIds": [999999]}
    raise Fault(NO_EMPLOYEE)

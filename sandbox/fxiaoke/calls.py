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
from sandbox.fxiaoke.tokens import EA, TRACE_MISSING, TokenDesk, traced

_BODY_KEYS = ("corpAccessToken", "corpId", "currentOpenUserId")
_HEADER_KEYS = ("authorization", "x-fs-ea", "x-fs-userid")


@dataclass(frozen=True)
class Caller:
    """``user_id`` is the employee whose rights the call has; ``open_ids`` shows employees as FSUIDs;
    ``by_header`` is the style; ``trace_id`` what the caller named the call."""

    user_id: str
    open_ids: bool
    by_header: bool = False
    trace_id: str = ""


def caller(
    tenant: Tenant, desk: TokenDesk, request: Request, body: Mapping[str, Any], *, as_user: bool = True
) -> Caller:
    """The caller, or ``Fault``. Without ``as_user`` no employee has to be named.

    Credentials are looked at before the trace id: probes without one got as far as that.
    """
    headers = request.headers
    by_header = any(key in headers for key in _HEADER_KEYS)
    by_body = any(key in body for key in _BODY_KEYS)
    if by_header and by_body:
        raise wrong("请求头与请求体中的身份信息不能混用")
    if not by_header and not by_body:
        raise Fault(NO_CORP)
    user_id = (
        _by_header(tenant, desk, headers, as_user) if by_header else _by_body(tenant, desk, body, as_user)
    )
    if not traced(request, tenant.traits):
        raise wrong(TRACE_MISSING)
    open_ids = by_body or body.get("convertUserId") is True
    return Caller(user_id, open_ids, by_header, request.query_params.get("thirdTraceId", ""))


def _by_header(tenant: Tenant, desk: TokenDesk, headers: Mapping[str, str], as_user: bool) -> str:
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
    return user_id


def _by_body(tenant: Tenant, desk: TokenDesk, body: Mapping[str, Any], as_user: bool) -> str:
    if not body.get("corpAccessToken"):
        raise Fault(TOKEN_MISSING)
    if not desk.by_body.valid(body["corpAccessToken"]):
        raise Fault(TOKEN_EXPIRED)
    # Whether a number may come back as a text is not settled; it may here.
    if str(body.get("corpId")) != str(desk.corp_id):
        raise Fault(NO_CORP)
    user_id = tenant.plain_id(body.get("currentOpenUserId"))
    if as_user and user_id is None:
        raise Fault(NO_EMPLOYEE)
    return user_id or ""


def employees_in(tenant: Tenant, who: Caller, ids: object) -> list[str] | None:
    """Ids as the caller wrote them, as plain ids; ``None`` when one is not an employee."""
    if not isinstance(ids, list):
        return None
    plain = [tenant.plain_id(one) if who.open_ids else one for one in ids]
    if any(not isinstance(one, str) or one not in tenant.employees for one in plain):
        return None
    return [one for one in plain if one is not None]


def employees_out(tenant: Tenant, who: Caller, ids: list[str]) -> list[str]:
    """Plain ids as the caller's style shows them; what is no employee's stays as it is."""
    if not who.open_ids:
        return ids
    return [tenant.employees[one].open_id if one in tenant.employees else one for one in ids]

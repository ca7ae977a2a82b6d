"""Finding employees and writing to them (vendor manual: address book, messages).

Invariant: an employee is named by the id of the caller's style; a message reaches all of its receivers
or is refused, and is sent again whenever it is posted again: the vendor knows no key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.fxiaoke.answers import NO_CORP_TOKEN, NO_DEPARTMENT, NO_EMPLOYEE, Fault, wrong
from sandbox.fxiaoke.calls import Caller, employees_in, employees_out
from sandbox.fxiaoke.tenant import Employee, Tenant
from sandbox.table import Row

WHOLE_COMPANY = 999999
MOST_RECEIVERS = 500
DEEP_LINK = "fs://CRM/udobj?"


def by_mobile(tenant: Tenant, who: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
    """``empList`` with the employee of this ``mobile``; ``Fault`` when there is none."""
    if who.by_header and not tenant.traits.mobile_by_header:
        raise Fault(NO_CORP_TOKEN)
    found = [one for one in tenant.employees.values() if one.mobile == body.get("mobile")]
    if not found:
        raise Fault(NO_EMPLOYEE)
    return {"empList": [_shown(tenant, who, one) for one in found]}


def listed(tenant: Tenant, who: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
    """``userList`` of a department; the tenant has one, the whole company."""
    if str(body.get("departmentId")) != str(WHOLE_COMPANY):
        raise Fault(NO_DEPARTMENT)
    return {"userList": [_shown(tenant, who, one) for one in tenant.employees.values()]}


def _shown(tenant: Tenant, who: Caller, employee: Employee) -> Row:
    return {
        "openUserId": employees_out(tenant, who, [employee.id])[0],
        "name": employee.name,
        "mobile": employee.mobile,
        "email": employee.email,
        "departmentIds": [WHOLE_COMPANY],
    }


def send(tenant: Tenant, who: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
    """Take a message: its arguments stand at the top of the body."""
    to = body.get("toUser")
    if not isinstance(to, list) or not 1 <= len(to) <= MOST_RECEIVERS:
        raise wrong(f"toUser必须是1到{MOST_RECEIVERS}个员工的列表")
    receivers = employees_in(tenant, who, to)
    if receivers is None:
        raise Fault(NO_EMPLOYEE)
    kind = body.get("msgType")
    content = body.get(kind) if kind in ("text", "composite", "articles") else None
    if not content:
        raise wrong("msgType与消息内容不匹配")
    if kind == "text":
        _text(content, "content")
    if kind == "composite":
        _composite(content)
    tenant.messages.append({"to": receivers, "type": kind, "content": content, "by": who.user_id})
    return {}


def _composite(content: Any) -> None:
    _text(_part(content, "head"), "title")
    _text(_part(content, "first"), "content")
    for line in content.get("form") or []:
        _text(line, "label")
        _text(line, "value")
    if "remark" in content:
        _text(content["remark"], "content")
    if "link" in content:
        _text(content["link"], "title")
        _link(_text(content["link"], "url"))


def _link(url: str) -> None:
    """A web address, or a deep link that names an object and a row of it."""
    if url.startswith(("https://", "http://")):
        return
    try:
        target = json.loads(url.removeprefix(DEEP_LINK)) if url.startswith(DEEP_LINK) else None
    except ValueError:
        target = None
    if not isinstance(target, dict) or not target.get("objDescApiName") or not target.get("objDataId"):
        raise wrong("link.url不合法")


def _part(content: Any, name: str) -> Any:
    if not isinstance(content, Mapping):
        raise wrong("消息内容不合法")
    return content.get(name)


def _text(part: Any, name: str) -> str:
    value = part.get(name) if isinstance(part, Mapping) else None
    if not isinstance(value, str) or not value:
        raise wrong(f"缺少{name}")
    return value

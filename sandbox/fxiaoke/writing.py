"""Create, update, invalidate, lock and unlock (vendor manual: data operations).

Invariant: one row a call; a locked row is not changed; a new order is seen by the installed
pre-validation function unless the caller skips it, and only if it is otherwise good.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.concurrency import run_in_threadpool

from sandbox.doors import OrderForm, PluginSlot, judge
from sandbox.fxiaoke.answers import SERVICE, Fault, wrong
from sandbox.fxiaoke.calls import Caller
from sandbox.fxiaoke.fields import Object
from sandbox.fxiaoke.objects import CUSTOMER, ORDER_STATUS
from sandbox.fxiaoke.tenant import Tenant
from sandbox.fxiaoke.values import checked
from sandbox.table import Row

ORDER = "SalesOrderObj"
_LOCKED = "数据已锁定，不能编辑"


def object_data(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ``object_data`` of a create or an update, or ``Fault``."""
    given = body["data"].get("object_data")
    if not isinstance(given, Mapping):
        raise wrong("object_data is missing")
    return given


async def create(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any], slot: PluginSlot) -> str:
    """The new row's id."""
    given = object_data(body)
    with tenant.lock:
        values = _new_values(tenant, who, kind, given)
    options = body["data"].get("optionInfo")
    skips = isinstance(options, Mapping) and options.get("skipFuncValidate") is True
    plugin = slot.installed()
    if plugin is not None and kind.api_name == ORDER and not skips:
        with tenant.lock:
            values["name"] = tenant.next_number(kind)
            form = _order_form(tenant, values)
        _, message, refused = await run_in_threadpool(judge, plugin, form, values["name"])
        if refused:
            raise wrong(message)
    with tenant.lock:
        _refuse_twins(kind, values, None)
        row_id: str = tenant.insert(kind, values, who.user_id)["_id"]
        return row_id


def _new_values(tenant: Tenant, who: Caller, kind: Object, given: Mapping[str, Any]) -> Row:
    values = checked(tenant, who, kind, given, creating=True)
    _refuse_twins(kind, values, None)
    if kind.api_name == ORDER:
        status = kind.fields["order_status"].values()
        values.setdefault("order_status", status[ORDER_STATUS["open"]])
        values.setdefault("order_time", tenant.today())
        values["receivable_amount"] = values["order_amount"]
    return values


def _order_form(tenant: Tenant, values: Row) -> OrderForm:
    account = tenant.objects[CUSTOMER].table.get(values["account_id"]) or {}
    currency = values.get("mc_currency") or account.get("mc_currency") or "CNY"
    return OrderForm(values["account_id"], Decimal(values["order_amount"]), currency, values["name"])


def update(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
    """Change the fields that are sent; the others stay."""
    given = object_data(body)
    row = _living(kind, given.get("_id"))
    # Only the custom objects' call can write to locked rows.
    past_lock = kind.custom and body["data"].get("skipDataStatusValidate") is True
    if row["lock_status"] == "1" and not past_lock:
        raise Fault(SERVICE, _LOCKED)
    values = checked(tenant, who, kind, given, creating=False)
    _refuse_twins(kind, values, row["_id"])
    tenant.update(kind, row["_id"], values, who.user_id)


def invalidate(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
    """Void the row called ``object_data_id``."""
    row = _living(kind, body["data"].get("object_data_id"))
    if row["lock_status"] == "1":
        raise Fault(SERVICE, _LOCKED)
    values = {"life_status": "invalid", "life_status_before_invalid": row["life_status"]}
    tenant.update(kind, row["_id"], values, who.user_id)


def set_lock(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any], *, locked: bool) -> None:
    """Lock or unlock the rows in ``dataIds``, all or none."""
    ids = body["data"].get("dataIds")
    if not isinstance(ids, list) or not ids:
        raise wrong("dataIds must be a list")
    if body["data"].get("detailObjStrategy", 0) not in (0, 1):
        raise wrong("detailObjStrategy must be 0 or 1")
    rows = [_living(kind, row_id) for row_id in ids]
    for row in rows:
        tenant.update(kind, row["_id"], {"lock_status": "1" if locked else "0"}, who.user_id)


def _living(kind: Object, row_id: Any) -> Row:
    row = kind.table.get(row_id)
    if row is None or row["life_status"] == "invalid":
        raise wrong("数据不存在或已作废")
    return row


def _refuse_twins(kind: Object, values: Row, row_id: str | None) -> None:
    for name, field in kind.fields.items():
        if field.unique and values.get(name) is not None:
            holder = kind.table.holder(name, values[name])
            if holder is not None and holder != row_id:
                raise wrong(f"{field.label} 的值重复")

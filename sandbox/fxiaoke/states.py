"""Void, delete, recover, lock, unlock, and change the owner (vendor manual: data operations).

Invariant: a list of rows is done whole or not at all; only a void row is deleted or recovered; a locked
row can only be unlocked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.fxiaoke.answers import SERVICE, Fault, forbidden, wrong
from sandbox.fxiaoke.calls import Caller, employees_in
from sandbox.fxiaoke.changes import Action
from sandbox.fxiaoke.faults import void
from sandbox.fxiaoke.fields import Object
from sandbox.fxiaoke.objects import BEFORE_VOID
from sandbox.fxiaoke.tenant import VOID, Tenant
from sandbox.fxiaoke.writing import LOCKED, details_of, living, record
from sandbox.table import Row


def invalidate(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
    """Void the row called ``object_data_id``."""
    row = living(tenant, who, kind, body["data"].get("object_data_id"))
    _refuse_locked(row)
    void(tenant, kind, row, who.user_id)
    record(tenant, who, "invalid", kind, row["_id"])


def delete(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
    """Delete the void rows in ``idList`` for good."""
    for row in _voided(tenant, who, kind, body):
        tenant.remove(kind, row["_id"])
        record(tenant, who, "delete", kind, row["_id"])


def recover(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
    """Bring the void rows in ``idList`` back to what they were."""
    action: Action = "recover"
    for row in _voided(tenant, who, kind, body):
        values = {"life_status": row.get(BEFORE_VOID, "normal"), BEFORE_VOID: None}
        tenant.update(kind, row["_id"], values, who.user_id, action=action)
        record(tenant, who, action, kind, row["_id"])


def lock(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
    """Lock the rows in ``dataIds``, with their details when ``detailObjStrategy`` is 1."""
    _set_lock(tenant, who, kind, body, {"lock_status": "1", "lock_user": [who.user_id]}, "lock")


def unlock(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
    """Unlock the rows in ``dataIds``, with their details when ``detailObjStrategy`` is 1."""
    _set_lock(tenant, who, kind, body, {"lock_status": "0", "lock_user": None}, "unlock")


def _set_lock(
    tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any], values: Row, action: str
) -> None:
    ids, strategy = _ids(body, "dataIds"), body["data"].get("detailObjStrategy", 0)
    if strategy not in (0, 1):
        raise wrong("detailObjStrategy只能是0或1")
    rows = [(kind, living(tenant, who, kind, row_id)) for row_id in ids]
    rows += details_of(tenant, kind, ids) if strategy == 1 else []
    for of, row in rows:
        if row["lock_status"] != values["lock_status"]:
            tenant.update(of, row["_id"], values, who.user_id)
        record(tenant, who, action, of, row["_id"])


def change_owner(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
    """Give each row of ``Data`` another owner. A row of the public pool has none to be changed."""
    given = body["data"].get("Data")
    if not isinstance(given, list) or not given:
        raise wrong("缺少Data")
    changes = []
    for one in given:
        owner = employees_in(tenant, who, one.get("ownerId")) if isinstance(one, Mapping) else None
        if not owner:
            raise wrong("ownerId必须是员工ID的列表")
        row = living(tenant, who, kind, one.get("objectDataId"))
        if not row.get("owner"):
            raise wrong("公海中的数据没有负责人，请先领取")
        _refuse_locked(row)
        changes.append((row["_id"], owner))
    for row_id, owner in changes:
        tenant.update(kind, row_id, {"owner": owner}, who.user_id)
        record(tenant, who, "changeOwner", kind, row_id)


def _voided(tenant: Tenant, who: Caller, kind: Object, body: Mapping[str, Any]) -> list[Row]:
    rows = []
    for row_id in _ids(body, "idList"):
        row = kind.table.get(row_id)
        if row is None or row["life_status"] != VOID:
            raise wrong("数据不存在或未作废")
        if not tenant.sees(who.user_id, kind, row):
            raise forbidden()
        rows.append(row)
    return rows


def _ids(body: Mapping[str, Any], name: str) -> list[Any]:
    ids = body["data"].get(name)
    if not isinstance(ids, list) or not ids:
        raise wrong(f"{name}必须是列表")
    return ids


def _refuse_locked(row: Row) -> None:
    if row["lock_status"] == "1":
        raise Fault(SERVICE, LOCKED)

"""``/{module}/{id}/Locking_Information__s``: locking, looking at and unlocking a record (vendor manual:
Lock Records).

Invariant: nothing is locked by hand where no configuration allows it, and what a rule has locked only
the rule unlocks.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.zoho.answers import Refused, answer, empty, error, invalid, items, parsed, refuse
from sandbox.zoho.fields import CREATED, MODIFIED, USERS, Module
from sandbox.zoho.lock_settings import SUPPORTED
from sandbox.zoho.locks import AUTOMATIC, Configuration, Lock, Locks
from sandbox.zoho.routing import Router
from sandbox.zoho.settings import invalid_module
from sandbox.zoho.tenant import Tenant

MAX_REASON = 3_000
_PATH = "/{module}/{id}/Locking_Information__s"
_REASON = {"api_name": "Locked_Reason__s", "json_path": "$.data[0].Locked_Reason__s"}


def routes(router: Router, tenant: Tenant, locks: Locks) -> list[Route]:
    """The routes of one record's lock."""
    locking = _Locking(tenant, locks)
    route, read, sent = router.route, router.read, router.sent
    one = f"{_PATH}/{{lock}}"
    # No scope of its own is named for unlocking: it changes the lock.
    reads, creates, updates = (
        (f"modules.lockinginformation.{word}", f"{{module}}.{over}")
        for word, over in (("READ", "READ"), ("CREATE", "UPDATE"), ("UPDATE", "UPDATE"))
    )
    return [
        route("GET", _PATH, read(locking.shown), *reads),
        route("POST", _PATH, sent(locking.lock), *creates),
        route("GET", one, read(locking.shown), *reads),
        route("PUT", one, sent(locking.explain), *updates),
        route("DELETE", one, read(locking.unlock), *updates),
    ]


class _Locking:
    def __init__(self, tenant: Tenant, locks: Locks) -> None:
        self._tenant = tenant
        self._locks = locks

    def shown(self, request: Request) -> Response:
        """``GET``: the lock, or 204. ``fields`` has to be named, as in every list since version 3."""
        names = [n.strip() for n in request.query_params.get("fields", "").split(",") if n.strip()]
        if not names:
            message = "required param is missing"
            raise refuse(400, "REQUIRED_PARAM_MISSING", message, param_name="fields")
        with self._tenant.lock:
            self._configured(request)
            lock = self._locks.of(*self._target(request))
            if lock is None:
                return empty()
            self._same(request, lock)
            whole = self._locks.described(lock)
        data = {name: value for name, value in whole.items() if name in ("id", *names)}
        info = {"per_page": 200, "count": 1, "page": 1, "more_records": False}
        return answer({"data": [data], "info": info})

    def lock(self, request: Request, content: bytes) -> Response:
        reason = _reason(content)
        with self._tenant.lock:
            configuration = self._configured(request)
            module, row_id = self._target(request)
            if self._locks.of(module, row_id) is not None:
                raise _not_allowed("record is already locked")
            if not configuration.by_hand:
                raise _not_allowed("record cannot be locked, only automatic locking is configured")
            lock = self._locks.lock(configuration, row_id, reason, self._tenant.admin)
            by = self._tenant.lookup(USERS, self._tenant.admin.id)
        details = {"id": lock.id, CREATED: lock.time, MODIFIED: lock.time}
        return _done({**details, "Created_By": by, "Modified_By": by}, "record added", 201)

    def explain(self, request: Request, content: bytes) -> Response:
        """``PUT``: another reason."""
        reason = _reason(content)
        with self._tenant.lock:
            lock = self._there(request)
            if lock.source == AUTOMATIC:
                raise _not_allowed("record cannot be locked, only automatic locking is configured")
            lock.reason = reason
        return _done({"id": lock.id}, "relation updated", 200)

    def unlock(self, request: Request) -> Response:
        with self._tenant.lock:
            lock = self._there(request)
            if lock.source == AUTOMATIC:
                raise _not_allowed("Automatically locked records can not be unlocked manually")
            self._locks.unlock(lock)
        return _done({"id": lock.id}, "relation removed", 200)

    def _module(self, request: Request) -> Module:
        module = self._tenant.modules.get(request.path_params["module"])
        if module is None:
            raise invalid_module()
        if module.api_name not in SUPPORTED:
            raise refuse(400, "INVALID_DATA", "relation not found")
        return module

    def _target(self, request: Request) -> tuple[Module, str]:
        module, row_id = self._module(request), request.path_params["id"]
        if module.table.get(row_id) is None:
            message = "the related id given seems to be invalid"
            raise refuse(400, "INVALID_DATA", message, resource_path_index=1)
        return module, row_id

    def _configured(self, request: Request) -> Configuration:
        configuration = self._locks.configuration(self._module(request))
        if configuration is None:
            message = "Required Record Locking Configuration is not present"
            raise refuse(400, "NOT_ALLOWED", message, resource_path_index=2)
        return configuration

    def _there(self, request: Request) -> Lock:
        self._configured(request)
        lock = self._locks.of(*self._target(request))
        if lock is None:
            raise refuse(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=3)
        self._same(request, lock)
        return lock

    @staticmethod
    def _same(request: Request, lock: Lock) -> None:
        if request.path_params.get("lock", lock.id) != lock.id:
            raise refuse(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=3)


def _reason(content: bytes) -> str:
    data = parsed(content).get("data")
    first: Any = data[0] if isinstance(data, list) and data else {}
    reason = first.get("Locked_Reason__s") if isinstance(first, dict) else None
    fault = None
    if reason in (None, ""):
        fault = error("MANDATORY_NOT_FOUND", "required field not found", _REASON)
    elif not isinstance(reason, str):
        fault = invalid({"expected_data_type": "text", **_REASON})
    elif len(reason) > MAX_REASON:
        fault = invalid({"maximum_length": MAX_REASON, **_REASON})
    if fault is not None:
        raise Refused(400, {"data": [fault]})
    return str(reason)


def _not_allowed(message: str) -> Refused:
    return refuse(403, "NOT_ALLOWED", message, resource_path_index=1)


def _done(details: dict[str, Any], message: str, status: int) -> Response:
    done = {"code": "SUCCESS", "details": details, "message": message, "status": "success"}
    return items("data", [done], status)

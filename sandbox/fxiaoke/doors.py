"""Side doors of the Fxiaoke sandbox alone: what an admin, a colleague or the vendor does meanwhile.

Invariant: a row that is changed here changes as in the browser: its time of change moves and receivers
are told. No credential, no limit and no fault stands before a side door, and a lock holds nobody up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.doors import posted
from sandbox.fxiaoke import console
from sandbox.fxiaoke.answers import DESCRIPTIONS
from sandbox.fxiaoke.browser import Browser, kept_values, object_of
from sandbox.fxiaoke.callbacks import Callbacks
from sandbox.fxiaoke.faults import void
from sandbox.fxiaoke.fields import Object
from sandbox.fxiaoke.functions import Functions
from sandbox.fxiaoke.gateway import Gateway
from sandbox.fxiaoke.packed import install
from sandbox.fxiaoke.rules import Rules
from sandbox.fxiaoke.tenant import VOID, Tenant


def routes(
    tenant: Tenant,
    browser: Browser,
    rules: Rules,
    functions: Functions,
    callbacks: Callbacks,
    gateway: Gateway,
) -> list[Route]:
    """``orders`` and ``import``; ``edit``, ``void`` and ``delete`` of rows; ``console/variant``,
    ``console/rules``, ``console/approval`` and ``console/functions``; ``plugin/install``; ``controller``,
    which a component calls; ``callback`` and ``hook``; ``traits``, ``quota``, ``refuse`` and ``revoke``;
    ``writes``, ``messages``, ``events`` and ``functions`` to look at."""
    rows = _Rows(tenant)

    def variant(body: dict[str, Any]) -> dict[str, Any]:
        with tenant.lock:
            return console.vary(tenant, body)

    def rule(body: dict[str, Any]) -> dict[str, Any]:
        with tenant.lock:
            return {"api_name": rules.set_up(body).api_name}

    def function(body: dict[str, Any]) -> dict[str, Any]:
        return {"api_name": functions.install(body).api_name}

    def packed(body: dict[str, Any]) -> dict[str, Any]:
        return install(tenant, rules, functions, body)

    def approval(body: dict[str, Any]) -> dict[str, Any]:
        """Switch the approval flow of ``object`` ``on`` or off."""
        with tenant.lock:
            name = object_of(tenant, body).api_name
            (tenant.approvals.add if body.get("on", True) else tenant.approvals.discard)(name)
            return {"approvals": sorted(tenant.approvals)}

    def traits(body: dict[str, Any]) -> dict[str, Any]:
        with tenant.lock:
            tenant.traits = tenant.traits.changed(body)
            return vars(tenant.traits)

    def refuse(body: dict[str, Any]) -> dict[str, Any]:
        """Refuse every call with ``code``, as when the application is stopped; null ends it."""
        code = body.get("code")
        if code is not None and code not in DESCRIPTIONS:
            raise ValueError(f"code must be one of {', '.join(map(str, DESCRIPTIONS))}")
        gateway.refuse_with = code
        return {"code": code}

    def revoke(_: dict[str, Any]) -> dict[str, Any]:
        """End every token at once."""
        gateway.desk.revoke_all()
        return {"revoked": True}

    return [
        _door("orders", browser.order),
        _door("import", browser.imported),
        _door("edit", rows.edit),
        _door("void", rows.void),
        _door("delete", rows.delete),
        _door("console/variant", variant),
        _door("console/rules", rule),
        _door("console/approval", approval),
        _door("console/functions", function),
        _door("plugin/install", packed),
        _door("controller", functions.call),
        _door("callback", callbacks.subscribe),
        _door("hook", callbacks.install_hook),
        _door("traits", traits),
        _door("quota", gateway.quota.door),
        _door("refuse", refuse),
        _door("revoke", revoke),
        _shown("writes", lambda: {"writes": _kept(tenant, tenant.writes)}),
        _shown("messages", lambda: {"messages": _kept(tenant, tenant.messages)}),
        _shown("events", callbacks.counts),
        _shown("functions", functions.look),
    ]


class _Rows:
    """Rows are named by ``ids``, or counted: ``count`` rows after ``skip`` in order of id."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def edit(self, body: dict[str, Any]) -> dict[str, Any]:
        """Put ``values`` into the rows; a colleague may be named by ``by``."""
        with self._tenant.lock:
            kind = object_of(self._tenant, body)
            values = kept_values(self._tenant, kind, body.get("values") or {})
            ids = self._chosen(kind, body)
            for row_id in ids:
                self._tenant.update(kind, row_id, values, self._by(body))
        return {"ids": ids}

    def void(self, body: dict[str, Any]) -> dict[str, Any]:
        with self._tenant.lock:
            kind = object_of(self._tenant, body)
            ids = self._chosen(kind, body)
            for row_id in ids:
                self._void(kind, row_id, body)
        return {"ids": ids}

    def delete(self, body: dict[str, Any]) -> dict[str, Any]:
        """Void the rows and delete them for good: no list tells that they were there."""
        with self._tenant.lock:
            kind = object_of(self._tenant, body)
            ids = self._chosen(kind, body)
            for row_id in ids:
                self._void(kind, row_id, body)
                self._tenant.remove(kind, row_id)
        return {"ids": ids}

    def _void(self, kind: Object, row_id: str, body: dict[str, Any]) -> None:
        row = kind.table.get(row_id)
        if row is not None and row["life_status"] != VOID:
            void(self._tenant, kind, row, self._by(body))

    def _by(self, body: dict[str, Any]) -> str:
        user_id = str(body.get("by", self._tenant.admin.id))
        if user_id not in self._tenant.employees:
            raise ValueError(f"there is no employee {user_id}")
        return user_id

    def _chosen(self, kind: Object, body: dict[str, Any]) -> list[str]:
        ids = body.get("ids")
        if ids is None:
            skip, count = body.get("skip", 0), body.get("count", 1)
            if not isinstance(skip, int) or not isinstance(count, int) or skip < 0 or count < 0:
                raise ValueError("skip and count must be whole numbers")
            return [row["_id"] for row in kind.table][skip : skip + count]
        if not isinstance(ids, list):
            raise ValueError("ids must be a list")
        for row_id in ids:
            if kind.table.get(row_id) is None:
                raise ValueError(f"{kind.api_name} has no row {row_id}")
        return list(ids)


def _kept(tenant: Tenant, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    with tenant.lock:
        return list(items)


def _door(name: str, act: Callable[[dict[str, Any]], dict[str, Any]]) -> Route:
    return Route(f"/_sandbox/{name}", posted(act), methods=["POST"])


def _shown(name: str, look: Callable[[], dict[str, Any]]) -> Route:
    async def endpoint(_: Request) -> JSONResponse:
        return JSONResponse(await run_in_threadpool(look))

    return Route(f"/_sandbox/{name}", endpoint, methods=["GET"])

"""Side doors of the Zoho sandbox alone: what an admin or another user does while a client works.

Invariant: a row that is changed, or deleted, here changes as in the browser: its Modified_Time moves,
or it comes into the list of deleted rows. No scope, no credit and no fault stands before a side door.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.routing import Route

from sandbox.doors import posted
from sandbox.zoho.bulk import Jobs
from sandbox.zoho.fields import NUMBERS, Field, Module
from sandbox.zoho.oauth import Tokens
from sandbox.zoho.tenant import Tenant


def routes(tenant: Tenant, tokens: Tokens, jobs: Jobs) -> list[Route]:
    """``edit``, ``delete``, ``grant_code``, ``revoke`` and ``bulk`` below ``/_sandbox/``."""

    def edit(body: dict[str, Any]) -> dict[str, Any]:
        """Put ``values`` into the rows named by ``ids``, or into ``count`` rows after ``skip``."""
        module = _module(tenant, body)
        values = _values(module, body.get("values") or {})
        with tenant.lock:
            ids = _chosen(module, body)
            for row_id in ids:
                tenant.update(module, row_id, values)
        return {"ids": ids}

    def delete(body: dict[str, Any]) -> dict[str, Any]:
        """Delete the rows named by ``ids``, or ``count`` rows after ``skip``."""
        module = _module(tenant, body)
        with tenant.lock:
            ids = _chosen(module, body)
            for row_id in ids:
                tenant.delete(module, row_id)
        return {"ids": ids}

    def grant_code(body: dict[str, Any]) -> dict[str, Any]:
        """A fresh grant code, with ``scope`` in place of all scopes when it is given."""
        code = tokens.new_code(str(body.get("scope") or ""))
        if code is None:
            raise ValueError("too many grant codes in ten minutes")
        return {"code": code}

    def revoke(body: dict[str, Any]) -> dict[str, Any]:
        """End ``token`` (access or refresh), or every access token when none is named."""
        if "token" in body:
            return {"revoked": tokens.revoke(str(body["token"]))}
        tokens.revoke_all()
        return {"revoked": True}

    return [
        Route("/_sandbox/edit", posted(edit), methods=["POST"]),
        Route("/_sandbox/delete", posted(delete), methods=["POST"]),
        Route("/_sandbox/grant_code", posted(grant_code), methods=["POST"]),
        Route("/_sandbox/revoke", posted(revoke), methods=["POST"]),
        Route("/_sandbox/bulk", posted(jobs.tune), methods=["POST"]),
    ]


def _module(tenant: Tenant, body: Mapping[str, Any]) -> Module:
    module = tenant.modules.get(str(body.get("module")))
    if module is None:
        raise ValueError(f"module must be one of {', '.join(tenant.modules)}")
    return module


def _chosen(module: Module, body: Mapping[str, Any]) -> list[str]:
    """The rows meant, oldest id first where they are counted."""
    ids = body.get("ids")
    if ids is None:
        skip, count = body.get("skip", 0), body.get("count", 1)
        if not isinstance(skip, int) or not isinstance(count, int) or skip < 0 or count < 0:
            raise ValueError("skip and count must be whole numbers")
        return [row["id"] for row in module.table][skip : skip + count]
    if not isinstance(ids, list):
        raise ValueError("ids must be a list")
    for row_id in ids:
        if module.table.get(row_id) is None:
            raise ValueError(f"{module.api_name} has no row {row_id}")
    return list(ids)


def _values(module: Module, given: Any) -> dict[str, Any]:
    """Values as rows keep them: numbers exact, lookups as ids; not checked any further."""
    if not isinstance(given, dict):
        raise ValueError("values must be an object")
    values: dict[str, Any] = {}
    for name, value in given.items():
        field = module.fields.get(name)
        if field is None:
            raise ValueError(f"{module.api_name} has no field {name}")
        values[name] = _kept(field, value)
    return values


def _kept(field: Field, value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("id")
    if value is None or field.data_type not in NUMBERS or field.data_type in ("integer", "bigint"):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{field.api_name} must be a number") from None

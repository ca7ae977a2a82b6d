"""What people do in the browser, for the side doors that all CRM sandboxes have.

Invariant: an order that is saved here has passed the installed functions before a save and every blocking
validation rule, and goes through the object's approval flow; lists that are imported do not.
"""

from __future__ import annotations

from typing import Any

from sandbox.doors import (
    Content,
    NotSaved,
    OrderForm,
    PluginSlot,
    canonical,
    order_form,
    place_order,
)
from sandbox.fxiaoke.answers import Fault
from sandbox.fxiaoke.calls import Caller
from sandbox.fxiaoke.console import create_fields
from sandbox.fxiaoke.fields import Object
from sandbox.fxiaoke.functions import Functions
from sandbox.fxiaoke.objects import CUSTOMER
from sandbox.fxiaoke.rollups import ORDER
from sandbox.fxiaoke.rules import Rules
from sandbox.fxiaoke.tenant import Tenant
from sandbox.fxiaoke.values import value_of
from sandbox.fxiaoke.writing import fresh_order
from sandbox.table import Row


class Browser:
    """The tenant as its users see it."""

    def __init__(self, tenant: Tenant, rules: Rules, plugins: PluginSlot, functions: Functions) -> None:
        self._tenant = tenant
        self._rules = rules
        self._plugins = plugins
        self._functions = functions

    def order(self, body: dict[str, Any]) -> dict[str, Any]:
        """Save an order as ``place_order`` does, or with ``id`` an order that is there; answers what the rep
        sees, warnings too. ``details`` are rows by object."""
        if "id" in body:
            return self._edited(body)
        form = order_form(body)
        guarded = self._functions.guards(self._tenant.objects[ORDER])
        placed = self._placed(form, body) if guarded else place_order(self, self._plugins.installed(), form)
        if not placed["saved"]:
            return placed
        with self._tenant.lock:
            warned = self._rules.verdict(self._tenant.objects[ORDER], self._order(form, ""), "create")
        return {**placed, "message": f"{placed['message']}\n{warned.message}".strip()}

    def _placed(self, form: OrderForm, body: dict[str, Any]) -> dict[str, Any]:
        """Save a new order after the functions that are bound before its save."""
        number, message, row_id = self.allot_number(form), "", None
        try:
            self._ask_functions(form, number, body)
            row_id = self.save_order(form, number)
        except NotSaved as error:
            message = str(error)
        return {
            "saved": row_id is not None,
            "id": row_id,
            "number": number,
            "message": message,
            "check": None,
        }

    def _edited(self, body: dict[str, Any]) -> dict[str, Any]:
        """Save an order that is there with other ``values``."""
        kind = self._tenant.objects[ORDER]
        with self._tenant.lock:
            row = dict(kind.table.get(body["id"]) or {})
            if not row:
                raise ValueError(f"there is no order {body['id']}")
            values = kept_values(self._tenant, kind, body.get("values") or {})
        user = str(body.get("by", self._tenant.admin.id))
        message = "数据已锁定，不能编辑" if row["lock_status"] == "1" else ""
        message = message or self._functions.before_save(
            kind, {**row, **values}, _details(body), "update", user, browser=True
        )
        with self._tenant.lock:
            verdict = self._rules.verdict(kind, {**row, **values}, "update")
            refused = bool(message) or verdict.refused
            if not refused:
                self._tenant.update(kind, row["_id"], values, user)
        told = "\n".join(text for text in (message, verdict.message) if text)
        return {"saved": not refused, "id": row["_id"], "number": row["name"], "message": told, "check": None}

    def _ask_functions(self, form: OrderForm, number: str, body: dict[str, Any]) -> None:
        """``NotSaved`` if a function that is bound before the save of a new order says no."""
        kind = self._tenant.objects[ORDER]
        with self._tenant.lock:
            values = self._order(form, number)
            if form.number is None and not self._tenant.traits.number_before_save:
                del values["name"]
        user = str(body.get("by", values["owner"][0]))
        told = self._functions.before_save(kind, values, _details(body), "create", user, browser=True)
        if told:
            raise NotSaved(told)

    def allot_number(self, form: OrderForm) -> str:
        with self._tenant.lock:
            self._account(form)
            return form.number or self._tenant.next_number(self._tenant.objects[ORDER])

    def save_order(self, form: OrderForm, number: str) -> str:
        with self._tenant.lock:
            kind, values = self._tenant.objects[ORDER], self._order(form, number)
            verdict = self._rules.verdict(kind, values, "create")
            if verdict.refused:
                raise NotSaved(verdict.message)
            if ORDER in self._tenant.approvals:
                values["life_status"] = "under_review"
            row_id: str = self._tenant.insert(kind, values, values["owner"][0])["_id"]
            return row_id

    def imported(self, body: dict[str, Any]) -> dict[str, Any]:
        """Import ``rows`` into ``object``: no function, rule or approval flow sees them."""
        with self._tenant.lock:
            kind = object_of(self._tenant, body)
            rows = [kept_values(self._tenant, kind, row) for row in body.get("rows") or []]
            if kind.api_name == ORDER:
                rows = [{**fresh_order(self._tenant, kind), **row} for row in rows]
            user_id = self._tenant.admin.id
            return {"ids": [self._tenant.insert(kind, row, user_id)["_id"] for row in rows]}

    def console_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        with self._tenant.lock:
            return create_fields(self._tenant, body)

    def content(self) -> Content:
        with self._tenant.lock:
            drop = {
                name: [f.api_name for f in kind.fields.values() if f.type == "date_time"]
                for name, kind in self._tenant.objects.items()
            }
            objects = {
                name: [self._comparable(kind, row) for row in kind.table]
                for name, kind in self._tenant.objects.items()
            }
            return canonical(objects, drop)

    def _comparable(self, kind: Object, row: Row) -> Row:
        """The row with ids of rows that this run created replaced by a word."""
        references = {f.api_name for f in kind.fields.values() if f.target} | {"_id"}
        return {
            name: "created" if name in references and self._tenant.is_new(value) else value
            for name, value in row.items()
        }

    def _account(self, form: OrderForm) -> Row:
        row = self._tenant.objects[CUSTOMER].table.get(form.account_id)
        if row is None:
            raise ValueError(f"there is no account {form.account_id}")
        return row

    def _order(self, form: OrderForm, number: str) -> Row:
        kind, account = self._tenant.objects[ORDER], self._account(form)
        return {
            **fresh_order(self._tenant, kind),
            "name": number,
            "owner": account.get("owner") or [self._tenant.admin.id],
            "mc_currency": form.currency,
            kind.here("account_id"): form.account_id,
            kind.here("order_amount"): f"{form.amount:.2f}",
        }


def _details(body: dict[str, Any]) -> dict[str, list[Row]]:
    given = body.get("details") or {}
    if not isinstance(given, dict) or not all(isinstance(rows, list) for rows in given.values()):
        raise ValueError("details must be rows by object")
    return given


def object_of(tenant: Tenant, body: dict[str, Any]) -> Object:
    kind = tenant.objects.get(str(body.get("object")))
    if kind is None:
        raise ValueError(f"object must be one of {', '.join(tenant.objects)}")
    return kind


def kept_values(tenant: Tenant, kind: Object, given: Any) -> Row:
    """Values as rows keep them, employees as plain ids; ``ValueError`` for what does not fit."""
    if not isinstance(given, dict):
        raise ValueError("values must be an object")
    admin = Caller(tenant.admin.id, open_ids=False)
    values: Row = {}
    for name, value in given.items():
        field = kind.fields.get(name)
        if field is None:
            raise ValueError(f"{kind.api_name} has no field {name}")
        try:
            values[name] = None if value in (None, "", []) else value_of(tenant, admin, field, value)
        except Fault as fault:
            raise ValueError(fault.message) from None
    return values

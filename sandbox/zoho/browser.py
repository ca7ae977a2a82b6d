"""What a person does in the vendor's browser pages: the order form, and saving or deleting any record.

Invariant: a person is asked by every validation rule and stopped by every lock, without naming them;
what is saved has the person's name on it, not the API user's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from html import escape
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.doors import OrderForm, PluginSlot, order_form, place_order
from sandbox.zoho import writing
from sandbox.zoho.answers import answer
from sandbox.zoho.fields import Module
from sandbox.zoho.listing import shown
from sandbox.zoho.modules import CURRENCIES
from sandbox.zoho.people import STANDARD, User
from sandbox.zoho.plugins import Plugins
from sandbox.zoho.tenant import Tenant

_FORM = "/_sandbox/browser/orders/new"
_SUGGESTED = 200
"""Accounts that the form suggests; any other may be typed."""


def doors(tenant: Tenant, slot: PluginSlot, plugins: Plugins) -> list[Route]:
    """``GET`` and ``POST /_sandbox/browser/orders/new`` are the order form as a page, and ``POST
    /_sandbox/orders`` saves an order without it; ``POST /_sandbox/browser/save`` and ``…/delete`` take
    ``module``, ``id``, ``values`` and ``user`` (id or e-mail; a rep when left out), or ``clone``, the id of
    the record that is copied, and answer ``saved`` with the vendor's ``result``; where a client script runs
    on saving, ``script`` says what came of it, and there is no result if it stopped the save."""
    pages = _Pages(tenant, slot, plugins)
    return [
        Route(_FORM, pages.form, methods=["GET"]),
        Route(_FORM, pages.place, methods=["POST"]),
        Route("/_sandbox/orders", pages.order, methods=["POST"]),
        Route("/_sandbox/browser/save", pages.save, methods=["POST"]),
        Route("/_sandbox/browser/delete", pages.delete, methods=["POST"]),
    ]


class _Pages:
    def __init__(self, tenant: Tenant, slot: PluginSlot, plugins: Plugins) -> None:
        self._tenant = tenant
        self._slot = slot
        self._plugins = plugins

    async def form(self, request: Request) -> Response:
        """The empty form; the query may fill it in (``account_id`` and so on)."""
        return HTMLResponse(self._page(dict(request.query_params), None))

    async def place(self, request: Request) -> Response:
        """Save: number, plugin, save. The page shows what the rep is told."""
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        try:
            outcome = await self._placed(order_form(given))
        except ValueError as error:
            return HTMLResponse(self._page(given, {"saved": False, "message": str(error)}), 400)
        return HTMLResponse(self._page({} if outcome["saved"] else given, outcome))

    async def order(self, request: Request) -> Response:
        """The order of the body, saved the same way."""
        try:
            body = json.loads(await request.body() or b"{}")
            if not isinstance(body, dict):
                raise ValueError("a JSON object is expected")
            return JSONResponse(await self._placed(order_form(body)))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    async def _placed(self, form: OrderForm) -> dict[str, Any]:
        """Through what is installed: the packed plugin, or the stand-in of one, or nothing."""
        if self._plugins.widget:
            return await self._through_packed(form)
        return await run_in_threadpool(place_order, self._tenant, self._slot.installed(), form)

    async def _through_packed(self, form: OrderForm) -> dict[str, Any]:
        """Save the form's order with the packed plugin: script and rule decide, the number comes last."""
        self._tenant.allot_number(form)  # it knows the account, or says so
        orders = self._tenant.modules["Sales_Orders"]
        record = {
            "Subject": form.number or "Order",
            "Account_Name": {"id": form.account_id},
            "Grand_Total": form.amount,
            "Currency": form.currency,
            "Status": "Created",
        }
        done = await self._saved(orders, record, self._user({}), "create")
        said = [one["text"] for one in (done.get("script") or {}).get("messages", ())]
        found = done["result"] or {}
        said += [] if done["saved"] or not found else [found["message"]]
        row = orders.table.get(found["details"]["id"]) if done["saved"] else None
        return {
            "saved": done["saved"],
            "id": row["id"] if row else None,
            "number": row["SO_Number"] if row else None,
            "message": "\n".join(said),
            "check": None,
        }

    async def save(self, request: Request) -> Response:
        body = json.loads(await request.body(), parse_float=Decimal)
        try:
            module, user = self._module(body), self._user(body)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        record = {**(body.get("values") or {})}
        if body.get("id"):
            record["id"] = body["id"]
        if not body.get("clone"):
            return answer(await self._saved(module, record, user, "edit" if body.get("id") else "create"))
        copied = self._copied(module, str(body["clone"]))
        loaded = await run_in_threadpool(self._plugins.ran, "onLoad", "clone", module, None, copied, user)
        copied |= loaded.changed if loaded else {}
        return answer(await self._saved(module, copied | record, user, "clone"))

    def _copied(self, module: Module, row_id: str) -> dict[str, Any]:
        """What the clone page takes over of a record: all that a person may write."""
        with self._tenant.lock:
            row = module.table.get(row_id)
            found = shown(self._tenant, module, row) if row else {}
        writable = {name for name, one in module.fields.items() if not one.read_only}
        return {name: value for name, value in found.items() if name in writable and value is not None}

    async def _saved(self, module: Module, record: dict[str, Any], user: User, page: str) -> dict[str, Any]:
        """Script, rules, save, as the page does; what came of it."""
        row_id = record.get("id")
        form = self._form(module, record)
        ran = await run_in_threadpool(self._plugins.ran, "onSave", page, module, row_id, form, user)
        if ran is not None:
            record |= ran.changed
            form |= ran.changed
        if ran is not None and not ran.saves:
            return {"saved": False, "result": None, "script": asdict(ran)}
        call = writing.Call(
            module,
            "update" if row_id else "insert",
            [record],
            with_rule=module.api_name == "Sales_Orders",
            with_criteria=True,
            by=user,
            shown=[{name: value for name, value in form.items() if value is not None}],
        )
        result = (await writing.carry_out(self._tenant, call, self._slot, {}))[0]
        done = {"saved": result["status"] == "success", "result": result}
        return done if ran is None else {**done, "script": asdict(ran)}

    def _form(self, module: Module, record: Mapping[str, Any]) -> dict[str, Any]:
        """What the page shows of a record while it is edited: what is stored, and what was typed."""
        with self._tenant.lock:
            row = module.table.get(record.get("id"))
            form = {**(shown(self._tenant, module, row) if row else {}), **record}
            for name, one in module.fields.items():
                value = form.get(name)
                if one.target in self._tenant.modules and isinstance(value, dict):
                    form[name] = self._tenant.lookup(one.target, value.get("id")) or value
        return form

    async def delete(self, request: Request) -> Response:
        body = await request.json()
        try:
            module, user = self._module(body), self._user(body)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        with self._tenant.lock:
            result = writing.delete_one(self._tenant, module, str(body.get("id")), user)
        return answer({"saved": result["status"] == "success", "result": result})

    def _module(self, body: Mapping[str, Any]) -> Module:
        module = self._tenant.modules.get(str(body.get("module")))
        if module is None:
            raise ValueError(f"module must be one of {', '.join(self._tenant.modules)}")
        return module

    def _user(self, body: Mapping[str, Any]) -> User:
        users, wanted = list(self._tenant.users.values()), body.get("user")
        if wanted is None:
            reps = [user for user in users if user.profile.name == STANDARD]
            return reps[0] if reps else self._tenant.admin
        for user in users:
            if wanted in (user.id, user.email):
                return user
        raise ValueError(f"there is no user {wanted}")

    def _page(self, given: Mapping[str, str], outcome: Mapping[str, Any] | None) -> str:
        def value(name: str) -> str:
            return escape(given.get(name, ""), quote=True)

        with self._tenant.lock:
            accounts = self._tenant.modules["Accounts"].table
            suggested = [row for row, _ in zip(accounts, range(_SUGGESTED), strict=False)]
        options = "".join(
            f'<option value="{escape(row["id"])}">{escape(row["Account_Name"])}</option>' for row in suggested
        )
        currencies = "".join(
            f"<option{' selected' if code == given.get('currency') else ''}>{code}</option>"
            for code in CURRENCIES
        )
        return _PAGE.format(
            outcome=_told(outcome),
            action=_FORM,
            account=value("account_id"),
            accounts=options,
            amount=value("amount"),
            currencies=currencies,
            number=value("number"),
        )


def _told(outcome: Mapping[str, Any] | None) -> str:
    """What the rep reads after saving, the plugin's message line by line."""
    if outcome is None:
        return ""
    headline = f"Order {outcome['number']} saved" if outcome["saved"] else "Order not saved"
    lines = [headline, *str(outcome.get("message") or "").splitlines()]
    text = "<br>".join(escape(line) for line in lines)
    kind, order_id = ("saved" if outcome["saved"] else "refused"), escape(str(outcome.get("id") or ""))
    return f'<p id="message" role="alert" class="{kind}" data-order-id="{order_id}">{text}</p>'


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>New sales order</title>
<style>
body {{ font: 15px sans-serif; max-width: 32em; margin: 2em auto; }}
label {{ display: block; margin: .8em 0; }}
input, select {{ display: block; width: 100%; padding: .4em; }}
#message {{ padding: .8em; border-left: 4px solid; }}
.saved {{ border-color: #2a7; background: #eefaf3; }} .refused {{ border-color: #c33; background: #fdeeee; }}
</style></head><body>
<h1>New sales order</h1>
{outcome}
<form method="post" action="{action}">
<label>Account <input name="account_id" list="accounts" value="{account}" required></label>
<datalist id="accounts">{accounts}</datalist>
<label>Amount <input name="amount" inputmode="decimal" value="{amount}" required></label>
<label>Currency <select name="currency">{currencies}</select></label>
<label>Number <input name="number" value="{number}" placeholder="allotted when empty"></label>
<button id="save">Save</button>
</form></body></html>
"""

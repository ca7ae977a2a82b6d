"""Side doors of the CRM sandboxes: what people do in the vendor's browser, and what tests look at.

Invariant: an order placed here runs through the same steps as in the vendor's browser: its number is
allotted, the installed credit plugin is asked, and only an order that is not refused is saved.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import requests
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PLUGIN_TIMEOUT = 3.0
"""Seconds that the plugin waits for the check; the vendors cut a save-time script off soon after."""

Content = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class OrderForm:
    """What the rep has typed: ``amount`` in major units; ``number`` when the rep gives one."""

    account_id: str
    amount: Decimal
    currency: str
    number: str | None


@dataclass(frozen=True)
class Plugin:
    """The installed credit plugin. ``on_failure`` (``allow`` or ``refuse``) says what becomes of an
    order when the check cannot be had."""

    url: str
    key: str
    connection: str
    on_failure: str

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Plugin:
        """``ValueError`` when something is missing or wrong."""
        on_failure = _text(body, "on_failure")
        if on_failure not in ("allow", "refuse"):
            raise ValueError("on_failure must be allow or refuse")
        url = _text(body, "url").rstrip("/")
        return cls(url, _text(body, "key"), _text(body, "connection"), on_failure)


class NotSaved(Exception):
    """The vendor itself refuses to save, with the text that the rep reads."""


class Tenant(Protocol):
    """What a CRM sandbox lends to the side doors. Called from worker threads: lock your state."""

    def allot_number(self, form: OrderForm) -> str:
        """The order's number (``form.number`` if given); ``ValueError`` for an unknown account."""

    def save_order(self, form: OrderForm, number: str) -> str:
        """Store the order as open, changed now; its id. ``NotSaved`` when the vendor refuses it."""

    def content(self) -> Content:
        """The tenant's content, see ``canonical``."""

    def console_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create the fields (and objects) of ``body`` as an admin by hand; ``ValueError`` if wrong."""


class PluginSlot:
    """Where the installed plugin is kept; a sandbox shares it with the vendor's own way of saving."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plugin: Plugin | None = None

    def install(self, plugin: Plugin) -> None:
        with self._lock:
            self._plugin = plugin

    def installed(self) -> Plugin | None:
        with self._lock:
            return self._plugin


def crm_doors(tenant: Tenant, slot: PluginSlot | None = None) -> list[Route]:
    """Routes of plugin, orders, content and console fields for one tenant."""
    slot = slot or PluginSlot()

    def install(body: dict[str, Any]) -> dict[str, Any]:
        slot.install(Plugin.from_body(body))
        return {"installed": True}

    def order(body: dict[str, Any]) -> dict[str, Any]:
        return place_order(tenant, slot.installed(), order_form(body))

    async def content(_: Request) -> JSONResponse:
        return JSONResponse(await run_in_threadpool(tenant.content))

    return [
        Route("/_sandbox/plugin", posted(install), methods=["POST"]),
        Route("/_sandbox/orders", posted(order), methods=["POST"]),
        Route("/_sandbox/content", content, methods=["GET"]),
        Route("/_sandbox/console/fields", posted(tenant.console_fields), methods=["POST"]),
    ]


def place_order(tenant: Tenant, plugin: Plugin | None, form: OrderForm) -> dict[str, Any]:
    """Save an order as the browser does: number, check, save. Answers what the rep sees."""
    number = tenant.allot_number(form)
    check, message, refused = judge(plugin, form, number)
    order_id = None
    if not refused:
        try:
            order_id = tenant.save_order(form, number)
        except NotSaved as error:
            message = f"{message}\n{error}".strip()
    return {
        "saved": order_id is not None,
        "id": order_id,
        "number": number,
        "message": message,
        "check": check,
    }


def judge(plugin: Plugin | None, form: OrderForm, number: str) -> tuple[dict[str, Any] | None, str, bool]:
    """What the installed plugin makes of an order: the check's answer, the text for the rep, and
    whether saving is refused."""
    if plugin is None:
        return None, "", False
    check = ask(plugin, form, number)
    if check is not None:
        return check, shown(check), check["decision"] == "hold"
    refused = plugin.on_failure == "refuse"
    return None, _UNREACHED_REFUSED if refused else _UNREACHED_ALLOWED, refused


_UNREACHED_REFUSED = "信用检查无法完成，订单未保存。 Credit check not available, order not saved."
_UNREACHED_ALLOWED = "信用检查无法完成，订单已保存。 Credit check not available, order saved."


def ask(plugin: Plugin, form: OrderForm, number: str) -> dict[str, Any] | None:
    """The check's answer, or ``None`` when there is none that can be used."""
    body = {
        "connection": plugin.connection,
        "account": form.account_id,
        "order": number,
        "amount": str(form.amount),
        "currency": form.currency,
        "checkpoint": "order_save",
    }
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.post(
                f"{plugin.url}/v1/checks",
                json=body,
                headers={"Authorization": f"Bearer {plugin.key}"},
                timeout=PLUGIN_TIMEOUT,
            )
            answer = response.json() if response.ok else None
        except requests.RequestException:
            return None
    usable = isinstance(answer, dict) and answer.get("decision") in ("pass", "warn", "hold")
    return answer if usable else None


def shown(check: Mapping[str, Any]) -> str:
    """The text that the rep reads: every reason, Chinese first."""
    texts = [reason.get("text", {}) for reason in check.get("reasons", [])]
    return "\n".join(f"{text.get('zh', '')} {text.get('en', '')}".strip() for text in texts)


def canonical(
    objects: Mapping[str, Iterable[Mapping[str, Any]]], drop: Mapping[str, Collection[str]]
) -> Content:
    """``objects`` in a form in which two runs can be compared byte for byte.

    ``drop`` names, per object, the fields that differ from run to run (ids of created rows, times of
    change, moments); under ``*`` those of all objects. Rows are sorted by their own text.
    """
    common = set(drop.get("*", ()))
    content: Content = {}
    for name in sorted(objects):
        without = common | set(drop.get(name, ()))
        rows = [{key: _plain(row[key]) for key in sorted(row) if key not in without} for row in objects[name]]
        content[name] = sorted(rows, key=lambda row: json.dumps(row, ensure_ascii=False))
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return value


def posted(act: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    """An endpoint that does ``act`` on a JSON object in a worker thread; ``ValueError`` → 400."""

    async def endpoint(request: Request) -> JSONResponse:
        try:
            content = await request.body()
            body = json.loads(content) if content else {}
            if not isinstance(body, dict):
                raise ValueError("a JSON object is expected")
            return JSONResponse(await run_in_threadpool(act, body))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return endpoint


def order_form(body: Mapping[str, Any]) -> OrderForm:
    """What a body says; ``ValueError`` when something is missing or wrong."""
    try:
        amount = Decimal(_text(body, "amount"))
    except InvalidOperation:
        raise ValueError("amount must be a decimal text") from None
    number = _text(body, "number") if body.get("number") else None
    return OrderForm(_text(body, "account_id"), amount, _text(body, "currency"), number)


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} must be a text")
    return value

"""``/actions/watch``: enabling, changing, listing and disabling notifications (vendor manual:
Notification APIs).

Invariant: results come by position, one for each channel given; a channel that is refused in part is
refused whole. A channel lives an hour unless it says otherwise and at most a week: an expiry that is
later than that is silently replaced by the hour.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.zoho.answers import Item, answer, empty, error, invalid, items, parsed, refuse
from sandbox.zoho.channels import ACTIONS, SUPPORTED, Channels, Subscription, field_name
from sandbox.zoho.fields import Module
from sandbox.zoho.moments import parsed_stamp
from sandbox.zoho.routing import Router
from sandbox.zoho.tenant import Tenant

MAX_CHANNELS, MAX_EVENTS, MAX_TOKEN, MAX_URL, MAX_FIELDS = 50, 50, 50, 255, 10
DEFAULT_LIFE, LONGEST_LIFE = 3600.0, 7 * 24 * 3600.0
MAX_SUBSCRIPTIONS = 200
"""Where LIMIT_REACHED begins; the vendor names the error but not the number."""
PER_PAGE = 200

_SUBSCRIBED = "Successfully subscribed for actions-watch of the given module"
_UPDATED = "Successfully updated the subscribe details"
_UNSUBSCRIBED = "Successfully un-subscribed from actions-watch"


class _Fault(Exception):
    def __init__(self, item: Item) -> None:
        super().__init__(item["code"])
        self.item = item


def routes(router: Router, tenant: Tenant, channels: Channels) -> list[Route]:
    """The routes below ``/actions/watch``."""
    watch = _Watch(tenant, channels)
    path, scope = "/actions/watch", "notifications"
    return [
        router.route("POST", path, router.sent(watch.subscribe), f"{scope}.CREATE"),
        router.route("PUT", path, router.sent(watch.replace), f"{scope}.UPDATE"),
        router.route("PATCH", path, router.sent(watch.amend), f"{scope}.UPDATE"),
        router.route("GET", path, router.read(watch.listed), f"{scope}.READ"),
        router.route("DELETE", path, router.read(watch.unsubscribe), f"{scope}.DELETE"),
    ]


class _Watch:
    def __init__(self, tenant: Tenant, channels: Channels) -> None:
        self._tenant = tenant
        self._channels = channels

    def subscribe(self, request: Request, content: bytes) -> Response:
        def act(given: Mapping[str, Any], path: str, base: str) -> list[Subscription]:
            wanted = self._wanted(given, path, base)
            kept = {(s.channel_id, s.module.api_name) for s in self._channels.live()}
            new = sum((s.channel_id, s.module.api_name) not in kept for s in wanted)
            if len(kept) + new > MAX_SUBSCRIPTIONS:
                raise _Fault(error("LIMIT_REACHED", "Maximum number of channels reached"))
            return wanted

        return self._each(request, content, act, _SUBSCRIBED, 201)

    def replace(self, request: Request, content: bytes) -> Response:
        def act(given: Mapping[str, Any], path: str, base: str) -> list[Subscription]:
            wanted = self._wanted(given, path, base)
            self._channels.drop(self._there(given, path))
            return wanted

        return self._each(request, content, act, _SUBSCRIBED, 200)

    def amend(self, request: Request, content: bytes) -> Response:
        return self._each(request, content, self._amended, _UPDATED, 200)

    def _amended(self, given: Mapping[str, Any], path: str, base: str) -> list[Subscription]:
        """``PATCH``: what is given is changed, the rest stays; ``_delete_events`` takes events away."""
        there = {s.module.api_name: s for s in self._there(given, path)}
        deleting = _flag(given, "_delete_events", path, default=False)
        events = self._events(given, path) if "events" in given else {}
        changes = self._changes(given, path)
        for name, actions in events.items():
            old = there.get(name)
            if deleting and old is None:
                raise _Fault(_not_subscribed(given))
            if old is None:
                pattern = next(iter(there.values()))
                module = self._tenant.modules[name]
                there[name] = replace(pattern, module=module, actions=actions, condition=None)
            else:
                there[name] = replace(
                    old, actions=old.actions - actions if deleting else old.actions | actions
                )
        self._channels.drop([s for s in there.values() if not s.actions])
        return [replace(s, **self._for(s.module, changes)) for s in there.values()]

    def _each(
        self,
        request: Request,
        content: bytes,
        act: Callable[[Mapping[str, Any], str, str], list[Subscription]],
        message: str,
        success: int,
    ) -> Response:
        base = str(request.base_url).rstrip("/")
        results = []
        with self._tenant.lock:
            for i, given in enumerate(_given(content)):
                try:
                    subscriptions = act(given, f"$.watch[{i}]", base)
                except _Fault as fault:
                    results.append(fault.item)
                    continue
                for subscription in subscriptions:
                    if subscription.actions:
                        self._channels.put(subscription)
                results.append(_good({"events": [s.confirmed() for s in subscriptions]}, message))
        return items("watch", results, success)

    def listed(self, request: Request) -> Response:
        """``GET``, narrowed by ``channel_id`` and ``module``."""
        params = request.query_params
        page = int(params["page"]) if params.get("page", "").isdigit() else 1
        with self._tenant.lock:
            found = [
                s.described()
                for s in self._channels.live(params.get("channel_id"))
                if params.get("module") in (None, s.module.api_name)
            ]
        shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
        if not shown:
            return empty()
        more = len(found) > page * PER_PAGE
        info = {"per_page": PER_PAGE, "count": len(shown), "page": page, "more_records": more}
        return answer({"watch": shown, "info": info})

    def unsubscribe(self, request: Request) -> Response:
        """``DELETE ?channel_ids=a,b``: one result for each module of a channel."""
        ids = [i.strip() for i in request.query_params.get("channel_ids", "").split(",") if i.strip()]
        if not ids:
            raise refuse(
                400,
                "REQUIRED_PARAM_MISSING",
                "One of the expected parameter is missing",
                param_name="channel_ids",
            )
        results = []
        with self._tenant.lock:
            for channel_id in ids:
                found = self._channels.live(channel_id)
                if not found:
                    results.append(_not_subscribed({"channel_id": channel_id}))
                for subscription in found:
                    confirmed = subscription.confirmed()
                    details = {k: confirmed[k] for k in ("resource_uri", "resource_id", "channel_id")}
                    results.append(_good(details, _UNSUBSCRIBED))
                self._channels.drop(found)
        return items("watch", results, 200)

    # -- what a channel object says

    def _wanted(self, given: Mapping[str, Any], path: str, base: str) -> list[Subscription]:
        channel_id = _channel_id(given, path)
        for name in ("notify_url", "events"):
            if given.get(name) in (None, "", []):
                raise _Fault(_missing(name, path))
        events, changes = self._events(given, path), self._changes(given, path)
        changes.setdefault("expires_at", self._tenant.clock() + DEFAULT_LIFE)
        changes.setdefault("token", None)
        made = []
        for name, actions in events.items():
            module = self._tenant.modules[name]
            rest = self._for(module, changes)
            made.append(Subscription(channel_id, module, actions, base=base, **rest))
        return made

    def _for(self, module: Module, changes: Mapping[str, Any]) -> dict[str, Any]:
        """``changes`` with the one of the conditions that concerns ``module``."""
        rest = {name: value for name, value in changes.items() if name != "conditions"}
        if "conditions" in changes:
            rest["condition"] = changes["conditions"].get(module.api_name)
        return rest

    def _there(self, given: Mapping[str, Any], path: str) -> list[Subscription]:
        found = self._channels.live(_channel_id(given, path))
        if not found:
            raise _Fault(_not_subscribed(given))
        return found

    def _events(self, given: Mapping[str, Any], path: str) -> dict[str, frozenset[str]]:
        where = {"api_name": "events", "json_path": f"{path}.events"}
        listed = given["events"]
        if not isinstance(listed, list) or not listed:
            raise _Fault(invalid({"expected_data_type": "jsonarray", **where}))
        if len(listed) > MAX_EVENTS:
            raise _Fault(invalid({"maximum_length": MAX_EVENTS, **where}))
        found: dict[str, frozenset[str]] = {}
        for i, event in enumerate(listed):
            spot = {**where, "json_path": f"{path}.events[{i}]"}
            name, _, action = event.partition(".") if isinstance(event, str) else ("", "", "")
            if action not in (*ACTIONS, "all"):
                raise _Fault(invalid(spot))
            if name not in self._tenant.modules:
                message = "the module name given seems to be invalid"
                raise _Fault(error("INVALID_MODULE", message, spot))
            if name not in SUPPORTED:
                raise _Fault(invalid(spot))
            actions = frozenset(ACTIONS if action == "all" else (action,))
            found[name] = found.get(name, frozenset()) | actions
        return found

    def _changes(self, given: Mapping[str, Any], path: str) -> dict[str, Any]:
        """What else is given, by the names of ``Subscription``, and ``conditions`` by module."""
        changes: dict[str, Any] = {}
        if given.get("notify_url") is not None:
            changes["notify_url"] = _url(given["notify_url"], path)
        if given.get("token") is not None:
            changes["token"] = _token(given["token"], path)
        if given.get("channel_expiry") is not None:
            changes["expires_at"] = self._expiry(given["channel_expiry"], path)
        for name, key in (
            ("return_affected_field_values", "return_values"),
            ("notify_on_related_action", "related"),
        ):
            if given.get(name) is not None:
                changes[key] = _flag(given, name, path, default=False)
        if "notification_condition" in given:
            changes["conditions"] = self._conditions(given["notification_condition"] or [], path)
        return changes

    def _expiry(self, text: Any, path: str) -> float:
        where = {"api_name": "channel_expiry", "json_path": f"{path}.channel_expiry"}
        if not isinstance(text, str) or parsed_stamp(text) is None:
            raise _Fault(invalid({"expected_data_type": "datetime", **where}))
        now, expires_at = self._tenant.clock(), dt.datetime.fromisoformat(text).timestamp()
        if expires_at <= now:
            raise _Fault(invalid(where))
        return expires_at if expires_at <= now + LONGEST_LIFE else now + DEFAULT_LIFE

    def _conditions(self, given: Any, path: str) -> dict[str, dict[str, Any]]:
        if not isinstance(given, list):
            name = "notification_condition"
            raise _Fault(invalid({"api_name": name, "json_path": f"{path}.{name}"}))
        found = {}
        for i, condition in enumerate(given):
            spot = f"{path}.notification_condition[{i}]"
            kind = condition.get("type") if isinstance(condition, dict) else None
            if kind != "field_selection":
                where = {"api_name": "type", "json_path": f"{spot}.type"}
                raise _Fault(invalid({**where, "supported_values": ["field_selection"]}))
            module = condition.get("module")
            of = module.get("api_name") if isinstance(module, dict) else None
            if of not in self._tenant.modules:
                raise _Fault(invalid({"api_name": "module", "json_path": f"{spot}.module"}))
            selection = condition.get("field_selection")
            if not isinstance(selection, dict):
                where = {"api_name": "field_selection", "json_path": f"{spot}.field_selection"}
                raise _Fault(error("DEPENDENT_FIELD_MISSING", "DEPENDENT_FIELD_MISSING", where))
            self._check_selection(self._tenant.modules[of], selection, f"{spot}.field_selection")
            found[str(of)] = condition
        return found

    def _check_selection(self, module: Module, selection: Mapping[str, Any], path: str) -> None:
        group = selection.get("group") or []
        where = {"api_name": "field_selection", "json_path": path}
        if len(group) > MAX_FIELDS:
            raise _Fault(invalid({**where, "maximum_length": MAX_FIELDS}))
        if group and selection.get("group_operator") not in ("and", "or"):
            where = {"api_name": "group_operator", "json_path": f"{path}.group_operator"}
            raise _Fault(invalid({**where, "supported_values": ["or", "and"]}))
        for i, part in enumerate(group):
            self._check_selection(module, part, f"{path}.group[{i}]")
        if not group and field_name(dict(selection)) not in module.fields:
            raise _Fault(invalid({"api_name": "field", "json_path": f"{path}.field"}))


def _given(content: bytes) -> list[Mapping[str, Any]]:
    body = parsed(content)
    # The vendor's example of PATCH shows one channel without the array around it.
    listed = body.get("watch", [body] if "channel_id" in body else None)
    where = {"api_name": "watch", "json_path": "$.watch"}
    if listed is None:
        raise refuse(400, "MANDATORY_NOT_FOUND", "required field not found", **where)
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise refuse(400, "INVALID_DATA", "invalid data", expected_data_type="jsonarray", **where)
    if len(listed) > MAX_CHANNELS:
        raise refuse(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_CHANNELS, **where)
    return listed


def _channel_id(given: Mapping[str, Any], path: str) -> str:
    channel_id = given.get("channel_id")
    if channel_id in (None, ""):
        raise _Fault(_missing("channel_id", path))
    text = str(channel_id)
    if isinstance(channel_id, bool) or not text.isdigit() or int(text) > 2**63 - 1:
        where = {"api_name": "channel_id", "json_path": f"{path}.channel_id"}
        raise _Fault(invalid({"expected_data_type": "long", **where}))
    return text


def _url(url: Any, path: str) -> str:
    where = {"api_name": "notify_url", "json_path": f"{path}.notify_url"}
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise _Fault(invalid(where))
    if len(url) > MAX_URL:
        raise _Fault(invalid({"maximum_length": MAX_URL, **where}))
    return url


def _token(token: Any, path: str) -> str:
    where = {"api_name": "token", "json_path": f"{path}.token"}
    if not isinstance(token, str):
        raise _Fault(invalid({"expected_data_type": "text", **where}))
    if len(token) > MAX_TOKEN:
        raise _Fault(invalid({"maximum_length": MAX_TOKEN, **where}))
    return token


def _flag(given: Mapping[str, Any], name: str, path: str, *, default: bool) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        where = {"api_name": name, "json_path": f"{path}.{name}"}
        raise _Fault(invalid({"expected_data_type": "boolean", **where}))
    return value


def _missing(name: str, path: str) -> Item:
    where = {"api_name": name, "json_path": f"{path}.{name}"}
    return error("MANDATORY_NOT_FOUND", "required field not found", where)


def _not_subscribed(given: Mapping[str, Any]) -> Item:
    details = {"channel_id": str(given.get("channel_id"))}
    return error("NOT_SUBSCRIBED", "Not subscribed for actions-watch of the given module", details)


def _good(details: Mapping[str, Any], message: str) -> Item:
    return {"code": "SUCCESS", "details": dict(details), "message": message, "status": "success"}

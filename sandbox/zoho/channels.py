"""Who is to be told of which changes: the subscriptions of notification channels.

Invariant: a channel that has expired tells nobody anything and is not listed; every change of a row, by
whomever, the connector's own included, is told to each subscription that covers it, once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.table import Row
from sandbox.zoho.callbacks import Callbacks, Event
from sandbox.zoho.changes import Change
from sandbox.zoho.fields import Module, target_of
from sandbox.zoho.moments import stamp_of
from sandbox.zoho.reading import shown
from sandbox.zoho.tenant import Tenant

ACTIONS = ("create", "edit", "delete")
OPERATIONS = {"create": "insert", "edit": "update", "delete": "delete"}
_ACTION_OF = {operation: action for action, operation in OPERATIONS.items()}
SUPPORTED = ("Accounts", "Contacts", "Sales_Orders", "Invoices", "Tasks")
"""Modules of this org that the vendor notifies of (vendor manual: Enable Notifications; notes are not)."""


@dataclass(frozen=True)
class Subscription:
    """What one channel tells of one module; ``expires_at`` in seconds since 1970. ``condition`` is the
    vendor's ``notification_condition``: with it only edits of the chosen fields are told."""

    channel_id: str
    module: Module
    actions: frozenset[str]
    notify_url: str
    token: str | None
    expires_at: float
    return_values: bool = False
    related: bool = True
    condition: dict[str, Any] | None = None
    base: str = ""

    @property
    def resource_uri(self) -> str:
        return f"{self.base}/crm/v8/{self.module.api_name}"

    def confirmed(self) -> dict[str, Any]:
        """The subscription as an answer confirms it."""
        return {
            "channel_expiry": stamp_of(self.expires_at),
            "resource_uri": self.resource_uri,
            "resource_id": self.module.id,
            "resource_name": self.module.api_name,
            "channel_id": self.channel_id,
        }

    def described(self) -> dict[str, Any]:
        """The subscription as ``GET /actions/watch`` lists it."""
        return {
            **self.confirmed(),
            "notify_url": self.notify_url,
            "token": self.token,
            "events": [f"{self.module.api_name}.{a}" for a in ACTIONS if a in self.actions],
            "fields": None,
            "notification_condition": [self.condition] if self.condition else None,
            "notify_on_related_action": self.related,
            "return_affected_field_values": self.return_values,
        }


class Channels:
    """The subscriptions of an org; callers hold the tenant's lock."""

    def __init__(self, tenant: Tenant, callbacks: Callbacks) -> None:
        self._tenant = tenant
        self._callbacks = callbacks
        self._by_key: dict[tuple[str, str], Subscription] = {}
        tenant.observers.append(self._changed)

    def live(self, channel_id: str | None = None) -> list[Subscription]:
        now = self._tenant.clock()
        for key in [key for key, found in self._by_key.items() if found.expires_at <= now]:
            del self._by_key[key]
        return [s for s in self._by_key.values() if channel_id in (None, s.channel_id)]

    def put(self, subscription: Subscription) -> None:
        """Add it, or replace what its channel tells of its module so far."""
        self._by_key[subscription.channel_id, subscription.module.api_name] = subscription

    def drop(self, subscriptions: Collection[Subscription]) -> None:
        for gone in subscriptions:
            self._by_key.pop((gone.channel_id, gone.module.api_name), None)

    def _changed(self, change: Change) -> None:
        if not self._by_key:
            return
        for subscription in self._by_key.values():
            if _covers(subscription, change):
                self._tell(subscription, change.action, change.row, change.fields)
        for module, row_id in self._parents(change):
            parent = module.table.get(row_id)
            for subscription in self._by_key.values():
                wanted = subscription.related and "edit" in subscription.actions
                wanted = wanted and subscription.condition is None
                if parent is not None and wanted and subscription.module is module:
                    self._tell(subscription, "update", parent, ())

    def _parents(self, change: Change) -> Iterator[tuple[Module, str]]:
        """Rows of other modules that the changed one points to: they are told to be edited
        (``notify_on_related_action``)."""
        seen: set[tuple[str, str]] = set()
        for field in change.module.fields.values():
            row_id = change.row.get(field.api_name)
            if field.data_type != "lookup" or row_id is None:
                continue
            name = target_of(field, change.row)
            other = name in self._tenant.modules and name != change.module.api_name
            if other and (name, row_id) not in seen:
                seen.add((name, row_id))
                yield self._tenant.modules[name], row_id

    def _tell(self, to: Subscription, operation: str, row: Row, fields: tuple[str, ...]) -> None:
        envelope: dict[str, Any] = {
            "module": to.module.api_name,
            "operation": operation,
            "resource_uri": to.resource_uri,
            "channel_id": to.channel_id,
            "token": to.token,
        }
        values = None
        if to.return_values and operation != "delete":
            values = {
                name: shown(self._tenant, to.module.fields[name])(row)
                for name in fields
                if name in to.module.fields
            }
        self._callbacks.put(Event(to.notify_url, envelope, to.expires_at, row["id"], fields, values))


def _covers(subscription: Subscription, change: Change) -> bool:
    if subscription.module is not change.module or _ACTION_OF[change.action] not in subscription.actions:
        return False
    if subscription.condition is None or change.action != "update":
        return True
    return _selected(subscription.condition["field_selection"], change.fields)


def _selected(selection: dict[str, Any], fields: Collection[str]) -> bool:
    """Whether the changed ``fields`` meet a field selection: one field, or a group of them."""
    group = selection.get("group")
    if not group:
        return field_name(selection) in fields
    joined: Callable[[Iterator[bool]], bool] = all if selection.get("group_operator") == "and" else any
    return joined(_selected(part, fields) for part in group)


def field_name(part: dict[str, Any]) -> str:
    """The api name in one part of a field selection; the vendor's examples write it in two ways."""
    inside = part.get("field")
    return str((inside if isinstance(inside, dict) else part).get("api_name", ""))

"""Faults in Zoho's own words, and those that only the org itself can have.

Invariant: a fault leaves the org as a real one would be left: what is refused was not done, what is
moved is really moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from sandbox.faults import Chances, FaultAnswer
from sandbox.limits import UNLIMITED_FAULT, UNLIMITED_TEXT
from sandbox.table import Row
from sandbox.zoho.answers import Item, answer, error, invalid
from sandbox.zoho.fields import CREATED, MODIFIED, Module
from sandbox.zoho.oauth import THROTTLED
from sandbox.zoho.tenant import Tenant

_TOO_MANY = "You have made too many requests. Please try again after some time."

ANSWERS: Mapping[str, FaultAnswer] = {
    "401": lambda: answer(error("INVALID_TOKEN", "invalid oauth token"), 401),
    "429": lambda: answer(error("TOO_MANY_REQUESTS", _TOO_MANY), 429),
    "500": lambda: answer(error("INTERNAL_ERROR", "Internal Server Error"), 500),
    "access_denied": lambda: answer(THROTTLED),
}
"""Vendor-worded faults beside the common ones; ``access_denied`` is the token throttle as HTTP 200."""

INSIDE: Mapping[str, str] = {
    "expired": "end an access token in mid-run, from its second call on: 401 until it is refreshed",
    "few_scopes": "grant tokens no scope for bulk read, notifications, layouts and locking",
    "shift": "after a page is given, change, insert and delete rows of that module",
    "partial": "let some records of a write batch fail, with status 207",
    "bulk_failure": "let bulk read jobs end in FAILURE",
    "repeat_token": "give back the page token that was sent as the next one",
    "odd_fields": "leave json_type, length or id out of field metadata; one module is 204, one is invalid",
    "notify_twice": "send a notification twice",
    "notify_swapped": "let a notification change places with the next one",
    "notify_lost": "send no notification of a change",
}
"""Faults that the org carries out itself."""

TEXTS: Mapping[str, str] = {
    "401": "answer 401, invalid token",
    "access_denied": "answer token calls as throttled, with status 200",
    **INSIDE,
    UNLIMITED_FAULT: UNLIMITED_TEXT,
    "free": "no fault: the limits of an edition (standard, professional, enterprise, ultimate likewise)",
    "standard": "",
    "professional": "",
    "enterprise": "",
    "ultimate": "",
}

ODD_KEYS = ("json_type", "length", "id")
EMPTY_MODULE, INVALID_MODULE = "Notes", "Contacts"
"""What ``odd_fields`` makes of the metadata of these modules."""


def odd(described: Row, rate: float) -> Row:
    """A field's description without some of its keys; the same ones whenever it is asked for."""
    name = described["api_name"]
    lacking = {key for key in ODD_KEYS if crc32(f"{name}/{key}".encode()) % 1000 < rate * 1000}
    return {key: value for key, value in described.items() if key not in lacking}


class Shift:
    """Moves the rows of a module about while they are read."""

    def __init__(self, tenant: Tenant, chances: Chances) -> None:
        self._tenant = tenant
        self._chances = chances

    def after(self, module: Module, given: Sequence[str]) -> None:
        """After a page with the rows ``given`` (their ids), which is not the last one: change one of
        them, delete another, and insert a copy of a third. Accounts are not deleted: others point to
        them."""
        if len(given) < 3 or not self._chances.hit("shift", "read"):
            return
        changed, gone, copied = (given[i] for i in sorted(self._chances.pick(3, len(given))))
        with self._tenant.lock:
            table = module.table
            model = table.get(copied)
            if model is not None:
                self._tenant.insert(module, _copy(module, model))
            if table.get(changed) is not None:
                self._tenant.update(module, changed, {})
            if module.api_name != "Accounts" and table.get(gone) is not None:
                self._tenant.delete(module, gone)


def _copy(module: Module, row: Row) -> Row:
    """The values of ``row`` that a second row may have."""
    left_out = {"id", MODIFIED, CREATED, "Closed_Time"}
    left_out |= {f.api_name for f in module.fields.values() if f.unique or f.data_type == "autonumber"}
    return {name: value for name, value in row.items() if name not in left_out}


def partial(chances: Chances, count: int) -> dict[int, Item]:
    """The records of a batch that fail and how; a third of them, and never all."""
    if count < 2 or not chances.hit("partial", "write"):
        return {}
    failing = sorted(chances.pick(max(1, count // 3), count))
    return {i: _item_fault(i, number) for number, i in enumerate(failing)}


def _item_fault(i: int, number: int) -> Item:
    path = f"$.data[{i}]"
    if number % 3 == 0:
        details: dict[str, Any] = {"api_name": "id", "json_path": f"{path}.id", "action": "record_locking"}
        return error("RECORD_LOCKED", "the record is locked", details)
    if number % 3 == 1:
        return error("INTERNAL_ERROR", "Internal Server Error", {"json_path": path})
    return invalid({"api_name": "Owner", "json_path": f"{path}.Owner"})

"""Faults in Fxiaoke's own words, and those that only the tenant itself can have.

Invariant: the gateway tells every fault with HTTP 200 and an errorCode; 502, 503 and HTML come from what
stands before it. A fault leaves the tenant as a real one would be left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.faults import Chances, FaultAnswer
from sandbox.fxiaoke.answers import (
    BUSY,
    NO_QUOTA,
    QUOTA_USED,
    SERVICE,
    SYSTEM,
    TOKEN_EXPIRED,
    TOO_MANY_CALLS,
    TOO_OFTEN,
    Fault,
    refusal,
)
from sandbox.fxiaoke.fields import NEVER_WRITTEN, Object
from sandbox.fxiaoke.objects import BEFORE_VOID, CUSTOMER
from sandbox.fxiaoke.tenant import VOID, Tenant
from sandbox.limits import UNLIMITED_FAULT, UNLIMITED_TEXT
from sandbox.table import Row

ANSWERED: Mapping[str, tuple[int, str]] = {
    "500": (SYSTEM, ""),
    "429": (TOO_MANY_CALLS, ""),
    "busy": (BUSY, "a busy system"),
    "14001": (TOO_MANY_CALLS, "too many calls"),
    "30004": (TOO_OFTEN, "calls that are too frequent"),
    "20016": (TOKEN_EXPIRED, "an expired token"),
    "30002": (QUOTA_USED, "a used-up quota"),
    "30003": (NO_QUOTA, "a quota that was never bought"),
    "50009": (SERVICE, "a failed service, and do nothing"),
}
"""Errors that stand in for the vendor's answer."""


def _refused(code: int) -> FaultAnswer:
    return lambda: refusal(Fault(code))


ANSWERS: Mapping[str, FaultAnswer] = {name: _refused(code) for name, (code, _) in ANSWERED.items()}

INSIDE: Mapping[str, str] = {
    "50009_done": "carry a write out and answer with the error code of a failed service",
    "expired": "end the tokens in mid-run, from their second call on: 20016 until one is asked for anew",
    "used_up": "let others use an endpoint up: too many calls for 20 seconds",
    "shift": "after a page is given, change, insert and void rows of that object",
    "notify_twice": "send an event twice, with one messageId",
    "notify_swapped": "let an event come after the next ones",
    "notify_lost": "send no event of a change",
}
"""Faults that the tenant carries out itself."""

TEXTS: Mapping[str, str] = {
    **{name: f"answer with the error code of {text}" for name, (_, text) in ANSWERED.items() if text},
    **INSIDE,
    UNLIMITED_FAULT: UNLIMITED_TEXT,
}


class Shift:
    """Moves the rows of an object about while they are read."""

    def __init__(self, tenant: Tenant, chances: Chances) -> None:
        self._tenant = tenant
        self._chances = chances

    def after(self, kind: Object, given: Sequence[str]) -> None:
        """After a page with the rows ``given`` (their ids): change one of them, void another and insert
        a copy of a third, or change the only one. Accounts are not voided: others point to them."""
        if not given or not self._chances.hit("shift", "read"):
            return
        changed, gone, copied = self._chosen(given)
        user_id = self._tenant.admin.id
        if (model := kind.table.get(copied)) is not None:
            self._tenant.insert(kind, _copy(kind, model), user_id)
        if kind.table.get(changed) is not None:
            self._tenant.update(kind, changed, {}, user_id)
        found = kind.table.get(gone)
        if found is not None and kind.api_name != CUSTOMER and found["life_status"] != VOID:
            void(self._tenant, kind, found, user_id)

    def _chosen(self, given: Sequence[str]) -> tuple[str, str, str]:
        if len(given) < 3:
            return given[0], "", ""
        one, two, three = (given[i] for i in sorted(self._chances.pick(3, len(given))))
        return one, two, three


def void(tenant: Tenant, kind: Object, row: Row, user_id: str) -> None:
    """Void a row as a user does."""
    values = {"life_status": VOID, BEFORE_VOID: row["life_status"]}
    tenant.update(kind, row["_id"], values, user_id, action="invalid")


def _copy(kind: Object, row: Row) -> Row:
    """The values of ``row`` that a second row may have."""
    left_out = {f.api_name for f in kind.fields.values() if f.system or f.unique or f.type in NEVER_WRITTEN}
    return {name: value for name, value in row.items() if name not in left_out}

"""Row locks (vendor manual: lock, unlock): ours are taken back, those of people stay.

Invariant: 50009 says neither that a lock was set nor that it was not, so the row is read before anything
else is done. A lock is ours when the acting employee set it.
"""

from __future__ import annotations

from adapters.fxiaoke.client import Client, Raw
from connector.adapter import Outcome, Result
from connector.errors import CreditGateError, Reject, Retry

LOCKED = "1"


class Locks:
    """Locks of one tenant, in ``language`` (``zh…`` or else English)."""

    def __init__(self, client: Client, language: str) -> None:
        self._client = client
        self._zh = language.startswith("zh")

    def lock(self, object_name: str, row_id: str) -> Outcome:
        """See ``Crm.lock``; the row's details are locked with it."""
        return self._set(object_name, row_id, locked=True)

    def unlock(self, object_name: str, row_id: str) -> Outcome:
        """See ``Crm.unlock``."""
        try:
            row = self._client.get(object_name, row_id)
        except CreditGateError as fault:
            return _failed(object_name, row_id, fault)
        if not is_locked(row) or not self.ours(row):
            return Outcome(Result.DONE)
        return self._set(object_name, row_id, locked=False)

    def ours(self, row: Raw) -> bool:
        """Whether we locked this row; where the vendor does not say who did, we did."""
        by = row.get("lock_user")
        names = by if isinstance(by, list) else [by] if by else []
        return not names or str(names[0]) == self._client.login.user()

    def blocked(self, object_name: str, row: Raw, why: str) -> Outcome:
        """What to say of a write that a lock of somebody else stands against."""
        if self._zh:
            told = f"{object_name} {row.get('_id')}：数据已被锁定（{why}）"
            return Outcome(Result.BLOCKED, told, todo="请加锁人解锁该数据；之后会自动重试")
        told = f"{object_name} {row.get('_id')}: the row is locked ({why})"
        todo = "have it unlocked by whoever locked it; it is tried again by itself"
        return Outcome(Result.BLOCKED, told, todo=todo)

    def _set(self, object_name: str, row_id: str, *, locked: bool) -> Outcome:
        try:
            self._client.lock(object_name, row_id, locked=locked)
        except Retry as fault:
            if not fault.unknown_outcome:
                return _failed(object_name, row_id, fault)
            return self._settled(object_name, row_id, fault, locked=locked)
        except CreditGateError as fault:
            return _failed(object_name, row_id, fault)
        return Outcome(Result.DONE)

    def _settled(self, object_name: str, row_id: str, fault: Retry, *, locked: bool) -> Outcome:
        try:
            row = self._client.get(object_name, row_id)
        except CreditGateError as second:
            return _failed(object_name, row_id, second)
        done = is_locked(row) is locked
        return Outcome(Result.DONE) if done else _failed(object_name, row_id, fault)


def is_locked(row: Raw) -> bool:
    """Whether people cannot change this row."""
    return str(row.get("lock_status")) == LOCKED


def _failed(object_name: str, row_id: str, fault: CreditGateError) -> Outcome:
    told = f"{object_name} {row_id}: {fault.what}"
    if isinstance(fault, Retry):
        return Outcome(Result.RETRY, told)
    return Outcome(Result.DEAD if isinstance(fault, Reject) else Result.BLOCKED, told, todo=fault.todo)

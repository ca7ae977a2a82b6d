"""Writes: fields of a row, and visit tasks that exist once however often they are sent.

Invariant: a row is created only after a look for its key, and a write whose outcome is unknown is
settled by reading back, never by assuming.
"""

from __future__ import annotations

import contextvars
import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

from adapters.fxiaoke.choices import Choices
from adapters.fxiaoke.client import Client, Raw, where_is
from adapters.fxiaoke.first_update import FirstUpdate
from adapters.fxiaoke.locks import Locks, is_locked
from adapters.fxiaoke.messages import Messages
from adapters.fxiaoke.quota import Quota
from adapters.fxiaoke.records import encode, from_ms, stands, vanished
from adapters.fxiaoke.schema import Schemas
from connector.adapter import Outcome, Result, Write
from connector.errors import CreditGateError, Reject, Retry

THREADS = 4
# Kinds of writes whose row is found by our key: tasks, whose owner is told of them, and records.
KEYED = ("task", "record")
# Vendor manual: the owner is not set by update but by a call of its own.
NOT_UPDATED = frozenset({"owner"})


@dataclass(frozen=True)
class Parts:
    """What writing is done with."""

    client: Client
    schemas: Schemas
    locks: Locks
    messages: Messages
    quota: Quota
    first: FirstUpdate


class Writer:
    """Carries out writes. ``zone`` is where a date has its midnight."""

    def __init__(self, parts: Parts, choices: Choices, *, zone: dt.tzinfo) -> None:
        self._client = parts.client
        self._schemas = parts.schemas
        self._locks = parts.locks
        self._messages = parts.messages
        self._quota = parts.quota
        self._first = parts.first
        self._choices = choices
        self._zone = zone

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome for each of ``writes``, in order; up to four calls run at once.

        Raises the first fault when every write failed by one that is not its own (credentials, quota,
        network): nothing can be said about any of them then.
        """
        if not writes:
            return []
        results: dict[int, Outcome | CreditGateError] = {}
        lanes: dict[tuple[str, str, str], list[int]] = {}
        for at, write in enumerate(writes):
            lanes.setdefault((write.object, write.kind, write.key or write.external_id), []).append(at)

        def run(lane: list[int]) -> None:
            # Two writes to one target keep their order.
            for at in lane:
                results[at] = self._one(writes[at])

        with ThreadPoolExecutor(max_workers=min(THREADS, len(lanes))) as pool:
            # Whether the calls may use the reserve of the budget is said by the context.
            tasks = [pool.submit(contextvars.copy_context().run, run, lane) for lane in lanes.values()]
            for task in tasks:
                task.result()
        ordered = [results[at] for at in range(len(writes))]
        faults = [result for result in ordered if isinstance(result, CreditGateError)]
        if len(faults) == len(ordered):
            raise faults[0]
        return [r if isinstance(r, Outcome) else Outcome(Result.RETRY, str(r)) for r in ordered]

    def verify(self, write: Write) -> list[str] | None:
        """See ``Crm.verify``: the fields of a row that do not hold what was written."""
        row = self._client.get(write.object, write.external_id)
        if not row:
            return None
        sent = self._quota.ours(write.object, self._encoded(write))
        return [name for name, value in sent.items() if not stands({name: value}, row)]

    def _one(self, write: Write) -> Outcome | CreditGateError:
        try:
            if write.kind in KEYED:
                return self._task(write)
            return self._change(write)
        except Reject as refused:
            place = f"{write.object} {write.key if write.kind in KEYED else write.external_id}"
            where = f"{place}, {refused.where}" if refused.where else place
            return Outcome(Result.DEAD, f"{where}: {refused.what}", todo=refused.todo)
        except CreditGateError as fault:
            return fault

    # -- updates

    def _change(self, write: Write) -> Outcome:
        sent = self._quota.ours(write.object, self._encoded(write))
        if write.unmodified_since is not None:
            changed = from_ms(self._client.get(write.object, write.external_id).get("last_modified_time"))
            if changed is None or changed > write.unmodified_since:
                return Outcome(
                    Result.STALE, f"{write.object} {write.external_id} was changed since it was read"
                )
        outcome = self._update(write.object, write.external_id, sent)
        if outcome.result is Result.DONE:
            self._quota.follow(write.object, write.external_id, sent)
        if outcome.result is Result.DONE and write.unmodified_since is not None:
            return Outcome(Result.DONE, external_id=write.external_id, modified_at=self._ours(write))
        return outcome

    def _ours(self, write: Write) -> dt.datetime | None:
        """The row's time of change, if we were the last to change it."""
        row = self._client.get(write.object, write.external_id)
        by = row.get("last_modified_by") or []
        ours = not by or str(by[0]) == self._client.login.user()
        return from_ms(row.get("last_modified_time")) if ours else None

    def _update(self, object_name: str, row_id: str, sent: Mapping[str, Any]) -> Outcome:
        if not sent:
            return Outcome(Result.DONE, external_id=row_id)
        try:
            self._send(object_name, row_id, sent)
        except Retry as fault:
            if not fault.unknown_outcome:
                raise
            return self._settled(object_name, row_id, sent, fault)
        return Outcome(Result.DONE, external_id=row_id)

    def _send(self, object_name: str, row_id: str, sent: Mapping[str, Any]) -> None:
        rules = self._choices.rules
        if self._choices.whole:
            row = self._client.get(object_name, row_id)
            sent = {**self._first.writable(object_name, row), **sent}
        act = partial(self._client.update, object_name, row_id, sent, workflow=False, rules=rules)
        if self._choices.whole or self._first.proven:
            act()
        else:
            self._first.watch(object_name, row_id, sent, act)

    def _settled(self, object_name: str, row_id: str, sent: Mapping[str, Any], fault: Retry) -> Outcome:
        """What became of an update that answered 50009: a time-out, or a locked row."""
        try:
            found = self._client.get(object_name, row_id)
        except Retry:
            return Outcome(Result.RETRY, str(fault))
        if stands(sent, found):
            return Outcome(Result.DONE, external_id=row_id)
        if not is_locked(found):
            return Outcome(Result.RETRY, str(fault))
        if not self._locks.ours(found):
            return self._locks.blocked(object_name, found, fault.what)
        return self._past_our_lock(object_name, row_id, sent)

    def _past_our_lock(self, object_name: str, row_id: str, sent: Mapping[str, Any]) -> Outcome:
        """Unlock, update, look, lock again."""
        opened = self._locks.unlock(object_name, row_id)
        if opened.result is not Result.DONE:
            return opened
        try:
            self._send(object_name, row_id, sent)
            outcome = Outcome(Result.DONE, external_id=row_id)
        except Retry as fault:
            stood = fault.unknown_outcome and stands(sent, self._client.get(object_name, row_id))
            outcome = Outcome(Result.DONE if stood else Result.RETRY, "" if stood else str(fault), row_id)
        closed = self._locks.lock(object_name, row_id)
        return outcome if closed.result is Result.DONE else closed

    # -- tasks

    def _task(self, write: Write) -> Outcome:
        if not write.key_field or not write.key:
            raise Reject("a task needs a key", code="missing_key", field=write.key_field, where=write.object)
        sent = {**self._encoded(write), write.key_field: write.key}
        look = partial(self._by_key, write.object, write.key_field, write.key, list(sent))
        found = look()
        if found is not None:
            return self._again(write.object, sent, found)
        filled = {name: value for name, value in sent.items() if value is not None}
        try:
            created = self._client.create(
                write.object, filled, workflow=self._choices.workflow, rules=self._choices.rules
            )
        except Retry as fault:
            if not fault.unknown_outcome:
                raise
            found = look()
            if found is None:
                return Outcome(Result.RETRY, str(fault))
            created = str(found["_id"])
        except Reject:
            # Another process may have created it between the look and the call.
            found = look()
            if found is None:
                raise
            return Outcome(Result.DONE, external_id=str(found["_id"]))
        if created is None:
            # Whether a custom object's answer names the new id is not documented.
            found = look()
            created = str(found["_id"]) if found else ""
        return Outcome(Result.DONE, self._tell(write, created), created)

    def _tell(self, write: Write, created: str) -> str:
        """The message to the owner of a new task; empty, or why there is none."""
        owner = next((v for n, v in write.values.items() if write.types.get(n) == "owner" and v), None)
        if write.kind != "task" or not self._choices.message or not owner or not created:
            return ""
        long_texts = (v for n, v in write.values.items() if write.types.get(n) == "long_text" and v)
        due = next((v for v in write.values.values() if isinstance(v, dt.date)), None)
        title, text = str(write.values.get("name") or ""), str(next(long_texts, ""))
        return self._messages.tell(
            write.object, created, str(owner), title, text, due.isoformat() if due else ""
        )

    def _again(self, object_name: str, sent: Mapping[str, Any], found: Raw) -> Outcome:
        row_id = str(found["_id"])
        if vanished(found):
            return Outcome(Result.DONE, "the task was voided in the CRM and stays so", row_id)
        changed = {
            name: value
            for name, value in sent.items()
            if name not in NOT_UPDATED and not stands({name: value}, found)
        }
        return self._update(object_name, row_id, changed)

    def _by_key(self, object_name: str, key_field: str, key: str, fields: Sequence[str]) -> Raw | None:
        asked = ["_id", "life_status", "is_deleted", *fields]
        rows, _ = self._client.page(object_name, [where_is(key_field, "EQ", key)], asked, None)
        return rows[0] if rows else None

    # -- values

    def _encoded(self, write: Write) -> dict[str, Any]:
        self._schemas.must_have(write.object, [*write.values, *filter(None, [write.key_field])])
        return {
            name: self._fitted(
                write.object,
                name,
                encode(
                    value,
                    write.types.get(name, ""),
                    self._zone,
                    partial(self._schemas.value, write.object, name),
                ),
                write.types.get(name, ""),
            )
            for name, value in write.values.items()
        }

    def _fitted(self, object_name: str, name: str, value: Any, kind: str) -> Any:
        """A value in the length and with the decimal places that the tenant's field has: too long a text
        would refuse the whole write."""
        field = self._schemas.of(object_name)[name]
        if not isinstance(value, str):
            return value
        if kind in ("text", "long_text") and field.max_length and len(value) > field.max_length:
            return value[: field.max_length - 1] + "…"
        if kind in ("money", "number") and field.decimals is not None:
            step = Decimal(1).scaleb(-field.decimals)
            return format(Decimal(value).quantize(step, ROUND_HALF_UP), "f")
        return value

"""Writes: fields of a row, and visit tasks that exist once however often they are sent.

Invariant: a row is created only after a look for its key, and a write whose outcome is unknown is
settled by reading back, never by assuming.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from adapters.fxiaoke.client import Client, Raw, where_is
from adapters.fxiaoke.records import encode, stands, vanished
from adapters.fxiaoke.schema import Schemas
from connector.adapter import Outcome, Result, Write
from connector.errors import CreditGateError, Reject, Retry

THREADS = 4
# Vendor manual: the owner is not set by update but by a call of its own.
NOT_UPDATED = frozenset({"owner"})


class Writer:
    """Carries out writes. ``zone`` is where a date has its midnight; ``workflow`` says whether a new
    task starts the tenant's workflows."""

    def __init__(self, client: Client, schemas: Schemas, *, zone: dt.tzinfo, workflow: bool) -> None:
        self._client = client
        self._schemas = schemas
        self._zone = zone
        self._workflow = workflow

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome for each of ``writes``, in order; up to four calls run at once.

        Raises the first fault when every write failed by one that is not its own (credentials, quota,
        network): nothing can be said about any of them then.
        """
        if not writes:
            return []
        lanes: dict[tuple[str, str, str], list[int]] = {}
        for at, write in enumerate(writes):
            lanes.setdefault((write.object, write.kind, write.key or write.external_id), []).append(at)
        results: dict[int, Outcome | CreditGateError] = {}

        def run(lane: list[int]) -> None:
            # Two writes to one target keep their order.
            for at in lane:
                results[at] = self._one(writes[at])

        with ThreadPoolExecutor(max_workers=min(THREADS, len(lanes))) as pool:
            list(pool.map(run, lanes.values()))
        ordered = [results[at] for at in range(len(writes))]
        faults = [result for result in ordered if isinstance(result, CreditGateError)]
        if len(faults) == len(ordered):
            raise faults[0]
        return [r if isinstance(r, Outcome) else Outcome(Result.RETRY, str(r)) for r in ordered]

    def _one(self, write: Write) -> Outcome | CreditGateError:
        try:
            if write.kind == "task":
                return self._task(write)
            return self._update(write.object, write.external_id, self._encoded(write))
        except Reject as refused:
            return Outcome(Result.DEAD, str(refused))
        except CreditGateError as fault:
            return fault

    def _update(self, object_name: str, row_id: str, sent: Mapping[str, Any]) -> Outcome:
        if not sent:
            return Outcome(Result.DONE, external_id=row_id)
        try:
            self._client.update(object_name, row_id, sent, workflow=False)
        except Retry as fault:
            if not fault.unknown_outcome:
                raise
            return self._settled(object_name, row_id, sent, fault)
        return Outcome(Result.DONE, external_id=row_id)

    def _settled(self, object_name: str, row_id: str, sent: Mapping[str, Any], fault: Retry) -> Outcome:
        """What became of an update that answered 50009: a time-out, or a locked row."""
        try:
            found = self._client.get(object_name, row_id)
        except Retry:
            return Outcome(Result.RETRY, str(fault))
        if stands(sent, found):
            return Outcome(Result.DONE, external_id=row_id)
        locked = "; the row is locked" if str(found.get("lock_status")) == "1" else ""
        return Outcome(Result.RETRY, f"{fault}{locked}")

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
            created = self._client.create(write.object, filled, workflow=self._workflow)
        except Retry as fault:
            if not fault.unknown_outcome:
                raise
            found = look()
            if found is None:
                return Outcome(Result.RETRY, str(fault))
            return Outcome(Result.DONE, external_id=str(found["_id"]))
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
        return Outcome(Result.DONE, external_id=created)

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

    def _encoded(self, write: Write) -> dict[str, Any]:
        self._schemas.must_have(write.object, [*write.values, *filter(None, [write.key_field])])
        return {
            name: encode(
                value,
                write.types.get(name, ""),
                self._zone,
                partial(self._schemas.value, write.object, name),
            )
            for name, value in write.values.items()
        }

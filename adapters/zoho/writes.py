"""Writing records: updates in batches and tasks by upsert on our key.

Invariant: answers are positional and each item's own status decides, so that one bad record never
fails or hides the others. Writing the same again changes nothing: updates name their row, tasks carry
our key in a unique field.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.zoho import faults
from adapters.zoho.client import Client, instant
from connector.adapter import Outcome, Result, Write

# Vendor manual: Insert/Update/Upsert Records.
BATCH = 100
# The smallest kind of multi-line field; longer text is cut rather than the whole write refused.
LONG_TEXT = 2_000


class Writes:
    """Carries out writes of one kind and object at a time."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome for each of at most 100 writes, in order. See ``Crm.push``."""
        if not writes:
            return []
        kind, object_name = writes[0].kind, writes[0].object
        if len(writes) > BATCH or any((w.kind, w.object) != (kind, object_name) for w in writes):
            raise ValueError(f"a batch is at most {BATCH} writes of one kind and object")
        if kind == "update":
            answers = self._update(object_name, writes)
        elif kind == "task":
            answers = self._upsert(object_name, writes)
        else:
            raise ValueError(f"there is no kind of write {kind!r}")
        return [
            _outcome(write, answers[at] if at < len(answers) else None) for at, write in enumerate(writes)
        ]

    def _update(self, object_name: str, writes: Sequence[Write]) -> list[Any]:
        """Update rows without running workflows, which would answer our writes with new changes."""
        records = [{"id": w.external_id, **_values(w)} for w in writes]
        return self._send("PUT", object_name, object_name, {"data": records, "trigger": []})

    def _upsert(self, object_name: str, writes: Sequence[Write]) -> list[Any]:
        """Create tasks or find them again by key. Workflows run: a task is meant to be noticed."""
        records = [
            {
                "What_Id": {"id": w.external_id},
                **_values(w),
                w.key_field: w.key,
                "$se_module": "Accounts",
            }
            for w in writes
        ]
        body = {
            "data": records,
            "duplicate_check_fields": [writes[0].key_field],
            "trigger": ["workflow"],
        }
        return self._send("POST", f"{object_name}/upsert", object_name, body)

    def _send(self, method: str, path: str, about: str, body: Mapping[str, Any]) -> list[Any]:
        found = self._client.call(
            method,
            path,
            scope=f"ZohoCRM.modules.{about.replace('_', '').lower()}.ALL",
            about=about,
            # Vendor manual: one credit for every ten records.
            weight=-(-len(body["data"]) // 10),
            body=body,
            items="data",
        )
        return list((found or {}).get("data") or [])


def _outcome(write: Write, answer: Any) -> Outcome:
    if answer is None:
        return Outcome(Result.RETRY, f"{_record(write)}: Zoho gave no answer for this record")
    if not faults.failed(answer):
        return Outcome(Result.DONE, external_id=str((answer.get("details") or {}).get("id") or ""))
    place = ", ".join(t for t in (_record(write), faults.field(answer)) if t)
    result = Result.RETRY if faults.passes(answer) else Result.DEAD
    return Outcome(result, f"{place}: {faults.words(answer)}")


def _record(write: Write) -> str:
    return f"{write.object} {write.key if write.kind == 'task' else write.external_id}"


def _values(write: Write) -> dict[str, Any]:
    """Values as Zoho takes them, by the type of each field. Nobody cannot own a record: an unknown
    owner is left out."""
    return {
        name: _encoded(value, write.types.get(name, ""))
        for name, value in write.values.items()
        if not (value is None and write.types.get(name) == "owner")
    }


def _encoded(value: Any, type_: str) -> Any:
    if value is None:
        return None
    if type_ in ("owner", "reference"):
        return {"id": str(value)}
    if isinstance(value, dt.datetime):
        return instant(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if type_ == "long_text" and len(value) > LONG_TEXT:
        return value[: LONG_TEXT - 1] + "…"
    return value

"""Writing records: updates in batches, tasks by our key, notes by our mark.

Invariant: answers are positional and each item's own status decides, so that one bad record never
fails or hides the others. Writing the same again changes nothing: updates name their row, tasks carry
our key in a field, notes a mark of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapters.zoho import advice, faults, notes
from adapters.zoho.client import Client, instant
from adapters.zoho.fields import Fields
from adapters.zoho.notes import Notes
from connector.adapter import Outcome, Result, Write

# Vendor manual: Insert/Update/Upsert Records; Query API limitations.
BATCH = 100
# Writes of more records count as heavy calls (a partner's page; the vendor's manual does not say).
LIGHT = 10
LISTED = 50
# Kinds of writes whose row is found by our key.
KEYED = ("task", "record")
# The smallest kind of multi-line field; longer text is cut rather than the whole write refused.
LONG_TEXT = 2_000
# Decimals of the number fields that we create.
CENT = Decimal("0.01")


class Writes:
    """Carries out writes of one kind and object at a time. ``triggers`` are the modules in which they
    start workflows."""

    def __init__(self, client: Client, fields: Fields, triggers: Collection[str]) -> None:
        self._client = client
        self._fields = fields
        self._notes = Notes(client)
        self._triggers = frozenset(name.casefold() for name in triggers)

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome for each of at most 100 writes, in order. See ``Crm.push``."""
        if not writes:
            return []
        kind, object_name = writes[0].kind, writes[0].object
        if len(writes) > BATCH or any((w.kind, w.object) != (kind, object_name) for w in writes):
            raise ValueError(f"a batch is at most {BATCH} writes of one kind and object")
        if kind == "update":
            answers = self._update(object_name, writes)
        elif kind in KEYED:
            answers = self._keyed(object_name, writes)
        elif kind == "note":
            answers = self._write_notes(object_name, writes)
        else:
            raise ValueError(f"there is no kind of write {kind!r}")
        language = self._client.context.language
        return [_outcome(write, answers.get(at), language) for at, write in enumerate(writes)]

    def verify(self, write: Write) -> list[str] | None:
        """Fields that a row does not show as they were written. See ``Crm.verify``."""
        body = self._client.call(
            "GET",
            f"{write.object}/{write.external_id}",
            scope=f"ZohoCRM.modules.{_family(write.object)}.READ",
            about=write.object,
        )
        rows = (body or {}).get("data") or []
        if not rows:
            return None
        sent = _values(write)
        return [name for name, value in sent.items() if not _holds(rows[0].get(name), value)]

    def _update(self, object_name: str, writes: Sequence[Write]) -> dict[int, Any]:
        """Update rows. ``If-Unmodified-Since`` belongs to the whole call, so that rows which people edit
        too go out apart, in groups that were last changed at the same moment."""
        groups: dict[dt.datetime | None, list[int]] = {}
        for at, write in enumerate(writes):
            groups.setdefault(write.unmodified_since, []).append(at)
        answers: dict[int, Any] = {}
        for since, places in groups.items():
            records = [{"id": writes[at].external_id, **_values(writes[at])} for at in places]
            headers = {"If-Unmodified-Since": instant(since)} if since else None
            found = self._send("PUT", object_name, object_name, records, headers=headers)
            answers |= dict(zip(places, found, strict=False))
        return answers

    def _keyed(self, object_name: str, writes: Sequence[Write]) -> dict[int, Any]:
        """Create tasks or records of our own, or find them again by key: in one step where Zoho keeps the key
        unique, else by looking first."""
        key_field = writes[0].key_field
        records = [_keyed_record(w) for w in writes]
        # Vendor manual: the scope of every custom module is called custom.
        family = "custom" if writes[0].kind == "record" else ""
        field = self._fields.of(object_name).get(key_field)
        if field is None or field.unique:
            more = {"duplicate_check_fields": [key_field]}
            found = self._send(
                "POST", f"{object_name}/upsert", object_name, records, more=more, family=family
            )
            return dict(enumerate(found))
        there = self._by_key(object_name, key_field, [w.key for w in writes])
        old = [at for at, w in enumerate(writes) if w.key in there]
        new = [at for at, w in enumerate(writes) if w.key not in there]
        answers: dict[int, Any] = {}
        if old:
            known = [{"id": there[writes[at].key], **records[at]} for at in old]
            found = self._send("PUT", object_name, object_name, known, family=family)
            answers |= dict(zip(old, found, strict=False))
        if new:
            fresh = [records[at] for at in new]
            found = self._send("POST", object_name, object_name, fresh, repeatable=False, family=family)
            answers |= dict(zip(new, found, strict=False))
        return answers

    def _by_key(self, object_name: str, key_field: str, keys: Sequence[str]) -> dict[str, str]:
        """Ids of the rows that carry these keys."""
        found: dict[str, str] = {}
        for at in range(0, len(keys), LISTED):
            quoted = ", ".join(_quoted(key) for key in keys[at : at + LISTED])
            criteria = f"{key_field} in ({quoted})"
            query = f"select id, {key_field} from {object_name} where {criteria} limit 200"  # noqa: S608 - quoted
            body = self._client.call(
                "POST",
                "coql",
                scope="ZohoCRM.coql.READ",
                about=object_name,
                body={"select_query": query},
                heavy=True,
            )
            for row in (body or {}).get("data") or []:
                found.setdefault(str(row[key_field]), str(row["id"]))
        return found

    def _write_notes(self, object_name: str, writes: Sequence[Write]) -> dict[int, Any]:
        there = self._notes.found(writes)
        answers: dict[int, Any] = {
            at: {"status": "success", "details": {"id": id_}} for at, id_ in there.items()
        }
        new = [at for at in range(len(writes)) if at not in there]
        if new:
            fresh = [notes.record(writes[at]) for at in new]
            found = self._send("POST", object_name, object_name, fresh, repeatable=False)
            answers |= dict(zip(new, found, strict=False))
        return answers

    def _send(
        self,
        method: str,
        path: str,
        about: str,
        records: Sequence[Mapping[str, Any]],
        *,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        family: str = "",
    ) -> list[Any]:
        # Vendor manual: without 'trigger' all workflows would run, and answer our writes with new changes.
        trigger = ["workflow"] if about.casefold() in self._triggers else []
        found = self._client.call(
            method,
            path,
            scope=f"ZohoCRM.modules.{family or _family(about)}.ALL",
            about=about,
            # Vendor manual: one credit for every ten records.
            weight=-(-len(records) // 10),
            heavy=len(records) > LIGHT,
            headers=headers,
            body={"data": list(records), **(more or {}), "trigger": trigger},
            items="data",
            repeatable=repeatable,
        )
        return list((found or {}).get("data") or [])


def _keyed_record(write: Write) -> dict[str, Any]:
    record = {**_values(write), write.key_field: write.key}
    if write.kind == "task":
        return {"What_Id": {"id": write.external_id}, **record, "$se_module": "Accounts"}
    return record


def _family(object_name: str) -> str:
    return object_name.replace("_", "").lower()


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _outcome(write: Write, answer: Any, language: str) -> Outcome:
    if answer is None:
        return Outcome(Result.RETRY, f"{_record(write)}: Zoho gave no answer for this record")
    if not faults.failed(answer):
        details = answer.get("details") or {}
        changed = details.get("Modified_Time")
        moment = dt.datetime.fromisoformat(str(changed)).astimezone(dt.UTC) if changed else None
        return Outcome(Result.DONE, external_id=str(details.get("id") or ""), modified_at=moment)
    place = ", ".join(t for t in (_record(write), faults.field(answer)) if t)
    told = f"{place}: {faults.words(answer)}"
    return Outcome(_result(write, answer), told, todo=advice.todo(answer, language))


def _result(write: Write, answer: Any) -> Result:
    if faults.code(answer) == "ALREADY_MODIFIED" and write.unmodified_since is not None:
        return Result.STALE
    if faults.blocked(answer):
        return Result.BLOCKED
    return Result.RETRY if faults.passes(answer) else Result.DEAD


def _record(write: Write) -> str:
    return f"{write.object} {write.key if write.kind in KEYED else write.external_id}"


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


def _holds(found: Any, sent: Any) -> bool:
    """Whether Zoho shows what was sent: numbers to the cent, moments as moments."""
    if sent is None or sent is False or sent == "":
        return found in (None, False, "")
    if isinstance(sent, Mapping):
        return isinstance(found, Mapping) and str(found.get("id")) == str(sent.get("id"))
    if isinstance(sent, (Decimal, int)) and not isinstance(sent, bool):
        return isinstance(found, (Decimal, int)) and abs(Decimal(found) - Decimal(sent)) < CENT
    if isinstance(found, str) and isinstance(sent, str) and "T" in sent and "T" in found:
        try:
            return dt.datetime.fromisoformat(found) == dt.datetime.fromisoformat(sent)
        except (ValueError, TypeError):
            pass
    return bool(found == sent)

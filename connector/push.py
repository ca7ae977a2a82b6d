"""Push: outbox → CRM.

Invariant: at-least-once to an idempotent target. A row leaves the outbox only in the transaction that
records it as written, after the CRM said so; killed in between, the same values are written once more.
One process at a time pushes to a connection, or each of several pushes a part. Holds go first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import Any

from connector import logs
from connector.adapter import Crm, Outcome, Result, Write
from connector.aftercare import Locks, locks, look_once
from connector.errors import Halt, Retry
from connector.http import urgent
from connector.locale import say
from connector.mapping.form import TARGETS, FieldMapping
from connector.mapping.writing import Writer
from connector.model import Stream
from connector.store import order_flags, outbox, parts, records
from connector.store.connections import Connection, Connections
from connector.store.engine import Store
from connector.store.outbox import HOLD_FIRST, Pending
from connector.store.parts import Part

CLAIM = 500
log = logs.logger("push")
ATTEMPTS = 8
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=30), dt.timedelta(hours=6)
FAULTS = 20
KINDS = {"account": "update", "order": "update", "visit": "task", "note": "note", "kpi": "record"}
# Where the rows of a target are read from, for writes that must not undo what people did.
STREAMS = {"account": Stream.ACCOUNTS, "order": Stream.ORDERS}


@dataclass
class Pushed:
    """What a push did; ``faults`` are the first things that a person should know, with the way out."""

    done: int = 0
    retried: int = 0
    dead: int = 0
    faults: list[str] = field(default_factory=list)

    def tell(self, fault: str) -> None:
        """Keep one fault, once."""
        if fault and fault not in self.faults and len(self.faults) < FAULTS:
            self.faults.append(fault)


def push(
    store: Store,
    connections: Connections,
    connection: Connection,
    crm: Crm,
    mapping: FieldMapping,
    *,
    part: Part | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Pushed:
    """Send everything (of ``part``) that is due on ``connection``; ``report`` takes (sent so far, due at the
    start).

    Raises ``Halt`` when fields of a target are not provisioned or the vendor refuses it as a whole,
    after everything else was sent; ``Retry`` or ``Reauth`` when the vendor answers to none. What was
    acknowledged until then stays acknowledged.
    """
    pushed = Pushed()
    faults: list[Halt] = []
    held = crm.context.secrets.lock("push") if store.is_sqlite else nullcontext()
    with held, parts.alone(store, connection.id, part):
        now = crm.context.now()
        if mapping.writer(order_flags.TARGET):
            with store.write() as tx:
                order_flags.queue(tx, connection.id, now)
        with store.read() as tx:
            waiting = outbox.count_due(tx, connection.id, now, part)
        writers = _writers(connections, connection, mapping, list(waiting), faults)
        while True:
            with store.read() as tx:
                items = outbox.due(tx, connection.id, now, CLAIM, list(writers), part)
            if not items:
                break
            for (priority, rank), group in groupby(sorted(items, key=_turn), key=_turn):
                target = TARGETS[rank]
                if target not in writers:
                    continue
                try:
                    # Holds may use what of the budget is kept for them.
                    with urgent() if priority <= HOLD_FIRST else nullcontext():
                        _Sender(store, connection, crm, writers[target], pushed).send(list(group))
                except Halt as fault:
                    # A lack of one target, such as a permission for notes, is none of the others.
                    faults.append(fault)
                    del writers[target]
                report(pushed.done + pushed.retried + pushed.dead, sum(waiting.values()))
    name, counts = connection.name, {"done": pushed.done, "retried": pushed.retried, "dead": pushed.dead}
    log.info("pushed", connection=name, **counts)
    if faults:
        raise faults[0]
    return pushed


def _turn(item: Pending) -> tuple[int, int]:
    """Holds before anything else, and of those the orders first: they are about to leave the house."""
    first = item.priority == HOLD_FIRST
    rank = TARGETS.index(item.target) if item.target in TARGETS else 0
    if first and item.target == order_flags.TARGET:
        return HOLD_FIRST - 1, rank
    return item.priority, rank


def _writers(
    connections: Connections,
    connection: Connection,
    mapping: FieldMapping,
    targets: Sequence[str],
    faults: list[Halt],
) -> dict[str, Writer | None]:
    """The writers by target; one that is not provisioned is left out, so that the others can go on."""
    writers: dict[str, Writer | None] = {}
    for target in targets:
        try:
            writers[target] = _writer(connections, connection, mapping, target)
        except Halt as fault:
            faults.append(fault)
    return writers


def _writer(
    connections: Connections, connection: Connection, mapping: FieldMapping, target: str
) -> Writer | None:
    names = connections.names(connection, target)
    writer = mapping.writer(target, names)
    if writer is None:
        return None
    missing = [f.name for f in writer.fields if not f.standard and f.name not in names]
    if missing:
        raise Halt(
            f"the field {missing[0]!r} of {writer.object} is not known to exist in the CRM",
            where=f"connection {connection.name}",
            todo=f"run 'creditgate provision {connection.name}' first",
        )
    return writer


class _Sender:
    """Sends pending writes of one target."""

    def __init__(
        self, store: Store, connection: Connection, crm: Crm, writer: Writer | None, pushed: Pushed
    ) -> None:
        self._store = store
        self._connection = connection
        self._crm = crm
        self._writer = writer
        self._pushed = pushed

    def send(self, items: Sequence[Pending]) -> None:
        """All of them, as many at once as the vendor takes."""
        for start in range(0, len(items), self._crm.write_batch):
            batch = items[start : start + self._crm.write_batch]
            if self._writer is None:
                told = f"the mapping has no 'write: {batch[0].target}'"
                self._record([(item, None, Outcome(Result.DEAD, told)) for item in batch])
            else:
                self._send(self._writer, batch)

    def _send(self, writer: Writer, batch: Sequence[Pending]) -> None:
        writes = self._writes(writer, batch)
        if KINDS[writer.target] == "note" or self._crm.write_changed:
            # Nothing in a CRM keeps two equal notes apart: whether one was sent must survive a crash. So
            # must it where only differences are written: they are to what was surely written.
            with self._store.write() as tx:
                outbox.tried(tx, batch)
        keeper = locks(self._store, self._connection, self._crm, writer) if writer.lock else None
        outcomes = self._locked(writes, keeper) if keeper and keeper.wanted else self._push(writes)
        self._record(list(zip(batch, writes, outcomes, strict=True)))
        if keeper and keeper.missing:
            what = {"object": writer.object, "why": keeper.missing}
            told = say("push.not_locked", what, self._crm.context.language)
            self._pushed.tell(f"{self._connection.name}: {told}")
        if KINDS[writer.target] == "update":
            good = [w for w, o in zip(writes, outcomes, strict=True) if o.result is Result.DONE]
            now = self._crm.context.now()
            lost = look_once(self._store, self._connection, self._crm, writer, good, now)
            self._pushed.tell(f"{self._connection.name}: {lost}" if lost else "")

    def _writes(self, writer: Writer, batch: Sequence[Pending]) -> list[Write]:
        seen: dict[str, dt.datetime] = {}
        if writer.shared and writer.target in STREAMS:
            with self._store.read() as tx:
                ids = [item.external_id for item in batch]
                seen = records.modified(tx, self._connection.id, STREAMS[writer.target], ids)
        return [
            Write(
                kind=KINDS[item.target],
                object=writer.object,
                external_id=item.external_id,
                values=writer.write(_typed(values, writer), self._crm.context.language),
                types=writer.types,
                key_field=writer.key_field,
                key=item.key,
                unmodified_since=seen.get(item.external_id),
                repeated=item.tried or item.attempts > 0,
            )
            for item, values in zip(batch, self._values(writer, batch), strict=True)
        ]

    def _values(self, writer: Writer, batch: Sequence[Pending]) -> list[Mapping[str, Any]]:
        if KINDS[writer.target] != "update" or not self._crm.write_changed:
            return [item.values for item in batch]
        with self._store.read() as tx:
            found = outbox.differing(tx, self._connection.id, batch)
        if not writer.lock:
            return found
        # The lock goes by the flag, which is therefore always there.
        return [
            {name: item.values[name] for name in (writer.lock,) if name in item.values} | dict(values)
            for item, values in zip(batch, found, strict=True)
        ]

    def _push(self, writes: Sequence[Write]) -> list[Outcome]:
        if not writes:
            return []
        try:
            return self._crm.push(writes)
        except Retry as fault:
            if not fault.unknown_outcome:
                raise
            # The same values again do no harm: updates are idempotent, tasks and notes carry our key.
            return [Outcome(Result.RETRY, str(fault)) for _ in writes]

    def _locked(self, writes: Sequence[Write], keeper: Locks) -> list[Outcome]:
        """Push with what the flag asks for: open the row before it goes, lock it once it is set."""
        closed = keeper.before(writes)
        sent = iter(self._push([w for at, w in enumerate(writes) if at not in closed]))
        return [
            closed[at] if at in closed else keeper.after(write, next(sent)) for at, write in enumerate(writes)
        ]

    def _record(self, results: Sequence[tuple[Pending, Write | None, Outcome]]) -> None:
        now, source = self._crm.context.now(), self._connection.id
        with self._store.write() as tx:
            good = [(item, o.external_id) for item, _, o in results if o.result is Result.DONE]
            outbox.done(tx, source, good, now)
            self._pushed.done += len(good)
            for item, write, outcome in results:
                since = write.unmodified_since if write else None
                if outcome.result is Result.DONE:
                    if since and outcome.modified_at:
                        stream = STREAMS[item.target]
                        records.written(tx, source, stream, item.external_id, outcome.modified_at)
                    if outcome.message:
                        self._pushed.tell(f"{self._connection.name}: {outcome.message}")
                    continue
                told = f"{outcome.message} – {outcome.todo}" if outcome.todo else outcome.message
                result, name = outcome.result.value, self._connection.name
                log.warning("write_not_done", connection=name, target=item.target, outcome=result)
                retry_at = _again(item, outcome, now)
                stale_at = since if outcome.result is Result.STALE else None
                outbox.failed(tx, item, told, retry_at, stale_at)
                self._pushed.retried += retry_at is not None
                self._pushed.dead += retry_at is None
                if retry_at is None or outcome.result is Result.BLOCKED:
                    self._pushed.tell(f"{self._connection.name}: {told}")


def _again(item: Pending, outcome: Outcome, now: dt.datetime) -> dt.datetime | None:
    """When to try once more; ``None`` when a person has to see to it."""
    if outcome.result is Result.STALE:
        return now + FIRST_WAIT  # and the row was read again
    wait = min(FIRST_WAIT * (1 << min(item.attempts, 10)), LONGEST_WAIT)
    if outcome.result is Result.BLOCKED:
        return now + wait
    again = outcome.result is Result.RETRY and item.attempts + 1 < ATTEMPTS
    return now + wait if again else None


def _typed(values: Mapping[str, Any], writer: Writer) -> dict[str, Any]:
    """The payload's texts as the types that the mapping names."""
    types = {f.name: f.type for f in writer.fields}
    return {name: _as(types.get(name, "text"), value) for name, value in values.items()}


def _as(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind in ("money", "number"):
        return Decimal(str(value))
    if kind == "date":
        return dt.date.fromisoformat(value)
    if kind == "datetime":
        return dt.datetime.fromisoformat(value)
    return value

"""Push: outbox → CRM.

Invariant: at-least-once to an idempotent target. A row leaves the outbox only in the transaction that
records it as written, after the CRM said so; killed in between, the same values are written once more.
One process at a time pushes to a connection.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from connector.adapter import Crm, Outcome, Result, Write
from connector.errors import Halt, Retry
from connector.mapping import FieldMapping
from connector.store import outbox
from connector.store.connections import Connection, Connections
from connector.store.engine import Store
from connector.store.outbox import Pending
from connector.writing import Writer

CLAIM = 500
ATTEMPTS = 8
FIRST_WAIT = dt.timedelta(seconds=30)
KINDS = {"account": "update", "visit": "task"}


@dataclass
class Pushed:
    """What a push did."""

    done: int = 0
    retried: int = 0
    dead: int = 0


def push(
    store: Store,
    connections: Connections,
    connection: Connection,
    crm: Crm,
    mapping: FieldMapping,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Pushed:
    """Send everything that is due on ``connection``; ``report`` takes (sent so far, due at the start).

    Raises ``Halt`` when fields are not provisioned, after everything else was sent; ``Retry`` or
    ``Reauth`` when the vendor answers to none. What was acknowledged until then stays acknowledged.
    """
    pushed = Pushed()
    faults: list[Halt] = []
    with crm.context.secrets.lock("push"):
        now = crm.context.now()
        with store.read() as tx:
            waiting = outbox.count_due(tx, connection.id, now)
        writers = _writers(connections, connection, mapping, list(waiting), faults)
        while True:
            with store.read() as tx:
                items = outbox.due(tx, connection.id, now, CLAIM, list(writers))
            if not items:
                break
            for target, group in groupby(items, key=lambda item: item.target):
                _send(store, connection, crm, writers[target], list(group), pushed)
                report(pushed.done + pushed.retried + pushed.dead, sum(waiting.values()))
    if faults:
        raise faults[0]
    return pushed


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


def _send(
    store: Store,
    connection: Connection,
    crm: Crm,
    writer: Writer | None,
    items: Sequence[Pending],
    pushed: Pushed,
) -> None:
    for start in range(0, len(items), crm.write_batch):
        batch = items[start : start + crm.write_batch]
        if writer is None:
            outcomes = [Outcome(Result.DEAD, f"the mapping has no 'write: {item.target}'") for item in batch]
        else:
            outcomes = _write(crm, writer, batch)
        _record(store, connection, crm.context.now(), list(zip(batch, outcomes, strict=True)), pushed)


def _write(crm: Crm, writer: Writer, batch: Sequence[Pending]) -> list[Outcome]:
    writes = [
        Write(
            kind=KINDS[item.target],
            object=writer.object,
            external_id=item.external_id,
            values=writer.write(_typed(item.values, writer), crm.context.language),
            types=writer.types,
            key_field=writer.key_field,
            key=item.key,
        )
        for item in batch
    ]
    try:
        return crm.push(writes)
    except Retry as fault:
        if not fault.unknown_outcome:
            raise
        # The same values again do no harm: updates are idempotent and tasks carry our key.
        return [Outcome(Result.RETRY, str(fault)) for _ in writes]


def _record(
    store: Store,
    connection: Connection,
    now: dt.datetime,
    results: Sequence[tuple[Pending, Outcome]],
    pushed: Pushed,
) -> None:
    with store.write() as tx:
        good = [(item, o.external_id) for item, o in results if o.result is Result.DONE]
        outbox.done(tx, connection.id, good, now)
        pushed.done += len(good)
        for item, outcome in results:
            if outcome.result is Result.DONE:
                continue
            again = outcome.result is Result.RETRY and item.attempts + 1 < ATTEMPTS
            retry_at = now + FIRST_WAIT * 2**item.attempts if again else None
            outbox.failed(tx, item, outcome.message, retry_at)
            pushed.retried += again
            pushed.dead += not again


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

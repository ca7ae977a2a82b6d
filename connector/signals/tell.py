"""Tell people of signals, each by every channel that is connected, at once and once.

Invariant: what is to be told is queued before it is sent, and marked as being sent before the call; killed
anywhere, the next run goes on. A channel whose answer never came is asked again and the message says so; an
idle channel keeps the others from nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from connector import logs
from connector.adapter import Channel
from connector.errors import CreditGateError, Halt, Reauth, Reject, Retry
from connector.locale import label, say
from connector.ports.message import Message
from connector.runtime import Runtime
from connector.signals.texts import sentence
from connector.store import signals, tellings
from connector.store.connections import Connection
from connector.store.signals import Severity, Signal, State

CLAIM = 50
log = logs.logger("signals")
MOST_ATTEMPTS = 12
_LONGEST = dt.timedelta(hours=6)
_RANK = {severity: place for place, severity in enumerate(Severity)}


@dataclass
class Told:
    """What became of one channel's messages; ``fault`` is the first thing that a person should know."""

    channel: str
    sent: int = 0
    later: int = 0
    dead: int = 0
    fault: str = ""


@dataclass
class _Way:
    connection: Connection
    least: Severity
    channel: Channel
    told: Told = field(init=False)

    def __post_init__(self) -> None:
        self.told = Told(self.connection.name)


def tell(
    runtime: Runtime, *, names: tuple[str, ...] = (), report: Callable[[int, int], None] = lambda _, __: None
) -> list[Told]:
    """Queue what is new and send what is due, by all channels or those called ``names``.

    Faults of a channel are in its row, never raised; signals that ended before they were sent, and those
    that someone has taken over meanwhile, are not told.
    """
    ways = [
        _way(runtime, one) for one in runtime.connections.all("channel") if not names or one.name in names
    ]
    missing = set(names) - {way.connection.name for way in ways}
    if missing:
        raise Halt(f"{min(missing)} is no channel", todo="see 'creditgate connect list'")
    for way in ways:
        _enrol(runtime, way)
    for place, way in enumerate(ways):
        _send(runtime, way)
        report(place + 1, len(ways))
    return [way.told for way in ways]


def _way(runtime: Runtime, connection: Connection) -> _Way:
    opened = runtime.adapter(connection)
    if not isinstance(opened, Channel):
        raise Halt(f"{connection.name} is no channel", todo="remove it and add it again")
    return _Way(connection, Severity(opened.context.settings.get("least", "warning")), opened)


def _enrol(runtime: Runtime, way: _Way) -> None:
    """Queue the open signals of which the policy wants people to be told."""
    rules = runtime.policy.signals
    with runtime.store.write() as tx:
        found = signals.listed(tx, states=[State.OPEN], severity=way.least.value)
        wanted = [(one.id, one.severity.value) for one in found if "notify" in rules.of(one.kind).actions]
        tellings.enrol(tx, wanted, way.connection.id, runtime.clock())


def _send(runtime: Runtime, way: _Way) -> None:
    while True:
        with runtime.store.read() as tx:
            rows = tellings.due(tx, way.connection.id, runtime.clock(), CLAIM)
        if not rows:
            return
        for row in rows:
            if not _one(runtime, way, row):
                return


def _one(runtime: Runtime, way: _Way, row: sa.Row[Any]) -> bool:
    """Send one row; ``False`` when the channel takes nothing for now."""
    store, now = runtime.store, runtime.clock()
    with store.write() as tx:
        if row.signal_state != State.OPEN or row.present != row.severity:
            tellings.finish(tx, row.id, tellings.MOOT, now)
            return True
        if not tellings.begin(tx, row, now):
            return True
        (one,) = signals.listed(tx, number=row.signal_id)
    # It may have arrived if a process died over it, or the line did.
    doubtful = row.state == tellings.SENDING or row.error.startswith(_DOUBT)
    message = replace(message_of(one, runtime.config.language), repeated=doubtful)
    try:
        way.channel.tell(message)
    except Retry as fault:
        _later(runtime, way, row, fault)
        return not fault.busy
    except (Reauth, Halt) as fault:
        # A person has to act; nothing of this channel is lost until then.
        _later(runtime, way, row, fault)
        return False
    except Reject as fault:
        with store.write() as tx:
            tellings.finish(tx, row.id, tellings.DEAD, runtime.clock(), error=str(fault))
        way.told.dead += 1
        way.told.fault = way.told.fault or str(fault)
        return True
    with store.write() as tx:
        tellings.finish(tx, row.id, tellings.DONE, runtime.clock())
    way.told.sent += 1
    log.info("signal_told", connection=way.connection.name, customer=one.customer_id)
    return True


_DOUBT = "[?] "


def _later(runtime: Runtime, way: _Way, row: sa.Row[Any], fault: CreditGateError) -> None:
    attempts = row.attempts + 1
    given_up = attempts >= MOST_ATTEMPTS and isinstance(fault, Retry)
    log.warning("signal_waits", connection=way.connection.name, attempt=attempts, **logs.told(fault))
    text = (_DOUBT if getattr(fault, "unknown_outcome", False) else "") + str(fault)
    now = runtime.clock()
    with runtime.store.write() as tx:
        state = tellings.DEAD if given_up else tellings.PENDING
        tellings.finish(tx, row.id, state, now, error=text, due_at=now + pause(attempts, fault))
    if given_up:
        way.told.dead += 1
    else:
        way.told.later += 1
    way.told.fault = way.told.fault or str(fault)


def pause(attempts: int, fault: CreditGateError) -> dt.timedelta:
    """How long a channel is left alone after so many attempts: what it says itself, else twice as long each
    time."""
    after: float | None = getattr(fault, "after", None)
    if after is not None:
        return max(dt.timedelta(seconds=after), dt.timedelta(seconds=1))
    doubled: dt.timedelta = dt.timedelta(seconds=30) * 2 ** min(attempts, 10)
    return min(doubled, _LONGEST)


def message_of(one: Signal, language: str) -> Message:
    """A signal as people are told of it."""
    words = label(one.severity.value, language)
    title = f"[{words}] {one.customer}: {say(f'signal_name.{one.kind}', {}, language)}"
    lines = [sentence(one.kind, one.evidence, language)]
    if one.owner:
        lines.append(say("signal_owner", {"owner": one.owner}, language))
    if one.deadline:
        lines.append(say("signal_deadline", {"day": one.deadline.isoformat()}, language))
    lines.append(say("signal_answer", {"number": one.id}, language))
    facts = {
        "signal": one.id,
        "customer": f"customer-{one.customer_id}",
        "name": one.customer,
        "kind": one.kind,
        "about": one.key,
        "evidence": one.evidence,
        "raised_at": one.raised_at,
        "deadline": one.deadline,
    }
    return Message(f"signal-{one.id}-{one.severity.value}", title, tuple(lines), one.severity.value, facts)

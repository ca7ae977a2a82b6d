"""Notices: credit acts of which the policy's ``responsibility`` wants somebody to be told.

Invariant: what is told is read from the journal, so that no act can be done without it, and none is told that
was not done. A message names who, what, whom and when; why stands in the journal alone. It also names number
and hash of its last act, so that a head of the journal is kept outside of the store.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from connector.adapter import Channel
from connector.errors import CreditGateError, Halt, Reauth, Reject, Retry
from connector.locale import say
from connector.people.duties import STEP_OF, told
from connector.people.roles import same_person
from connector.ports.message import Message
from connector.runtime import Runtime
from connector.signals.tell import Told, pause
from connector.store import journal, notices
from connector.store.connections import Connection

# Acts in one message.
MOST = 20


@dataclass(frozen=True)
class Notice:
    """One act: its number and hash in the journal, the step of the policy that it belongs to, who did what to
    whom when (UTC) and why, as far as the journal says."""

    number: int
    hash: str
    at: dt.datetime
    step: str
    act: str
    actor: str
    subject: str
    reason: str


def listed(
    runtime: Runtime, who: str | None = None, *, since: dt.datetime | None = None, most: int = 200
) -> list[Notice]:
    """The newest acts of which ``who`` is to be told today, oldest first, without those that ``who`` did; of
    which anybody is, without ``who``. While nobody has a role, everybody is told of everything."""
    with runtime.store.read() as tx:
        rows = notices.newest(tx, _acts_for(runtime, who), since=since, most=most)
    return [_notice(row) for row in rows if who is None or not same_person(row.actor, who)]


def tell(
    runtime: Runtime, *, names: tuple[str, ...] = (), report: Callable[[int, int], None] = lambda _, __: None
) -> list[Told]:
    """Tell the roles that the channels stand for (their setting ``informs``) of acts that are new, by all
    channels or those called ``names``. Faults of a channel are in its row, never raised."""
    every = [one for one in runtime.connections.all("channel") if not names or one.name in names]
    missing = set(names) - {one.name for one in every}
    if missing:
        raise Halt(f"{min(missing)} is no channel", todo="see 'creditgate connect list'")
    ways = [one for one in every if one.settings.get("informs", "").strip()]
    done = []
    for place, one in enumerate(ways):
        done.append(_by(runtime, one))
        report(place + 1, len(ways))
    return done


def _acts_for(runtime: Runtime, who: str | None) -> list[str]:
    rules, roles = runtime.policy.responsibility, runtime.roles
    if who is None or not roles.in_use:
        return told(rules, None)
    return told(rules, roles.words_of(who, runtime.today()))


def _by(runtime: Runtime, connection: Connection) -> Told:
    """Everything that is new by one channel, a message for every ``MOST`` acts."""
    way = Told(connection.name)
    informs = [one for one in connection.settings["informs"].replace("，", ",").split(",") if one.strip()]
    acts = told(runtime.policy.responsibility, informs)
    opened = runtime.adapter(connection)
    if not isinstance(opened, Channel):
        raise Halt(f"{connection.name} is no channel", todo="remove it and add it again")
    while _one(runtime, connection, opened, acts, way):
        pass
    return way


def _one(runtime: Runtime, connection: Connection, channel: Channel, acts: list[str], way: Told) -> bool:
    """Send the next message; ``False`` when there is none, or the channel takes nothing for now."""
    store, now = runtime.store, runtime.clock()
    with store.write() as tx:
        row = notices.cursor(tx, connection.id, connection.name, now)
        if not notices.ready(row, now):
            way.later += row.sending is not None or bool(row.error)
            return False
        found = notices.acts(tx, acts, after=row.number, upto=row.sending, most=MOST)
        if not found:
            end = journal.last(tx).number if row.sending is None else row.sending
            if end > row.number:
                notices.told(tx, connection.id, end, now)
            return False
        upto = row.sending if row.sending is not None else found[-1].number
        if not notices.begin(tx, row, upto, now):
            return False
    # It may have arrived if a process died over it, or the line did.
    doubtful = row.sending is not None and (not row.error or row.error.startswith(_DOUBT))
    message = message_of(
        [_notice(one) for one in found], connection.name, runtime.config.language, repeated=doubtful
    )
    try:
        channel.tell(message)
    except (Retry, Reauth, Halt) as fault:
        _later(runtime, connection, row.attempts + 1, fault, way, doubtful=doubtful)
        return False
    except Reject as fault:
        way.dead += 1
        way.fault = way.fault or str(fault)
        with store.write() as tx:
            notices.told(tx, connection.id, upto, runtime.clock(), error=str(fault))
        return True
    with store.write() as tx:
        notices.told(tx, connection.id, upto, runtime.clock())
    way.sent += 1
    return True


_DOUBT = "[?] "


def _later(
    runtime: Runtime,
    connection: Connection,
    attempts: int,
    fault: CreditGateError,
    way: Told,
    *,
    doubtful: bool,
) -> None:
    doubtful = doubtful or getattr(fault, "unknown_outcome", False)
    due_at = runtime.clock() + pause(attempts, fault)
    with runtime.store.write() as tx:
        notices.later(tx, connection.id, due_at, f"{_DOUBT if doubtful else ''}{fault}")
    way.later += 1
    way.fault = way.fault or str(fault)


def message_of(found: Sequence[Notice], channel: str, language: str, *, repeated: bool = False) -> Message:
    """Acts as people are told of them."""
    first, last = found[0].number, found[-1].number
    lines = [sentence(one, language) for one in found]
    head = f"{last}:{found[-1].hash}"
    facts = {
        "acts": [
            {"number": one.number, "at": one.at, "step": one.step, "act": one.act}
            | {"actor": one.actor, "subject": one.subject}
            for one in found
        ],
        "journal": head,
    }
    return Message(
        f"notice-{channel}-{first}-{last}",
        say("notice.title", {"count": len(found)}, language),
        (*lines, say("notice.why", {}, language), say("notice.head", {"head": head}, language)),
        "info",
        facts,
        repeated,
    )


def sentence(one: Notice, language: str) -> str:
    """One act in a line."""
    words: dict[str, str | int | None] = {
        "number": one.number,
        "day": one.at.date().isoformat(),
        "actor": one.actor,
        "act": say(f"did.{one.act}", {}, language),
        "subject": one.subject,
    }
    return say("notice.line", words, language)


def _notice(row: sa.Row[Any]) -> Notice:
    detail = orjson.loads(row.detail)
    reason = detail.get("reason") or detail.get("note") or ""
    return Notice(
        row.number, row.hash, row.at, STEP_OF[row.act], row.act, row.actor, row.subject, str(reason)
    )

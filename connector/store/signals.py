"""Signals in the store: raised once, ended when their cause is gone, decided on by people.

Invariant: for a customer, a kind and a key there is one live signal at most, however often and by however
many processes it is raised; what came to an end within the cool-down is not raised again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
import sqlalchemy as sa

from connector.errors import Halt
from connector.store import journal
from connector.store.customers import touch_customers
from connector.store.record_tables import account, crm_user
from connector.store.signal_tables import deed, signal, telling
from connector.store.tables import assessment, customer
from connector.store.upsert import batches


class Severity(StrEnum):
    """How much a signal matters: to know, to look at, to act on at once."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


class State(StrEnum):
    """``open`` nobody has answered; ``acknowledged`` somebody deals with it; ``snoozed`` until a day;
    ``closed`` its cause is gone, or a person ended it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    CLOSED = "closed"


LIVE = (State.OPEN, State.ACKNOWLEDGED, State.SNOOZED)
# Without a policy's word: what ended is not raised again for so many days.
COOL_DOWN = dt.timedelta(days=30)
_ORDER = {severity: number for number, severity in enumerate(Severity)}


@dataclass(frozen=True)
class Signal:
    """One signal as it stands. ``key`` says what it is about beside the customer; ``evidence`` are the
    numbers, days and documents that show it."""

    id: int
    customer_id: int
    customer: str
    kind: str
    key: str
    severity: Severity
    evidence: dict[str, Any]
    state: State
    raised_at: dt.datetime
    seen_at: dt.datetime
    snoozed_until: dt.date | None
    owner: str | None
    deadline: dt.date | None
    closed_at: dt.datetime | None
    actor: str | None
    reason: str


def raise_signal(
    tx: sa.Connection,
    *,
    customer_id: int,
    kind: str,
    key: str = "",
    severity: Severity | str,
    evidence: Mapping[str, Any],
    now: dt.datetime,
    cool_down: dt.timedelta = COOL_DOWN,
    deadline: dt.date | None = None,
) -> int | None:
    """Say that something is the case; the id if that is news, else ``None``.

    A live signal learns the new evidence, and becomes as severe as the worst it was raised with; it is opened
    again if it was snoozed or acknowledged with less. One that ended less than ``cool_down`` ago is not news.
    A new one belongs to whom the customer's account belongs to, until it is assigned to somebody.
    """
    severity = Severity(severity)
    text = orjson.dumps(dict(evidence), default=str, option=orjson.OPT_SORT_KEYS).decode()
    last = _last(tx, customer_id, kind, key)
    if last is not None and last.state != State.CLOSED:
        return _again(tx, last, severity, text, now)
    # An older day may be judged after a newer one: then it ended, by the calendar, before it began.
    if last is not None and now - max(last.closed_at or now, last.raised_at) < cool_down:
        return None
    values = {
        "customer_id": customer_id,
        "kind": kind,
        "key": key,
        "episode": 1 if last is None else last.episode + 1,
        "severity": severity.value,
        "evidence": text,
        "state": State.OPEN.value,
        "raised_at": now,
        "seen_at": now,
        "deadline": deadline,
        "owner": _answers(tx, customer_id),
    }
    return _insert(tx, values)


def settle(
    tx: sa.Connection,
    customer_id: int,
    kind: str,
    now: dt.datetime,
    *,
    key: str | None = None,
    but: Collection[str] = (),
) -> int:
    """The cause of a kind is gone (for ``key``, or for all keys ``but`` some): close it; how many ended."""
    mine = [signal.c.customer_id == customer_id, signal.c.kind == kind, signal.c.state.in_(LIVE)]
    if key is not None:
        mine.append(signal.c.key == key)
    if but:
        mine.append(signal.c.key.not_in(list(but)))
    values = {"state": State.CLOSED.value, "closed_at": now}
    return tx.execute(signal.update().where(*mine).values(**values)).rowcount


def forget(tx: sa.Connection, customer_id: int, kinds: Collection[str], key: str) -> None:
    """Remove signals for good: what they tell of a natural person has had its time."""
    about = signal.c.customer_id == customer_id
    query = sa.select(signal.c.id).where(about, signal.c.kind.in_(kinds), signal.c.key == key)
    ids = list(tx.execute(query).scalars())
    for table, reference in ((telling, telling.c.signal_id), (deed, deed.c.signal_id), (signal, signal.c.id)):
        tx.execute(sa.delete(table).where(reference.in_(ids)))


def acknowledge(tx: sa.Connection, ids: Iterable[int], reason: str, actor: str, now: dt.datetime) -> int:
    """A person deals with these signals; ``Halt`` if one is not there or not live."""
    return _decide(tx, ids, {"state": State.ACKNOWLEDGED.value}, "signal_acknowledged", reason, actor, now)


def snooze(
    tx: sa.Connection, ids: Iterable[int], until: dt.date, reason: str, actor: str, now: dt.datetime
) -> int:
    """A person wants to hear of these signals again on ``until``, a day ahead; ``Halt`` as above."""
    if until <= now.date():
        raise Halt(f"{until} is not ahead", where="signal", todo="name a later day")
    values = {"state": State.SNOOZED.value, "snoozed_until": until}
    return _decide(tx, ids, values, "signal_snoozed", reason, actor, now)


def assign(
    tx: sa.Connection, ids: Iterable[int], owner: str, deadline: dt.date | None, actor: str, now: dt.datetime
) -> int:
    """A person has to answer these signals until a day; ``Halt`` as above."""
    values: dict[str, Any] = {"owner": owner} | ({} if deadline is None else {"deadline": deadline})
    changed = 0
    for row in _live(tx, ids):
        tx.execute(signal.update().where(signal.c.id == row.id).values(**values))
        detail = {
            "signal": row.id,
            "kind": row.kind,
            "before": row.owner,
            "after": owner,
            "deadline": deadline,
        }
        journal.add(tx, now, actor, "signal_assigned", f"customer {row.customer_id}", detail)
        changed += 1
    return changed


def close(tx: sa.Connection, ids: Iterable[int], reason: str, actor: str, now: dt.datetime) -> int:
    """A person ends these signals, though their cause may be there; ``Halt`` as above."""
    values = {"state": State.CLOSED.value, "closed_at": now}
    return _decide(tx, ids, values, "signal_closed", reason, actor, now)


def wake(tx: sa.Connection, today: dt.date) -> int:
    """Snoozed signals whose day has come are open again; how many."""
    due = signal.c.state == State.SNOOZED.value, signal.c.snoozed_until <= today
    touch_customers(tx, set(tx.execute(sa.select(signal.c.customer_id).where(*due)).scalars()))
    values = {"state": State.OPEN.value, "snoozed_until": None}
    return tx.execute(signal.update().where(*due).values(**values)).rowcount


def listed(
    tx: sa.Connection,
    *,
    states: Sequence[str] = LIVE,
    customer_id: int | None = None,
    kind: str | None = None,
    severity: str | None = None,
    owner: str | None = None,
    number: int | None = None,
) -> list[Signal]:
    """Signals, the most severe and newest first. ``severity`` is the least that is shown."""
    query = sa.select(signal, customer.c.name.label("customer")).join(
        customer, customer.c.id == signal.c.customer_id
    )
    for column, value in (("customer_id", customer_id), ("kind", kind), ("owner", owner), ("id", number)):
        if value is not None:
            query = query.where(signal.c[column] == value)
    if number is None:
        query = query.where(signal.c.state.in_([str(one) for one in states]))
    least = _ORDER[Severity(severity)] if severity else 0
    found = [_signal(row) for row in tx.execute(query)]
    kept = [one for one in found if _ORDER[one.severity] >= least]
    return sorted(kept, key=lambda one: (-_ORDER[one.severity], -one.raised_at.timestamp(), one.id))


def live_of(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, list[Signal]]:
    """The live signals of these customers that are not snoozed, the most severe and newest first."""
    found: dict[int, list[Signal]] = {}
    for part in batches(list(customer_ids)):
        query = (
            sa.select(signal, customer.c.name.label("customer"))
            .join(customer, customer.c.id == signal.c.customer_id)
            .where(signal.c.customer_id.in_(part), signal.c.state.in_([State.OPEN, State.ACKNOWLEDGED]))
        )
        for row in tx.execute(query):
            found.setdefault(row.customer_id, []).append(_signal(row))
    for several in found.values():
        several.sort(key=lambda one: (-_ORDER[one.severity], -one.raised_at.timestamp(), one.id))
    return found


def rows_of(
    tx: sa.Connection, customer_ids: Sequence[int], kinds: Collection[str]
) -> dict[int, list[sa.Row[Any]]]:
    """All signals of these customers and kinds, ended ones too, oldest episode first."""
    found: dict[int, list[sa.Row[Any]]] = {}
    for part in batches(list(customer_ids)):
        query = sa.select(signal).where(signal.c.customer_id.in_(part), signal.c.kind.in_(list(kinds)))
        for row in tx.execute(query.order_by(signal.c.id)):
            found.setdefault(row.customer_id, []).append(row)
    return found


def settle_before(tx: sa.Connection, kind: str, before: dt.datetime, now: dt.datetime) -> int:
    """Close the live signals of a kind that were last seen before a moment; how many."""
    old = signal.c.kind == kind, signal.c.state.in_(LIVE), signal.c.seen_at < before
    touch_customers(tx, set(tx.execute(sa.select(signal.c.customer_id).where(*old)).scalars()))
    values = {"state": State.CLOSED.value, "closed_at": now}
    return tx.execute(signal.update().where(*old).values(**values)).rowcount


def classes_at(
    tx: sa.Connection, customer_ids: Sequence[int], at: dt.datetime
) -> dict[int, tuple[str, dt.datetime | None]]:
    """The risk class of each customer by its last assessment up to a moment, else by its first; and when
    the next assessment was made, if there is one."""
    found: dict[int, tuple[str, dt.datetime | None]] = {}
    own = assessment.c.customer_id, assessment.c.as_of
    for part in batches(list(customer_ids)):
        mine = assessment.c.customer_id.in_(part)
        until = sa.func.max(assessment.c.id).filter(assessment.c.as_of <= at)
        first = sa.func.coalesce(until, sa.func.min(assessment.c.id))
        reference = sa.select(first).where(mine).group_by(own[0])
        later = sa.select(own[0], sa.func.min(own[1])).where(mine, own[1] > at).group_by(own[0])
        then = {row[0]: row[1] for row in tx.execute(later)}
        query = sa.select(own[0], assessment.c.risk_class).where(assessment.c.id.in_(reference))
        for number, risk_class in tx.execute(query):
            found[number] = (risk_class, then.get(number))
    return found


def _last(tx: sa.Connection, customer_id: int, kind: str, key: str) -> sa.Row[Any] | None:
    mine = signal.c.customer_id == customer_id, signal.c.kind == kind, signal.c.key == key
    return tx.execute(sa.select(signal).where(*mine).order_by(signal.c.episode.desc()).limit(1)).first()


def _answers(tx: sa.Connection, customer_id: int) -> str | None:
    """Who has the customer's first living account in a CRM: by name, else by the CRM's id."""
    known = crm_user.c.connection_id == account.c.connection_id, crm_user.c.external_id == account.c.owner_id
    query = (
        sa.select(sa.func.coalesce(crm_user.c.name, account.c.owner_id))
        .select_from(account.outerjoin(crm_user, sa.and_(*known)))
        .where(
            account.c.customer_id == customer_id,
            account.c.deleted.is_(False),
            account.c.owner_id.is_not(None),
        )
        .order_by(account.c.connection_id, account.c.external_id)
        .limit(1)
    )
    found: str | None = tx.execute(query).scalar()
    return found


def _again(
    tx: sa.Connection, last: sa.Row[Any], severity: Severity, evidence: str, now: dt.datetime
) -> int | None:
    worse = _ORDER[severity] > _ORDER[Severity(last.severity)]
    values: dict[str, Any] = {"seen_at": now, "evidence": evidence}
    if worse:
        values |= {"severity": severity.value, "state": State.OPEN.value, "snoozed_until": None}
    tx.execute(signal.update().where(signal.c.id == last.id).values(**values))
    return int(last.id) if worse else None


def _insert(tx: sa.Connection, values: Mapping[str, Any]) -> int | None:
    """``None`` if another process was quicker."""
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    unique = ["customer_id", "kind", "key", "episode"]
    statement = dialect.insert(signal).values(**values).on_conflict_do_nothing(index_elements=unique)
    number = tx.execute(statement.returning(signal.c.id)).scalar()
    return None if number is None else int(number)


def _decide(
    tx: sa.Connection,
    ids: Iterable[int],
    values: Mapping[str, Any],
    act: str,
    reason: str,
    actor: str,
    now: dt.datetime,
) -> int:
    why = reason.strip()
    if not why:
        raise Halt("no reason is given", where="signal", todo="say why with --reason")
    changed = 0
    for row in _live(tx, ids):
        decided = {"actor": actor, "reason": why, "decided_at": now}
        tx.execute(signal.update().where(signal.c.id == row.id).values(**values, **decided))
        detail = {"signal": row.id, "kind": row.kind, "before": row.state, "reason": why}
        detail |= {"after": values["state"], "until": values.get("snoozed_until")}
        journal.add(tx, now, actor, act, f"customer {row.customer_id}", detail)
        touch_customers(tx, {row.customer_id})
        changed += 1
    return changed


def _live(tx: sa.Connection, ids: Iterable[int]) -> list[sa.Row[Any]]:
    wanted = sorted(set(ids))
    rows = tx.execute(
        sa.select(signal).where(signal.c.id.in_(wanted), signal.c.state.in_(LIVE)).order_by(signal.c.id)
    ).all()
    missing = set(wanted) - {row.id for row in rows}
    if missing:
        named = ", ".join(map(str, sorted(missing)))
        raise Halt(
            f"no live signal has the number {named}", where="signal", todo="see 'creditgate signal list'"
        )
    return list(rows)


def _signal(row: sa.Row[Any]) -> Signal:
    return Signal(
        id=row.id,
        customer_id=row.customer_id,
        customer=row.customer,
        kind=row.kind,
        key=row.key,
        severity=Severity(row.severity),
        evidence=orjson.loads(row.evidence),
        state=State(row.state),
        raised_at=row.raised_at,
        seen_at=row.seen_at,
        snoozed_until=row.snoozed_until,
        owner=row.owner,
        deadline=row.deadline,
        closed_at=row.closed_at,
        actor=row.actor,
        reason=row.reason,
    )

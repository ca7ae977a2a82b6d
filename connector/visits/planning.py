"""Planning: which customers want a visit, who makes it, and on which day.

Invariant: planning looks at the last assessment, the visits so far and the diaries of the reps alone, in one
fixed order, so that running it again – after a kill, too – plans what was left and nothing twice; a customer
has one open visit at most; the task goes to the first CRM in which the customer stands, once.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from connector.money import to_minor
from connector.policy.schema import Visits
from connector.rules.outcome import Assessment
from connector.store import assessments, journal, outbox, signals, tellings, visits
from connector.store.assessments import CrmAccount
from connector.store.engine import Store
from connector.store.visits import Visit
from connector.visits.diary import DAY, Diary, Wish, monday, workday_before
from connector.visits.task import task

CHUNK = 500
# Visits further ahead than this are not planned yet: too much may change until then.
HORIZON = dt.timedelta(days=31)
ACTOR = "calendar"
STATUS = "visit_status"
SIGNAL = "visit_signal"


@dataclass(frozen=True)
class LeftOut:
    """A visit that the capacity of its rep delays: ``day`` is when it takes place, ``None`` if there is no
    room at all up to the horizon."""

    customer_id: int
    owner_id: str | None
    due: dt.date
    day: dt.date | None


@dataclass
class Planned:
    """What a planning run did; ``delayed`` are the visits for which a rep has no room in time."""

    looked_at: int = 0
    planned: int = 0
    delayed: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True)
class _Wanted:
    account: CrmAccount
    wish: Wish
    reason: str
    exposure: int

    @property
    def rep(self) -> tuple[int, str | None]:
        return self.account.connection_id, self.account.owner_id

    @property
    def order(self) -> tuple[bool, dt.date, int, int]:
        """Urgent ones first, then by day, then the larger exposure."""
        return not self.wish.urgent, self.wish.due, -self.exposure, self.account.customer_id


def plan(
    store: Store, now: dt.datetime, names: Mapping[int, str], language: str, rules: Visits | None = None
) -> Planned:
    """Plan the visits that the assessments ask for, and queue a task for each.

    ``names`` are the connections' names by id; texts are in ``language``; ``rules`` are the policy's (by
    default, a rep's week has no bound).
    """
    rules = rules or Visits()
    done = Planned()
    _spare(store, now, rules)
    wanted = sorted(_wanted(store, now.date(), rules, done), key=lambda one: one.order)
    diaries = _diaries(store, now.date(), rules)
    placed = list(_placed(wanted, diaries, rules, now.date(), done))
    for start in range(0, len(placed), CHUNK):
        part = placed[start : start + CHUNK]
        with store.write() as tx:
            done.planned += _write(tx, part, now, names, language, rules)
    return done


def _spare(store: Store, now: dt.datetime, rules: Visits) -> None:
    """A visit that takes place soon enough anyway serves the signals that ask for one, too."""
    until = now.date() + rules.signal_days * DAY
    with store.read() as tx:
        asking = sorted({row.customer_id for row in tellings.wanted(tx, ["visit"])})
    if not asking:
        return
    with store.write() as tx:
        tellings.settle_deeds(tx, "visit", visits.open_of(tx, asking, until), now, "a visit was planned")


def _wanted(store: Store, today: dt.date, rules: Visits, done: Planned) -> Iterator[_Wanted]:
    last = 0
    while True:
        with store.read() as tx:
            ids = visits.every_customer(tx, last, CHUNK)
            if not ids:
                return
            found = _of_chunk(tx, ids, today, rules)
        done.looked_at += len(ids)
        yield from found
        last = ids[-1]


def _of_chunk(tx: sa.Connection, ids: list[int], today: dt.date, rules: Visits) -> list[_Wanted]:
    busy = visits.open_of(tx, ids)
    before = visits.last_of(tx, ids)
    first_seen = visits.first_seen(tx, ids)
    first: dict[int, CrmAccount] = {}
    for account in assessments.crm_accounts(tx, [i for i in ids if i not in busy]):
        first.setdefault(account.customer_id, account)
    found = []
    wanting = tellings.wanting(tx, "visit", list(first))
    for kept in assessments.latest_of(tx, list(first)):
        number, outcome = kept.customer_id, kept.assessment
        if number in wanting:
            wish = Wish(_ahead(today + rules.signal_days * DAY, today), first[number].city, urgent=True)
            found.append(_Wanted(first[number], wish, SIGNAL, outcome.exposure))
            continue
        if outcome.visit_within_days is None:
            continue
        account = first[number]
        within = _within(outcome, rules)
        if (last := before.get(number)) is not None:
            wish = _again(today, outcome, within, last, account)
        else:
            wish = _first(today, outcome, within, min(first_seen[number], today), account)
        if wish.due <= today + HORIZON:
            found.append(_Wanted(account, wish, outcome.visit_reason or "visit_class", outcome.exposure))
    return found


def _within(outcome: Assessment, rules: Visits) -> int:
    """Days between visits: what the assessment asks for, a class's cadence shortened by value."""
    within = outcome.visit_within_days or 0
    if outcome.visit_reason == STATUS:
        return within
    reached = [v for v in rules.by_value if outcome.exposure >= to_minor(v.exposure_from, outcome.currency)]
    factor = max(reached, key=lambda v: v.exposure_from).factor if reached else 1
    return max(int(within * factor), 1)


def _first(today: dt.date, outcome: Assessment, within: int, since: dt.date, account: CrmAccount) -> Wish:
    """A status asks for a visit from now on. The first regular visits are spread over the whole cadence, so
    that they do not all fall on one day."""
    if outcome.visit_reason == STATUS:
        return Wish(_ahead(today + within * DAY, today), account.city, urgent=True)
    spread = zlib.crc32(account.external_id.encode()) % max(within, 1)
    return Wish(_ahead(since + spread * DAY, today), account.city)


def _again(today: dt.date, outcome: Assessment, within: int, last: dt.date, account: CrmAccount) -> Wish:
    """So many days after the last visit; not before half of them have passed."""
    urgent = outcome.visit_reason == STATUS
    due = max(last, today) + within * DAY if urgent else last + within * DAY
    early = last + max(within // 2, 1) * DAY
    return Wish(_ahead(due, today), account.city, urgent, not_before=early)


def _ahead(due: dt.date, today: dt.date) -> dt.date:
    """On a working day, and after today."""
    due = workday_before(max(due, today + DAY))
    return due if due > today else monday(due) + 7 * DAY


def _diaries(store: Store, today: dt.date, rules: Visits) -> dict[tuple[int, str | None], Diary]:
    """What the reps have to do from this week on, tasks done in this week included."""
    diaries: dict[tuple[int, str | None], Diary] = {}
    with store.read() as tx:
        for row in visits.since(tx, monday(today)):
            diary = diaries.setdefault((row.connection_id, row.owner_id), _diary(row.owner_id, rules))
            diary.enter(row.due_on, row.city)
    return diaries


def _diary(owner_id: str | None, rules: Visits) -> Diary:
    # Visits that belong to nobody cannot be too many for anybody.
    return Diary(None if owner_id is None else rules.per_week)


def _placed(
    wanted: Sequence[_Wanted],
    diaries: dict[tuple[int, str | None], Diary],
    rules: Visits,
    today: dt.date,
    done: Planned,
) -> Iterator[tuple[_Wanted, dt.date]]:
    for one in wanted:
        diary = diaries.setdefault(one.rep, _diary(one.account.owner_id, rules))
        day = diary.place(one.wish, today, today + HORIZON)
        if day is None or day > one.wish.due:
            done.delayed.append(LeftOut(one.account.customer_id, one.account.owner_id, one.wish.due, day))
        if day is not None:
            yield one, day


def _write(
    tx: sa.Connection,
    part: Sequence[tuple[_Wanted, dt.date]],
    now: dt.datetime,
    names: Mapping[int, str],
    language: str,
    rules: Visits,
) -> int:
    ids = [one.account.customer_id for one, _ in part]
    # Somebody else may have planned in the meantime.
    busy = visits.open_of(tx, ids)
    outcomes = {kept.customer_id: kept.assessment for kept in assessments.latest_of(tx, ids)}
    warned = signals.live_of(tx, ids)
    planned, items = [], []
    for one, day in part:
        account = one.account
        if account.customer_id in busy:
            continue
        visit = Visit(
            key=f"{names[account.connection_id]}:{account.external_id}:{day:%Y%m%d}",
            customer_id=account.customer_id,
            connection_id=account.connection_id,
            account_id=account.external_id,
            owner_id=account.owner_id,
            due_on=day,
            reason=one.reason,
            priority="high" if outcomes[account.customer_id].hold else "normal",
        )
        planned.append(visit)
        live = warned.get(account.customer_id, ())
        items.append(task(visit, outcomes[account.customer_id], language, live))
    visits.add(tx, planned, now)
    for visit in planned:
        _note(tx, visit, rules, now)
    called = {visit.customer_id for visit in planned if visit.reason == SIGNAL}
    tellings.settle_deeds(tx, "visit", called, now, "a visit is planned")
    outbox.put(tx, items, now)
    return len(planned)


def _note(tx: sa.Connection, visit: Visit, rules: Visits, now: dt.datetime) -> None:
    """Journal a planned visit, with the bound on its rep's week as it is now."""
    detail: dict[str, str | int | None] = {
        "visit": visit.key,
        "connection": visit.connection_id,
        "owner": visit.owner_id,
        "due_on": visit.due_on.isoformat(),
        "reason": visit.reason,
        "per_week": None if visit.owner_id is None else rules.per_week,
    }
    journal.add(tx, now, ACTOR, "visit_planned", f"customer {visit.customer_id}", detail)

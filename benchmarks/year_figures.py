"""What a simulated year shows: who was warned of in time, who was warned of for nothing, what was told twice.

Invariant: a signal counts if people were told of it, as ``warning`` or ``alarm``; for a customer that goes
bad only from the first day of its decline on, so that an earlier false alarm does not count as foresight.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import requests

from benchmarks.year_day import Clock, opened
from benchmarks.year_run import CHANNELS
from connector.store import signals
from connector.store.signals import Severity, Signal
from sandbox.year.economy import Economy, Member
from sandbox.year.holidays import DAY

GRACE = 5
_ARREARS = ("overdue_started", "overdue_worsened")
_NUMBER = re.compile(r"(?:预警编号|Signal) (\d+)")
_DEADLINE = re.compile(r"(?:请于|To be answered by) (\d{4}-\d\d-\d\d)")
_PASSING = re.compile(r"预警编号 \d+|Signal \d+|请于 \S+ 前处理|To be answered by \S+|<[^>]*>")
# What ended is news again after the policy's cool-down: the same words may come again then.
_COOL_DOWN = 30 * DAY
_AGAIN = ("可能已发送过", "may have been sent before")


class Twice(NamedTuple):
    """Messages beyond the first: of one signal and severity, of one wording within the cool-down; and those
    that were marked as possible repeats, because a process had died over them."""

    by_identity: int
    by_content: int
    marked: int


def figures(home: Path, clock: Clock, economy: Economy, bases: Mapping[str, str]) -> dict[str, Any]:
    """Everything, ready to be printed."""
    messages = {name: _messages(bases[name]) for name in CHANNELS}
    told = {(int(key.split("-")[1])) for key in (one["key"] for one in messages["webhook"])}
    with opened(home, clock) as runtime, runtime.store.read() as tx:
        every = signals.listed(tx, states=tuple(signals.State))
    raised: dict[str, list[Signal]] = {}
    for one in every:
        if one.id in told:
            raised.setdefault(one.customer, []).append(one)
    return {
        "ways": {way: _way(members, raised) for way, members in _by_way(economy).items()},
        "good": _good([one for one in economy.members if not one.way], raised, economy.plan.days),
        "told": {name: len(found) for name, found in messages.items()},
        "twice": {name: twice(name, found)._asdict() for name, found in messages.items()},
    }


def missed(found: Mapping[str, Any]) -> int:
    """Customers that went 60 days overdue without a warning before."""
    return sum(way["reached"] - way["warned_before"] for way in found["ways"].values())


def sent_twice(found: Mapping[str, Any]) -> int:
    """Messages that came a second time."""
    return sum(one["by_identity"] + one["by_content"] for one in found["twice"].values())


def _by_way(economy: Economy) -> dict[str, list[Member]]:
    found: dict[str, list[Member]] = {}
    for one in economy.members:
        if one.way:
            found.setdefault(one.way, []).append(one)
    return found


def _way(members: Sequence[Member], raised: Mapping[str, Sequence[Signal]]) -> dict[str, Any]:
    reached = [one for one in members if one.first_overdue is not None]
    firsts = [(one, _first(one, raised)) for one in reached]
    warned = [(one, first) for one, first in firsts if first is not None]
    leads = [(_day_of(one) - first.raised_at.date()).days for one, first in warned]
    ahead = sum(first.raised_at.date() < _late(one) for one, first in warned)
    return {
        "customers": len(members),
        "reached": len(reached),
        "warned_before": len(warned),
        "lead_days_min": min(leads, default=None),
        "lead_days_median": median(leads) if leads else None,
        "before_anything_was_overdue": ahead,
        "first": dict(Counter(first.kind for _, first in warned).most_common()),
    }


def _first(member: Member, raised: Mapping[str, Sequence[Signal]]) -> Signal | None:
    """The first warning from the onset of the decline to the day before the first 60-day overdue."""
    begins, ends = member.temper.onset, _day_of(member)
    counting = [
        one
        for one in raised.get(member.company.name, ())
        if one.severity is not Severity.INFO and begins <= one.raised_at.date() < ends
    ]
    return min(counting, key=lambda one: (one.raised_at, one.kind in _ARREARS, one.id), default=None)


def _day_of(member: Member) -> dt.date:
    return member.first_overdue or dt.date.max


def _late(member: Member) -> dt.date:
    """The first day of the decline on which something is overdue beyond the days of grace."""
    days = (GRACE + 1) * DAY
    late = [deal.due_on + days for deal in member.deals if deal.paid(deal.due_on + days) < deal.amount]
    return min((day for day in late if day > member.temper.onset), default=dt.date.max)


def _good(members: Sequence[Member], raised: Mapping[str, Sequence[Signal]], days: int) -> dict[str, Any]:
    warned = {
        one.company.name: [s for s in raised.get(one.company.name, ()) if s.severity is not Severity.INFO]
        for one in members
    }
    alarms = sum(len(found) for found in warned.values())
    severe = sum(any(s.severity is Severity.ALARM for s in found) for found in warned.values())
    return {
        "customers": len(members),
        "warned": sum(bool(found) for found in warned.values()),
        "share_warned": round(sum(bool(found) for found in warned.values()) / len(members), 3),
        "share_alarmed": round(severe / len(members), 3),
        "warnings_per_customer_year": round(alarms / len(members) * 365 / days, 2),
        "by_kind": dict(Counter(s.kind for found in warned.values() for s in found).most_common()),
    }


def twice(channel: str, messages: Iterable[Mapping[str, Any]]) -> Twice:
    """What came a second time by ``channel``. A receiver that knows keys has taken a repeat for what it is;
    it says how often each came."""
    identities: Counter[str] = Counter()
    contents: defaultdict[str, list[dt.date | None]] = defaultdict(list)
    marked = 0
    for one in messages:
        if channel == "webhook":
            body = one["body"]
            identities[one["key"]] += 1
            marked += one["times"] - 1
            words = f"{body['name']} {body['title']} {body['lines'][0]}"
            contents[words].append(dt.datetime.fromisoformat(body["raised_at"]).date())
            continue
        text = one["text"]
        if any(word in text for word in _AGAIN):
            marked += 1
            continue
        number, deadline = _NUMBER.search(text), _DEADLINE.search(text)
        assert number is not None, text
        identities[f"{number[1]} {text.split(']')[0]}"] += 1
        contents[_PASSING.sub("", text)].append(dt.date.fromisoformat(deadline[1]) if deadline else None)
    again = sum(count - 1 for count in identities.values())
    return Twice(again, sum(_soon_again(days) for days in contents.values()), marked)


def _soon_again(days: Sequence[dt.date | None]) -> int:
    """How many of these messages of one wording came within the cool-down after another one; every one but
    the first where it is not said when."""
    known = sorted(day for day in days if day is not None)
    if len(known) < len(days):
        return len(days) - 1
    return sum(later - earlier < _COOL_DOWN for earlier, later in pairwise(known))


def _messages(base: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{base}/_sandbox/messages", timeout=30)
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found

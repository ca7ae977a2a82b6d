"""Schedules: when which command runs, on which connection.

Invariant: pure, and the same in every process: a slot is a moment that follows from the schedule alone,
and its jitter from job and slot, so that any number of daemons mean the same slot by the same moment.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connector.schedulable import ACTS, Act

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# How far back the last moment of a cron line is looked for, nearest first: 29 February comes every eight
# years at the worst (1896 to 1904, 2096 to 2104).
_BACK = tuple(dt.timedelta(days=days) for days in (1 / 24, 1, 8, 32, 366, 8 * 366))


def _span(value: Any) -> Any:
    """``"90s"``, ``"15m"``, ``"2h"`` or ``"1d"`` as a span of time; all else is left to pydantic."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d{1,6})([smhd])", value.strip())
    if not found:
        raise ValueError("write a number and s, m, h or d, such as 15m")
    return dt.timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _quiet(value: Any) -> Any:
    """``"22:00-06:00"`` as two times of day."""
    if not isinstance(value, str):
        return value
    try:
        first, last = (dt.time.fromisoformat(part.strip()) for part in value.split("-"))
    except ValueError:
        raise ValueError("write two times of day, such as 22:00-06:00") from None
    return first, last


Span = Annotated[dt.timedelta, BeforeValidator(_span)]
Quiet = Annotated[tuple[dt.time, dt.time], BeforeValidator(_quiet)]


class Schedule(BaseModel):
    """One entry of ``schedules`` in the configuration.

    ``verb`` is one of ``ACTS``; ``connection`` by name, where the verb is about one, every CRM while it is
    left out; ``arguments`` what else a person would type, such as a file; one of ``every`` (a span, from
    1970-01-01 UTC) and ``cron`` (five fields, in the policy's time zone); ``jitter`` the most that a start is
    put off, differently for each job and slot; ``quiet`` hours of the day in which nothing starts (the first
    included, the second not); ``at_most`` how long a run may take before it is ended; ``parts`` into how many
    parts a run is cut where several workers may share it, as assess and push on PostgreSQL.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    verb: str
    connection: str | None = None
    arguments: tuple[str, ...] = ()
    every: Span | None = None
    cron: str | None = None
    jitter: Span = dt.timedelta(0)
    quiet: tuple[Quiet, ...] = ()
    at_most: Span = dt.timedelta(hours=2)
    parts: int = Field(default=2, ge=1, le=64)

    @property
    def act(self) -> Act:
        """How the verb is scheduled."""
        return ACTS[self.verb]

    @model_validator(mode="after")
    def _whole(self) -> Schedule:
        if (self.every is None) is (self.cron is None):
            raise ValueError("say either 'every' or 'cron'")
        if self.every is not None and self.every < dt.timedelta(seconds=1):
            raise ValueError("'every' is at least 1s")
        if self.every is not None and self.jitter >= self.every:
            raise ValueError("'jitter' must be shorter than 'every'")
        if self.at_most < dt.timedelta(seconds=1):
            raise ValueError("'at_most' is at least 1s")
        self._fits_the_verb()
        if self.cron is not None:
            _trigger(self.cron, "UTC")
        return self

    def _fits_the_verb(self) -> None:
        act = ACTS.get(self.verb)
        if act is None:
            raise ValueError(f"{self.verb!r} cannot be scheduled; what can is {', '.join(ACTS)}")
        if act.connection == "none" and self.connection is not None:
            raise ValueError(f"{self.verb!r} is not about one connection: leave 'connection' out")
        if act.connection == "must" and self.connection is None:
            raise ValueError(f"{self.verb!r} needs to know which one: say 'connection'")
        if act.file and not self.arguments:
            raise ValueError(
                f"{self.verb!r} needs to know which file: say 'arguments = [\"/path/of/the.csv\"]'"
            )


@dataclass(frozen=True)
class Job:
    """A schedule on one connection (``None``: on the store as a whole), in the time zone ``zone``; ``part``
    (number, of so many) if several share a run."""

    schedule: Schedule
    connection: str | None
    zone: str
    part: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """What listings call it: ``pull zoho``, ``visit plan``, ``assess 1/2``."""
        return " ".join((self._whole, *self._part))

    @property
    def words(self) -> list[str]:
        """The command line, behind ``creditgate``."""
        act, named = self.schedule.act, [self.connection] if self.connection else []
        by = [act.by] if act.by and named else []
        part = ["--part", *self._part] if self._part else []
        return [*self.schedule.verb.split(), *act.options, *part, *by, *named, *self.schedule.arguments]

    @property
    def _whole(self) -> str:
        return " ".join(filter(None, (self.schedule.verb, self.connection, *self.schedule.arguments)))

    @property
    def _part(self) -> list[str]:
        return [f"{self.part[0]}/{self.part[1]}"] if self.part else []

    @property
    def target(self) -> str:
        """What is paused when it fails: the connection, else the verb."""
        return self.connection or self.schedule.verb

    @cached_property
    def _cron(self) -> CronTrigger:
        return _trigger(self.schedule.cron or "", self.zone)

    def slot(self, now: dt.datetime) -> dt.datetime | None:
        """The latest slot that is due, jitter included, at ``now`` (aware UTC); ``None`` before the first."""
        latest = self._at_or_before(now)
        if latest is not None and latest + self.delay(latest) > now:
            latest = self._at_or_before(latest - dt.timedelta(microseconds=1))
            if latest is not None and latest + self.delay(latest) > now:
                return None
        return latest

    def following(self, now: dt.datetime) -> dt.datetime | None:
        """When the next slot starts, jitter included; ``None`` when there is none."""
        moment: dt.datetime | None = self._at_or_before(now) or now
        while moment is not None and moment + self.delay(moment) <= now:
            moment = self._after(moment)
        return None if moment is None else moment + self.delay(moment)

    def delay(self, slot: dt.datetime) -> dt.timedelta:
        """The jitter of a slot: the same in every process, and for all parts."""
        seed = hashlib.blake2b(f"{self._whole} {slot.timestamp():.0f}".encode(), digest_size=4).digest()
        return self.schedule.jitter * (int.from_bytes(seed) / 2**32)

    def is_quiet(self, now: dt.datetime) -> bool:
        """Whether nothing may start at ``now``."""
        clock = now.astimezone(ZoneInfo(self.zone)).time()
        return any(
            first <= clock < last if first < last else clock >= first or clock < last
            for first, last in self.schedule.quiet
        )

    def _at_or_before(self, now: dt.datetime) -> dt.datetime | None:
        every = self.schedule.every
        if every is not None:
            return _EPOCH + (now - _EPOCH) // every * every
        for back in _BACK:
            found = None
            moment = self._cron_at_or_after(now - back)
            while moment is not None and moment <= now:
                found = moment
                moment = self._after(moment)
            if found is not None:
                return found
        return None

    def _after(self, slot: dt.datetime) -> dt.datetime | None:
        every = self.schedule.every
        return slot + every if every is not None else self._cron_at_or_after(slot + dt.timedelta(seconds=1))

    def _cron_at_or_after(self, moment: dt.datetime) -> dt.datetime | None:
        found: dt.datetime | None = self._cron.get_next_fire_time(None, moment)
        return None if found is None else found.astimezone(dt.UTC)


def jobs(
    schedules: Iterable[Schedule], crms: Iterable[str], zone: str, *, shared: bool = False
) -> Iterator[Job]:
    """What the schedules come to: one job for each connection that they name or, without a name, for each of
    ``crms`` where the verb is about each; a connection's own entry goes before one for all. ``zone`` is an
    IANA name; ``shared``: runs that several workers can share are cut into their parts."""
    entries, names = tuple(schedules), tuple(crms)
    own = {(one.verb, one.connection) for one in entries if one.connection}
    for one in entries:
        if one.act.connection != "each" or one.connection is not None:
            yield from _parts(Job(one, one.connection, zone), shared)
        else:
            for name in names:
                if (one.verb, name) not in own:
                    yield from _parts(Job(one, name, zone), shared)


def _parts(job: Job, shared: bool) -> Iterator[Job]:
    count = job.schedule.parts
    if not (shared and job.schedule.act.shared) or count == 1:
        yield job
        return
    for number in range(1, count + 1):
        yield replace(job, part=(number, count))


def _trigger(line: str, zone: str) -> CronTrigger:
    """The calendar of a cron line. Days of the week count as in cron, 0 and 7 are Sunday; APScheduler counts
    from Monday, so they are passed on by name."""
    from apscheduler.triggers.cron import CronTrigger

    fields = line.split()
    if len(fields) != 5:
        raise ValueError("'cron' has five fields: minute, hour, day of month, month, day of week")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise ValueError("'cron' by day of month and day of week at once is not offered: write two blocks")
    return CronTrigger(
        minute=minute,
        hour=hour,
        day=day,
        month=month,
        day_of_week=_weekdays(weekday),
        timezone=ZoneInfo(zone),
    )


_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def _weekdays(text: str) -> str:
    """Every day that the field means, by name."""
    if text == "*" or re.search(r"[a-z/]", text):
        return text
    chosen: list[str] = []
    for part in text.split(","):
        found = re.fullmatch(r"([0-7])(?:-([0-7]))?", part)
        if not found or int(found[2] or found[1]) < int(found[1]):
            raise ValueError(f"{part!r} is no day of the week: write 0 to 7 or mon to sun")
        chosen += (_DAYS[number % 7] for number in range(int(found[1]), int(found[2] or found[1]) + 1))
    return ",".join(dict.fromkeys(chosen))

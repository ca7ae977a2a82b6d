"""One day of an installation in logical time, as its schedule would run it.

As a program, one that may be cut: ``python -m benchmarks.year_day HOME DOOR MOMENT CUT`` runs the day of
MOMENT and ends, as a killed process does, before the commit of its writing transaction number CUT (0: not at
all), then with the exit code ``KILLED``.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
import sqlalchemy as sa

from connector import dunning, reactions, reviews, visits
from connector.assess import assess
from connector.bureau import fetching, watching
from connector.config import load
from connector.gate.settling import settle
from connector.limits.acts import apply_groups
from connector.pull import pull
from connector.push import push
from connector.runtime import Runtime
from connector.signals.tell import tell
from connector.store.engine import Store

KILLED = 9
ACTOR = "calendar"
RATING, COURTS = "bureau", "qichacha"
# Court registers are asked about everybody once a month; the rating agency tells by itself what changed.
COURT_DAYS = 30
_FIRST_RUN = dt.time(10)  # UTC: the end of an office day in China


@dataclass
class Clock:
    """Logical time: it stands still until somebody waits, and takes the outside world along."""

    door: str
    at: dt.datetime
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        self._session.trust_env = False
        self.move(self.at)

    def __call__(self) -> dt.datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        """Wait, which takes no time."""
        self.move(self.at + dt.timedelta(seconds=seconds))

    def move(self, at: dt.datetime) -> None:
        """Go forward to ``at``; everything outside that happens until then has happened."""
        self.at = at
        answer = self._session.post(f"{self.door}/_sandbox/moment", json={"at": at.isoformat()}, timeout=60)
        assert answer.status_code == 200, answer.text


@contextmanager
def opened(home: Path, clock: Clock) -> Iterator[Runtime]:
    """The installation in ``home``, in the time of ``clock``."""
    config = load(home / "creditgate.toml").model_copy(update={"home": home})
    runtime = Runtime(config, moment=clock, sleep=clock.sleep)
    try:
        yield runtime
    finally:
        runtime.close()


def first_run(day: dt.date) -> dt.datetime:
    """When the day's work begins."""
    return dt.datetime.combine(day, _FIRST_RUN, dt.UTC)


def live(runtime: Runtime, clock: Clock, mornings: Sequence[Callable[[], None]] = ()) -> None:
    """Read what changed, ask agencies, assess, act, write back, tell people. ``mornings`` is what people do
    once the CRM was read, before anything is judged."""
    store, crms = runtime.store, runtime.connections.all("crm")
    for one in crms:
        pull(store, one, runtime.crm(one), runtime.mapping(one), counting=runtime.counting)
    settle(runtime)
    for act in mornings:
        act()
    _ask_agencies(runtime)
    _assess(runtime)
    reactions.act(runtime)
    _plan_visits(runtime)
    reviews.plan(runtime)
    dunning.send(runtime, None, ACTOR)
    for one in crms:
        push(store, runtime.connections, one, runtime.crm(one), runtime.mapping(one))
    while any(told.later for told in tell(runtime)):
        clock.sleep(60)
    runtime.release()


def _ask_agencies(runtime: Runtime) -> None:
    connected = {one.name: one for one in runtime.connections.all("bureau")}
    rating, courts = connected[RATING], connected[COURTS]
    if runtime.today().weekday() == 0:
        watching.watch(runtime, rating, actor=ACTOR)
    watching.renew(runtime, rating, actor=ACTOR)
    for asked in (
        fetching.refresh(runtime, rating, actor=ACTOR),
        fetching.refresh(runtime, courts, actor=ACTOR, older_than=COURT_DAYS),
    ):
        assert asked.stopped is None and not asked.faults, asked


def _assess(runtime: Runtime) -> None:
    apply_groups(runtime)
    assess(
        runtime.store,
        runtime.policy,
        runtime.rates,
        runtime.now(),
        content=runtime.policy_text,
        language=runtime.config.language,
        notes=runtime.writing("note"),
    )
    settle(runtime)


def _plan_visits(runtime: Runtime) -> None:
    rules = runtime.policy.visits
    names = {one.id: one.name for one in runtime.connections.all()}
    visits.mark_missed(runtime.store, rules, runtime.now(), runtime.policy.signals)
    visits.plan(runtime.store, runtime.now(), names, runtime.config.language, rules)


def cut_at(number: int) -> None:
    """From now on this process ends before the commit of its writing transaction ``number``."""
    write, count = Store.write, 0

    @contextmanager
    def counted(store: Store) -> Iterator[sa.Connection]:
        nonlocal count
        with write(store) as connection:
            count += 1
            here = count  # transactions may nest
            yield connection
            if here == number:
                os._exit(KILLED)

    Store.write = counted  # type: ignore[method-assign]


def main() -> int:
    """Run one day."""
    home, door, moment, number = sys.argv[1:5]
    if int(number):
        cut_at(int(number))
    clock = Clock(door, dt.datetime.fromisoformat(moment))
    with opened(Path(home), clock) as runtime:
        live(runtime, clock)
    return 0


if __name__ == "__main__":
    sys.exit(main())

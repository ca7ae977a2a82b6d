"""Whatever is taken, given back and corrected: no window of a bucket ever holds more than its calls."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.adapter import Limits
from connector.errors import Retry
from connector.http import urgent
from connector.store.budget import LONGEST_WAIT, StoreBudget
from connector.store.engine import Store
from connector.store.tables import connection
from tests.new_store import new_store

NOW = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)
CALLS, SECONDS, RESERVE = 60, 3_600, 0.2
LIMITS = Limits(slots=1, calls=CALLS, per_seconds=SECONDS, reserve=RESERVE)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 1), st.integers(1, 8)),
        st.tuples(st.just("urgent"), st.integers(0, 1), st.integers(1, 8)),
        st.tuples(st.just("wait"), st.just(0), st.integers(1, 2_000)),
        st.tuples(st.just("end"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("others"), st.integers(0, 1), st.integers(0, CALLS)),
    ),
    min_size=10,
    max_size=80,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_no_window_holds_more_than_its_calls_and_the_reserve_stays(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(f"sqlite:///{Path(folder) / 's.db'}")
        try:
            _run(store, steps)
        finally:
            store.close()


def _run(store: Store, steps: list[tuple[str, int, int]]) -> None:
    with store.write() as tx:
        values = {"name": "c", "role": "crm", "kind": "k", "settings": "{}", "created_at": NOW}
        tx.execute(connection.insert().values(**values))
    clock = [NOW]

    def sleep(seconds: float) -> None:
        assert seconds <= LONGEST_WAIT
        clock[0] += dt.timedelta(seconds=seconds)

    def opened() -> StoreBudget:
        return StoreBudget(store, 1, LIMITS, now=lambda: clock[0], sleep=sleep)

    processes = [opened(), opened()]
    taken: list[tuple[dt.datetime, int, bool]] = []
    window = dt.timedelta(seconds=SECONDS)
    for act, who, amount in steps:
        if act == "wait":
            clock[0] += dt.timedelta(seconds=amount)
        elif act == "end":
            processes[who].give_back()
            processes[who] = opened()
        elif act == "others":
            processes[who].correct("calls", amount)
        else:
            try:
                if act == "urgent":
                    with urgent():
                        processes[who].take("calls", amount)
                else:
                    processes[who].take("calls", amount)
            except Retry:
                continue
            taken.append((clock[0], amount, act == "urgent"))
    for end, _, _ in taken:
        inside = [(n, hurried) for at, n, hurried in taken if end - window < at <= end]
        assert sum(n for n, _ in inside) <= CALLS
        # Others' calls only ever take room away.
        assert sum(n for n, hurried in inside if not hurried) <= CALLS * (1 - RESERVE)

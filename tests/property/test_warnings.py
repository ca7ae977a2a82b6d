"""Laws of warnings: time alone raises none that was not announced, and none is raised or told twice."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.policy.schema import Policy
from connector.rules.documents import Dossier
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.signals.notice import Seen, look, note
from connector.store import signals, tellings
from connector.store.columns import metadata
from connector.store.signal_tables import signal, telling
from connector.store.tables import connection, customer
from tests.property.rules_worlds import customers, dossiers, payers
from tests.rules_bench import CNY, NOW, policy

DAY = dt.timedelta(days=1)
BY = policy(signals={"order_surge": {"min_orders": 1, "min_amount": 1}, "silence": {"min_orders": 2}})


def seen(of: Dossier, at: dt.datetime, by: Policy = BY) -> Seen:
    facts = snapshot(of, by, CNY, at)
    return look(of, facts, evaluate(by, facts), by, CNY)


@settings(max_examples=25, deadline=None)
@given(of=st.one_of(customers(), payers(), dossiers()), start=st.integers(-60, 200))
def test_time_alone_changes_no_warning_before_the_moment_that_was_named(of: Dossier, start: int) -> None:
    due_at, before = None, None
    for number in range(start, start + 30):
        at = NOW + number * DAY
        found = seen(of, at)
        told = {(cause.kind, cause.key) for cause in found.causes}
        if before is not None and told != before:
            assert due_at is not None
            assert due_at <= at
        due_at, before = found.due_at, told


@settings(max_examples=15, deadline=None)
@given(of=st.one_of(payers(), dossiers()), days=st.lists(st.integers(0, 60), min_size=2, max_size=14))
def test_however_days_are_shuffled_and_repeated_nothing_is_raised_or_told_twice(
    of: Dossier, days: list[int]
) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as tx:
        metadata.create_all(tx)
        tx.execute(customer.insert().values(id=7, name="Customer", is_person=False, created_at=NOW))
        channel = {"name": "w", "role": "channel", "kind": "webhook", "settings": "{}", "created_at": NOW}
        tx.execute(connection.insert().values(id=1, **channel))
        for number in days:
            now = NOW + number * DAY
            note(tx, {7: seen(of, now)}, BY.signals, now)
            live = signals.listed(tx, states=[signals.State.OPEN])
            tellings.enrol(tx, [(one.id, one.severity.value) for one in live], 1, now)
        rows = tx.execute(sa.select(signal.c.kind, signal.c.key, signal.c.raised_at)).all()
        told = tx.execute(sa.select(telling.c.signal_id, telling.c.severity)).all()
    assert len(told) == len(set(told))
    for kind, key in {(row.kind, row.key) for row in rows}:
        raised = sorted(row.raised_at for row in rows if (row.kind, row.key) == (kind, key))
        apart = [later - sooner for sooner, later in pairwise(raised)]
        assert all(gap >= BY.signals.of(kind).cool_down_days * DAY for gap in apart)

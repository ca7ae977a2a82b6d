"""Laws of warnings: time alone raises none that was not announced, and none comes twice."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.policy.schema import Policy
from connector.rules.documents import Dossier
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.signals.notice import Seen, look
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

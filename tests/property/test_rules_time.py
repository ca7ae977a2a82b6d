"""Time: nothing changes before the moment that is named."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.policy.catalogue import COUNTING, FACTS
from connector.policy.load import load
from connector.policy.schema import Policy
from connector.rules.compile import compiled
from connector.rules.documents import Dossier
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.rules.moments import local_day, start_of
from connector.rules.outcome import outcome_json
from connector.rules.relation import month_reached, months_between
from tests.property.rules_worlds import customers, lonely
from tests.rules_bench import NOW, TODAY, WITH_USD, day, dossier, invoice, order, payment, policy, standard

LENIENT = policy(
    timezone="America/New_York",
    overdue={"grace_days": 7, "count_disputed": True},
    exposure={"draft_invoices": True, "draft_orders": True, "open_orders": "all"},
    limit={"step": 1, "terms": {"need": {"annualise_from_months": 2}}},
)
# Looks at every fact there is.
WATCHFUL = policy(
    overdue={"grace_days": 2, "early": "zero", "interest": {"rate": Decimal("0.08"), "free_days": 5}},
    known_after={"months": 7, "settled_invoices": 2},
    limit={"step": 1, "terms": {"need": {}}, "valid_days": 60},
    status={
        "rules": [
            {
                "reason": "overdue_watch",
                "status": "watch",
                "all": [{"fact": name, "op": ">=", "value": 0}]
                if spec.kind not in ("text", "flag")
                else [{"fact": name, "op": "known"}],
            }
            for name, spec in FACTS.items()
            if spec.source != "order"
        ]
    },
)
FOLDER = Path(__file__).parents[2] / "policies"
POLICIES = {"lenient": LENIENT, "watchful": WATCHFUL} | {
    path.stem: load(path) for path in sorted(FOLDER.glob("*.yaml"))
}


def outcome(customer: Dossier, by: Policy, at: dt.datetime) -> bytes:
    return outcome_json(evaluate(by, snapshot(customer, by, WITH_USD, at)))


@given(st.one_of(lonely(), lonely(), customers()), st.sampled_from(sorted(POLICIES)), st.floats(0, 1))
@settings(max_examples=400, deadline=None)
def test_until_the_next_change_nothing_changes(customer: Dossier, name: str, share: float) -> None:
    by = POLICIES[name]
    watched = compiled(by).looks_at - COUNTING
    customer = replace(customer, reviewed_on=day(-500))  # the review is not what this is about
    first = snapshot(customer, by, WITH_USD, NOW)
    change = evaluate(by, first).next_change
    last = change - dt.timedelta(seconds=1) if change else NOW + dt.timedelta(days=3_000)
    between = NOW + (last - NOW) * share
    for moment in (between, last):
        later = snapshot(customer, by, WITH_USD, moment)
        differ = {name for name, value in first.values.items() if later.values[name] != value}
        assert differ.isdisjoint(watched)
        assert outcome(customer, by, moment) == outcome(customer, by, NOW)


@given(customers())
@settings(max_examples=100, deadline=None)
def test_the_next_change_lies_ahead_and_begins_a_day(customer: Dossier) -> None:
    found = snapshot(customer, standard(), WITH_USD, NOW)
    assert found.today == TODAY
    if found.next_change is not None:
        assert found.next_change > NOW
        zone = dt.timezone(dt.timedelta(hours=8))
        assert found.next_change.astimezone(zone).time() == dt.time(0)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2030, 12, 31)), st.integers(1, 400))
def test_a_month_is_reached_on_one_day_and_not_before(since: dt.date, months: int) -> None:
    reached = month_reached(since, months)
    assert months_between(since, reached) >= months
    assert months_between(since, reached - dt.timedelta(days=1)) < months


@given(st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2035, 1, 1), timezones=st.just(dt.UTC)))
def test_a_day_begins_where_it_begins(moment: dt.datetime) -> None:
    for name in ("Asia/Shanghai", "America/New_York", "UTC"):
        zone = ZoneInfo(name)
        today = local_day(moment, zone)
        assert start_of(today, zone) <= moment < start_of(today + dt.timedelta(days=1), zone)


def test_what_is_dated_ahead_becomes_the_last_payment_on_its_day() -> None:
    ahead = TODAY + dt.timedelta(days=1)
    settled = invoice(amount=500, paid=500, settled_on=ahead, due_on=None, issued_on=None)
    for customer in (dossier(invoices=(settled,)), dossier(payments=(payment(paid_on=ahead),))):
        known = replace(customer, reviewed_on=day(-1))
        judged = evaluate(WATCHFUL, snapshot(known, WATCHFUL, WITH_USD, NOW))
        assert judged.next_change == start_of(ahead, compiled(WATCHFUL).timezone)


def test_an_order_dated_ahead_becomes_the_last_order_on_its_day() -> None:
    ahead = dossier(orders=(order("o1", ordered_on=day(1)), order("o2", ordered_on=day(-40))))
    assert snapshot(ahead, WATCHFUL, WITH_USD, NOW).next_change == start_of(day(1), ZoneInfo("UTC"))

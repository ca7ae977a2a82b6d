"""Visits that were not made: still open so many days after their day.

Invariant: a visit is missed once; its task stays as it is in the CRM, and may still be done, which ends the
signal about it.
"""

from __future__ import annotations

import datetime as dt

from connector.policy.form_signals import Signals
from connector.policy.schema import Visits
from connector.signals.notice import raise_by_policy
from connector.store import journal, signals, visits
from connector.store.engine import Store

KIND = "missed_visit"
ACTOR = "calendar"


def mark_missed(store: Store, rules: Visits, now: dt.datetime, told: Signals | None = None) -> int:
    """Mark what is missed as of ``now`` and raise a signal for each as the policy (``told``) says, end those
    of visits that were made after all; how many became missed."""
    last_day = now.date() - dt.timedelta(days=rules.missed_after_days + 1)
    with store.write() as tx:
        found = visits.miss(tx, last_day, now)
        for one in found:
            evidence = {"due_on": one.due_on.isoformat(), "reason": one.reason}
            raise_by_policy(tx, told or Signals(), KIND, one.customer_id, one.key, evidence, now)
            detail = {"visit": one.key, "connection": one.connection_id, "owner": one.owner_id} | evidence
            detail |= {"before": "planned", "after": "missed"}
            journal.add(tx, now, ACTOR, "visit_missed", f"customer {one.customer_id}", detail)
        live = {one.key: one.customer_id for one in signals.listed(tx, kind=KIND)}
        for key in sorted(visits.made_after_all(tx, sorted(live))):
            signals.settle(tx, live[key], KIND, now, key=key)
    return len(found)

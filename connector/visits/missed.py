"""Visits that were not made: still open so many days after their day.

Invariant: a visit is missed once; its task stays as it is in the CRM, and may still be done.
"""

from __future__ import annotations

import datetime as dt

from connector.policy.schema import Visits
from connector.store import visits
from connector.store.engine import Store


def mark_missed(store: Store, rules: Visits, now: dt.datetime) -> int:
    """Mark what is missed as of ``now``; how many became so."""
    last_day = now.date() - dt.timedelta(days=rules.missed_after_days + 1)
    with store.write() as tx:
        return visits.miss(tx, last_day, now)

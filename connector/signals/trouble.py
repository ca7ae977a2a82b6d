"""Groups: when one member is in trouble, the others are looked at.

Invariant: a signal says which member it is and how it stands; it ends when that member is well again, or
the two no longer belong to one group.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from connector.policy.form_signals import Signals
from connector.signals.notice import raise_by_policy
from connector.store import assessments, signals
from connector.store.customers import touch_customers
from connector.store.tables import customer

KIND = "group_trouble"


def note(tx: sa.Connection, customer_ids: Sequence[int], rules: Signals, now: dt.datetime) -> set[int]:
    """Bring ``group_trouble`` in line for these customers and all that stand in a group with them; those
    whose signals changed."""
    ids = list(customer_ids)
    mine = sa.select(customer.c.group_id).where(customer.c.id.in_(ids), customer.c.group_id.is_not(None))
    groups: defaultdict[int, list[int]] = defaultdict(list)
    query = sa.select(customer.c.id, customer.c.group_id).where(customer.c.group_id.in_(mine))
    for number, group in tx.execute(query):
        groups[group].append(number)
    members = [number for several in groups.values() for number in several]
    told = signals.rows_of(tx, sorted({*ids, *members}), [KIND])
    if not groups and not told:
        return set()
    statuses = assessments.statuses(tx, members) if rules.group_trouble.on else {}
    fallen = {number for number, status in statuses.items() if status in rules.group_trouble.statuses}
    others = {number: fallen.intersection(group) - {number} for group in groups.values() for number in group}
    changed = set()
    for number in sorted({*others, *told}):
        present = others.get(number, set())
        keys = [f"customer-{other}" for other in sorted(present)]
        live = {row.key for row in told.get(number, []) if row.state in signals.LIVE}
        if live - set(keys) and signals.settle(tx, number, KIND, now, but=keys):
            changed.add(number)
        for other in sorted(present):
            key = f"customer-{other}"
            evidence = {"member": key, "status": statuses[other]}
            judged = number in ids
            if key not in live and raise_by_policy(
                tx, rules, KIND, number, key, evidence, now, judged=judged
            ):
                changed.add(number)
    touch_customers(tx, changed - set(ids))
    return changed.intersection(ids)

"""Visits (定期拜访): which customers a sales rep should see, why and until when, as tasks in the CRM.

Invariant: planning looks at the last assessment only, so that running it again plans nothing new; the
task goes to the first CRM in which the customer stands, once.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from connector.locale import label, say
from connector.money import show
from connector.rules.outcome import Assessment
from connector.store import assessments, outbox, visits
from connector.store.assessments import CrmAccount
from connector.store.engine import Store
from connector.store.outbox import TASK, Item
from connector.store.visits import Visit

CHUNK = 500
# Visits further ahead than this are not planned yet: too much may change until then.
HORIZON = dt.timedelta(days=31)
_FRIDAY, _FRIDAY_TO_MONDAY = 4, 3


@dataclass
class Planned:
    """What a planning run did."""

    looked_at: int = 0
    planned: int = 0


def plan(store: Store, now: dt.datetime, names: Mapping[int, str], language: str) -> Planned:
    """Plan the visits that the assessments ask for, and queue a task for each.

    ``names`` are the connections' names by id; texts are in ``language``.
    """
    done = Planned()
    last = 0
    while True:
        with store.write() as tx:
            ids = visits.every_customer(tx, last, CHUNK)
            if not ids:
                return done
            done.looked_at += len(ids)
            done.planned += _plan_chunk(tx, ids, now, names, language)
        last = ids[-1]


def _plan_chunk(
    tx: sa.Connection, ids: list[int], now: dt.datetime, names: Mapping[int, str], language: str
) -> int:
    busy = visits.open_of(tx, ids)
    before = visits.last_of(tx, ids)
    first_seen = visits.first_seen(tx, ids)
    first: dict[int, CrmAccount] = {}
    for account in assessments.crm_accounts(tx, [i for i in ids if i not in busy]):
        first.setdefault(account.customer_id, account)
    planned, items = [], []
    for kept in assessments.latest_of(tx, list(first)):
        outcome = kept.assessment
        if outcome.visit_within_days is None:
            continue
        account = first[kept.customer_id]
        since = before.get(kept.customer_id, min(first_seen[kept.customer_id], now.date()))
        due = _due_on(now.date(), outcome, since, account, visited=kept.customer_id in before)
        if due > now.date() + HORIZON:
            continue
        key = f"{names[account.connection_id]}:{account.external_id}:{due:%Y%m%d}"
        one = Visit(
            key=key,
            customer_id=kept.customer_id,
            connection_id=account.connection_id,
            account_id=account.external_id,
            owner_id=account.owner_id,
            due_on=due,
            reason=outcome.visit_reason or "visit_class",
            priority="high" if outcome.hold else "normal",
        )
        planned.append(one)
        items.append(_task(one, outcome, language))
    visits.add(tx, planned, now)
    outbox.put(tx, items, now)
    return len(planned)


def _due_on(
    today: dt.date, outcome: Assessment, since: dt.date, account: CrmAccount, *, visited: bool
) -> dt.date:
    """Until when the customer wants to be seen; never in the past nor on a weekend.

    A status asks for a visit from now on. A class asks for one so many days after the last visit; the
    first ones are spread over the whole cadence, so that they do not all fall on one day.
    """
    within = outcome.visit_within_days or 0
    if outcome.visit_reason == "visit_status":
        due = today + dt.timedelta(days=within)
    elif visited:
        due = since + dt.timedelta(days=within)
    else:
        due = since + dt.timedelta(days=zlib.crc32(account.external_id.encode()) % max(within, 1))
    due = max(due, today + dt.timedelta(days=1))
    weekend = due.weekday() - _FRIDAY
    if weekend > 0:
        due -= dt.timedelta(days=weekend)
    return due if due > today else due + dt.timedelta(days=_FRIDAY_TO_MONDAY)


def _task(one: Visit, outcome: Assessment, language: str) -> Item:
    reasons = [say(r.code, r.params, language) for r in outcome.reasons]
    params: dict[str, str | int | None] = {
        "status": label(outcome.status, language),
        "risk_class": outcome.risk_class,
        "limit": show(outcome.limit, outcome.currency),
        "exposure": show(outcome.exposure, outcome.currency),
        "overdue": show(outcome.overdue_amount, outcome.currency),
        "days": outcome.overdue_days,
    }
    lines = [say(f"visit.{one.reason}", params, language), say("visit.figures", params, language), *reasons]
    return Item(
        connection_id=one.connection_id,
        target="visit",
        external_id=one.account_id,
        key=one.key,
        values={
            "subject": say("visit.subject", params, language),
            "due_on": one.due_on.isoformat(),
            "description": "\n".join(lines),
            "priority": one.priority,
            "status": "planned",
            "owner_id": one.owner_id,
            "account_id": one.account_id,
            "credit_key": one.key,
        },
        priority=TASK,
    )

"""Statements due: a task in the CRM by which the customer is asked for financial statements.

Invariant: one task for one review, queued in the transaction that opens it; the task's key is made of the
account and the review, so that a retry finds the first one. Nobody is asked whose statements are fresh.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa

from connector.locale import say
from connector.runtime import Runtime
from connector.store import assessments, outbox
from connector.store.outbox import TASK, Item

FACT = "statement_age_days"
_DAY = dt.timedelta(days=1)


def ask(runtime: Runtime, tx: sa.Connection, customer_id: int, number: int) -> str | None:
    """Queue the task for review ``number`` if the last assessment knows no statement that is fresh; its key.
    ``None`` if there is nothing to ask for, or no CRM that takes tasks."""
    kept = assessments.latest(tx, customer_id)
    value = kept.snapshot.values.get(FACT) if kept is not None else None
    age = int(value) if isinstance(value, int | Decimal) else None
    most = runtime.policy.staleness.statement_days
    if age is not None and age <= most:
        return None
    places = runtime.writing("visit")
    account = next(
        (one for one in assessments.crm_accounts(tx, [customer_id]) if one.connection_id in places), None
    )
    if account is None:
        return None
    language = runtime.config.language
    due = runtime.today() + (runtime.policy.reviews.decide_days * _DAY)
    params = {"days": age, "most": most, "due": due.isoformat(), "review": number}
    code = "review.statements.unknown" if age is None else "review.statements.old"
    key = f"{account.connection_id}:{account.external_id}:statements:{number}"
    values = {
        "subject": say("review.statements.subject", params, language),
        "due_on": due.isoformat(),
        "description": say(code, params, language),
        "priority": "normal",
        "status": "planned",
        "owner_id": account.owner_id,
        "account_id": account.external_id,
        "credit_key": key,
    }
    item = Item(account.connection_id, "visit", account.external_id, key, values, TASK)
    outbox.put(tx, [item], runtime.now())
    return key

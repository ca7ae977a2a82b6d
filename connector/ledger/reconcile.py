"""Reconciliation: where ledgers and CRMs say different sums, a signal with both figures.

Invariant: one live signal a customer and currency, as long as they differ; it ends by itself on the run that
finds them in agreement.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from connector.ledger.receivables import Difference, differences
from connector.money import to_major
from connector.runtime import Runtime
from connector.signals.notice import raise_by_policy
from connector.store.signals import settle

KIND = "reconciliation_gap"
CHUNK = 500


def reconcile(runtime: Runtime, day: dt.date) -> list[Difference]:
    """Compare at the end of ``day`` by the settings ``reconcile_share`` and ``reconcile_amount``, raise what
    differs beyond both, and end what no longer does; every comparison that was made."""
    config = runtime.config
    found = list(differences(runtime, day, share=config.reconcile_share, amount=config.reconcile_amount))
    by_customer: dict[int, list[Difference]] = defaultdict(list)
    for one in found:
        by_customer[one.customer_id].append(one)
    numbers = sorted(by_customer)
    for start in range(0, len(numbers), CHUNK):
        with runtime.store.write() as tx:
            for number in numbers[start : start + CHUNK]:
                beyond = [one for one in by_customer[number] if one.beyond]
                for one in beyond:
                    raise_by_policy(
                        tx,
                        runtime.policy.signals,
                        KIND,
                        number,
                        one.currency,
                        _evidence(one, day),
                        runtime.now(),
                    )
                settle(tx, number, KIND, runtime.now(), but=[one.currency for one in beyond])
    return found


def _evidence(one: Difference, day: dt.date) -> dict[str, object]:
    return {
        "ledger": to_major(one.ledger, one.currency),
        "crm": to_major(one.crm, one.currency),
        "difference": to_major(one.ledger - one.crm, one.currency),
        "currency": one.currency,
        "day": day,
    }

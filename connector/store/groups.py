"""Groups: the shared line of customers that belong together.

Invariant: a group has a line only if a person set a limit for it; its exposure is the sum of its
members' exposures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from connector.errors import Halt
from connector.money import Rates
from connector.store import lines
from connector.store.lines import CUSTOMER, GROUP
from connector.store.tables import credit_line, customer


def total(tx: sa.Connection, customer_ids: Sequence[int], rates: Rates, now: dt.datetime) -> None:
    """Bring the lines of the groups of these customers up to their members' exposures.

    Raises ``Halt`` when a member's line is in a currency without a rate to the group's.
    """
    concerned = sa.select(customer.c.group_id).where(
        customer.c.id.in_(list(customer_ids)), customer.c.group_id.is_not(None)
    )
    ids = sorted(set(tx.execute(concerned).scalars()))
    stored = lines.lock(tx, [(GROUP, number) for number in ids])
    judged = []
    for (_, number), line in sorted(stored.items()):
        parts = _members(tx, number)
        amounts = [rates.convert(amount, cur, line.currency, now.date()) for amount, cur, _ in parts]
        known = [amount for amount in amounts if amount is not None]
        if len(known) < len(amounts):
            raise Halt(
                f"a member of group {number} has a line in a currency without a rate to {line.currency}",
                where="rates",
                todo="add the rate, then assess again",
            )
        incomplete = any(flag for _, _, flag in parts)
        judged.append(replace(line, exposure=sum(known), incomplete=incomplete, as_of=now, version=None))
    if judged:
        lines.save(tx, judged, rates, now.date())


def _members(tx: sa.Connection, group_id: int) -> list[tuple[int, str, bool]]:
    query = (
        sa.select(credit_line.c.exposure, credit_line.c.currency, credit_line.c.incomplete)
        .join(
            customer,
            sa.and_(credit_line.c.subject == CUSTOMER, credit_line.c.subject_id == customer.c.id),
        )
        .where(customer.c.group_id == group_id)
    )
    return [(row.exposure, row.currency, row.incomplete) for row in tx.execute(query)]

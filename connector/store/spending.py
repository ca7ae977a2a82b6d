"""What agencies' reports cost, by day and month, against the ceilings.

Invariant: money is taken before the call and by one guarded update, so that no number of processes spends
more than a ceiling together; what a call did not cost after all is given back once. A process that is killed
between call and answer leaves its money taken: the agency may charge it.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.agency_tables import agency_spend


@dataclass(frozen=True)
class Bound:
    """One period (``2026-11-28`` or ``2026-11``) and what may be spent in it, minor units; ``None`` is no
    bound."""

    period: str
    most: int | None


def take(tx: sa.Connection, currency: str, amount: int, bounds: list[Bound]) -> Bound | None:
    """Take ``amount`` in every period; ``None`` if it fits, else the bound that it does not fit in. The
    caller rolls its transaction back then, or has spent in the periods before."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    for bound in bounds:
        row = {"period": bound.period, "currency": currency, "amount": 0}
        tx.execute(dialect.insert(agency_spend).values(**row).on_conflict_do_nothing())
        here = [agency_spend.c.period == bound.period, agency_spend.c.currency == currency]
        if bound.most is not None:
            here.append(agency_spend.c.amount + amount <= bound.most)
        values = {"amount": agency_spend.c.amount + amount}
        if tx.execute(agency_spend.update().where(*here).values(**values)).rowcount != 1:
            return bound
    return None


def give_back(tx: sa.Connection, currency: str, amount: int, periods: list[str]) -> None:
    """What was taken for a call that cost nothing."""
    here = agency_spend.c.period.in_(periods), agency_spend.c.currency == currency
    tx.execute(agency_spend.update().where(*here).values(amount=agency_spend.c.amount - amount))


def spent(tx: sa.Connection, currency: str, period: str) -> int:
    """What was spent in a period, minor units."""
    here = agency_spend.c.period == period, agency_spend.c.currency == currency
    return int(tx.execute(sa.select(agency_spend.c.amount).where(*here)).scalar() or 0)

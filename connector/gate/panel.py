"""What a panel beside an order or account shows of a customer, beyond its line.

Invariant: read only. Ageing is reckoned from the documents as they stand, for the day that is asked about, by
due date, of what is left of each; an amount without a rate makes the whole unknown, never smaller.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connector.gate.check_model import AgeingBucket, Text, WarningSign, major
from connector.money import Rates
from connector.policy.schema import Policy
from connector.rules.explain import line
from connector.rules.exposure import converter
from connector.rules.settlement import settle
from connector.store import dossiers
from connector.store.assessments import Kept
from connector.store.signal_tables import signal
from connector.store.signals import LIVE
from connector.store.tables import visit

# Days past due up to which each bucket reaches; the last one has no end.
BUCKETS: tuple[tuple[str, int | None], ...] = (
    ("current", 0),
    ("1-30", 30),
    ("31-60", 60),
    ("61-90", 90),
    ("90+", None),
)
LATEST = 5


def ageing(
    tx: sa.Connection, customer_id: int, policy: Policy, rates: Rates, now: dt.datetime
) -> list[AgeingBucket] | None:
    """What is open by days past due, in the policy's currency; ``None`` if a rate is missing."""
    day = now.astimezone(ZoneInfo(policy.timezone)).date()
    found = dossiers.read(tx, [customer_id])
    if not found:
        return None
    convert = converter(rates, day)
    drafts = policy.exposure.draft_invoices
    settled = settle(found[0][0], policy.terms.default_days, convert, day, drafts=drafts)
    sums = dict.fromkeys((name for name, _ in BUCKETS), 0)
    for part in settled.invoices:
        amount = convert(part.open, part.doc.currency, policy.currency)
        if amount is None:
            return None
        late = (day - part.due).days if part.due is not None else 0
        sums[bucket(late)] += amount
    return [AgeingBucket(days=name, amount=str(major(sums[name], policy.currency))) for name in sums]


def steps(kept: Kept | None) -> list[Text]:
    """How an assessment came to limit and status, a sentence for each step."""
    if kept is None:
        return []
    found = kept.assessment.steps
    return [Text(zh=line(step, kept.snapshot, "zh"), en=line(step, kept.snapshot, "en")) for step in found]


def bucket(late: int) -> str:
    """The bucket of an invoice so many days past due (0 or less: not yet due)."""
    return next(name for name, most in BUCKETS if most is None or late <= most)


def warnings(tx: sa.Connection, customer_id: int) -> list[WarningSign]:
    """The latest early warnings that are still live."""
    query = (
        sa.select(signal.c.kind, signal.c.severity, signal.c.state, signal.c.raised_at)
        .where(signal.c.customer_id == customer_id, signal.c.state.in_([state.value for state in LIVE]))
        .order_by(signal.c.raised_at.desc(), signal.c.id.desc())
        .limit(LATEST)
    )
    return [WarningSign.model_validate(dict(row._mapping)) for row in tx.execute(query)]


def next_visit(tx: sa.Connection, customer_id: int) -> dt.date | None:
    """The day by which the next planned visit is due."""
    query = sa.select(sa.func.min(visit.c.due_on)).where(
        visit.c.customer_id == customer_id, visit.c.state == "planned"
    )
    return tx.execute(query).scalar()

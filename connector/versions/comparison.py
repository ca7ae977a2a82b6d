"""Two policies on the same customers: who changes, and by how much; and whom a policy does not cover.

Invariant: nothing is stored. The store is read once for both policies, chunk by chunk, so that memory
follows the chunk; both are judged at the same moment.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from connector.assess import chunks
from connector.errors import Halt
from connector.money import Rates
from connector.policy.schema import Policy
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.rules.outcome import Assessment
from connector.store import dossiers
from connector.store.engine import Store

Report = Callable[[int, int | None], None]
_FOUR = Decimal("0.0001")
# A limit that came from the customer's own figures leaves one of these steps.
_SIZED = ("limit_min", "limit_mean")


@dataclass(frozen=True)
class Moved:
    """A customer for whom class, limit or status differ. ``change`` is in minor units of the first
    policy's currency, ``None`` where one of the limits is no amount."""

    customer: int
    name: str
    before: Assessment
    after: Assessment
    change: int | None

    @property
    def newly_held(self) -> bool:
        """On hold by the second policy, not by the first."""
        return self.after.hold and not self.before.hold


@dataclass
class Swing:
    """What the second policy changes in all. Amounts are minor units of ``currency`` (the first policy's);
    ``moved`` adds up what goes up and what goes down, over customers whose limit is an amount in both.
    ``unbounded`` counts those who become unlimited or cease to be so, ``unconverted`` limits without a
    rate between the two policies' currencies."""

    currency: str
    customers: int = 0
    changed: int = 0
    class_changes: int = 0
    status_changes: int = 0
    newly_held: int = 0
    released: int = 0
    limit_before: int = 0
    limit_after: int = 0
    moved: int = 0
    unbounded: int = 0
    unconverted: int = 0

    @property
    def share(self) -> Decimal | None:
        """``moved`` as a share of the total limit before; ``None`` if there was none."""
        if self.limit_before:
            return (Decimal(self.moved) / self.limit_before).quantize(_FOUR)
        return Decimal(0) if not self.moved else None


@dataclass
class Coverage:
    """Customers whom a policy judges by nothing of their own. ``uncovered``: no score, no known term of
    the limit, and no rule acts; the other counts say how often each of the first two is so alone."""

    customers: int = 0
    uncovered: int = 0
    without_score: int = 0
    without_term: int = 0
    by_class: Counter[str] = field(default_factory=Counter)


def compare(
    store: Store,
    before: Policy,
    after: Policy,
    rates: Rates,
    now: dt.datetime,
    swing: Swing,
    report: Report = lambda done, total: None,
) -> Iterator[Moved]:
    """Everybody who changes from ``before`` to ``after`` at ``now`` (aware UTC), by customer; ``swing``
    counts along. Raises ``Halt`` if there is no rate for the currency of one of the policies."""
    first, second = rates_for(before, rates), rates_for(after, rates)
    with store.read() as tx:
        total = dossiers.count_due(tx, now, everyone=True)
    for ids in chunks(store, now, None, everyone=True):
        with store.read() as tx:
            found = dossiers.read(tx, ids)
        for dossier, _ in found:
            one = evaluate(before, snapshot(dossier, before, first, now))
            other = evaluate(after, snapshot(dossier, after, second, now))
            moved = _count(one, other, dossier.name, first, now, swing)
            if moved is not None:
                yield moved
        report(swing.customers, total)


def coverage(
    store: Store, policy: Policy, rates: Rates, now: dt.datetime, report: Report = lambda done, total: None
) -> Coverage:
    """How many customers of the store the policy judges by nothing of their own."""
    found = Coverage()
    rules = {rule.reason for rule in (*policy.knock_outs, *policy.status.rules)}
    own = rates_for(policy, rates)
    with store.read() as tx:
        total = dossiers.count_due(tx, now, everyone=True)
    for ids in chunks(store, now, None, everyone=True):
        with store.read() as tx:
            read = dossiers.read(tx, ids)
        for dossier, _ in read:
            outcome = evaluate(policy, snapshot(dossier, policy, own, now))
            sized = any(step.code in _SIZED for step in outcome.steps)
            acts = any(reason.code in rules for reason in outcome.reasons)
            found.customers += 1
            found.without_score += outcome.score is None
            found.without_term += not sized
            found.uncovered += outcome.score is None and not sized and not acts
            found.by_class[outcome.risk_class] += 1
        report(found.customers, total)
    return found


def rates_for(policy: Policy, rates: Rates) -> Rates:
    """Rates against the policy's currency; ``Halt`` if nothing is known of it."""
    if policy.currency == rates.base:
        return rates
    own = rates.against(policy.currency)
    if not own.every():
        raise Halt(
            f"there is no rate for {policy.currency}, in which {policy.file} counts",
            where="rates",
            todo=f"add one: 'creditgate rate import', a line {policy.currency},2026-01-31,RATE",
        )
    return own


def _count(
    one: Assessment, other: Assessment, name: str, rates: Rates, now: dt.datetime, swing: Swing
) -> Moved | None:
    swing.customers += 1
    limit = other.limit
    if limit is not None and other.currency != one.currency:
        limit = rates.convert(limit, other.currency, one.currency, now.date())
        swing.unconverted += limit is None
    if one.limit_state == "amount":
        swing.limit_before += one.limit or 0
    swing.limit_after += limit or 0
    states = (one.limit_state, other.limit_state)
    change: int | None = None
    if "unlimited" in states:
        swing.unbounded += states[0] != states[1]
    else:  # no credit is an amount of nothing
        change = (limit or 0) - (one.limit or 0)
        swing.moved += abs(change)
    classes, statuses = one.risk_class != other.risk_class, one.status != other.status
    swing.class_changes += classes
    swing.status_changes += statuses
    swing.newly_held += other.hold and not one.hold
    swing.released += one.hold and not other.hold
    if not (classes or statuses or change or states[0] != states[1]):
        return None
    swing.changed += 1
    return Moved(one.customer_id, name, one, other, change)

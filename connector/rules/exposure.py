"""Exposure: what the customer owes or has ordered, stage by stage.

Invariant: each document counts once as it moves through the stages: an order leaves
``open_orders``/``delivered`` by as much as it is invoiced or paid. Stages hold unweighted amounts in
minor units of the policy's currency; the total is weighted. An amount without a rate is never
silently zero: the total is then a lower bound and ``incomplete``, so that a check holds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from connector.model import InvoiceState, OrderStage
from connector.money import Rate, Rates, scale
from connector.policy.catalogue import STAGES
from connector.policy.schema import Policy
from connector.rules.compile import compiled
from connector.rules.documents import Dossier
from connector.rules.moments import local_day
from connector.rules.program import Compiled
from connector.rules.settlement import Convert, Settlement, settle

_DRAFT, _OPEN = OrderStage.DRAFT.value, OrderStage.OPEN.value
_DELIVERED, _NOT_ISSUED = OrderStage.DELIVERED.value, InvoiceState.DRAFT.value
_RANK = {stage: rank for rank, stage in enumerate(STAGES)}


class Part(NamedTuple):
    """What one document contributes: unweighted, in the policy's currency; credits negative.

    ``amount`` is ``None`` where there is no rate; ``own`` is the amount in ``currency``.
    """

    stage: str
    id: str
    number: str | None
    amount: int | None
    own: int
    currency: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """``stages`` by name, ``total`` weighted, both in minor units of ``currency``.

    ``parts`` are the documents, ``gaps`` those whose own amount could not be converted,
    as ``number currency``. ``incomplete`` says that one of them adds to the exposure.
    """

    currency: str
    stages: dict[str, int]
    total: int
    parts: tuple[Part, ...]
    gaps: tuple[str, ...]

    @property
    def incomplete(self) -> bool:
        return bool(self.gaps)


def exposure(dossier: Dossier, policy: Policy, rates: Rates, as_of: dt.datetime) -> Exposure:
    """Exposure of one customer at ``as_of`` (aware UTC), at the rates of that day."""
    rules = compiled(policy)
    today = local_day(as_of, rules.timezone)
    convert = converter(rates, today)
    drafts = rules.policy.exposure.draft_invoices
    settlement = settle(dossier, rules.policy.terms.default_days, convert, today, drafts=drafts)
    found = measure(settlement, rules, convert, today, [])
    return replace(found, parts=tuple(sorted(found.parts, key=lambda p: (_RANK[p.stage], p.id, p.own))))


def converter(rates: Rates, day: dt.date, used: dict[str, Rate] | None = None) -> Convert:
    """Conversion at the rates of one day: all open amounts are worth what they are worth today. ``used``
    learns the rates that served, by currency."""

    def convert(minor: int, currency: str, to: str) -> int | None:
        if currency == to:
            return minor
        if used is not None:
            for one in (currency, to):
                if one not in used and (found := rates.rate(one, day)) is not None:
                    used[one] = found
        return rates.convert(minor, currency, to, day)

    return convert


def measure(
    settlement: Settlement,
    rules: Compiled,
    convert: Convert,
    today: dt.date,
    moments: list[dt.date],
) -> Exposure:
    """Exposure of settled documents; ``moments`` learns the days on which time alone changes it."""
    parts: list[Part] = []
    to = rules.currency

    def add(stage: str, id: str, number: str | None, own: int, currency: str) -> None:
        amount = own if currency == to else convert(own, currency, to)
        parts.append(Part(stage, id, number, amount, own, currency))

    settings, grace = rules.policy.exposure, rules.policy.overdue.grace_days
    horizon = None
    if settings.horizon_days is not None and settings.open_orders == "within_horizon":
        horizon = today + dt.timedelta(days=settings.horizon_days)
    for order, left in settlement.orders:
        if not left or order.prepaid:
            continue
        if order.stage == _DELIVERED:
            add("delivered", order.id, order.number, left, order.currency)
        elif settings.open_orders != "none" and (
            order.stage == _OPEN or (order.stage == _DRAFT and settings.draft_orders)
        ):
            if horizon is not None and order.deliver_on is not None and order.deliver_on > horizon:
                moments.append(today + (order.deliver_on - horizon))
            else:
                add("open_orders", order.id, order.number, left, order.currency)
    late_from, turns_late = today - dt.timedelta(days=grace), dt.timedelta(days=grace + 1)
    for line in settlement.invoices:
        if line.open:
            if line.doc.state == _NOT_ISSUED:
                stage = "not_due"
            elif line.doc.disputed:
                stage = "disputed"
            elif line.due is not None and line.due < late_from:
                stage = "overdue"
            else:
                stage = "not_due"
                if line.due is not None:
                    moments.append(line.due + turns_late)
            add(stage, line.doc.id, line.doc.number, line.open, line.doc.currency)
    for bill in settlement.bills:
        add("bills", bill.id, bill.number, bill.amount, bill.currency)
    for credit in settlement.credits:
        add("prepayment", credit.id, credit.number, -credit.amount, credit.currency)
    if settlement.pending is not None:
        moments.append(settlement.pending)
    return _total(parts, rules)


def _total(parts: list[Part], rules: Compiled) -> Exposure:
    stages = dict.fromkeys(STAGES, 0)
    gaps: list[str] = []
    for part in parts:
        if part.amount is not None:
            stages[part.stage] += part.amount
        elif part.own > 0:
            gaps.append(f"{part.number or part.id} {part.currency}")
    # Refunds can take back credit, but what the customer owes stands in invoices alone.
    stages["prepayment"] = min(0, stages["prepayment"])
    total = sum(weighted(stages[stage.name], stage.weight) for stage in rules.weights)
    if rules.policy.exposure.advances == "cap_at_zero":
        total = max(0, total)
    return Exposure(rules.currency, stages, total, tuple(parts), tuple(sorted(gaps)))


def weighted(amount: int, weight: Decimal) -> int:
    """A stage's amount as far as the policy counts it."""
    return amount if weight == 1 else scale(amount, weight)

"""What an order needs on the credit lines, beyond what is there for it already.

Invariant: read only. An order counts once: what of it stands in the exposure, or is reserved for it, is taken
off what it asks for; what no rate can count is unknown, never zero.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from connector.gate.check_model import CheckRequest
from connector.model import OrderStage
from connector.money import Rates, scale
from connector.policy.schema import Policy
from connector.store import parties
from connector.store.lines import Line
from connector.store.parties import KnownOrder, Party
from connector.store.reservations import Reservation

# Steps at which part of an order may go its way: a smaller amount there gives nothing back.
_PARTIAL = ("shipment", "invoice")


@dataclass(frozen=True, slots=True)
class Need:
    """What the order needs on one line, minor units of the line: ``whole`` in all beyond the exposure,
    ``grows`` beyond what it holds already. ``None`` if there is no rate."""

    line: Line
    whole: int | None
    grows: int | None


def occupies(request: CheckRequest, policy: Policy) -> bool:
    """Whether the order takes credit at all: not if it is paid before delivery, or a draft where the policy
    does not count drafts."""
    draft = request.draft and not policy.exposure.draft_orders
    return not (request.prepaid or draft or request.minor <= 0)


def inside(
    tx: sa.Connection, source: int, request: CheckRequest, party: Party | None, policy: Policy
) -> KnownOrder | None:
    """The order as it was read from the CRM, if it is part of the customer's exposure."""
    if party is None:
        return None
    known = parties.known_order(tx, source, request.order, party.customer_id)
    stages = {OrderStage.OPEN, OrderStage.DELIVERED}
    if policy.exposure.draft_orders:
        stages.add(OrderStage.DRAFT)
    return known if known and known.stage in stages and not known.prepaid else None


def need_on(
    request: CheckRequest,
    policy: Policy,
    rates: Rates,
    day: dt.date,
    line: Line,
    party: Party,
    known: KnownOrder | None,
    active: Reservation | None,
) -> Need:
    """What the order needs on ``line`` beyond what is ``known`` to be in the exposure, and beyond what its
    ``active`` reservation holds. On a group's line only the share of the customer counts."""
    holds = active.held.get(line.key, 0) if active else 0
    if not occupies(request, policy):
        return Need(line, 0, -holds)
    whole = rates.convert(request.minor, request.currency, line.currency, day)
    rule = policy.check.checked_order
    if rule == "inside":
        return Need(line, 0, -holds)  # the exposure has it already: nothing is to be reserved
    counted: int | None = 0
    if known and rule == "once":
        counted = rates.convert(known.amount, known.currency, line.currency, day)
    if whole is None or counted is None:
        # Not so for a reservation of the customer from whom the order has moved.
        stays = active is not None and active.customer_id == party.customer_id
        before = (active if stays else None, known)
        if any(
            item and item.currency == request.currency and request.minor <= item.amount for item in before
        ):
            return Need(line, holds, 0)  # no more than before, in whatever currency
        return Need(line, None, None)
    whole = scale(max(0, whole - counted), party.share(line.key))
    # Not so if the order has moved to another account: then the old one gets everything back.
    if request.checkpoint in _PARTIAL and active and active.account_id == request.account:
        whole = max(whole, holds)
    return Need(line, whole, whole - holds)

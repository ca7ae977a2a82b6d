"""The judge: why an order is let pass, warned about or held, whoever asks and for whichever step.

Invariant: read only, and every reason that applies is told. Only what asks for more credit is held, unless
the policy says otherwise; an order that is on hold, or came past the gate, is looked at as it stands.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from connector.gate import check_reasons as reasons
from connector.gate import releases
from connector.gate.check_model import CheckRequest, Decision
from connector.gate.check_reasons import Found, Room
from connector.gate.needs import Need, occupies
from connector.gate.standing import assessed_reasons
from connector.money import Rates
from connector.policy.schema import Policy
from connector.rules.order import OrderAsked, asks_of_orders, order_reasons
from connector.store import assessments
from connector.store.lines import Line
from connector.store.parties import Party

# Steps at which the customer's standing counts even if the order asks for no more credit.
_STANDING = ("approval", "shipment", "invoice")


class Judge:
    """Judges one order in one transaction. ``past`` is how it got past the gate, if it did;
    ``looks``: it is looked at as it stands, though it may ask for no more."""

    def __init__(
        self,
        tx: sa.Connection,
        policy: Policy,
        rates: Rates,
        request: CheckRequest,
        day: dt.date,
        past: str | None,
        *,
        look: bool,
    ) -> None:
        self._tx = tx
        self._policy = policy
        self._rates = rates
        self._request = request
        self._day = day
        self._past = past
        self.looks = look or past is not None

    def look(self) -> None:
        """Look at the order as it stands, though it may ask for no more."""
        self.looks = True

    def known_to_be_held(self, row: sa.Row[Any] | None, *, in_exposure: bool) -> None:
        """What its hold says: an order on hold that is ``in_exposure`` already asks for no more, and is on
        hold all the same."""
        self._past = self._past or releases.still_past(row)
        if self._past is not None or (in_exposure and releases.holding(row)):
            self.looks = True

    def decision(self, found: list[Found]) -> Decision:
        """What the reasons lead to."""
        if not found:
            return "pass"
        # Goods that were delivered are owed for: their invoice is never stopped.
        stops = any(item.leads_to == "hold" for item in found) and self._request.checkpoint != "invoice"
        return "hold" if stops else "warn"

    def reasons(
        self, party: Party | None, own: Line | None, groups: list[Line], needs: list[Need]
    ) -> list[Found]:
        """Every reason to warn or to hold."""
        request = self._request
        if not occupies(request, self._policy):
            return []
        if party is None:
            return [reasons.unknown_customer(request.account)]
        rules = self._policy.check
        grows = needs[0].grows if needs else None
        within = rules.checked_order == "inside"
        same = not within and grows is not None and grows <= 0
        everything = within or rules.existing_breach == "everything" or (same and self.looks)
        breaches = self._breaches(needs) if everything else []
        done = same and not self.looks
        if done and (grows != 0 or request.checkpoint not in _STANDING):
            # Longer terms ask for more, even at the same amount.
            asks = grows == 0 and request.terms_days is not None
            return breaches + (self._on_order(party) if asks else [])
        told = assessed_reasons(self._tx, party, own)
        found = reasons.on_customer(party, own, told) + reasons.on_groups(groups)
        if own is None:
            return found
        found += self._on_order(party)
        found += breaches
        if done or (within and not self.looks):
            return found
        inherits = rules.inherit_limit and any(line.limit_state != "none" for line in groups)
        for need in needs:
            if not self.bound(need.line, needs):
                continue
            if need.grows is None:
                found.append(reasons.unknown_rate(request.currency, need.line))
            bounds = self.room(need.line)
            found += reasons.on_limit(need.line, need.grows, bounds, self._policy, inherits)
        if self._past is not None:
            leads_to = "hold" if rules.got_past == "hold" or self.decision(found) == "hold" else "warn"
            found.append(reasons.got_past(self._past, leads_to))
        return found

    def _breaches(self, needs: list[Need]) -> list[Found]:
        lines_ = [need.line for need in needs if self.bound(need.line, needs)]
        return [one for line in lines_ for one in reasons.on_breach(line, self.room(line))]

    def bound(self, line: Line, needs: list[Need]) -> bool:
        """Whether the line's limit counts."""
        return reasons.binds(line, [need.line for need in needs], self._policy)

    def _on_order(self, party: Party) -> list[Found]:
        """What the policy's rules on orders say of this one, beside the customer's last facts."""
        if not asks_of_orders(self._policy):
            return []
        kept = assessments.latest(self._tx, party.customer_id)
        if kept is None:
            return []
        request, currency = self._request, self._policy.currency
        amount = self._rates.convert(request.minor, request.currency, currency, self._day)
        asked = OrderAsked(amount, request.terms_days, request.checkpoint)
        return reasons.on_order(order_reasons(self._policy, kept.snapshot, kept.assessment, asked))

    def room(self, line: Line) -> Room:
        return reasons.room(line, self._policy, self._rates, self._day)

    def most(self, line: Line, needs: list[Need]) -> int | None:
        """Up to where the line may be filled; none where its limit does not count."""
        return self.room(line).most if self.bound(line, needs) else None

    def excess(self, found: list[Found], needs: list[Need]) -> int | None:
        """What a release would let through, minor units of the policy's currency: what is over the limits
        if nothing else holds the order, else all of it. ``None`` if no rate says."""
        currency, day = self._policy.currency, self._day
        stopping = {item.reason.code for item in found if item.leads_to == "hold"}
        if not stopping <= reasons.OF_LIMITS:
            return self._rates.convert(self._request.minor, self._request.currency, currency, day)
        over = [self._over(one) for one in needs if self.bound(one.line, needs)]
        return None if not over or None in over else max(one for one in over if one is not None)

    def _over(self, one: Need) -> int | None:
        """What is over one line's limit, in the policy's currency."""
        amount = reasons.over(one.line, one.grows or 0, self.room(one.line))
        return self._rates.convert(amount, one.line.currency, self._policy.currency, self._day)

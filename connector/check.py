"""Check: may this order take its next step?

Invariant: one transaction that first locks the lines concerned, then judges, then writes. Credit is
granted by a guarded update of the customer's line and then of those of all groups above it, so that
what is granted never exceeds what the policy allows, whoever asks at the same moment. An order holds
one reservation; a later version of it takes or gives back only the difference. A refusal changes no line.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connector import check_reasons as reasons
from connector.check_model import CheckAnswer, CheckRequest, Decision
from connector.check_reasons import Found, Room
from connector.errors import Halt, Retry
from connector.model import OrderStage
from connector.money import Rates, scale
from connector.policy.schema import Policy
from connector.rules.order import OrderAsked, asks_of_orders, order_reasons
from connector.standing import assessed_reasons, figures, stale, version_of
from connector.store import assessments, held, lines, parties, reservations
from connector.store.engine import Store
from connector.store.lines import Key, Line
from connector.store.parties import KnownOrder, Party
from connector.store.reservations import Reservation

ATTEMPTS = 10
# Steps at which part of an order may go its way: a smaller amount there gives nothing back.
_PARTIAL = ("shipment", "invoice")
# Steps at which the customer's standing counts even if the order asks for no more credit.
_STANDING = ("approval", "shipment", "invoice")


def check(
    store: Store,
    policy: Policy,
    rates: Rates,
    request: CheckRequest,
    now: dt.datetime,
    *,
    reservation_hours: int,
) -> CheckAnswer:
    """Decide on one step of an order at ``now`` (aware UTC) and reserve the credit it needs.

    A reservation lives ``reservation_hours``. Raises ``Halt`` for a connection that does not exist and
    ``Retry`` when the store cannot be reached or the order is being checked elsewhere all the time.
    """
    wider: set[Key] = set()
    for _ in range(ATTEMPTS):
        try:
            with store.write() as tx:
                return _Check(tx, policy, rates, request, now, reservation_hours).run(wider)
        except _Again as again:
            wider |= again.keys
    raise Retry("the same order is being checked elsewhere", todo="send the check again")


class _Again(Exception):
    """Somebody was quicker: undo, and start again with these lines locked as well."""

    def __init__(self, keys: Collection[Key] = ()) -> None:
        super().__init__()
        self.keys = frozenset(keys)


@dataclass(frozen=True, slots=True)
class _Need:
    """What the order needs on one line, minor units of the line: ``whole`` in all beyond the exposure,
    ``grows`` beyond what it holds already. ``None`` if there is no rate."""

    line: Line
    whole: int | None
    grows: int | None


class _Check:
    """One check in one transaction."""

    def __init__(
        self,
        tx: sa.Connection,
        policy: Policy,
        rates: Rates,
        request: CheckRequest,
        now: dt.datetime,
        reservation_hours: int,
    ) -> None:
        self._tx = tx
        self._policy = policy
        self._rates = rates
        self._request = request
        self._now = now
        self._expires_at = now + dt.timedelta(hours=reservation_hours)
        self._day = now.astimezone(ZoneInfo(policy.timezone)).date()
        self._revision = request.revision or f"~{request.minor}{request.currency}"
        self._subject = held.about(request.connection, request.order)

    def run(self, wider: Collection[Key]) -> CheckAnswer:
        """The answer; ``wider`` are lines to lock beside the customer's and the group's."""
        request = self._request
        source = parties.connection_id(self._tx, request.connection)
        if source is None:
            raise Halt(f"there is no connection {request.connection!r}", todo="see 'creditgate connect list'")
        self._source = source
        party = parties.of_account(self._tx, source, request.account)
        locked = self._lock(party, wider)
        earlier = reservations.of_order(self._tx, source, request.order)
        active = next((item for item in earlier if item.state == "active"), None)
        if active is not None and not active.held.keys() <= locked:
            raise _Again(active.held)
        same = next((item for item in earlier if item.revision == self._revision), None)
        own, groups = self._lines(party)
        inside = self._inside(party)
        stays = active is not None and party is not None and active.customer_id == party.customer_id
        charged = [] if party is None or own is None else [own, *groups]
        needs = [self._need(line, party, inside, active, stays) for line in charged if party]
        if same is not None and self._stands(same, active, needs):
            answer = CheckAnswer.model_validate_json(same.answer)
            return answer.model_copy(update={"reservation": same.id})
        found = self._judge(party, own, groups, needs)
        decision = self._decision(found)
        if decision == "hold":
            return self._hold(party, own, found)
        return self._grant(party, own, needs, found, decision, active, same)

    def _lock(self, party: Party | None, wider: Collection[Key]) -> set[Key]:
        """Lock every line that this check may touch, after giving back what has expired."""
        expired = reservations.overdue(self._tx, self._now)
        wanted = set(wider) | reservations.keys_of(expired) | set(party.lines if party else ())
        found = lines.lock(self._tx, wanted)
        missing = [key for key in party.groups if key not in found] if party is not None else []
        if missing and (fresh := lines.read(self._tx, missing)):
            # They came up while we waited for the customer's line; from now on nobody can make one.
            raise _Again(fresh)
        reservations.end(self._tx, [item.id for item in expired], "expired")
        return wanted

    def _lines(self, party: Party | None) -> tuple[Line | None, list[Line]]:
        """The customer's line and those of the groups above, nearest first."""
        if party is None:
            return None, []
        found = lines.read(self._tx, party.lines)
        own = found.get(party.own)
        if self._policy.check.parent == "own":
            return own, []
        # Without a line of its own a customer has not been assessed, and no group says anything for it.
        return own, [found[key] for key in party.groups if own and key in found]

    def _need(
        self, line: Line, party: Party, inside: KnownOrder | None, active: Reservation | None, stays: bool
    ) -> _Need:
        """What the order needs on ``line`` beyond what is in the exposure, and beyond what it holds. On a
        group's line only the share of the customer counts.

        ``stays``: the reservation is the same customer's, not one from which the order has moved.
        """
        request = self._request
        holds = active.held.get(line.key, 0) if active else 0
        if request.prepaid or request.minor <= 0:
            return _Need(line, 0, -holds)
        whole = self._converted(request.minor, request.currency, line)
        rule = self._policy.check.checked_order
        if rule == "inside":
            return _Need(line, 0, -holds)  # the exposure has it already: nothing is to be reserved
        counted = self._converted(inside.amount, inside.currency, line) if inside and rule == "once" else 0
        if whole is None or counted is None:
            before = (active if stays else None, inside)
            if any(
                item and item.currency == request.currency and request.minor <= item.amount for item in before
            ):
                return _Need(line, holds, 0)  # no more than before, in whatever currency
            return _Need(line, None, None)
        whole = scale(max(0, whole - counted), party.share(line.key))
        # Not so if the order has moved to another account: then the old one gets everything back.
        if request.checkpoint in _PARTIAL and active and active.account_id == request.account:
            whole = max(whole, holds)
        return _Need(line, whole, whole - holds)

    def _converted(self, minor: int, currency: str, line: Line) -> int | None:
        return self._rates.convert(minor, currency, line.currency, self._day)

    def _inside(self, party: Party | None) -> KnownOrder | None:
        """The order as it was read from the CRM, if it is part of the customer's exposure."""
        if party is None:
            return None
        known = parties.known_order(self._tx, self._source, self._request.order, party.customer_id)
        stages = {OrderStage.OPEN, OrderStage.DELIVERED}
        if self._policy.exposure.draft_orders:
            stages.add(OrderStage.DRAFT)
        return known if known and known.stage in stages and not known.prepaid else None

    def _stands(self, same: Reservation, active: Reservation | None, needs: list[_Need]) -> bool:
        """Whether the answer given under this key is still the answer: the same question, and the
        credit that it granted is still held for the order."""
        request = self._request
        given = CheckAnswer.model_validate_json(same.answer)
        asked = (same.amount, same.currency, same.account_id, given.checkpoint)
        if asked != (request.minor, request.currency, request.account, request.checkpoint):
            return False
        if request.prepaid or not needs:
            return False
        if same.state == "active":
            return True
        if same.state == "consumed":
            return all(need.whole == 0 for need in needs)
        # A late repetition of an old version must not undo a newer one.
        late = same.state == "replaced" and request.revision is not None and active is not None
        return late and all(need.grows is not None and need.grows <= 0 for need in needs)

    def _judge(
        self, party: Party | None, own: Line | None, groups: list[Line], needs: list[_Need]
    ) -> list[Found]:
        """Every reason to warn or to hold."""
        request = self._request
        if request.prepaid or request.minor <= 0:
            return []
        if party is None:
            return [reasons.unknown_customer(request.account)]
        rules = self._policy.check
        grows = needs[0].grows if needs else None
        inside = rules.checked_order == "inside"
        same = not inside and grows is not None and grows <= 0
        breaches = self._breaches(needs) if inside or rules.existing_breach == "everything" else []
        if same and (grows != 0 or request.checkpoint not in _STANDING):
            # Longer terms ask for more, even at the same amount.
            asks = grows == 0 and request.terms_days is not None
            return breaches + (self._on_order(party) if asks else [])
        told = assessed_reasons(self._tx, party, own)
        found = reasons.on_customer(party, own, told) + reasons.on_groups(groups)
        if own is None:
            return found
        found += self._on_order(party)
        if same or inside:
            return found + breaches
        inherits = rules.inherit_limit and any(line.limit_state != "none" for line in groups)
        for need in needs:
            if not self._bound(need.line, needs):
                continue
            if need.grows is None:
                found.append(reasons.unknown_rate(request.currency, need.line))
            bounds = self._room(need.line)
            found += reasons.on_limit(need.line, need.grows, bounds, self._policy, inherits)
        return found

    def _breaches(self, needs: list[_Need]) -> list[Found]:
        lines_ = [need.line for need in needs if self._bound(need.line, needs)]
        return [one for line in lines_ for one in reasons.on_breach(line, self._room(line))]

    def _bound(self, line: Line, needs: list[_Need]) -> bool:
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

    def _decision(self, found: list[Found]) -> Decision:
        if not found:
            return "pass"
        # Goods that were delivered are owed for: their invoice is never stopped.
        stops = any(item.leads_to == "hold" for item in found) and self._request.checkpoint != "invoice"
        return "hold" if stops else "warn"

    def _room(self, line: Line) -> Room:
        return reasons.room(line, self._policy, self._rates, self._day)

    def _most(self, line: Line, needs: list[_Need]) -> int | None:
        """Up to where the line may be filled; none where its limit does not count."""
        return self._room(line).most if self._bound(line, needs) else None

    def _hold(self, party: Party | None, own: Line | None, found: list[Found]) -> CheckAnswer:
        request = self._request
        answer = self._answer("hold", found, party, own)
        values = {
            "connection_id": self._source,
            "order_key": request.order,
            "account_id": request.account,
            "customer_id": party.customer_id if party else None,
            "amount": request.minor,
            "currency": request.currency,
            "reasons": [reason.model_dump() for reason in answer.reasons],
        }
        held.keep(self._tx, values, self._subject, self._now)
        return answer

    def _grant(
        self,
        party: Party | None,
        own: Line | None,
        needs: list[_Need],
        found: list[Found],
        decision: Decision,
        active: Reservation | None,
        same: Reservation | None,
    ) -> CheckAnswer:
        """Move the lines to what the order needs now, and keep its reservation and the answer."""
        held.clear(self._tx, self._source, self._request.order, self._subject, self._now)
        wanted = {need.line.key: need.whole or 0 for need in needs}
        if self._request.checkpoint == "invoice":
            # An invoice asks for no credit: what it adds is owed, and arrives in the exposure by itself.
            return self._answer(decision, found, party, own, active)
        if party is None or not any(wanted.values()):
            if active is not None:
                reservations.end(self._tx, [active.id], "released")
            return self._answer(decision, found, party, self._after(own, active, {}))
        if active is not None and active.held == wanted and active.account_id == self._request.account:
            reservations.prolong(self._tx, active, self._expires_at)
            return self._answer(decision, found, party, own, active)
        self._move(needs, wanted, active)
        answer = self._answer(decision, found, party, self._after(own, active, wanted))
        served = self._rates.served([self._request.currency, *(n.line.currency for n in needs)], self._day)
        number = self._keep(party, wanted, answer, active, same, served)
        return answer.model_copy(update={"reservation": number})

    def _move(self, needs: list[_Need], wanted: dict[Key, int], active: Reservation | None) -> None:
        """Take what the order needs more and give back what it needs less, line by line in order."""
        changes = Counter(wanted)
        changes.subtract(active.held if active else {})
        asks = {need.line.key: need.line for need in needs} if (needs[0].grows or 0) > 0 else {}
        for key in sorted(changes):
            amount = changes[key]
            if amount > 0 and key in asks:
                if not lines.reserve(self._tx, asks[key], amount, self._most(asks[key], needs)):
                    raise _Again
            elif amount:
                lines.shift(self._tx, key, reserved=amount)

    def _keep(
        self,
        party: Party,
        wanted: dict[Key, int],
        answer: CheckAnswer,
        active: Reservation | None,
        same: Reservation | None,
        served: list[tuple[str, str, str]],
    ) -> int:
        request = self._request
        if active is not None and active != same:
            reservations.replace(self._tx, active)
        groups = {number: amount for (subject, number), amount in wanted.items() if subject == lines.GROUP}
        values = {
            "connection_id": self._source,
            "order_key": request.order,
            "revision": self._revision,
            "account_id": request.account,
            "customer_id": party.customer_id,
            "amount": request.minor,
            "currency": request.currency,
            "reserved": wanted[party.own],
            "state": "active",
            "rates": served,
            "answer": answer.model_dump_json(),
            "created_at": self._now,
            "expires_at": self._expires_at,
        }
        number = reservations.put(self._tx, values, groups, same)
        if number is None:
            raise _Again
        return number

    def _after(self, own: Line | None, active: Reservation | None, wanted: dict[Key, int]) -> Line | None:
        """The customer's line as it stands after the change."""
        if own is None:
            return None
        change = wanted.get(own.key, 0) - (active.held.get(own.key, 0) if active else 0)
        return replace(own, reserved=own.reserved + change)

    def _answer(
        self,
        decision: Decision,
        found: list[Found],
        party: Party | None,
        own: Line | None,
        active: Reservation | None = None,
    ) -> CheckAnswer:
        return CheckAnswer(
            decision=decision,
            reasons=[item.reason for item in found],
            order=self._request.order,
            checkpoint=self._request.checkpoint,
            reservation=active.id if active else None,
            as_of=own.as_of if own else None,
            policy_version=version_of(self._policy),
            stale=stale(party, own, self._policy, self._now),
            checked_at=self._now,
            **figures(own).model_dump(),
        )

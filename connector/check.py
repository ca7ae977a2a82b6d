"""Check: may this order take its next step?

Invariant: one transaction that first locks the lines concerned, then judges, then writes. Credit is
granted by a guarded update of the customer's line and then of those of all groups above it, so that
what is granted never exceeds what the policy allows, whoever asks at the same moment. An order holds
one reservation; a later version of it takes or gives back only the difference. A refusal changes no line.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connector import logs
from connector.errors import Halt, Retry
from connector.gate import releases
from connector.gate.check_model import CheckAnswer, CheckRequest, Decision
from connector.gate.check_reasons import Found
from connector.gate.judge import Judge
from connector.gate.needs import Need, inside, need_on, occupies
from connector.gate.standing import figures, stale, version_of
from connector.money import Rates
from connector.policy.schema import Policy
from connector.store import held, lines, parties, reservations
from connector.store.engine import Store
from connector.store.lines import Key, Line
from connector.store.parties import Party
from connector.store.reservations import Reservation

ATTEMPTS = 10
log = logs.logger("check")
# Steps at which the customer's standing counts even if the order asks for no more credit.
_STANDING = ("approval", "shipment", "invoice")


# What a person decides about an order once its lines are locked and it was judged: told what a release would
# let through, minor units of the policy's currency (``None``: no rate); whether to go on as decided.
Act = Callable[[sa.Connection, int | None], bool]


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
    answer = decide(store, policy, rates, request, now, reservation_hours=reservation_hours)
    assert answer is not None  # noqa: S101 - only a person's act goes without
    log.info("checked", connection=request.connection, outcome=answer.decision)
    return answer


def decide(
    store: Store,
    policy: Policy,
    rates: Rates,
    request: CheckRequest,
    now: dt.datetime,
    *,
    reservation_hours: int,
    act: Act | None = None,
    past: str | None = None,
    look: bool = False,
    trial: bool = False,
) -> CheckAnswer | None:
    """As ``check``. ``act`` is carried out in the same transaction, after the lines are locked; ``None`` if
    it does not want to go on. ``past``: how an order got past the gate that is in the exposure already, so
    that the limits are looked at as they stand; ``look``: so they are for another reason. ``trial``: nothing
    of it stays."""
    wider: set[Key] = set()
    for _ in range(ATTEMPTS):
        try:
            with store.write() as tx:
                one = _Check(tx, policy, rates, request, now, reservation_hours, past, look=look)
                answer = one.run(wider, act)
                if trial:
                    raise _Tried(answer)
                return answer
        except _Again as again:
            wider |= again.keys
        except _Tried as tried:
            return tried.answer
    raise Retry("the same order is being checked elsewhere", todo="send the check again")


class _Tried(Exception):
    """It was only to be seen what would come of it: undo."""

    def __init__(self, answer: CheckAnswer | None) -> None:
        super().__init__()
        self.answer = answer


class _Again(Exception):
    """Somebody was quicker: undo, and start again with these lines locked as well."""

    def __init__(self, keys: Collection[Key] = ()) -> None:
        super().__init__()
        self.keys = frozenset(keys)


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
        past: str | None = None,
        *,
        look: bool = False,
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
        self._judge = Judge(tx, policy, rates, request, self._day, past, look=look)
        self._released = False
        self._known_lines: dict[Key, Line] | None = None
        self._hold_row: sa.Row[Any] | None = None

    def run(self, wider: Collection[Key], act: Act | None = None) -> CheckAnswer | None:
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
        self._hold_row = held.of_order(self._tx, source, request.order)
        same = next((item for item in earlier if item.revision == self._revision), None)
        own, groups = self._lines(party)
        known = inside(self._tx, source, request, party, self._policy)
        standing = releases.standing(self._hold_row, request, self._now)
        self._judge.known_to_be_held(self._hold_row, in_exposure=known is not None)
        if standing.why:
            self._judge.look()
        charged = [] if party is None or own is None else [own, *groups]
        needs = [
            need_on(request, self._policy, self._rates, self._day, line, party, known, active)
            for line in charged
            if party
        ]
        fresh = act is not None or self._judge.looks
        if same is not None and not fresh and self._stands(same, active, needs):
            answer = CheckAnswer.model_validate_json(same.answer)
            return answer.model_copy(update={"reservation": same.id})
        found = self._judge.reasons(party, own, groups, needs)
        if act is not None:
            if not act(self._tx, self._judge.excess(found, needs)):
                return None
            self._hold_row = held.of_order(self._tx, source, request.order)
            standing = releases.standing(self._hold_row, request, self._now)
        held_up = self._judge.decision(found) == "hold"
        found += releases.told(self._hold_row, request, standing, held_up=held_up)
        self._released = standing.covers
        decision = self._judge.decision(found)
        if decision == "hold" and self._released:
            decision = "warn"
        if decision == "hold":
            return self._hold(party, own, found, needs)
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
        if expired:
            reservations.end(self._tx, [item.id for item in expired], "expired")
        self._known_lines = None if expired else found
        return wanted

    def _lines(self, party: Party | None) -> tuple[Line | None, list[Line]]:
        """The customer's line and those of the groups above, nearest first."""
        if party is None:
            return None, []
        found = lines.read(self._tx, party.lines) if self._known_lines is None else self._known_lines
        own = found.get(party.own)
        if self._policy.check.parent == "own":
            return own, []
        # Without a line of its own a customer has not been assessed, and no group says anything for it.
        return own, [found[key] for key in party.groups if own and key in found]

    def _stands(self, same: Reservation, active: Reservation | None, needs: list[Need]) -> bool:
        """Whether the answer given under this key is still the answer: the same question, and the
        credit that it granted is still held for the order."""
        request = self._request
        given = CheckAnswer.model_validate_json(same.answer)
        asked = (same.amount, same.currency, same.account_id, given.checkpoint)
        if asked != (request.minor, request.currency, request.account, request.checkpoint):
            return False
        if not occupies(request, self._policy) or not needs:
            return False
        if self._hold_row is not None and self._hold_row.state != "released":
            return False  # somebody has said something about it since
        if same.state == "active":
            return True
        if same.state == "consumed":
            return all(need.whole == 0 for need in needs)
        # A late repetition of an old version must not undo a newer one.
        late = same.state == "replaced" and request.revision is not None and active is not None
        return late and all(need.grows is not None and need.grows <= 0 for need in needs)

    def _hold(
        self, party: Party | None, own: Line | None, found: list[Found], needs: list[Need]
    ) -> CheckAnswer:
        request = self._request
        answer = self._answer("hold", found, party, own)
        if releases.rejection_stands(self._hold_row, request):
            return answer  # a person has refused it: saying it again opens nothing
        values = {
            "connection_id": self._source,
            "order_key": request.order,
            "account_id": request.account,
            "customer_id": party.customer_id if party else None,
            "amount": request.minor,
            "currency": request.currency,
            "reasons": [reason.model_dump() for reason in answer.reasons],
            "checkpoint": request.checkpoint,
            "terms_days": request.terms_days,
            "excess": self._judge.excess(found, needs),
        }
        held.keep(self._tx, values, self._subject, self._now)
        return answer

    def _grant(
        self,
        party: Party | None,
        own: Line | None,
        needs: list[Need],
        found: list[Found],
        decision: Decision,
        active: Reservation | None,
        same: Reservation | None,
    ) -> CheckAnswer:
        """Move the lines to what the order needs now, and keep its reservation and the answer."""
        says_nothing = self._released or self._request.draft or self._request.checkpoint == "invoice"
        if self._hold_row is not None and not says_nothing:
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

    def _move(self, needs: list[Need], wanted: dict[Key, int], active: Reservation | None) -> None:
        """Take what the order needs more and give back what it needs less, line by line in order."""
        changes = Counter(wanted)
        changes.subtract(active.held if active else {})
        asks = {need.line.key: need.line for need in needs} if (needs[0].grows or 0) > 0 else {}
        for key in sorted(changes):
            amount = changes[key]
            if amount > 0 and key in asks and not self._released:
                if not lines.reserve(self._tx, asks[key], amount, self._judge.most(asks[key], needs)):
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

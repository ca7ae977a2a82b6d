"""Decisions about held orders: released, rejected, forced on hold, by whom and within which bounds.

Invariant: nobody decides without the right of that day, nobody signs twice, and nobody in another's right who
has signed already. A release reserves the order's credit in the transaction that writes it down, over the
limit if need be, so that no other order is promised the same room. What was decided belongs to one round of
a hold: an order that is held anew is decided anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa

from connector.check import decide
from connector.errors import Halt
from connector.gate.check_model import CheckRequest, major
from connector.gate.check_reasons import by_person
from connector.model import OrderStage
from connector.money import Rates, scale, to_major, to_minor
from connector.people.roles import UNBOUNDED, Act, Roles, person
from connector.policy.schema import Policy
from connector.rules.approval import approver
from connector.store import held, journal, parties
from connector.store.engine import Store
from connector.store.gate_tables import hold_decision
from connector.store.held import HeldOrder
from connector.store.record_tables import account, sales_order


class NotAllowed(Halt):
    """The person has not the right."""


class NotHolding(Halt):
    """There is no such hold, or it is not what it was."""


@dataclass(frozen=True)
class Gate:
    """What decisions go by: the store, the policy in force with its rates, who may do what, and how long a
    reservation lives."""

    store: Store
    policy: Policy
    rates: Rates
    roles: Roles
    reservation_hours: int

    def right(
        self,
        actor: str,
        act: Act,
        now: dt.datetime,
        *,
        where: str,
        amount: int | None = None,
        taken: Any = (),
    ) -> str:
        """In whose right ``actor`` may do it; ``NotAllowed`` names who may otherwise."""
        try:
            return self.roles.require(actor, act, amount, as_of=self.day(now), taken=taken, where=where)
        except Halt as fault:
            raise NotAllowed(fault.what, where=fault.where, todo=fault.todo) from None

    def day(self, now: dt.datetime) -> dt.date:
        """The calendar day of ``now`` in the policy's time zone."""
        return now.astimezone(ZoneInfo(self.policy.timezone)).date()


@dataclass(frozen=True)
class Terms:
    """What is to be released: why (``code``), up to which ``amount`` (minor units of the order's currency;
    ``None``: the order's, and the policy's tolerance), for how many ``days`` (``None``: the policy's)."""

    code: str
    note: str = ""
    amount: int | None = None
    days: int | None = None


@dataclass(frozen=True)
class Bounds:
    """What one person would let through: up to ``amount``, ``until`` (aware UTC)."""

    code: str
    note: str
    amount: int
    until: dt.datetime


@dataclass(frozen=True)
class Decided:
    """What came of it: the hold as it stands now, and how many more have to sign."""

    order: HeldOrder
    missing: int = 0


def release(gate: Gate, number: int, terms: Terms, *, actor: str, now: dt.datetime) -> Decided:
    """A person lets a held order, or one that was rejected, go on; above a band of the policy it takes a
    second one, and the narrower of their bounds counts.

    Raises ``Halt`` if there is no such hold or it holds no longer, the reason or the bounds are not the
    policy's, ``actor`` may not, or has signed already.
    """
    found = get(gate.store, number)
    bounds = _bounds(gate, found, terms, now)
    missing = 0

    def act(tx: sa.Connection, excess: int | None) -> bool:
        nonlocal missing
        fresh = _still(tx, found, "rejected")
        amount = _lets_through(gate, fresh, excess, bounds.amount, now)
        signed, missing = _sign(tx, gate, fresh, bounds, amount, actor, now)
        if not missing:
            _let_go(tx, gate, fresh, signed, now)
        return not missing

    hours = max(gate.reservation_hours, (bounds.until - now) // dt.timedelta(hours=1))
    request = request_of(found)
    decide(gate.store, gate.policy, gate.rates, request, now, reservation_hours=hours, act=act)
    return Decided(get(gate.store, number), missing)


def reject(gate: Gate, number: int, *, reason: str, actor: str, now: dt.datetime) -> Decided:
    """A person refuses a held order: it is unlocked, so that sales can change or cancel it, and the same
    order asked for again is refused again. Raises ``Halt`` as ``release`` does, and without a reason."""
    why, found = _given(reason), get(gate.store, number)
    with gate.store.write() as tx:
        fresh = _still(tx, found)
        right = gate.right(actor, Act.REJECT_HOLD, now, where=fresh.subject)
        held.end(
            tx, fresh, "rejected", {"reason": why, "right": right, "policy": gate.policy.hash}, actor, now
        )
    return Decided(get(gate.store, number))


def force(gate: Gate, connection: str, order: str, *, reason: str, actor: str, now: dt.datetime) -> HeldOrder:
    """A person puts an order on hold, whatever its customer may owe: it never leaves by itself. Raises
    ``Halt`` if no such order was read or checked, or ``actor`` may not."""
    why, subject = _given(reason), held.about(connection, order)
    gate.right(actor, Act.PLACE_HOLD, now, where=subject)
    with gate.store.write() as tx:
        source = parties.connection_id(tx, connection)
        if source is None:
            raise Halt(f"there is no connection {connection!r}", todo="see 'creditgate connect list'")
        values = _known(tx, source, order)
        if values is None:
            todo = "name a living order by its id or number"
            raise Halt(f"no order {order} is known, or it is closed", where=connection, todo=todo)
        told = by_person("order_forced", "hold", {"reason": why, "actor": actor}).reason
        values |= {"connection_id": source, "order_key": order, "reasons": [told.model_dump()]}
        held.keep(tx, values, subject, now, actor=actor, state="forced")
        row = held.of_order(tx, source, order)
    assert row is not None  # noqa: S101 - it was just written
    return get(gate.store, row.id)


def who_may(gate: Gate, found: HeldOrder, now: dt.datetime) -> list[str]:
    """Who may release it today, as far as the excess is known by its last check."""
    if not found.holding:
        return []
    amount = UNBOUNDED if found.excess is None else found.excess
    return gate.roles.able(Act.RELEASE_HOLD, amount, as_of=gate.day(now))


def minor(text: str, currency: str) -> int:
    """What a person typed in major units; ``Halt`` for what is no amount of that currency."""
    try:
        number = Decimal(text.strip())
        amount = to_minor(number, currency)
    except (InvalidOperation, ValueError):
        raise Halt(f"{text!r} is no amount", todo="write it in figures, such as 1250.00") from None
    if not number.is_finite() or to_major(amount, currency) != number:
        raise Halt(f"{text} is no amount in {currency}", todo="write fewer digits after the point")
    return amount


def get(store: Store, number: int) -> HeldOrder:
    """One held order; ``Halt`` if there is none with this id."""
    with store.read() as tx:
        found = held.listed(tx, number=number)
    if not found:
        raise NotHolding(f"there is no held order {number}", todo="see 'creditgate hold list --state all'")
    return found[0]


def _still(tx: sa.Connection, found: HeldOrder, *but: str) -> HeldOrder:
    """The hold as it stands now; ``Halt`` if it holds no longer (``but`` these states may be left, too), or
    is not the one that was seen."""
    fresh = held.listed(tx, number=found.id)[0]
    if not (fresh.holding or fresh.state in but) or fresh.round != found.round:
        todo = f"see 'creditgate hold show {found.id}'"
        raise NotHolding(f"held order {found.id} is {fresh.state} already", todo=todo)
    return fresh


def _bounds(gate: Gate, found: HeldOrder, terms: Terms, now: dt.datetime) -> Bounds:
    """What is to be released; ``Halt`` for what the policy does not provide for."""
    rules = gate.policy.releases
    if terms.code not in rules.codes:
        raise Halt(
            f"{terms.code!r} is no reason of the policy for a release",
            todo=f"give one of: {', '.join(rules.codes)}",
        )
    days = rules.days if terms.days is None else terms.days
    if not 0 < days <= rules.days:
        raise Halt(f"a release cannot hold for {days} days", todo=f"give 1 to {rules.days} days")
    most = found.amount + scale(found.amount, rules.tolerance)
    amount = most if terms.amount is None else terms.amount
    if not 0 < amount <= most:
        shown = major(most, found.currency)
        raise Halt(
            "so much cannot be released for this order",
            where=found.subject,
            todo=f"give an amount up to {shown} {found.currency}",
        )
    if amount < found.amount:
        shown = major(found.amount, found.currency)
        raise Halt(
            "the order is larger than that",
            where=found.subject,
            todo=f"reject it, so that it is made smaller, or release {shown} {found.currency} or more",
        )
    return Bounds(terms.code, terms.note.strip(), amount, now + dt.timedelta(days=days))


def _lets_through(gate: Gate, found: HeldOrder, excess: int | None, amount: int, now: dt.datetime) -> int:
    """What the release lets through, in the policy's currency: what stands over the limits now, and what
    the order may still grow by; without a rate, without bound."""
    more = gate.rates.convert(amount - found.amount, found.currency, gate.policy.currency, gate.day(now))
    return UNBOUNDED if excess is None or more is None else excess + more


def _sign(
    tx: sa.Connection,
    gate: Gate,
    found: HeldOrder,
    bounds: Bounds,
    amount: int,
    actor: str,
    now: dt.datetime,
) -> tuple[list[Any], int]:
    """Keep one person's word; all words of this round, and how many are missing by the policy's band."""
    here = hold_decision.c.hold_id == found.id, hold_decision.c.round == found.round
    query = sa.select(hold_decision).where(*here).order_by(hold_decision.c.at)
    before = tx.execute(query).all()
    taken = {name for row in before for name in (row.actor, row.actor_key)}
    right = gate.right(actor, Act.RELEASE_HOLD, now, where=found.subject, amount=amount, taken=taken)
    bands = gate.policy.approvals.excess
    band = approver(bands, amount, gate.policy.currency) if bands else None
    if bands and band is None:
        raise NotAllowed(
            "the policy lets nobody release so much", where=found.subject, todo="reject the order"
        )
    row = {
        "hold_id": found.id,
        "round": found.round,
        "actor_key": person(right),
        "actor": actor,
        "code": bounds.code,
        "note": bounds.note,
        "terms": orjson.dumps({"amount": bounds.amount, "until": bounds.until}).decode(),
        "at": now,
    }
    tx.execute(sa.insert(hold_decision).values(**row))
    missing = max(0, (band.signers if band else 1) - len(before) - 1)
    if missing:
        detail = {"reason": bounds.code, "note": bounds.note, "missing": missing, "right": right}
        journal.add(tx, now, actor, "order_release_signed", found.subject, detail)
    return list(tx.execute(query).all()), missing


def _let_go(tx: sa.Connection, gate: Gate, found: HeldOrder, signed: Sequence[Any], now: dt.datetime) -> None:
    """All have signed: the hold ends, within the narrowest of their bounds."""
    bounds = [orjson.loads(row.terms) for row in signed]
    amount = min(one["amount"] for one in bounds)
    until = min(dt.datetime.fromisoformat(one["until"]) for one in bounds)
    last = signed[-1]
    detail = {
        "reason": last.code,
        "note": last.note,
        "amount": amount,
        "currency": found.currency,
        "until": until,
        "signed": [row.actor for row in signed],
        "round": found.round,
        "policy": gate.policy.hash,
    }
    held.end(
        tx,
        found,
        "released",
        detail,
        last.actor,
        now,
        until=until,
        amount=amount,
        terms_days=found.terms_days,
        code=last.code,
    )


def request_of(found: HeldOrder) -> CheckRequest:
    """The question that was refused, put again."""
    return CheckRequest.again(
        found.connection,
        found.account,
        found.order,
        found.amount,
        found.currency,
        found.checkpoint,
        found.terms_days,
    )


def _known(tx: sa.Connection, source: int, order: str) -> dict[str, Any] | None:
    """What is known of a living order for its hold: as it was read, else from its last hold."""
    query = (
        sa.select(
            sales_order.c.account_id,
            account.c.customer_id,
            sales_order.c.amount,
            sales_order.c.currency,
            sales_order.c.terms_days,
            sales_order.c.stage,
        )
        .outerjoin(
            account,
            sa.and_(
                account.c.connection_id == sales_order.c.connection_id,
                account.c.external_id == sales_order.c.account_id,
            ),
        )
        .where(
            sales_order.c.connection_id == source,
            sa.or_(sales_order.c.external_id == order, sales_order.c.number == order),
            sales_order.c.deleted.is_(False),
        )
    )
    found = tx.execute(query.order_by(sales_order.c.external_id != order).limit(1)).one_or_none()
    if found is not None:
        if found.stage in (OrderStage.CLOSED, OrderStage.CANCELLED):
            return None
        values = dict(found._mapping) | {"checkpoint": "approval", "excess": None}
        return {name: values[name] for name in _OF_HOLD}
    row = held.of_order(tx, source, order)
    return None if row is None else {name: getattr(row, name) for name in _OF_HOLD}


_OF_HOLD = ("account_id", "customer_id", "amount", "currency", "checkpoint", "terms_days", "excess")


def _given(text: str) -> str:
    if not text.strip():
        raise Halt("a decision needs a reason", todo="write one behind --reason")
    return text.strip()

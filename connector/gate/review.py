"""Review: what became of held and released orders by themselves.

Invariant: every step is a transaction of its own and may be killed and run again. An order whose every reason
has gone is let pass with its credit reserved, or waits as ready if the policy wants a person; a release that
ended while the order is still on its way is judged anew; an order that got past the gate is judged once, by
what stands on the lines. Nothing here passes what a person forced or rejected.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.check import check, decide
from connector.gate.check_model import CheckAnswer, CheckRequest
from connector.gate.decisions import Gate, request_of
from connector.model import OrderStage
from connector.store import held, past
from connector.store.held import HeldOrder
from connector.store.record_tables import sales_order

CHUNK = 200
_ON_ITS_WAY = (OrderStage.DRAFT, OrderStage.OPEN)


@dataclass
class Reviewed:
    """What a review did."""

    found: int = 0  # orders that got past the gate
    stopped: int = 0  # of those, held now
    passed: int = 0  # holds that cleared and were let pass
    ready: int = 0  # holds that cleared and wait for a person
    reopened: int = 0  # releases that ended

    @property
    def words(self) -> str:
        """For people; empty when there was nothing to do."""
        told = {
            "got past the gate": self.found,
            "of them held": self.stopped,
            "holds cleared": self.passed,
            "holds ready": self.ready,
            "releases ended": self.reopened,
        }
        return ", ".join(f"{count} {what}" for what, count in told.items() if count)


def review(gate: Gate, now: dt.datetime) -> Reviewed:
    """Look at everything that may have changed by itself, at ``now`` (aware UTC)."""
    done = Reviewed()
    _past(gate, now, done)
    with gate.store.read() as tx:
        holding = held.listed(tx, ("pending", "ready"))
        lapsed = held.lapsed(tx, now)
    for one in holding:
        _look(gate, one, now, done)
    for one in lapsed:
        _reopen(gate, one, now, done)
    return done


def _past(gate: Gate, now: dt.datetime, done: Reviewed) -> None:
    """Judge the orders that got past, as the policy says."""
    last = 0
    while True:
        with gate.store.read() as tx:
            rows = past.waiting(tx, last, CHUNK)
        if not rows:
            return
        for row in rows:
            last = row.id
            done.found += 1
            state = "listed"
            if (
                gate.policy.check.got_past != "list"
                and _stage(gate, row.connection_id, row.order_id) in _ON_ITS_WAY
            ):
                answer = _judge_past(gate, row, now)
                state = "held" if answer is not None and answer.decision == "hold" else "passed"
            done.stopped += state == "held"
            with gate.store.write() as tx:
                past.judged(tx, row.id, row.found_at, state, now)


def _judge_past(gate: Gate, row: sa.Row[Any], now: dt.datetime) -> CheckAnswer | None:
    request = CheckRequest.again(
        row.connection, row.account_id, row.order_key, row.amount, row.currency, "approval"
    )
    hours = gate.reservation_hours
    return decide(gate.store, gate.policy, gate.rates, request, now, reservation_hours=hours, past=row.how)


def _look(gate: Gate, one: HeldOrder, now: dt.datetime, done: Reviewed) -> None:
    """Whether every reason of a hold has gone; reasons that changed are written down anew."""
    request, hours = request_of(one), gate.reservation_hours
    tried = decide(gate.store, gate.policy, gate.rates, request, now, reservation_hours=hours, trial=True)
    assert tried is not None  # noqa: S101 - only a person's act goes without an answer
    if tried.decision == "hold":
        codes = [reason.code for reason in tried.reasons]
        if one.state == "ready" or codes != [reason["code"] for reason in one.reasons]:
            check(gate.store, gate.policy, gate.rates, request, now, reservation_hours=hours)
    elif gate.policy.releases.when_clear == "release":
        answer = check(gate.store, gate.policy, gate.rates, request, now, reservation_hours=hours)
        done.passed += answer.decision != "hold"
    else:
        with gate.store.write() as tx:
            done.ready += held.turn_ready(tx, one, now)


def _reopen(gate: Gate, one: HeldOrder, now: dt.datetime, done: Reviewed) -> None:
    """The release has ended: an order that is still on its way is judged anew, though it asks for no more."""
    if _stage(gate, one.connection_id, one.order) in _ON_ITS_WAY:
        request, hours = request_of(one), gate.reservation_hours
        answer = decide(gate.store, gate.policy, gate.rates, request, now, reservation_hours=hours, look=True)
        if answer is not None and answer.decision == "hold":
            done.reopened += 1
            return
    with gate.store.write() as tx:
        held.lapse(tx, one)


def _stage(gate: Gate, connection_id: int, order: str) -> str | None:
    """How far an order has come, by its id or number; ``None`` if it is not known, or gone."""
    query = sa.select(sales_order.c.stage).where(
        sales_order.c.connection_id == connection_id,
        sa.or_(sales_order.c.external_id == order, sales_order.c.number == order),
        sales_order.c.deleted.is_(False),
    )
    with gate.store.read() as tx:
        return tx.execute(query.order_by(sales_order.c.external_id != order).limit(1)).scalar()

"""Held orders by API: the list for credit managers' screens, and decisions from a button inside the CRM.

Invariant: a key sees and decides only the orders of its own connection. A decision is made in somebody's
name: the user of the CRM whom the call names, if one of our people is known to be that user, else the actor
of the key; and only with the right of that person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Path, Query
from fastapi.security import HTTPBearer
from pydantic import Field

from connector.api.keys import Scoped
from connector.api.problems import Refused, documented
from connector.api.rules import Rules
from connector.errors import Halt
from connector.gate import asking, decisions
from connector.gate.asking import Asked
from connector.gate.check_model import Checkpoint, Money, Name, Part, Reason, exemplified, major
from connector.gate.crm import actor_of
from connector.gate.decisions import Decided, Gate, NotAllowed, NotHolding, Terms
from connector.gate.settling import gate_of
from connector.runtime import Runtime
from connector.store import held
from connector.store.api_keys import CHECK, DECIDE, READ, ApiKey
from connector.store.held import HeldOrder

State = Literal["holding", "pending", "ready", "forced", "released", "rejected", "withdrawn", "all"]
_SCHEME = Depends(HTTPBearer(auto_error=False, description="The API key of a connection."))
Reader = Annotated[ApiKey, Depends(Scoped(READ))]
Checker = Annotated[ApiKey, Depends(Scoped(CHECK))]
Decider = Annotated[ApiKey, Depends(Scoped(DECIDE))]
_PAGE = 100
_ID = Path(ge=1, le=2**62, description="Id of the hold, from the list of holds.", examples=[17])

_HOLD = {
    "id": 17,
    "order": "SO-2026-0117",
    "account": "5725767000000411001",
    "customer": "customer-12",
    "amount": "125000.00",
    "currency": "CNY",
    "state": "pending",
    "round": 1,
    "checkpoint": "order_save",
    "reasons": [
        {
            "code": "no_limit",
            "params": {},
            "text": {"zh": "该客户没有信用额度", "en": "The customer has no credit limit"},
        }
    ],
    "held_at": "2026-03-02T09:30:00Z",
    "released_by": None,
    "release_code": None,
    "released_amount": None,
    "released_until": None,
}


class Hold(Part):
    """An order on hold, or one that was."""

    model_config = exemplified(_HOLD)

    id: int
    order: str = Field(description="The order as the check named it.")
    account: str
    customer: str | None = Field(description="Id of the customer; null for an account that is not known.")
    amount: str | None = Field(description="The order's amount, decimal text in major units.")
    currency: str
    state: Literal["pending", "ready", "forced", "released", "rejected", "withdrawn"] = Field(
        description="pending: waits for a person; ready: clear, but waits; forced: held by a person; "
        "released, rejected; withdrawn: the order is gone."
    )
    round: int = Field(description="How often it was held anew.")
    checkpoint: Checkpoint = Field(description="The step that was refused.")
    reasons: list[Reason] = Field(description="Every reason of the last refusal.")
    held_at: dt.datetime
    released_by: str | None
    release_code: str | None
    released_amount: str | None = Field(description="Up to which amount it may pass.")
    released_until: dt.datetime | None


class Holds(Part):
    """A page of holds, the latest id first."""

    holds: list[Hold]
    before: int | None = Field(description="Ask for the next page with this; null on the last one.")


class ReleaseRequest(Part):
    """Let the order go on."""

    model_config = exemplified(
        {"code": "secured", "note": "bank guarantee of 2 March", "days": 10, "user": "31"}
    )

    code: Name = Field(description="One of the policy's reasons for a release.")
    note: str = Field("", max_length=1000, pattern=r"^[^\x00]*$", description="A word more.")
    amount: Money | None = Field(None, description="Up to which amount; null: the order's and the tolerance.")
    days: int | None = Field(None, ge=1, le=3650, description="For how many days; null: as the policy says.")
    user: Name | None = Field(None, description="The CRM's id of the user who decides.")


class RejectRequest(Part):
    """Refuse the order."""

    model_config = exemplified({"reason": "pays nobody at present", "user": "31"})

    reason: str = Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*\S[^\x00]*$", description="Why.")
    user: Name | None = Field(None, description="The CRM's id of the user who decides.")


class AskRequest(Part):
    """Please let the order go on."""

    model_config = exemplified({"note": "the bank has confirmed the transfer of 2 March", "user": "31"})

    note: str = Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*\S[^\x00]*$", description="Why.")
    user: Name | None = Field(None, description="Who asks: the CRM's id or e-mail address of the user.")


class Decision(Part):
    """What came of it."""

    hold: Hold
    missing_signatures: int = Field(description="How many others must release it too; 0: it is done.")


def add_routes(app: FastAPI, runtime: Runtime, rules: Rules) -> None:
    """The list and the decisions."""
    described = {"tags": ["holds"], "dependencies": [_SCHEME]}

    @app.get(
        "/v1/holds",
        summary="Orders on hold",
        responses=documented(401, 403, 422, 429, 500, 503),
        **described,  # type: ignore[arg-type]
    )
    def listing(
        key: Reader,
        state: Annotated[State, Query(description="holding: pending, ready and forced.")] = "holding",
        before: Annotated[int | None, Query(ge=1, le=2**62, description="From the page before.")] = None,
        order: Annotated[Name | None, Query(description="Only the order that checks named so.")] = None,
    ) -> Holds:
        """The orders of the key's connection, a hundred a page."""
        states = held.HOLDING if state == "holding" else None if state == "all" else [state]
        with runtime.store.read() as tx:
            found = held.listed(
                tx, states, source=key.connection_id, order=order, before=before, most=_PAGE + 1
            )
        page = found[:_PAGE]
        return Holds(holds=[_shown(one) for one in page], before=page[-1].id if found[_PAGE:] else None)

    @app.post(
        "/v1/holds/{id}/release",
        summary="Let a held order go on",
        responses=documented(401, 403, 404, 409, 413, 422, 429, 500, 503),
        **described,  # type: ignore[arg-type]
    )
    def release(id: Annotated[int, _ID], request: ReleaseRequest, key: Decider) -> Decision:
        """Reserves its credit, over the limit if need be, until the release ends. Who may is said by roles
        and approval bands; above a band the first release waits for a second person's."""
        found, gate, actor = _asked(runtime, rules, id, key, request.user)
        with _told():
            amount = None if request.amount is None else decisions.minor(request.amount, found.currency)
            terms = Terms(request.code, request.note, amount, request.days)
            return _decision(decisions.release(gate, id, terms, actor=actor, now=runtime.now()))

    @app.post(
        "/v1/holds/{id}/reject",
        summary="Refuse a held order",
        responses=documented(401, 403, 404, 409, 413, 422, 429, 500, 503),
        **described,  # type: ignore[arg-type]
    )
    def reject(id: Annotated[int, _ID], request: RejectRequest, key: Decider) -> Decision:
        """It is unlocked for sales to change or cancel, and refused again if it is asked for unchanged."""
        _, gate, actor = _asked(runtime, rules, id, key, request.user)
        with _told():
            return _decision(
                decisions.reject(gate, id, reason=request.reason, actor=actor, now=runtime.now())
            )

    @app.post(
        "/v1/holds/{id}/ask",
        summary="Ask for the release of a held order",
        responses=documented(401, 403, 404, 409, 413, 422, 429, 500, 503),
        **described,  # type: ignore[arg-type]
    )
    def ask(id: Annotated[int, _ID], request: AskRequest, key: Checker) -> Hold:
        """Decides nothing: the word is kept in the journal and told in a note on the account, for whoever may
        release the order. Asking once more adds another note."""
        with _told():
            notes = runtime.writing("note")
            asked = Asked(request.note, request.user or f"plugin of {key.connection}")
            return _shown(asking.ask(runtime.store, key.connection_id, id, asked, notes, runtime.now()))


def _asked(
    runtime: Runtime, rules: Rules, number: int, key: ApiKey, user: str | None
) -> tuple[HeldOrder, Gate, str]:
    """The hold, the gate in force, and in whose name it is decided."""
    with runtime.store.read() as tx:
        found = held.listed(tx, number=number, source=key.connection_id)
        people = runtime.config.crm_users
        actor = actor_of(tx, people, key.connection_id, key.connection, user) if user else key.actor
    if not found:
        raise Refused(404, "there is no such hold on the connection of this API key")
    if actor is None:
        raise Refused(403, "nobody is known to be this user, and the key decides in nobody's name")
    return found[0], gate_of(runtime, *rules.current()), actor


@contextmanager
def _told() -> Iterator[None]:
    """What a person may not, or not now, or not so, as a problem."""
    try:
        yield
    except Halt as fault:
        status = 403 if isinstance(fault, NotAllowed) else 409 if isinstance(fault, NotHolding) else 422
        raise Refused(status, f"{fault.what} – {fault.todo}" if fault.todo else fault.what) from None


def _decision(done: Decided) -> Decision:
    return Decision(hold=_shown(done.order), missing_signatures=done.missing)


def _shown(one: HeldOrder) -> Hold:
    return Hold.model_validate(
        {
            "id": one.id,
            "order": one.order,
            "account": one.account,
            "customer": None if one.customer_id is None else f"customer-{one.customer_id}",
            "amount": major(one.amount, one.currency),
            "currency": one.currency,
            "state": one.state,
            "round": one.round,
            "checkpoint": one.checkpoint,
            "reasons": one.reasons,
            "held_at": one.updated_at,
            "released_by": one.released_by,
            "release_code": one.release_code,
            "released_amount": major(one.released_amount, one.currency),
            "released_until": one.released_until,
        }
    )

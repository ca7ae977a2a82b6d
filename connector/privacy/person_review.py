"""Natural persons: a person confirms or rejects what the policy would decide about a natural person.

Invariant: nobody decides without giving a reason, which is kept with the name and the proposal; what is
confirmed comes into force with the customer's next assessment, and nothing else does.
"""

from __future__ import annotations

from connector.errors import Halt
from connector.runtime import Runtime
from connector.store import person_reviews
from connector.store.customers import touch_customers
from connector.store.person_reviews import CONFIRMED, REJECTED, Review


def listed(runtime: Runtime, *, every: bool = False) -> list[Review]:
    """Proposals that wait, or all, oldest first."""
    with runtime.store.read() as tx:
        return person_reviews.find(tx, state=None if every else person_reviews.PROPOSED)


def confirm(runtime: Runtime, customer_id: int, *, reason: str, actor: str) -> Review:
    """Agree to the proposal about a customer; ``Halt`` when none waits or there is no reason."""
    return _decide(runtime, customer_id, CONFIRMED, reason, actor)


def reject(runtime: Runtime, customer_id: int, *, reason: str, actor: str) -> Review:
    """Refuse the proposal about a customer: what was in force stays. Raises as ``confirm`` does."""
    return _decide(runtime, customer_id, REJECTED, reason, actor)


def _decide(runtime: Runtime, customer_id: int, state: str, reason: str, actor: str) -> Review:
    if not reason.strip():
        raise Halt("a review needs the reviewer's own reason", todo="write one behind --reason")
    with runtime.store.write() as tx:
        found = person_reviews.decide(tx, customer_id, state, reason.strip(), actor, runtime.clock())
        if found is None:
            raise Halt(
                f"nothing about customer {customer_id} waits for a review",
                todo="see 'creditgate customer review list'",
            )
        touch_customers(tx, {customer_id})
    return found

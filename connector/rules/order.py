"""Rules on the order that is being checked.

Invariant: pure, like the assessment: what is known of the order stands beside the customer's last
facts and outcome, and the rules that wait for it are read as all others are.
"""

from __future__ import annotations

from typing import NamedTuple

from connector.policy.catalogue import FACTS
from connector.policy.schema import Policy, StatusRule
from connector.rules.compile import compiled
from connector.rules.conditions import acting, tell
from connector.rules.outcome import Assessment, Reason
from connector.rules.snapshot import Snapshot, Unknown, Value

NOT_ASKED = Unknown("not_asked")
NO_RATE = Unknown("no_rate")


class OrderAsked(NamedTuple):
    """The order: its whole amount in minor units of the policy's currency (``None``: no rate), its payment
    terms in days (``None``: not named), and the step that it is about to take."""

    amount: int | None
    terms_days: int | None
    checkpoint: str


def asks_of_orders(policy: Policy) -> bool:
    """Whether any rule of the policy waits for the order check."""
    return any(_on_order(rule) for rule in policy.status.rules)


def _on_order(rule: StatusRule) -> bool:
    return any(
        condition.fact in FACTS and FACTS[condition.fact].source == "order"
        for clause in (rule, *rule.except_)
        for condition in (*clause.all, *clause.any)
    )


def order_reasons(
    policy: Policy, snapshot: Snapshot, assessment: Assessment, order: OrderAsked
) -> list[Reason]:
    """What the policy's rules on orders say of this one; ``Halt`` if the policy has lint errors."""
    rules = compiled(policy)
    values = {**snapshot.values, **_found(assessment), **_asked(assessment, order)}
    acts = acting(rules.order_rules, values, "status", [])
    return [tell(rule, values, rules.currency) for rule in acts]


def _asked(assessment: Assessment, order: OrderAsked) -> dict[str, Value]:
    days = order.terms_days
    return {
        "order_amount": NO_RATE if order.amount is None else order.amount,
        "order_terms_days": NOT_ASKED if days is None else days,
        "order_terms_excess": NOT_ASKED if days is None else days - assessment.terms_days,
        "checkpoint": order.checkpoint,
    }


def _found(assessment: Assessment) -> dict[str, Value]:
    """The facts of the outcome, as the assessment keeps them."""
    none = Unknown("unlimited" if assessment.limit_state == "unlimited" else "no_limit")
    return {
        "score": Unknown("no_score") if assessment.score is None else assessment.score,
        "risk_class": assessment.risk_class,
        "limit": none if assessment.limit is None else assessment.limit,
        "available": none if assessment.available is None else assessment.available,
        "utilisation": none if assessment.utilisation is None else assessment.utilisation,
        "dunning_level": assessment.dunning_level,
        "segment": assessment.segment,
    }

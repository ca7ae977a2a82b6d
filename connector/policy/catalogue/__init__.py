"""The catalogue of facts: every fact that a policy may name, with its meaning, unit and formula.

Invariant: names are unique and never change their meaning. A new fact is one entry in its family
here and one value in the module of ``connector.rules`` that computes the family.
"""

from __future__ import annotations

from connector.policy.catalogue.advice import ADVICE
from connector.policy.catalogue.agency import AGENCY
from connector.policy.catalogue.exposure import EXPOSURE, STAGES
from connector.policy.catalogue.financial import FINANCIAL, TRENDS
from connector.policy.catalogue.order import ORDER
from connector.policy.catalogue.outcome import OUTCOME
from connector.policy.catalogue.payment import PAYMENT, WINDOWS
from connector.policy.catalogue.profile import PROFILE
from connector.policy.catalogue.relation import RELATION
from connector.policy.catalogue.spec import DECIMAL, WHOLE, FactSpec

FAMILIES: dict[str, tuple[FactSpec, ...]] = {
    "financial": FINANCIAL,
    "payment": PAYMENT,
    "relation": RELATION,
    "agency": AGENCY,
    "advice": ADVICE,
    "exposure": EXPOSURE,
    "profile": PROFILE,
    "order": ORDER,
    "outcome": OUTCOME,
}

FACTS: dict[str, FactSpec] = {spec.name: spec for family in FAMILIES.values() for spec in family}

# Facts that count the days since something. They change every day by themselves and are watched only
# as far as a policy has a bound on them; no reason tells them unless its own text asks for it.
DAYS_SINCE: tuple[str, ...] = (
    "agency_score_age_days",
    "statement_age_days",
    "days_since_order",
    "days_since_payment",
)
COUNTING: frozenset[str] = frozenset({*DAYS_SINCE, "relation_months"})


def names(family: str) -> tuple[str, ...]:
    """Names of the facts of one family, in the catalogue's order."""
    return tuple(spec.name for spec in FAMILIES[family])


__all__ = [
    "COUNTING",
    "DAYS_SINCE",
    "DECIMAL",
    "FACTS",
    "FAMILIES",
    "STAGES",
    "TRENDS",
    "WHOLE",
    "WINDOWS",
    "FactSpec",
    "names",
]

"""The catalogue of facts: every fact that a policy may name, with its meaning, unit and formula.

Invariant: names are unique and never change their meaning. A new fact is one entry in its family
here and one value in the module of ``connector.rules`` that computes the family.
"""

from __future__ import annotations

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
    "exposure": EXPOSURE,
    "profile": PROFILE,
    "order": ORDER,
    "outcome": OUTCOME,
}

FACTS: dict[str, FactSpec] = {spec.name: spec for family in FAMILIES.values() for spec in family}


def names(family: str) -> tuple[str, ...]:
    """Names of the facts of one family, in the catalogue's order."""
    return tuple(spec.name for spec in FAMILIES[family])


__all__ = [
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

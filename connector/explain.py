"""Explain and replay: the account of an assessment.

Invariant: what is told comes from the facts and the outcome that the assessment kept, never from what is
known today.
"""

from __future__ import annotations

from connector.errors import Halt
from connector.policy.load import load as load_policy
from connector.rules.evaluate import evaluate
from connector.rules.explain import explain as tell
from connector.rules.outcome import assessment_json
from connector.store import assessments
from connector.store.assessments import Kept
from connector.store.engine import Store


def latest(store: Store, customer_id: int) -> Kept:
    """The last assessment of a customer; ``Halt`` when there is none."""
    with store.read() as tx:
        kept = assessments.latest(tx, customer_id)
    if kept is None:
        raise Halt(f"customer {customer_id} was never assessed", todo="run 'creditgate assess'")
    return kept


def lines(kept: Kept, language: str) -> list[str]:
    """The steps from raw value to limit and status, in plain words."""
    return tell(kept.assessment, kept.snapshot, language)


def replay(store: Store, assessment_id: int) -> bool:
    """Evaluate the facts that an assessment kept under the policy that it was made with; whether the
    result is the same, byte for byte. ``Halt`` when it or its policy is not in the store."""
    with store.read() as tx:
        kept = assessments.get(tx, assessment_id)
        content = assessments.policy_content(tx, kept.policy_hash) if kept else None
    if kept is None or not content:
        raise Halt(
            f"there is no assessment {assessment_id}" if kept is None else "its policy was not kept",
            todo="see the numbers in 'creditgate customer show ID'",
        )
    policy = load_policy(content, f"policy {kept.policy_hash[:12]}")
    return assessment_json(evaluate(policy, kept.snapshot)) == kept.outcome

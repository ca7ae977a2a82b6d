"""From facts to an assessment, the quick way.

Invariant: what comes out equals what ``interpret`` says, step by step and byte by byte; a pure function
of policy and snapshot, which reads no clock, no store and no rates.
"""

from __future__ import annotations

from connector.policy.schema import Policy
from connector.rules.compile import compiled
from connector.rules.interpret import rules_for
from connector.rules.outcome import Assessment
from connector.rules.program import Compiled
from connector.rules.snapshot import Snapshot
from connector.rules.straight import Run, straight

_CACHE: dict[str, tuple[Compiled, dict[str, Run]]] = {}
_CACHE_SIZE = 64


def evaluate(policy: Policy, snapshot: Snapshot) -> Assessment:
    """What follows from ``snapshot`` by ``policy``; ``Halt`` if the policy has lint errors."""
    kept = _CACHE.get(policy.hash) or _made(policy)
    rules, runs = kept
    if rules.segments:
        rules = rules_for(rules, snapshot.values)
    return runs[rules.segment](snapshot)


def _made(policy: Policy) -> tuple[Compiled, dict[str, Run]]:
    """The program of a policy, and its function for everybody and for each segment."""
    rules = compiled(policy)
    runs = {group.name: straight(group.rules) for group in rules.segments}
    runs[rules.segment] = straight(rules)
    if len(_CACHE) >= _CACHE_SIZE:
        _CACHE.clear()
    _CACHE[policy.hash] = rules, runs
    return rules, runs

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

_CACHE: dict[str, Run] = {}
_CACHE_SIZE = 64


def evaluate(policy: Policy, snapshot: Snapshot) -> Assessment:
    """What follows from ``snapshot`` by ``policy``; ``Halt`` if the policy has lint errors."""
    run = _CACHE.get(policy.hash) or _made(policy)
    return run(snapshot)


def _made(policy: Policy) -> Run:
    """The function of a policy; if it has segments, one that goes to that of the customer's."""
    rules = compiled(policy)
    run = _by_segment(rules) if rules.segments else straight(rules)
    if len(_CACHE) >= _CACHE_SIZE:
        _CACHE.clear()
    _CACHE[policy.hash] = run
    return run


def _by_segment(rules: Compiled) -> Run:
    runs = {group.name: straight(group.rules) for group in rules.segments}
    runs[rules.segment] = straight(rules)
    return lambda snapshot: runs[rules_for(rules, snapshot.values).segment](snapshot)

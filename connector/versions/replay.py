"""Replay: the same facts under the same policy, once more.

Invariant: nothing but what the assessment kept plays a part, and nothing is stored. Equal means equal
bytes; where they differ, every differing part is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from connector.errors import Halt
from connector.explain import policy_of
from connector.rules.evaluate import evaluate
from connector.rules.outcome import assessment_json
from connector.store import assessments
from connector.store.engine import Store

_ABSENT = "(absent)"


class Difference(NamedTuple):
    """One part of the outcome: where it stands, what was kept, what comes out now."""

    where: str
    kept: Any
    now: Any


def replay(store: Store, assessment_id: int) -> list[Difference]:
    """Evaluate the facts that an assessment kept under the policy that it was made with; the differences
    to what it kept, none if the bytes are the same. ``Halt`` when it or its policy is not in the store."""
    with store.read() as tx:
        kept = assessments.get(tx, assessment_id)
    if kept is None:
        raise Halt(
            f"there is no assessment {assessment_id}",
            todo="see the numbers in 'creditgate customer show ID'",
        )
    now = assessment_json(evaluate(policy_of(store, kept), kept.snapshot))
    if now == kept.outcome:
        return []
    found = list(_differences(orjson.loads(kept.outcome), orjson.loads(now), ""))
    return found or [Difference("(form)", len(kept.outcome), len(now))]


def _differences(kept: Any, now: Any, where: str) -> Iterator[Difference]:
    if kept == now and type(kept) is type(now):
        return
    if isinstance(kept, dict) and isinstance(now, dict):
        for key in sorted(kept.keys() | now.keys()):
            at = f"{where}.{key}" if where else str(key)
            yield from _differences(kept.get(key, _ABSENT), now.get(key, _ABSENT), at)
    elif isinstance(kept, list) and isinstance(now, list):
        for index in range(max(len(kept), len(now))):
            one = kept[index] if index < len(kept) else _ABSENT
            other = now[index] if index < len(now) else _ABSENT
            yield from _differences(one, other, f"{where}[{index}]")
    else:
        yield Difference(where, kept, now)

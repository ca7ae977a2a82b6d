"""Rules made of conditions: knock-outs, the overdue ladder, and every other status rule.

Invariant: three-valued. A condition on an unknown fact is neither true nor false; a rule that hangs
on it is reported as untested and acts only if the policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.rules.compile import Rule, Test
from connector.rules.outcome import Params, Reason, Step, plain
from connector.rules.snapshot import Unknown, Value


def applies(rule: Rule, values: Mapping[str, Value], kind: str, steps: list[Step]) -> bool:
    """Whether the rule acts; a step of ``kind`` tells if it could not be tested."""
    verdict = _verdict(rule, values)
    if verdict is not None:
        return verdict
    tests = (*rule.all, *rule.any)
    missing = [t.fact for t in tests if isinstance(values[t.fact], Unknown)]
    acts = rule.act_on_unknown
    params: Params = {**rule.texts, "code": rule.reason, "fact": missing[0], "why": plain(values[missing[0]])}
    steps.append(Step(kind, "rule_untested_acts" if acts else "rule_untested", params))
    return acts


def _verdict(rule: Rule, values: Mapping[str, Value]) -> bool | None:
    verdict: bool | None = True
    for test in rule.all:
        one = _holds(test, values[test.fact])
        if one is False:
            return False
        if one is None:
            verdict = None
    if not rule.any:
        return verdict
    found: bool | None = False
    for test in rule.any:
        one = _holds(test, values[test.fact])
        if one:
            return verdict
        if one is None:
            found = None
    return found


def _holds(test: Test, value: Value) -> bool | None:
    unknown = isinstance(value, Unknown)
    if test.compare is None:
        return unknown is not test.wants_known
    return None if unknown else test.compare(value, test.value)


def tell(rule: Rule, values: Mapping[str, Value], currency: str) -> Reason:
    """The reason that a rule gives, with the facts that its text tells and those it tested."""
    params: Params = {"status": rule.status, "currency": currency, **rule.texts}
    for name in rule.shows:
        value = values.get(name)
        params[name] = None if isinstance(value, Unknown) else plain(value)
    return Reason(rule.reason, params)

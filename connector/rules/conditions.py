"""Rules made of conditions: knock-outs, the overdue ladder, and every other status rule.

Invariant: three-valued. A condition on an unknown fact is neither true nor false; a rule that hangs
on it is reported as untested and acts only if the policy says so. An exclusion spares only those for
whom it is known to hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from connector.rules.outcome import Params, Reason, Step, plain
from connector.rules.program import Reach, Rule, Spared, Test
from connector.rules.snapshot import Unknown, Value


def acting(rules: tuple[Rule, ...], values: Mapping[str, Value], kind: str, steps: list[Step]) -> list[Rule]:
    """The rules that act, in order; steps of ``kind`` tell which ones could not be tested, and which
    an exclusion lifted. An exclusion that lifts everything leaves none."""
    found: list[Rule] = []
    for rule in rules:
        if rule.reach is not None and not _reaches(rule.reach, values):
            continue
        blank: str | None = None
        for fact, compare, bound, wants_known in rule.all:
            value = values[fact]
            if compare is None:
                if (type(value) is Unknown) is wants_known:
                    break
            elif type(value) is Unknown:
                blank = blank or fact
            elif not compare(value, bound):
                break
        else:
            if rule.any:
                verdict, missing = _any(rule.any, values)
                if verdict is False:
                    continue
                blank = blank or missing
            if blank is not None:
                steps.append(untested(rule, kind, blank, _why(values[blank])))
                if not rule.act_on_unknown:
                    continue
            lifts = next((one for one in rule.spared if _spares(one, values)), None)
            if lifts is None:
                found.append(rule)
            elif lifts.everything:
                steps.append(_lifted(rule, kind, "rules_lifted"))
                return []
            else:
                steps.append(_lifted(rule, kind, "rule_lifted"))
    return found


def holds(all_of: tuple[Test, ...], any_of: tuple[Test, ...], values: Mapping[str, Value]) -> bool | None:
    """Whether all of the one and one of the other hold; ``None`` if that is not known."""
    known = True
    for test in all_of:
        verdict, _ = _any((test,), values)
        if verdict is False:
            return False
        known = known and verdict is True
    if any_of:
        verdict, _ = _any(any_of, values)
        if verdict is False:
            return False
        known = known and verdict is True
    return True if known else None


def _any(tests: tuple[Test, ...], values: Mapping[str, Value]) -> tuple[bool | None, str | None]:
    """Whether one of the tests holds; if that is not known, the fact that is missing."""
    missing: str | None = None
    for fact, compare, bound, wants_known in tests:
        value = values[fact]
        unknown = type(value) is Unknown
        if compare is None:
            if unknown is not wants_known:
                return True, None
        elif unknown:
            missing = missing or fact
        elif compare(value, bound):
            return True, None
    return (False, None) if missing is None else (None, missing)


def _reaches(reach: Reach, values: Mapping[str, Value]) -> bool:
    return (
        values["customer"] in reach.customers
        or values["group"] in reach.groups
        or values.get("segment") in reach.segments
    )


def _spares(one: Spared, values: Mapping[str, Value]) -> bool:
    if one.reach is not None and not _reaches(one.reach, values):
        return False
    return holds(one.all, one.any, values) is True


def _why(value: Value) -> str:
    return value.reason if isinstance(value, Unknown) else ""


@lru_cache(maxsize=4096)
def untested(rule: Rule, kind: str, fact: str, why: str) -> Step:
    """A rule that could not be tested, for want of a fact."""
    code = "rule_untested_acts" if rule.act_on_unknown else "rule_untested"
    return Step(kind, code, {"code": rule.reason, "fact": fact, "why": why})


@lru_cache(maxsize=4096)
def _lifted(rule: Rule, kind: str, code: str) -> Step:
    return Step(kind, code, {"code": rule.reason})


def tell(rule: Rule, values: Mapping[str, Value], currency: str) -> Reason:
    """The reason that a rule gives, with the facts that its text tells and those it tested."""
    params: Params = {"status": rule.status, "currency": currency, **rule.texts}
    for name in rule.shows:
        value = values.get(name)
        params[name] = None if isinstance(value, Unknown) else plain(value)
    return Reason(rule.reason, params)

"""Rules made of conditions: knock-outs, the overdue ladder, and every other status rule.

Invariant: three-valued. A condition on an unknown fact is neither true nor false; a rule that hangs
on it is reported as untested and acts only if the policy says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from connector.rules.compile import Rule, Test
from connector.rules.outcome import Params, Reason, Step, plain
from connector.rules.snapshot import Unknown, Value


def acting(
    rules: tuple[Rule, ...], values: Mapping[str, Value], kind: str, steps: list[Step]
) -> Iterator[Rule]:
    """The rules that act, in order; a step of ``kind`` tells which ones could not be tested."""
    for rule in rules:
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
                steps.append(_untested(rule, kind, blank, _why(values[blank])))
            if blank is None or rule.act_on_unknown:
                yield rule


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


def _why(value: Value) -> str:
    return value.reason if isinstance(value, Unknown) else ""


@lru_cache(maxsize=4096)
def _untested(rule: Rule, kind: str, fact: str, why: str) -> Step:
    code = "rule_untested_acts" if rule.act_on_unknown else "rule_untested"
    return Step(kind, code, {"code": rule.reason, "fact": fact, "why": why})


def tell(rule: Rule, values: Mapping[str, Value], currency: str) -> Reason:
    """The reason that a rule gives, with the facts that its text tells and those it tested."""
    params: Params = {"status": rule.status, "currency": currency, **rule.texts}
    for name in rule.shows:
        value = values.get(name)
        params[name] = None if isinstance(value, Unknown) else plain(value)
    return Reason(rule.reason, params)

"""What is wrong with the rules of a policy: knock-outs, status rules, their exclusions, segments.

Invariant: without error findings every condition can be read, every rule, exclusion and segment can
act, and every text can be told.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.locale import has_text, placeholders
from connector.policy.catalogue import FACTS
from connector.policy.findings import Finding, finding, unknown_fact
from connector.policy.lint_rules import implies, may_act, misread
from connector.policy.schema import (
    Clause,
    Conditions,
    Exclusion,
    KnockOut,
    Path,
    Policy,
    Scope,
    Segment,
    StatusRule,
)


def rules(policy: Policy) -> Iterator[Finding]:
    """Conditions on known facts, with a text for people, that can come true."""
    for index, out in enumerate(policy.knock_outs):
        yield from _rule(policy, ("knock_outs", index), out, after=False)
    for index, rule in enumerate(policy.status.rules):
        path: Path = ("status", "rules", index)
        sound = True
        for fault in _rule(policy, path, rule, after=True):
            sound = sound and fault.severity != "error"
            yield fault
        yield from _scope(policy, (*path, "scope"), rule.scope)
        for number, spared in enumerate(rule.except_):
            yield from _exclusion(policy, (*path, "except", number), rule, spared, sound)


def segments(policy: Policy) -> Iterator[Finding]:
    """Each with a name of its own and conditions that can come true, and none hidden by one before."""
    sound: list[Segment] = []
    names: set[str] = {"default"}
    for index, segment in enumerate(policy.segments):
        path: Path = ("segments", index)
        if segment.name in names:
            yield finding(
                policy,
                (*path, "name"),
                "segment_twice",
                f"there is a segment {segment.name} already",
                "give it another name",
            )
        names.add(segment.name)
        readable = True
        for fault in _readable(policy, path, segment, after=False):
            readable = False
            yield fault
        if not segment.all and not segment.any:
            yield finding(
                policy,
                path,
                "segment_empty",
                f"segment {segment.name} has no condition: nobody would be left for those behind it",
                "add `all:` or `any:`, or change the policy itself",
            )
        elif readable and not may_act(policy.currency, segment):
            yield finding(
                policy,
                path,
                "segment_unreachable",
                f"nobody can be in segment {segment.name}: its conditions exclude each other",
                "correct the values or remove the segment",
            )
        elif readable:
            hidden = next((one for one in sound if implies(segment, one, policy.currency)), None)
            if hidden is not None:
                yield finding(
                    policy,
                    path,
                    "segment_unreachable",
                    f"whoever fits segment {segment.name} is in {hidden.name}, which stands before it",
                    f"put {segment.name} before {hidden.name}",
                )
            sound.append(segment)


def _rule(policy: Policy, path: Path, rule: Conditions, *, after: bool) -> Iterator[Finding]:
    sound = True
    for fault in _readable(policy, path, rule, after=after):
        sound = False
        yield fault
    if not rule.all and not rule.any:
        yield finding(
            policy,
            path,
            "rule_empty",
            f"rule `{rule.reason}` has no condition",
            "add `all:` or `any:` with at least one condition",
        )
    elif sound and not may_act(policy.currency, rule):
        yield finding(
            policy,
            path,
            "rule_never_acts",
            f"rule `{rule.reason}` can never act: its conditions exclude each other or lie "
            "outside what the facts can be",
            "correct the values or remove the rule",
        )
    if not has_text(rule.reason) and not rule.say:
        yield finding(
            policy,
            (*path, "reason"),
            "reason_without_text",
            f"there is no text for reason `{rule.reason}`",
            "add `say: {zh: …, en: …}` or use a reason that has a text",
        )
    yield from _own_text(policy, path, rule)


def _readable(policy: Policy, path: Path, clause: Clause, *, after: bool) -> Iterator[Finding]:
    """What keeps a condition from being read."""
    for key in ("all", "any"):
        for index, condition in enumerate(getattr(clause, key)):
            here = (*path, key, index)
            if condition.fact not in FACTS:
                yield unknown_fact(policy, (*here, "fact"), condition.fact)
                continue
            fault = misread(condition, policy.currency, after_scoring=after)
            if fault is not None:
                yield finding(policy, here, *fault)


def _scope(policy: Policy, path: Path, scope: Scope) -> Iterator[Finding]:
    known = {"default", *(segment.name for segment in policy.segments)}
    for name in scope.segments:
        if name not in known:
            yield finding(
                policy,
                (*path, "segments"),
                "unknown_segment",
                f"there is no segment {name}",
                f"write one of {', '.join(sorted(known))}",
            )


def _exclusion(
    policy: Policy, path: Path, rule: StatusRule, spared: Exclusion, sound: bool
) -> Iterator[Finding]:
    """An exclusion that can act, and does not always."""
    yield from _scope(policy, (*path, "scope"), spared.scope)
    faults = list(_readable(policy, path, spared, after=True))
    yield from faults
    if faults or not sound:
        return
    if _apart(rule.scope, spared.scope) or not may_act(policy.currency, rule, spared):
        yield finding(
            policy,
            path,
            "exclusion_never_acts",
            f"this exclusion of `{rule.reason}` can never act: nobody whom the rule concerns fits it",
            "correct its scope or conditions, or remove it",
        )
    elif _inside(rule.scope, spared.scope) and implies(rule, spared, policy.currency):
        yield finding(
            policy,
            path,
            "rule_always_lifted",
            f"this exclusion lifts `{rule.reason}` for everybody whom it concerns",
            "narrow its scope or add conditions, or remove the rule",
        )


def _apart(one: Scope, other: Scope) -> bool:
    """Whether nobody is in both: each names one kind alone, the same, and no common member."""
    kinds = [
        [kind for kind in ("customers", "groups", "segments") if getattr(scope, kind)]
        for scope in (one, other)
    ]
    if len(kinds[0]) != 1 or kinds[0] != kinds[1]:
        return False
    return set(getattr(one, kinds[0][0])).isdisjoint(getattr(other, kinds[0][0]))


def _inside(one: Scope, other: Scope) -> bool:
    """Whether everybody in ``one`` is in ``other``."""
    if other == Scope():
        return True
    return one != Scope() and all(
        set(getattr(one, kind)) <= set(getattr(other, kind)) for kind in ("customers", "groups", "segments")
    )


def shadowed(policy: Policy) -> Iterator[Finding]:
    """Rules that never change anything, because another one acts whenever they do."""
    ranks = {item.name: rank for rank, item in enumerate(policy.classes)}
    outs = policy.knock_outs
    for index, out in enumerate(outs):
        for other in (one for one in outs if one is not out):
            worse = ranks.get(other.risk_class, -1) >= ranks.get(out.risk_class, -1) and _severe(other, out)
            if worse and _hides(policy, other, out, later=outs.index(other) > index):
                yield _shadow(policy, ("knock_outs", index), out, other, "the class or the status")
                break
    found = policy.status.rules
    for index, rule in enumerate(found):
        for at, by in enumerate(found):
            if at == index or by.except_ or not _inside(rule.scope, by.scope) or not _severe(by, rule):
                continue
            if _hides(policy, by, rule, later=at > index):
                yield _shadow(policy, ("status", "rules", index), rule, by, "the status")
                break


_SEVERITY = {"ok": 0, "watch": 1, "hold": 2, "stop": 3}


def _severe(one: KnockOut | StatusRule, other: KnockOut | StatusRule) -> bool:
    return _SEVERITY[one.status] >= _SEVERITY[other.status]


def _hides(policy: Policy, by: Conditions, rule: Conditions, *, later: bool) -> bool:
    """Whether ``by`` acts whenever ``rule`` does. Of two that are alike the later one is hidden."""
    if rule.when_unknown == "act" or not _sound(policy, by) or not _sound(policy, rule):
        return False
    if not implies(rule, by, policy.currency):
        return False
    alike = implies(by, rule, policy.currency) and by.reason == rule.reason
    return not (alike and later)


def _sound(policy: Policy, rule: Conditions) -> bool:
    """Whether the rule has conditions that can be read and come true."""
    readable = not list(_readable(policy, (), rule, after=True))
    return readable and bool(rule.all or rule.any) and may_act(policy.currency, rule)


def _shadow(policy: Policy, path: Path, rule: Conditions, by: Conditions, what: str) -> Finding:
    return finding(
        policy,
        path,
        "rule_shadowed",
        f"rule `{rule.reason}` never changes {what}: `{by.reason}` acts whenever it does",
        "make it more severe, narrow the other one, or remove it",
        "warning",
    )


def _own_text(policy: Policy, path: Path, rule: Conditions) -> Iterator[Finding]:
    """A policy's own text of a reason, in both languages, showing facts alone."""
    if rule.say and set(rule.say) != {"zh", "en"}:
        yield finding(
            policy,
            (*path, "say"),
            "text_missing",
            f"`say` of `{rule.reason}` lacks a language",
            "write both `zh` and `en`",
        )
    for tongue, text in (rule.say or {}).items():
        try:
            strange = placeholders(text) - FACTS.keys()
        except ValueError:
            strange = frozenset({"a stray brace"})
        if strange:
            yield finding(
                policy,
                (*path, "say", tongue),
                "text_broken",
                f"the text shows {', '.join(sorted(strange))}",
                "show facts alone, such as {overdue_days_max} or {overdue_amount:money}",
            )

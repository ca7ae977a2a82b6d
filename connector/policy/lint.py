"""What is wrong with a well-formed policy.

Invariant: a policy without error findings can be evaluated for every customer: each known value of
a data point falls in exactly one bin, each score in exactly one class. Warnings are for people.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from connector.locale import has_text, placeholders
from connector.policy.catalogue import FACTS
from connector.policy.findings import Finding, finding, shown, unknown_fact
from connector.policy.lint_rules import may_act, misread
from connector.policy.lint_score import bins, weights
from connector.policy.ranges import Range, faults
from connector.policy.schema import Conditions, Path, Policy, RiskClass


def lint(policy: Policy) -> list[Finding]:
    """All findings, by line. Those of severity ``error`` keep the policy from being used."""
    parts = (weights, bins, _classes, _class_names, _rules, _limit)
    return sorted(found for part in parts for found in part(policy))


def _classes(policy: Policy) -> Iterator[Finding]:
    """Every score from 0 to 100 in exactly one class; better classes not worse off."""
    ranges = [Range(c.from_, c.below, index) for index, c in enumerate(policy.classes)]
    found = False
    for fault in faults(ranges, 0, 100):
        found = True
        item = policy.classes[fault.at]
        yield finding(
            policy,
            ("classes", fault.at),
            f"class_{fault.kind}",
            f"class {item.name} ({shown(item.from_, item.below)}) {fault.what}",
            fault.todo,
        )
    if found:
        return
    for index, (better, worse) in enumerate(zip(policy.classes, policy.classes[1:], strict=False)):
        if (better.from_ or 0) < (worse.from_ or 0):
            yield finding(
                policy,
                ("classes", index + 1),
                "class_order",
                f"class {worse.name} has higher scores than {better.name}, which stands before it",
                "list the classes from best to worst",
            )
        elif any(_of(better, key) < _of(worse, key) for key in ("factor", "cap", "terms_days")):
            yield finding(
                policy,
                ("classes", index + 1),
                "class_not_monotone",
                f"class {worse.name} gets more than {better.name}",
                "let factor, cap and terms_days fall from class to class",
                "warning",
            )
        if better.factor > 1:
            yield finding(
                policy,
                ("classes", index, "factor"),
                "factor_above_one",
                f"class {better.name} may get more than its cap: the factor comes after the cap",
                "write a factor of at most 1",
                "warning",
            )


def _of(item: RiskClass, key: str) -> Decimal:
    return Decimal(getattr(item, key))


def _class_names(policy: Policy) -> Iterator[Finding]:
    """Every class that is named exists, once."""
    known = [item.name for item in policy.classes]
    named: list[tuple[Path, str]] = [
        (("knock_outs", index, "risk_class"), rule.risk_class) for index, rule in enumerate(policy.knock_outs)
    ]
    if policy.limit.new_customer:
        named.append((("limit", "new_customer", "risk_class"), policy.limit.new_customer.risk_class))
    if policy.limit.terms.capacity:
        at: Path = ("limit", "terms", "capacity", "by_class")
        named += [((*at, name), name) for name in policy.limit.terms.capacity.by_class]
    for path, name in named:
        if name not in known:
            todo = f"write one of {', '.join(known)}"
            yield finding(policy, path, "unknown_class", f"there is no class {name}", todo)
    for index, name in enumerate(known):
        if name in known[:index]:
            yield finding(
                policy,
                ("classes", index, "name"),
                "class_twice",
                f"class {name} stands twice",
                "give it another name",
            )


def _rules(policy: Policy) -> Iterator[Finding]:
    """Conditions on known facts, with a text for people, that can come true."""
    rules: list[tuple[Path, Conditions, bool]] = [
        (("knock_outs", index), rule, False) for index, rule in enumerate(policy.knock_outs)
    ]
    rules += [(("status", "rules", index), rule, True) for index, rule in enumerate(policy.status.rules)]
    for path, rule, after in rules:
        sound = True
        for key in ("all", "any"):
            for index, condition in enumerate(getattr(rule, key)):
                here = (*path, key, index)
                if condition.fact not in FACTS:
                    sound = False
                    yield unknown_fact(policy, (*here, "fact"), condition.fact)
                    continue
                fault = misread(condition, policy.currency, after_scoring=after)
                if fault is not None:
                    sound = False
                    yield finding(policy, here, *fault)
        if not rule.all and not rule.any:
            yield finding(
                policy,
                path,
                "rule_empty",
                f"rule `{rule.reason}` has no condition",
                "add `all:` or `any:` with at least one condition",
            )
        elif sound and not may_act(rule, policy.currency):
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


def _limit(policy: Policy) -> Iterator[Finding]:
    """At least one term that says something of the customer."""
    terms = policy.limit.terms
    if not any((terms.need, terms.capacity, terms.net_worth, terms.agency)):
        yield finding(
            policy,
            ("limit", "terms"),
            "limit_without_terms",
            "the limit has no term, so that every customer gets the new-customer limit",
            "add one of need, capacity, net_worth, agency",
        )


__all__ = ["Finding", "lint"]

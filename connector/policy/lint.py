"""What is wrong with a well-formed policy.

Invariant: a policy without error findings can be evaluated for every customer: each known value of
a data point falls in exactly one bin, each score in exactly one class. Warnings are for people.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from connector.policy.findings import Finding, finding, shown
from connector.policy.lint_clauses import rules, segments, shadowed
from connector.policy.lint_dunning import dunning
from connector.policy.lint_ladders import approvals, ladder, sizes, unused, zones
from connector.policy.lint_responsibility import responsibility
from connector.policy.lint_score import bins, weights
from connector.policy.lint_signals import signals
from connector.policy.ranges import Range, faults
from connector.policy.schema import Limit, Path, Policy, RiskClass

_STEPS = (ladder, dunning, sizes, approvals, responsibility, zones, signals, unused)


def lint(policy: Policy) -> list[Finding]:
    """All findings, by line. Those of severity ``error`` keep the policy from being used."""
    parts = (weights, bins, _classes, _class_names, segments, rules, shadowed, _limit, *_STEPS)
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
    for path, limit in _limits(policy):
        if limit.new_customer:
            named.append(((*path, "new_customer", "risk_class"), limit.new_customer.risk_class))
        if limit.terms.capacity:
            at = (*path, "terms", "capacity", "by_class")
            named += [((*at, name), name) for name in limit.terms.capacity.by_class]
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


def _limits(policy: Policy) -> Iterator[tuple[Path, Limit]]:
    """The policy's limit and those of its segments, with where they stand."""
    yield ("limit",), policy.limit
    for index, segment in enumerate(policy.segments):
        if segment.limit is not None:
            yield ("segments", index, "limit"), segment.limit


def _limit(policy: Policy) -> Iterator[Finding]:
    """At least one term that says something of the customer; nobody stands for more than all of it."""
    for path, limit in _limits(policy):
        terms = limit.terms
        known = ("need", "capacity", "net_worth", "agency", "advice", "references")
        if not any(getattr(terms, name) for name in known):
            yield finding(
                policy,
                (*path, "terms"),
                "limit_without_terms",
                "the limit has no term, so that every customer gets the new-customer limit",
                f"add one of {', '.join(known)}",
            )
        for name in ("insured", "guaranteed"):
            if getattr(limit.secured, name) > 1:
                yield finding(
                    policy,
                    (*path, "secured", name),
                    "secured_above_one",
                    f"more than all of what is {name} would count",
                    "write a share of at most 100%",
                    "warning",
                )


__all__ = ["Finding", "lint"]

"""What is wrong with everything that stands in steps: overdue ladder, sizes, approval bands, zones.

Invariant: without error findings every rung, band and zone can be reached, and only one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from connector.locale import has_text
from connector.policy.findings import Finding, finding
from connector.policy.schema import STATUSES, ApprovalBand, Path, Policy


def ladder(policy: Policy) -> Iterator[Finding]:
    """Rungs from mild to severe, each of them reached."""
    at: Path = ("overdue", "ladder", "rungs")
    rungs, grace = policy.overdue.ladder.rungs, policy.overdue.grace_days
    for index, (lower, upper) in enumerate(pairwise(rungs)):
        if upper.days <= lower.days or upper.level <= lower.level:
            yield finding(
                policy,
                (*at, index + 1),
                "rung_order",
                f"level {upper.level} at {upper.days} days does not stand above level {lower.level} at "
                f"{lower.days} days",
                "let days and level rise from rung to rung",
            )
        elif upper.days <= grace + 1:
            yield finding(
                policy,
                (*at, index),
                "rung_unreachable",
                f"level {lower.level} is never reached: within {grace} days of grace nothing is overdue",
                f"remove it or write more than {grace} days for level {upper.level}",
            )
        if STATUSES.index(upper.status) < STATUSES.index(lower.status):
            yield finding(
                policy,
                (*at, index + 1, "status"),
                "rung_not_monotone",
                f"level {upper.level} is milder than level {lower.level}",
                f"write `{lower.status}` or a worse status",
                "warning",
            )
    for index, rung in enumerate(rungs):
        if not has_text(rung.reason):
            yield finding(
                policy,
                (*at, index, "reason"),
                "reason_without_text",
                f"there is no text for reason `{rung.reason}`",
                "use a reason that has a text, or leave it out",
            )


def sizes(policy: Policy) -> Iterator[Finding]:
    """Bands of revenue from large to small, the last one open."""
    bands = policy.sizes
    for index, band in enumerate(bands):
        path: Path = ("sizes", index)
        last = index == len(bands) - 1
        before = bands[index - 1].from_ if index else None
        if band.name in [one.name for one in bands[:index]]:
            yield finding(policy, path, "size_twice", f"size {band.name} stands twice", "rename it")
        if last and band.from_ is not None:
            yield finding(
                policy,
                path,
                "size_gap",
                f"revenues below {band.from_} have no size",
                "add a last size without `from`",
            )
        elif not last and (band.from_ is None or (before is not None and band.from_ >= before)):
            yield finding(
                policy,
                path,
                "size_order",
                f"size {band.name} leaves nothing for the sizes behind it",
                "list the sizes from the largest `from` to the smallest",
            )


def approvals(policy: Policy) -> Iterator[Finding]:
    """Bands that rise, and nothing behind an open one."""
    kinds: list[tuple[str, tuple[ApprovalBand, ...]]] = [
        ("excess", policy.approvals.excess),
        ("limit", policy.approvals.limit),
    ]
    for kind, bands in kinds:
        for index, (lower, upper) in enumerate(pairwise(bands)):
            if lower.up_to is None or (upper.up_to is not None and upper.up_to <= lower.up_to):
                yield finding(
                    policy,
                    ("approvals", kind, index + 1),
                    "approval_unreachable",
                    f"{upper.role} is never asked: {lower.role} decides on as much",
                    "let `up_to` rise from band to band, and leave it out in the last one alone",
                )


def zones(policy: Policy) -> Iterator[Finding]:
    """Distress below safety, in every model."""
    altman = policy.financial.altman
    for name in ("z", "z1", "z2"):
        zone = getattr(altman, name)
        if zone.distress > zone.safe:
            yield finding(
                policy,
                ("financial", "altman", name),
                "zone_order",
                f"distress below {zone.distress} overlaps safe above {zone.safe}",
                "let `distress` be at most `safe`",
            )


def unused(policy: Policy) -> Iterator[Finding]:
    """Settings that change nothing by themselves."""
    named = {
        condition.fact
        for clause in (*policy.knock_outs, *policy.status.rules)
        for condition in (*clause.all, *clause.any)
    }
    listed = policy.blacklist
    if (listed.customers or listed.groups or listed.account_status) and "blacklisted" not in named:
        yield finding(
            policy,
            ("blacklist",),
            "blacklist_unused",
            "the blacklist stops nobody: no rule looks at `blacklisted`",
            "add a knock-out or status rule on `blacklisted`",
            "warning",
        )
    if policy.limit.valid_days is not None and "limit_expired" not in named:
        yield finding(
            policy,
            ("limit", "valid_days"),
            "expiry_unused",
            "a limit that has expired changes nothing: no rule looks at `limit_expired`",
            "add a status rule on `limit_expired`",
            "warning",
        )

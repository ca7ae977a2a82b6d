"""Who may decide on an amount, and whether the limits of a group's members fit in the group's.

Invariant: pure; amounts are minor units of the policy's currency; a band's bound is inclusive.
"""

from __future__ import annotations

from collections.abc import Iterable

from connector.money import to_minor
from connector.policy.schema import ApprovalBand


def approver(bands: Iterable[ApprovalBand], amount: int, currency: str) -> ApprovalBand | None:
    """The first band that holds ``amount``; ``None`` if nobody may decide on so much."""
    for band in bands:
        if band.up_to is None or amount <= to_minor(band.up_to, currency):
            return band
    return None


def beyond_group(members: Iterable[int], group: int) -> int:
    """By how much the limits of the members add up to more than the group's; 0 if they fit."""
    return max(0, sum(members) - group)

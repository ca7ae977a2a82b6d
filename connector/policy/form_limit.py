"""The form of the limit: its terms, its caps, what secures it, and who may grant how much.

Invariant: a term that the file leaves out plays no part; amounts are major units.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from connector.policy.form import Amount, Days, Factor, Name, Part, Positive, Share, Switch


class NeedTerm(Part):
    """Sales of twelve months × ``tax_factor`` × ``peak_factor`` × (terms + ``extra_days``) / 365.

    A customer of less than a year is counted as if it went on as it began, over not less than
    ``annualise_from_months``; ``at_least`` is the least that the term gives, when sales are known.
    """

    weight: Positive = 1
    tax_factor: Factor = Decimal(1)
    peak_factor: Factor = Decimal(1)
    extra_days: Days = 0
    annualise_from_months: Annotated[int, Field(gt=0, le=12, strict=True)] | None = None
    at_least: Amount = Decimal(0)


class CapacityShares(Part):
    """Shares of tangible net worth and of yearly revenue; the smaller known one counts."""

    tangible_net_worth: Share
    revenue: Share


class CapacityTerm(CapacityShares):
    """Capacity by grade: ``by_class`` replaces the shares for the classes it names."""

    weight: Positive = 1
    by_class: dict[str, CapacityShares] = Field(default_factory=dict)


class ShareTerm(Part):
    """A share of one amount (net worth, or what an agency, a consultant or a supplier advises)."""

    weight: Positive = 1
    share: Share


class ConcentrationCap(Part):
    """No customer may take more than ``share`` of ``portfolio``: what all customers together may owe,
    major units. A budget and not the sum of the moment, so that no limit hangs on what others owe."""

    share: Share
    portfolio: Annotated[Amount, Field(gt=0)]


class LimitTerms(Part):
    """The named terms and caps; one that is left out of the file plays no part."""

    need: NeedTerm | None = None
    capacity: CapacityTerm | None = None
    net_worth: ShareTerm | None = None
    agency: ShareTerm | None = None
    advice: ShareTerm | None = None
    references: ShareTerm | None = None
    class_cap: Switch = True
    concentration: ConcentrationCap | None = None


class NewCustomer(Part):
    """What a customer gets of whom too little is known for a limit: ``limit`` within the caps."""

    limit: Amount
    risk_class: str
    terms_days: Days


class Secured(Part):
    """How much of an insured and of a guaranteed amount counts: ``on_top`` of the limit, or ``within``
    it, so that it only says how much of the limit is our own risk."""

    insured: Share = Decimal(0)
    guaranteed: Share = Decimal(0)
    counts: Literal["on_top", "within"] = "on_top"


class Limit(Part):
    """``min`` of the known terms, or their mean by weight (the caps then bound the mean); × class
    factor, rounded down to ``step``.

    ``zero_means`` says how a limit of 0 set by a person or a file is meant; ``valid_days`` after how
    many days a limit set by a person counts as expired (none: never); ``children`` whether limits of
    a group's members may add up to more than the group's.
    """

    combine: Literal["min", "weighted_mean"] = "min"
    step: Annotated[Amount, Field(gt=0)]
    terms: LimitTerms
    new_customer: NewCustomer | None = None
    secured: Secured = Secured()
    zero_means: Literal["none", "unlimited", "missing"] = "none"
    valid_days: Positive | None = None
    children: Literal["free", "within_group"] = "free"


class ApprovalBand(Part):
    """Up to ``up_to`` (major units, inclusive; none: without bound) ``role`` may decide, ``signers`` of
    them together: whoever asks is one of them, so that 2 takes a second person."""

    up_to: Amount | None = None
    role: Name
    signers: Positive = 1


class Approvals(Part):
    """Who may let an order go over the limit (``excess``) and who may set a limit (``limit``): the first
    band that holds the amount. Without bands the policy does not say. A request that nobody decides
    lapses after ``request_days``."""

    excess: tuple[ApprovalBand, ...] = ()
    limit: tuple[ApprovalBand, ...] = ()
    request_days: Positive = 30

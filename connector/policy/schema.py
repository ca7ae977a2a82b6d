"""The form of a policy file.

Invariant: a policy is data. There is no expression language: a condition is a fact, an operator and
a value, and conditions are joined by ``all`` and ``any``. Shares are written ``30%`` or ``0.3``,
amounts in major units of the policy's currency, times in days. Equal content has an equal hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from connector.money import is_currency
from connector.policy.governance import Activation, Approval
from connector.policy.values import canonical, number, share

Path = tuple[str | int, ...]
Status = Literal["ok", "watch", "hold", "stop"]
# Statuses from good to bad: the worst one that applies is the customer's.
STATUSES: tuple[Status, ...] = ("ok", "watch", "hold", "stop")
Operator = Literal["<", "<=", ">", ">=", "==", "!=", "in", "not in", "known", "unknown"]


def _currency(raw: object) -> object:
    if not isinstance(raw, str) or not is_currency(raw):
        raise ValueError("write an ISO 4217 currency, such as CNY")
    return raw


def _timezone(raw: object) -> object:
    try:
        ZoneInfo(str(raw))
    except (KeyError, ValueError, OSError):
        raise ValueError("write a time zone of the tz database, such as Asia/Shanghai") from None
    return raw


Share = Annotated[Decimal, BeforeValidator(share), Field(ge=0)]
Amount = Annotated[Decimal, BeforeValidator(number), Field(ge=0)]
Factor = Annotated[Decimal, BeforeValidator(number), Field(ge=0)]
Days = Annotated[int, Field(ge=0, strict=True)]
Positive = Annotated[int, Field(gt=0, strict=True)]
Points = Annotated[int, Field(ge=0, le=100, strict=True)]
Switch = Annotated[bool, Field(strict=True)]
Texts = dict[Literal["zh", "en"], str]


class Part(BaseModel):
    """Base of every section: frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Bin(Part):
    """One range of a fact, ``from`` inclusive and ``below`` exclusive, or a list of values (``is``);
    without any of them it takes whatever no other bin takes."""

    from_: Any = Field(None, alias="from")
    below: Any = None
    is_: tuple[Any, ...] | None = Field(None, alias="is")
    points: Points


class DataPoint(Part):
    """A fact that earns points. ``unknown`` is what an unknown value earns: never more than the
    worst bin, so that hiding a figure does not pay."""

    fact: str
    weight: Positive
    unknown: Points
    bins: Annotated[tuple[Bin, ...], Field(min_length=2)]


class Scorecard(Part):
    """Score = Σ weight × points / Σ weight, 0…100. No data point may weigh more than ``max_weight``
    of the sum. With less than ``min_known`` of the weight known there is no score: the customer is
    new, not bad."""

    max_weight: Share = Decimal("0.3")
    min_known: Share = Decimal("0.2")
    data_points: tuple[DataPoint, ...]


class RiskClass(Part):
    """A band of scores, ``from`` inclusive and ``below`` exclusive, and what follows from it.

    ``factor`` scales the limit, ``cap`` bounds it; ``terms_days`` are the longest payment terms;
    ``review_days`` and ``visit_days`` are cadences (no ``visit_days``: no regular visits).
    """

    name: Annotated[str, Field(min_length=1, max_length=20)]
    from_: Annotated[Decimal | None, BeforeValidator(number)] = Field(None, alias="from")
    below: Annotated[Decimal | None, BeforeValidator(number)] = None
    factor: Factor = Decimal(1)
    cap: Amount
    terms_days: Days
    review_days: Positive
    visit_days: Positive | None = None


class Condition(Part):
    """``fact`` ``op`` ``value``; ``known`` and ``unknown`` take no value, ``in`` takes a list."""

    fact: str
    op: Operator
    value: Any = None


class Conditions(Part):
    """All of ``all`` and at least one of ``any``. A condition on an unknown fact is neither true nor
    false; a rule that hangs on it acts only if ``when_unknown`` is ``act``, and says so."""

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    when_unknown: Literal["pass", "act"] = "pass"
    say: Texts | None = None


class KnockOut(Conditions):
    """A fact that no score can make good: it sets the class (if that is worse) and the status."""

    risk_class: str
    status: Status = "stop"


class StatusRule(Conditions):
    """A rung of the overdue ladder or any other reason to watch, hold or stop."""

    status: Literal["watch", "hold", "stop"]


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
    by_class: dict[str, CapacityShares] = {}


class ShareTerm(Part):
    """A share of one amount (net worth, or the agency's advice)."""

    weight: Positive = 1
    share: Share


class LimitTerms(Part):
    """The named terms; one that is left out of the file plays no part."""

    need: NeedTerm | None = None
    capacity: CapacityTerm | None = None
    net_worth: ShareTerm | None = None
    agency: ShareTerm | None = None
    class_cap: Switch = True


class NewCustomer(Part):
    """What a customer gets of whom too little is known for a limit: ``limit`` within the class cap."""

    limit: Amount
    risk_class: str
    terms_days: Days


class Limit(Part):
    """``min`` of the known terms, or their mean by weight (the class cap then bounds the mean);
    × class factor, rounded down to ``step``."""

    combine: Literal["min", "weighted_mean"] = "min"
    step: Annotated[Amount, Field(gt=0)]
    terms: LimitTerms
    new_customer: NewCustomer | None = None


class Tolerance(Part):
    """What an order may go over the limit with a warning only: the smaller of those that are set."""

    percent: Share | None = None
    amount: Amount | None = None


class Check(Part):
    """Switches of the order check. ``usable_share`` of the limit may be used."""

    equal_to_limit: Literal["pass", "hold"] = "pass"
    missing_limit: Literal["hold", "allow"] = "hold"
    usable_share: Share = Decimal(1)
    tolerance: Tolerance = Tolerance()


class StageWeights(Part):
    """How much of each stage counts; 100% unless stated."""

    open_orders: Share = Decimal(1)
    delivered: Share = Decimal(1)
    not_due: Share = Decimal(1)
    overdue: Share = Decimal(1)
    disputed: Share = Decimal(1)
    prepayment: Share = Decimal(1)


class ExposureRules(Part):
    """Undelivered orders count if they deliver within ``horizon_days`` (none: all of them)."""

    weights: StageWeights = StageWeights()
    horizon_days: Days | None = 90
    draft_orders: Switch = False
    advances: Literal["cap_at_zero", "allow_negative"] = "cap_at_zero"


class Overdue(Part):
    """An invoice is overdue when more than ``grace_days`` past due, a default at ``default_days``."""

    grace_days: Days = 0
    count_disputed: Switch = False
    default_days: Positive = 90


class Terms(Part):
    """``default_days`` serve where neither invoice nor customer states terms."""

    default_days: Days
    longer_than_class: Literal["watch", "ignore"] = "watch"


class Staleness(Part):
    """After how many days good news is unknown. Bad news stands."""

    statement_days: Days = 550
    report_days: Days = 90
    negatives_days: Days = 30


class Financial(Part):
    """``stability_periods`` yearly statements are needed for revenue stability."""

    stability_periods: Annotated[int, Field(ge=2, strict=True)] = 3


class Visits(Part):
    """Days within which a customer in this status wants a visit; the class cadence also holds."""

    by_status: dict[Status, Positive] = {}


class StatusRules(Part):
    """The rules; all of them are read, every reason is kept, the worst status counts."""

    rules: tuple[StatusRule, ...] = ()


class Policy(Part):
    """A whole policy. ``name`` and ``version`` are for people; ``hash`` identifies the content."""

    name: Annotated[str, Field(alias="policy", pattern=r"^[a-z][a-z0-9_-]*$")]
    version: Positive
    currency: Annotated[str, BeforeValidator(_currency)]
    timezone: Annotated[str, BeforeValidator(_timezone)] = "UTC"
    scorecard: Scorecard
    classes: Annotated[tuple[RiskClass, ...], Field(min_length=2)]
    knock_outs: tuple[KnockOut, ...] = ()
    limit: Limit
    terms: Terms
    exposure: ExposureRules = ExposureRules()
    overdue: Overdue = Overdue()
    check: Check = Check()
    status: StatusRules = StatusRules()
    staleness: Staleness = Staleness()
    financial: Financial = Financial()
    visits: Visits = Visits()
    activation: Activation = Activation()
    approval: Approval = Approval()

    _lines: dict[Path, int] = PrivateAttr(default_factory=dict)
    _file: str = PrivateAttr(default="policy")

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical content, defaults included, comments and order of keys not."""
        content = canonical(self.model_dump(by_alias=True))
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other content; it works out its own hash."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("hash", None)
        return copied

    def line(self, path: Path) -> int:
        """Line (from 1) of the innermost part of ``path`` that stands in the file."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    @property
    def file(self) -> str:
        """Where the text came from, for error messages."""
        return self._file

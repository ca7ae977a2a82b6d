"""The form of what is counted and how it is checked: exposure, overdue, order check, freshness.

Invariant: every question on which credit systems disagree is a switch here, with the careful answer
as its default.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.policy.form import Amount, Days, Name, Number, Part, Positive, Share, Status, Switch, Texts


class Tolerance(Part):
    """What an order may go over the limit with a warning only: the smaller of those that are set."""

    percent: Share | None = None
    amount: Amount | None = None


class Check(Part):
    """Switches of the order check. ``usable_share`` of the limit may be used.

    ``missing_limit`` says what happens without a limit, ``inherit_limit`` whether a group's limit
    makes good for a missing own one; ``parent`` whose limit must hold; ``existing_breach`` whether a
    limit that is exceeded already stops every step or only what asks for more (the invoice of
    delivered goods is never stopped); ``checked_order`` whether the order is taken out of the
    exposure before it is added (``once``), added whatever the exposure holds (``add``), or taken to
    be in the exposure already (``inside``). ``got_past`` what becomes of an order that reached the CRM
    without a check: it is only listed, held if a check would hold it, or held in any case.
    """

    equal_to_limit: Literal["pass", "hold"] = "pass"
    missing_limit: Literal["hold", "allow"] = "hold"
    inherit_limit: Switch = True
    parent: Literal["own_and_group", "own", "group"] = "own_and_group"
    existing_breach: Literal["increase_only", "everything"] = "increase_only"
    checked_order: Literal["once", "add", "inside"] = "once"
    usable_share: Share = Decimal(1)
    tolerance: Tolerance = Tolerance()
    got_past: Literal["list", "check", "hold"] = "list"


class StageWeights(Part):
    """How much of each stage counts; 100% unless stated."""

    open_orders: Share = Decimal(1)
    delivered: Share = Decimal(1)
    not_due: Share = Decimal(1)
    overdue: Share = Decimal(1)
    disputed: Share = Decimal(1)
    bills: Share = Decimal(1)
    prepayment: Share = Decimal(1)


class ExposureRules(Part):
    """What occupies credit. Of the undelivered orders those count that deliver within ``horizon_days``
    (``open_orders: within_horizon``; no ``horizon_days``: no bound), ``all`` of them, or ``none``."""

    weights: StageWeights = StageWeights()
    open_orders: Literal["within_horizon", "all", "none"] = "within_horizon"
    horizon_days: Days | None = 90
    draft_orders: Switch = False
    draft_invoices: Switch = False
    advances: Literal["cap_at_zero", "allow_negative"] = "cap_at_zero"


class Interest(Part):
    """Interest on late payment: a yearly ``rate`` on what is overdue for more than ``free_days``."""

    rate: Share
    year_days: Annotated[int, Field(ge=360, le=366, strict=True)] = 365
    free_days: Days = 0


class Rung(Part):
    """A rung of the overdue ladder: reached when the oldest overdue invoice is ``days`` past due."""

    level: Positive
    days: Days
    status: Status = "ok"
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] = "overdue_rung"


class Ladder(Part):
    """The rungs from mild to severe; the highest that is reached counts. What is overdue up to
    ``min_amount`` (major units) reaches none."""

    min_amount: Amount = Decimal(0)
    rungs: tuple[Rung, ...] = ()


class Overdue(Part):
    """An invoice is overdue when more than ``grace_days`` past due, a default at ``default_days``.
    ``early`` says whether early payment makes up for late payment in the days beyond terms."""

    grace_days: Days = 0
    count_disputed: Switch = False
    default_days: Positive = 90
    early: Literal["negative", "zero"] = "negative"
    interest: Interest | None = None
    ladder: Ladder = Ladder()


class Terms(Part):
    """``default_days`` serve where neither invoice nor customer states terms."""

    default_days: Days
    longer_than_class: Literal["watch", "ignore"] = "watch"


class Staleness(Part):
    """After how many days good news is unknown. Bad news stands."""

    statement_days: Days = 550
    report_days: Days = 90
    negatives_days: Days = 30
    advice_days: Days = 365


class Zones(Part):
    """Distress below ``distress``, safe above ``safe``, grey between."""

    distress: Number
    safe: Number


class Altman(Part):
    """Zones of the three models, Z″'s weight of working capital and its added constant (sources
    disagree on both), and the industries that tell the kind of firm, as the CRM writes them."""

    z: Zones = Zones(distress=Decimal("1.81"), safe=Decimal("2.99"))
    z1: Zones = Zones(distress=Decimal("1.23"), safe=Decimal("2.9"))
    z2: Zones = Zones(distress=Decimal("1.1"), safe=Decimal("2.6"))
    z2_working_capital: Number = Decimal("6.56")
    z2_constant: Number = Decimal(0)
    manufacturing: tuple[Name, ...] = ("manufacturing", "制造业")
    not_rated: tuple[Name, ...] = ("banking", "insurance", "银行业", "保险业")


class Financial(Part):
    """``stability_periods`` yearly statements are needed for revenue stability."""

    stability_periods: Annotated[int, Field(ge=2, strict=True)] = 3
    altman: Altman = Altman()


class Value(Part):
    """From this exposure on (major units of the policy's currency) the cadence of the class is taken
    ``factor`` times: 0.5 makes visits twice as frequent."""

    exposure_from: Amount
    factor: Annotated[Share, Field(gt=0)]


class Visits(Part):
    """Days within which a customer in this status wants a visit; the class cadence also holds.

    ``by_value`` shortens the class cadence of large exposures; the largest that is reached counts.
    ``per_week`` is how many visits a sales rep makes in a week (Monday to Sunday) at most, ``None`` sets no
    bound. A visit that is still open ``missed_after_days`` days after its day counts as missed. A signal that
    asks for a visit gets one within ``signal_days``.
    """

    by_status: dict[Status, Positive] = Field(default_factory=dict)
    by_value: tuple[Value, ...] = ()
    per_week: Positive | None = None
    missed_after_days: Positive = 7
    signal_days: Positive = 10


# Items of a review's checklist that have words of their own, and whether they are required.
STANDARD_ITEMS = {
    "statements": True,
    "agency_report": True,
    "payment_record": True,
    "disputes": True,
    "group": True,
    "securities": False,
    "visit": False,
}


class CheckItem(Part):
    """One thing to look at in a review. ``say`` are its words; an item of the standard checklist has some
    without. Only what is not ``required`` may be left open when the review is recommended."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    say: Annotated[Texts, Field(min_length=1)] | None = None
    required: Switch = True

    @model_validator(mode="after")
    def _has_words(self) -> CheckItem:
        if self.say is None and self.key not in STANDARD_ITEMS:
            raise ValueError(f"{self.key} is no standard item: give it words, say: {{zh: …, en: …}}")
        return self


class Reviews(Part):
    """Days from the last review to the next one in this status (``by_status``); the class cadence also holds.

    The calendar opens a review ``open_days`` before it is due; one that an event or a person opens is due
    after ``decide_days``. An overdue one is told at once, and goes to ``escalate_to`` after
    ``escalate_days``. With ``ask_for_statements`` a task asks the customer for financial statements that are
    missing or out of date.
    """

    by_status: dict[Status, Positive] = Field(default_factory=dict)
    open_days: Days = 14
    decide_days: Positive = 14
    escalate_days: Days = 14
    escalate_to: Literal["approver", "controller"] = "controller"
    ask_for_statements: Switch = True
    checklist: Annotated[tuple[CheckItem, ...], Field(min_length=1)] = tuple(
        CheckItem(key=key, required=required) for key, required in STANDARD_ITEMS.items()
    )

    @model_validator(mode="after")
    def _lists_each_item_once(self) -> Reviews:
        keys = [one.key for one in self.checklist]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"the checklist has {', '.join(twice)} more than once")
        return self

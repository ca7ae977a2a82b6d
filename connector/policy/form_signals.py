"""Early warning: from which point something is told, how badly, and what follows.

Invariant: every kind of signal is a section of its own with its thresholds; one that a policy does not
mention has the defaults written here, and `on: false` keeps it silent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from connector.policy.form import Amount, Days, Factor, Part, Positive, Share, Switch

Severity = Literal["info", "warning", "alarm"]
Action = Literal["notify", "visit", "review", "hold", "lower_limit", "ask_agency"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "alarm")


class Kind(Part):
    """What all kinds have. ``cool_down_days``: what ended is not raised again for so long.
    ``answer_days``: within so many days somebody has to answer; ``None`` asks for no answer."""

    on: Switch = True
    severity: Severity = "warning"
    cool_down_days: Days = 30
    answer_days: Positive | None = 5
    actions: tuple[Action, ...] = ("notify",)


class DayStep(Part):
    """From so many days on, so bad; ``actions`` come on top of those of the kind."""

    days: Positive
    severity: Severity = "warning"
    actions: tuple[Action, ...] = ()


class ShareStep(Part):
    """From this share on, so bad."""

    share: Share
    severity: Severity = "warning"
    actions: tuple[Action, ...] = ()


DaySteps = Annotated[tuple[DayStep, ...], Field(min_length=1)]


class OverdueStarted(Kind):
    """At least ``min_amount`` has been overdue for ``days``. For information: good customers pay some days
    late now and then; ``overdue_worsened`` tells of those who go on."""

    severity: Severity = "info"
    days: Positive = 1
    min_amount: Amount = Decimal(1_000)


class OverdueWorsened(Kind):
    """The oldest overdue invoice came to a step."""

    steps: DaySteps = (
        DayStep(days=15),
        DayStep(days=30, severity="alarm", actions=("visit",)),
        DayStep(days=60, severity="alarm", actions=("review",)),
    )
    min_amount: Amount = Decimal(1_000)


class PaceSlowing(Kind):
    """Days beyond terms of three months above those of twelve by a step, with so many invoices paid."""

    steps: DaySteps = (DayStep(days=10), DayStep(days=20, severity="alarm", actions=("visit",)))
    min_paid: Positive = 3


class Utilisation(Kind):
    """Exposure is at least this share of the limit."""

    answer_days: Positive | None = None
    steps: Annotated[tuple[ShareStep, ...], Field(min_length=1)] = (
        ShareStep(share=Decimal("0.9"), severity="info"),
        ShareStep(share=Decimal("1.1")),
        ShareStep(share=Decimal("1.5"), severity="alarm"),
    )


class OrderSurge(Kind):
    """Orders of ``window_days`` are ``factor`` times what the year before had in as many days; or, after
    ``dormant_days`` without any, at least ``min_amount`` is ordered."""

    window_days: Positive = 30
    factor: Factor = Decimal("3")
    min_orders: Positive = 6
    min_amount: Amount = Decimal(100_000)
    dormant_days: Positive = 180


class Silence(Kind):
    """A customer with ``min_orders`` in a year has not ordered for ``factor`` of its usual intervals and
    at least ``min_days``; after ``until_days`` it is no longer a customer that fell silent."""

    severity: Severity = "info"
    actions: tuple[Action, ...] = ("notify", "visit")
    min_orders: Positive = 6
    factor: Factor = Decimal("3")
    min_days: Positive = 45
    until_days: Positive = 365


class BrokenPromise(Kind):
    """Promised money did not come; told for ``window_days``."""

    severity: Severity = "alarm"
    actions: tuple[Action, ...] = ("notify", "visit")
    window_days: Positive = 90


class Dispute(Kind):
    """An open invoice of at least ``min_amount`` is disputed."""

    answer_days: Positive | None = 10
    min_amount: Amount = Decimal(1_000)


class LimitExpiring(Kind):
    """The limit that a person set, or a sum that secures it, ends within ``days``."""

    days: Positive = 14
    actions: tuple[Action, ...] = ("notify", "review")


class ReportExpiring(Kind):
    """An agency's report counts for ``days`` more, or no longer."""

    severity: Severity = "info"
    answer_days: Positive | None = None
    actions: tuple[Action, ...] = ("ask_agency",)
    days: Positive = 14


class RatingChanged(Kind):
    """The class is worse by ``notches`` than it was ``window_days`` ago, and the score lies at least
    ``points`` below the lower bound of the class then: who swings about a bound has not changed."""

    notches: Positive = 1
    window_days: Positive = 90
    points: Factor = Decimal("5")
    actions: tuple[Action, ...] = ("notify", "review")


class AgencyRatingChanged(Kind):
    """An agency's new report gives another rating than its last one; one that is better is only ``info``."""

    actions: tuple[Action, ...] = ("notify", "review")
    lasts_days: Positive = 90


class JudgmentAppeared(Kind):
    """An agency's new report has a judgment or enforcement that the last one did not have."""

    severity: Severity = "alarm"
    answer_days: Positive | None = 3
    actions: tuple[Action, ...] = ("notify", "review")


class DishonestAppeared(Kind):
    """The customer came on the list of dishonest judgment debtors (失信被执行人)."""

    severity: Severity = "alarm"
    answer_days: Positive | None = 1
    actions: tuple[Action, ...] = ("notify", "review")


class InsolvencyAppeared(Kind):
    """An agency tells of insolvency or dissolution."""

    severity: Severity = "alarm"
    answer_days: Positive | None = 1
    actions: tuple[Action, ...] = ("notify", "review")


class AgenciesDisagree(Kind):
    """The newest reports of two agencies are grades apart."""

    answer_days: Positive | None = 10


class StatementOverdue(Kind):
    """The newest statement is ``days`` old: a year and the months until the next one is usual. It is told
    once more when the statement counts for ``expiring_days`` only."""

    severity: Severity = "info"
    answer_days: Positive | None = 30
    actions: tuple[Action, ...] = ("notify", "ask_agency")
    days: Positive = 485
    expiring_days: Positive = 14


class RatioWorsened(Kind):
    """A ratio is worse than in the year before by at least so much; by the facts of changes."""

    answer_days: Positive | None = 10
    by: dict[str, Share] = Field(
        default={
            "debt_ratio_change": Decimal("0.15"),
            "current_ratio_change": Decimal("0.4"),
            "net_margin_change": Decimal("0.05"),
        }
    )


class RegistrationChanged(Kind):
    """A registered address or legal representative is another one than in the last report."""

    lasts_days: Positive = 90
    actions: tuple[Action, ...] = ("notify", "review")


class GroupTrouble(Kind):
    """Another member of the customer's credit group has one of these statuses."""

    statuses: tuple[Literal["watch", "hold", "stop"], ...] = ("hold", "stop")
    actions: tuple[Action, ...] = ("notify", "review")


class MissedVisit(Kind):
    """A planned visit was not made."""

    severity: Severity = "info"


class ReconciliationGap(Kind):
    """A ledger and a CRM differ beyond the bounds of the configuration."""


class Lowering(Part):
    """The action ``lower_limit``: a temporary limit of ``share`` of the present one, for ``days``."""

    share: Share = Decimal("0.5")
    days: Positive = 90


class Signals(Part):
    """Every kind of signal, and what the action ``lower_limit`` does."""

    overdue_started: OverdueStarted = OverdueStarted()
    overdue_worsened: OverdueWorsened = OverdueWorsened()
    pace_slowing: PaceSlowing = PaceSlowing()
    utilisation: Utilisation = Utilisation()
    order_surge: OrderSurge = OrderSurge()
    silence: Silence = Silence()
    broken_promise: BrokenPromise = BrokenPromise()
    dispute: Dispute = Dispute()
    limit_expiring: LimitExpiring = LimitExpiring()
    report_expiring: ReportExpiring = ReportExpiring()
    rating_changed: RatingChanged = RatingChanged()
    agency_rating_changed: AgencyRatingChanged = AgencyRatingChanged()
    judgment_appeared: JudgmentAppeared = JudgmentAppeared()
    dishonest_appeared: DishonestAppeared = DishonestAppeared()
    insolvency_appeared: InsolvencyAppeared = InsolvencyAppeared()
    agencies_disagree: AgenciesDisagree = AgenciesDisagree()
    statement_overdue: StatementOverdue = StatementOverdue()
    ratio_worsened: RatioWorsened = RatioWorsened()
    registration_changed: RegistrationChanged = RegistrationChanged()
    group_trouble: GroupTrouble = GroupTrouble()
    missed_visit: MissedVisit = MissedVisit()
    reconciliation_gap: ReconciliationGap = ReconciliationGap()
    lowering: Lowering = Lowering()

    def of(self, kind: str) -> Kind:
        """The section of a kind; a kind that the form does not know has the defaults of all kinds."""
        found = getattr(self, kind, None)
        return found if isinstance(found, Kind) else Kind()

    def kinds(self) -> tuple[str, ...]:
        """Every kind, in order."""
        return tuple(name for name in type(self).model_fields if name != "lowering")

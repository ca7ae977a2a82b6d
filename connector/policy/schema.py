"""The form of a policy file.

Invariant: a policy is data. There is no expression language: a condition is a fact, an operator and
a value, and conditions are joined by ``all`` and ``any``. Shares are written ``30%`` or ``0.3``,
amounts in major units of the policy's currency, times in days. Equal content has an equal hash, and
a setting that a later version adds leaves the hash of a file that does not use it alone; hence no
default ever changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Self

import orjson
from pydantic import Field, PrivateAttr

from connector.policy.form import STATUSES, Currency, Part, Path, Positive, Status, Zone
from connector.policy.form_agency import Agencies
from connector.policy.form_dunning import Dunning
from connector.policy.form_exposure import (
    Altman,
    Check,
    CheckItem,
    ExposureRules,
    Financial,
    Interest,
    Ladder,
    Overdue,
    Reviews,
    Rung,
    StageWeights,
    Staleness,
    Terms,
    Tolerance,
    Visits,
    Zones,
)
from connector.policy.form_gate import Releases
from connector.policy.form_limit import (
    ApprovalBand,
    Approvals,
    CapacityShares,
    CapacityTerm,
    ConcentrationCap,
    Limit,
    LimitTerms,
    NeedTerm,
    NewCustomer,
    Secured,
    ShareTerm,
)
from connector.policy.form_responsibility import Duty, Responsibility
from connector.policy.form_rules import (
    Blacklist,
    Clause,
    Condition,
    Conditions,
    Exclusion,
    KnockOut,
    Operator,
    Scope,
    Segment,
    StatusRule,
    StatusRules,
)
from connector.policy.form_score import Bin, DataPoint, KnownAfter, RiskClass, Scorecard, SizeBand
from connector.policy.form_signals import Signals
from connector.policy.governance import Activation
from connector.policy.values import canonical


class Policy(Part):
    """A whole policy. ``name`` and ``version`` are for people; ``hash`` identifies the content."""

    name: Annotated[str, Field(alias="policy", pattern=r"^[a-z][a-z0-9_-]*$")]
    version: Positive
    currency: Currency
    timezone: Zone = "UTC"
    scorecard: Scorecard
    classes: Annotated[tuple[RiskClass, ...], Field(min_length=2)]
    sizes: tuple[SizeBand, ...] = ()
    known_after: KnownAfter = KnownAfter()
    segments: tuple[Segment, ...] = ()
    knock_outs: tuple[KnockOut, ...] = ()
    blacklist: Blacklist = Blacklist()
    limit: Limit
    approvals: Approvals = Approvals()
    releases: Releases = Releases()
    responsibility: Responsibility = Responsibility()
    terms: Terms
    exposure: ExposureRules = ExposureRules()
    overdue: Overdue = Overdue()
    dunning: Dunning = Dunning()
    check: Check = Check()
    status: StatusRules = StatusRules()
    staleness: Staleness = Staleness()
    agencies: Agencies = Agencies()
    financial: Financial = Financial()
    visits: Visits = Visits()
    reviews: Reviews = Reviews()
    signals: Signals = Signals()
    activation: Activation = Activation()

    _lines: dict[Path, int] = PrivateAttr(default_factory=dict)
    _file: str = PrivateAttr(default="policy")

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical content; comments, the order of keys, and defaults that are
        written out make no difference."""
        content = canonical(self.model_dump(by_alias=True, exclude_defaults=True))
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


__all__ = [
    "STATUSES",
    "Activation",
    "Altman",
    "ApprovalBand",
    "Approvals",
    "Bin",
    "Blacklist",
    "CapacityShares",
    "CapacityTerm",
    "Check",
    "CheckItem",
    "Clause",
    "ConcentrationCap",
    "Condition",
    "Conditions",
    "DataPoint",
    "Dunning",
    "Duty",
    "Exclusion",
    "ExposureRules",
    "Financial",
    "Interest",
    "KnockOut",
    "KnownAfter",
    "Ladder",
    "Limit",
    "LimitTerms",
    "NeedTerm",
    "NewCustomer",
    "Operator",
    "Overdue",
    "Part",
    "Path",
    "Policy",
    "Releases",
    "Responsibility",
    "Reviews",
    "RiskClass",
    "Rung",
    "Scope",
    "Scorecard",
    "Secured",
    "Segment",
    "ShareTerm",
    "Signals",
    "SizeBand",
    "StageWeights",
    "Staleness",
    "Status",
    "StatusRule",
    "StatusRules",
    "Terms",
    "Tolerance",
    "Visits",
    "Zones",
]

"""Who may decide what: the sections of a policy about limits set by hand and about the policy itself.

Invariant: nothing here plays a part in judging a customer. A missing section is the careful one for the
policy (its bounds have defaults) and the free one for limits (no band, hence no second person).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from connector.policy.values import number, share


class Section(BaseModel):
    """Frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Activation(Section):
    """What a new policy may change without a second person.

    ``max_limit_swing`` is the share of the total limit that may move, up and down added together;
    ``max_status_changes`` how many customers may come on hold by it. Of the policy in force and the
    new one the stricter bound counts, so that no policy loosens its own gate.
    """

    max_limit_swing: Annotated[Decimal, BeforeValidator(share), Field(ge=0)] = Decimal("0.1")
    max_status_changes: Annotated[int, Field(ge=0, strict=True)] = 20


class Band(Section):
    """A limit ``above`` this amount (major units of the policy's currency) takes so many ``approvals`` by
    different persons, none of them the one who asked."""

    above: Annotated[Decimal, BeforeValidator(number), Field(ge=0)]
    approvals: Annotated[int, Field(ge=1, le=5, strict=True)] = 1


class Approval(Section):
    """Who must agree to a limit set by hand. A request that nobody decides lapses after ``expires_days``."""

    bands: tuple[Band, ...] = ()
    expires_days: Annotated[int, Field(gt=0, strict=True)] = 30

    def needed(self, amount: Decimal | None) -> int:
        """Approvals that a limit of ``amount`` (major units) takes; ``None`` is unlimited: the most."""
        passed = [band.approvals for band in self.bands if amount is None or amount > band.above]
        return max(passed, default=0)

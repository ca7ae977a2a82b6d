"""The form of what several agencies say: how far each is believed, and when they contradict one another.

Invariant: probabilities are compared and combined, scores never; without this section the newest report
speaks, and two that are grades apart go to a person.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from connector.policy.form import Factor, Name, Part, Positive, Share


class Agencies(Part):
    """Whose probability of default counts, of several agencies with a fresh report.

    ``combine``: the ``newest`` report, the ``worst``, or the ``weighted`` mean of their log-odds. A weight is
    the agency's reliability in ``weights`` (1 if it is not named), less the older its report is, and no
    agency has more than ``most_weight`` of the whole. Reports that are ``disagreement`` grades or more apart
    (credit quality steps) go to a person; until somebody has said which agency speaks, the ``undecided`` one
    does.
    """

    combine: Literal["newest", "worst", "weighted"] = "newest"
    weights: dict[Name, Factor] = Field(default_factory=dict)
    most_weight: Annotated[Share, Field(gt=0, le=1)] = Decimal("0.7")
    disagreement: Positive = 2
    undecided: Literal["worst", "newest"] = "worst"

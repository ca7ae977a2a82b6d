"""Who may put a policy in force: what it may change before a second person has to agree.

Invariant: nothing here plays a part in judging a customer; a policy that says nothing has the careful
bounds below.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from connector.policy.form import Part, Share


class Activation(Part):
    """What a new policy may change without a second person.

    ``max_limit_swing`` is the share of the total limit that may move, up and down added together;
    ``max_status_changes`` how many customers may come on hold by it. Of the policy in force and the
    new one the stricter bound counts, so that no policy loosens its own gate.
    """

    max_limit_swing: Share = Decimal("0.1")
    max_status_changes: Annotated[int, Field(ge=0, strict=True)] = 20

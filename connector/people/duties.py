"""The steps of credit management: its acts, their rights, and how the journal calls them.

Invariant: the right to do an act comes from the role alone (``roles``); a policy's ``responsibility`` says
who ought to, who answers for it and who is told, and ``lint`` holds the one to the other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from connector.people.roles import Act, Roles, person
from connector.policy.form_responsibility import Responsibility
from connector.ports.finding import Finding


class Step(NamedTuple):
    """``does`` are the acts of whoever is responsible, ``signs`` those by which somebody answers for it;
    ``bands`` the approval bands that it takes; ``journal`` the acts by which its end is journalled."""

    does: tuple[Act, ...] = ()
    signs: tuple[Act, ...] = ()
    bands: Literal["", "limit", "excess"] = ""
    journal: tuple[str, ...] = ()


STEPS: Mapping[str, Step] = {
    "request_limit": Step((Act.REQUEST_LIMIT,), (Act.REQUEST_LIMIT,), journal=("limit_requested",)),
    "grant_limit": Step(
        (Act.GRANT_LIMIT,),
        (Act.GRANT_LIMIT,),
        "limit",
        ("limit_set", "limit_approved", "limit_declined"),
    ),
    "lower_limit": Step((Act.LOWER_LIMIT,), (Act.LOWER_LIMIT,), journal=("limit_withdrawn",)),
    "place_hold": Step(
        (Act.PLACE_HOLD,), (Act.PLACE_HOLD,), journal=("hold_placed", "order_held", "order_forced")
    ),
    "release_hold": Step(
        (Act.RELEASE_HOLD, Act.REJECT_HOLD),
        (Act.RELEASE_HOLD,),
        "excess",
        ("hold_lifted", "order_released", "order_rejected", "order_passed"),
    ),
    "review": Step(
        (Act.OPEN_REVIEW, Act.RECOMMEND_REVIEW),
        (Act.GRANT_LIMIT, Act.CLOSE_REVIEW),
        "limit",
        (
            "review_opened",
            "review_recommended",
            "review_declined",
            "review_closed",
            "review_finished",
            "review_escalated",
        ),
    ),
    "visit": Step(journal=("visit_told", "visit_missed")),
    "signal": Step(journal=("signal_acknowledged", "signal_snoozed", "signal_assigned", "signal_closed")),
    "record": Step(
        (Act.RECORD,),
        (Act.RECORD,),
        journal=("promise_recorded", "promise_settled", "dispute_opened", "dispute_closed"),
    ),
    "dunning": Step(
        (Act.DUN,),
        (Act.DUN,),
        journal=(
            "dunning_sent",
            "dunning_confirmed",
            "dunning_failed",
            "dunning_doubtful",
            "dunning_withdrawn",
        ),
    ),
    "blacklist": Step((Act.RULE_OUT,), (Act.RULE_OUT, Act.READMIT), journal=("blacklisted", "readmitted")),
    "write_off": Step(),
    "policy": Step(
        (Act.PROPOSE_POLICY,),
        (Act.ACTIVATE_POLICY,),
        journal=("policy_proposed", "policy_activated", "policy_withdrawn"),
    ),
}
STEP_OF: Mapping[str, str] = {act: name for name, step in STEPS.items() for act in step.journal}


def told(rules: Responsibility, names: Iterable[str] | None) -> list[str]:
    """The acts of the journal of which roles or titles ``names`` are to be told; of all with ``None``."""
    wanted = None if names is None else {person(one) for one in names}
    return [
        act
        for act, step in STEP_OF.items()
        for informed in [{person(one) for one in rules.of(step).informed}]
        if (informed if wanted is None else informed & wanted)
    ]


def findings(rules: Responsibility, roles: Roles, as_of: dt.date) -> Iterator[Finding]:
    """What ``doctor`` says: roles that are to do a step or to answer for one, and that nobody has today."""
    if not roles.in_use:
        return
    vacant: dict[str, list[str]] = {}
    for step in rules.steps():
        duty = rules.of(step)
        for name in dict.fromkeys((*duty.responsible, *duty.accountable)):
            if not roles.bearers(name, as_of):
                vacant.setdefault(name, []).append(step)
    if vacant:
        told = "; ".join(f"{name} ({', '.join(steps)})" for name, steps in vacant.items())
        todo = "give somebody the role, or write another one under responsibility in the policy"
        yield Finding("note", "responsibility", f"nobody is {told}", todo)

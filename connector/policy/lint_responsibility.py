"""What is wrong with the section on responsibility.

Invariant: without error findings somebody does each step, exactly one role answers for it, and neither is
asked to do what its role does not let it do.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from difflib import get_close_matches

from connector.people.duties import STEPS, Step
from connector.people.roles import Act, Role, allowed, person
from connector.policy.findings import Finding, finding
from connector.policy.form_responsibility import Duty
from connector.policy.schema import ApprovalBand, Path, Policy

_ROLES = tuple(role.value for role in Role)


def responsibility(policy: Policy) -> Iterator[Finding]:
    """One who answers, somebody who does it, names that mean somebody, and rights that fit."""
    yield from _bands(policy)
    for name, step in STEPS.items():
        duty, at = policy.responsibility.of(name), ("responsibility", name)
        yield from _counted(policy, at, duty)
        known = yield from _known(policy, at, duty)
        if known:
            yield from _twice(policy, at, duty)
            yield from _rights(policy, at, duty, step)
            yield from _signing(policy, at, duty, step)
        if duty.informed and not step.journal and name in policy.responsibility.model_fields_set:
            yield finding(
                policy,
                (*at, "informed"),
                "never_told",
                f"CreditGate does not see `{name}` done, and can tell nobody of it",
                "leave `informed` out, or tell them yourselves",
                "warning",
            )


def _counted(policy: Policy, at: Path, duty: Duty) -> Iterator[Finding]:
    if not duty.responsible:
        yield finding(
            policy, at, "nobody_responsible", f"nobody does `{at[-1]}`", "write `responsible: [ROLE]`"
        )
    if len(duty.accountable) != 1:
        found = ", ".join(duty.accountable) or "nobody"
        yield finding(
            policy,
            (*at, "accountable"),
            "not_one_accountable",
            f"{found} would answer for `{at[-1]}`; it takes exactly one",
            "write `accountable: ROLE`",
        )


def _known(policy: Policy, at: Path, duty: Duty) -> Generator[Finding, None, bool]:
    """Names that are neither a role nor a title of a band; whether all are known."""
    titles = [band.role for band in (*policy.approvals.excess, *policy.approvals.limit)]
    names = {person(one): one for one in (*_ROLES, *titles)}
    fine = True
    for part in Duty.model_fields:
        for index, name in enumerate(getattr(duty, part)):
            if person(name) in names:
                continue
            fine = False
            near = get_close_matches(person(name), names, 1)
            some = ", ".join(dict.fromkeys((*_ROLES, *titles)))
            yield finding(
                policy,
                (*at, part, index),
                "unknown_role",
                f"`{name}` is neither a role nor a title of the approval bands",
                f"write `{names[near[0]]}`" if near else f"write one of {some}",
            )
    return fine


def _twice(policy: Policy, at: Path, duty: Duty) -> Iterator[Finding]:
    """Whoever does a step or answers for it knows of it; whoever is asked before it is no news to."""
    sharing = {person(one) for one in (*duty.responsible, *duty.accountable)}
    for part in ("consulted", "informed"):
        for index, name in enumerate(getattr(duty, part)):
            if person(name) in sharing:
                yield finding(
                    policy,
                    (*at, part, index),
                    "shares_twice",
                    f"`{name}` shares in `{at[-1]}` already",
                    f"take it out of `{part}`",
                    "warning",
                )
        sharing |= {person(one) for one in getattr(duty, part)}


def _rights(policy: Policy, at: Path, duty: Duty, step: Step) -> Iterator[Finding]:
    """A role that is to do or to sign what it may not."""
    for part, acts in (("responsible", step.does), ("accountable", step.signs)):
        for index, name in enumerate(getattr(duty, part)):
            barred = [act for act in acts if not _may(name, act)]
            if barred:
                able = ", ".join(role.value for role in allowed(barred[0]))
                yield finding(
                    policy,
                    (*at, part, index),
                    "may_not",
                    f"`{name}` is {part} for `{at[-1]}` and may not {barred[0].value}",
                    f"write one of {able}",
                )


def _signing(policy: Policy, at: Path, duty: Duty, step: Step) -> Iterator[Finding]:
    """Titles that sign for nothing here, and an accountable title with others above it."""
    if not step.bands:
        return
    bands: Sequence[ApprovalBand] = getattr(policy.approvals, step.bands)
    ladder = [person(band.role) for band in bands]
    for part in ("responsible", "accountable"):
        for index, name in enumerate(getattr(duty, part)):
            title = person(name)
            if not bands or title in _ROLES:
                continue
            if title not in ladder:
                yield finding(
                    policy,
                    (*at, part, index),
                    "signs_for_nothing",
                    f"`{name}` is {part} for `{at[-1]}` and has no band of `approvals.{step.bands}`",
                    f"write one of {', '.join(band.role for band in bands)}, or give it a band",
                )
            elif part == "accountable" and title != ladder[-1]:
                yield finding(
                    policy,
                    (*at, part, index),
                    "others_above",
                    f"`{name}` answers for `{at[-1]}`, and `{bands[-1].role}` signs for more",
                    f"write `{bands[-1].role}`",
                    "warning",
                )


def _bands(policy: Policy) -> Iterator[Finding]:
    """Bands whose role may sign for nothing at all."""
    for kind, act in (("excess", Act.RELEASE_HOLD), ("limit", Act.GRANT_LIMIT)):
        for index, band in enumerate(getattr(policy.approvals, kind)):
            if not _may(band.role, act):
                able = ", ".join(role.value for role in allowed(act))
                yield finding(
                    policy,
                    ("approvals", kind, index, "role"),
                    "band_without_right",
                    f"the role {band.role} may not {act.value}",
                    f"write {able}, or a title of a person with one of these roles",
                    "warning",
                )


def _may(name: str, act: Act) -> bool:
    """Whether a role may; a title may whatever the role of the person who bears it lets them do."""
    word = person(name)
    return word not in _ROLES or Role(word) in allowed(act)

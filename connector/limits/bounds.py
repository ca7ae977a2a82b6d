"""What bounds a limit that a person sets: who must agree, and whether the group's limit leaves room for it.

Invariant: read only. Caution is never delayed: what lowers or shortens a limit needs nobody's word.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import sqlalchemy as sa

from connector.errors import Halt
from connector.people.roles import UNBOUNDED, Act, Role
from connector.rules.approval import approver, beyond_group
from connector.rules.entries import SECURING
from connector.runtime import Runtime
from connector.store import limits, lines
from connector.store.limits import Entry
from connector.store.lines import CUSTOMER, GROUP


class Wanted(NamedTuple):
    """What a limit takes: the ``act`` that it is, the ``amount`` that is signed for (minor units of the
    policy's currency; ``None`` for an act of caution), and how many ``others`` must agree, as ``role``."""

    act: Act
    amount: int | None
    others: int
    role: str


def approvals(runtime: Runtime, tx: sa.Connection, entry: Entry) -> Wanted:
    """What ``entry`` takes by the policy's bands and the roles that were given. What only lowers, or
    shortens, the limit of the same kind that holds then needs nobody else. Whoever asks is one of the
    signers; if they may not sign for so much, at least one who may has to agree. ``Halt`` if nobody may
    grant so much."""
    bands, roles, today = runtime.policy.approvals.limit, runtime.roles, runtime.today()
    if entry.state == "none" or _lowers(runtime, tx, entry):
        return Wanted(Act.LOWER_LIMIT, None, 0, "")
    if not bands:
        alone = roles.may(entry.actor, Act.GRANT_LIMIT, as_of=today)
        return Wanted(Act.GRANT_LIMIT, None, 0 if alone else 1, "" if alone else Role.APPROVER)
    amount = UNBOUNDED
    if entry.amount is not None:
        amount = converted(runtime, entry.amount, entry.currency, today)
    band = approver(bands, amount, runtime.policy.currency)
    if band is None:
        raise Halt(
            "the policy lets nobody grant so much",
            where=f"{entry.subject} {entry.subject_id}",
            todo="ask for less, or give `approvals.limit` of the policy a band without `up_to`",
        )
    alone = roles.may(entry.actor, Act.GRANT_LIMIT, amount, as_of=today)
    return Wanted(Act.GRANT_LIMIT, amount, max(band.signers - 1, 0 if alone else 1), band.role)


def _lowers(runtime: Runtime, tx: sa.Connection, entry: Entry) -> bool:
    """Whether a limit of this kind that holds on the entry's first day is as large and lasts as long."""
    for old in limits.entries(tx, entry.subject, entry.subject_id):
        same = (old.kind, old.season_from, old.season_to) == (
            entry.kind,
            entry.season_from,
            entry.season_to,
        )
        runs = old.valid_from <= entry.valid_from and old.valid_from <= (old.valid_to or dt.date.max)
        lasts = old.valid_to is None or (entry.valid_to is not None and entry.valid_to <= old.valid_to)
        if not (same and runs and lasts):
            continue
        if old.state == "unlimited":
            return True
        if old.amount is None or entry.amount is None:
            continue
        rates, day = runtime.rates, runtime.today()
        before = rates.convert(old.amount, old.currency, entry.currency, day)
        if before is not None and entry.amount * (entry.cover_bp or 1) <= before * (old.cover_bp or 1):
            return True
    return False


def fit(runtime: Runtime, tx: sa.Connection, entry: Entry) -> None:
    """``Halt`` if the limits of a group's members would add up to more than the group's."""
    if entry.state == "none" or entry.kind in SECURING:
        return
    today = runtime.today()
    asked = None if entry.amount is None else converted(runtime, entry.amount, entry.currency, today)
    if entry.subject == GROUP:
        if asked is not None and _members_exceed(runtime, tx, entry.subject_id, None, 0, asked):
            raise _too_much(entry.subject_id, entry)
        return
    for group in limits.groups_of(tx, entry.subject_id):
        above = lines.read(tx, [(GROUP, group)]).get((GROUP, group))
        if above is None or above.limit_minor is None:
            continue  # the group sets no bound
        if asked is None or _members_exceed(runtime, tx, group, entry.subject_id, asked, above.limit_minor):
            raise _too_much(group, entry)


def _members_exceed(
    runtime: Runtime, tx: sa.Connection, group: int, but: int | None, asked: int, bound: int
) -> bool:
    """Whether the limits of a group's members, with ``asked`` for the one left out, exceed ``bound``."""
    ids = [one for one in limits.members(tx, GROUP, group) if one != but]
    found = lines.read(tx, [(CUSTOMER, one) for one in ids]).values()
    if any(line.limit_state == "unlimited" for line in found):
        return True
    amounts = [
        converted(runtime, line.limit_minor, line.currency, runtime.today())
        for line in found
        if line.limit_state == "amount" and line.limit_minor is not None
    ]
    return beyond_group([*amounts, asked], bound) > 0


def _too_much(group: int, entry: Entry) -> Halt:
    return Halt(
        f"the limits of the members of group {group} would add up to more than the group's",
        where=f"{entry.subject} {entry.subject_id}",
        todo="set a smaller limit, or a larger one for the group first",
    )


def converted(runtime: Runtime, amount: int, currency: str, today: dt.date) -> int:
    """``amount`` in minor units of the policy's currency; ``Halt`` when no rate says how much that is."""
    converted = runtime.rates.convert(amount, currency, runtime.policy.currency, today)
    if converted is None:
        raise Halt(
            f"there is no rate from {currency} to {runtime.policy.currency} on {today}",
            where=str(runtime.config.path(runtime.config.rates)),
            todo=f"add a line {currency},{today},RATE or set the limit in {runtime.policy.currency}",
        )
    return converted

"""Roles: who may do which credit act, up to which amount, and who stands in for whom.

Invariant: pure, and closed where it is in use: once anybody has a role, a person may do only what a role of
that day allows; a deputy may never do more than the person replaced may do that day, and never passes it on.
While nobody has a role everybody may do everything, which ``findings`` says.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connector.errors import Halt
from connector.ports.finding import Finding
from connector.rules.approval import approver

if TYPE_CHECKING:
    from connector.policy.schema import ApprovalBand, Policy

# An unlimited limit, in minor units: above every band that has a bound.
UNBOUNDED = 2**62

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Role(StrEnum):
    """What a person is to credit: sells, prepares, signs, answers for the whole, looks on, or keeps the
    installation."""

    SALES = "sales"
    ANALYST = "analyst"
    APPROVER = "approver"
    CONTROLLER = "controller"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Act(StrEnum):
    """What takes a role; the value is how it is told to people."""

    REQUEST_LIMIT = "request a limit"
    GRANT_LIMIT = "grant a limit"
    LOWER_LIMIT = "lower or withdraw a limit"
    PLACE_HOLD = "place a hold"
    RELEASE_HOLD = "release a hold"
    REJECT_HOLD = "reject a held order"
    RECORD = "record what a customer says or does"
    RULE_OUT = "put a customer on the blacklist"
    READMIT = "take a customer off the blacklist"
    DUN = "send a dunning letter"
    OPEN_REVIEW = "open a review or work on its checklist"
    RECOMMEND_REVIEW = "recommend what comes of a review"
    CLOSE_REVIEW = "end a review without an outcome"
    PROPOSE_POLICY = "propose a policy"
    ACTIVATE_POLICY = "confirm a policy"


_PREPARE = frozenset({Role.ANALYST, Role.APPROVER, Role.CONTROLLER})
_SIGN = frozenset({Role.APPROVER, Role.CONTROLLER})
_ALLOWED: Mapping[Act, frozenset[Role]] = {
    Act.REQUEST_LIMIT: _PREPARE | {Role.SALES},
    Act.GRANT_LIMIT: _SIGN,
    Act.LOWER_LIMIT: _PREPARE,
    Act.PLACE_HOLD: _PREPARE,
    Act.RELEASE_HOLD: _SIGN,
    Act.REJECT_HOLD: _SIGN,
    Act.RECORD: _PREPARE | {Role.SALES},
    Act.RULE_OUT: _PREPARE,
    Act.READMIT: _SIGN,
    Act.DUN: _PREPARE,
    Act.OPEN_REVIEW: _PREPARE | {Role.SALES},
    Act.RECOMMEND_REVIEW: _PREPARE,
    Act.CLOSE_REVIEW: _SIGN,
    Act.PROPOSE_POLICY: _PREPARE | {Role.ADMIN},
    Act.ACTIVATE_POLICY: _SIGN,
}


class _Dated(BaseModel):
    """Something that holds for ``who`` from one day to another, both included; an open end is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    who: Words
    from_: dt.date | None = Field(default=None, alias="from")
    to: dt.date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> _Dated:
        if self.from_ and self.to and self.to < self.from_:
            raise ValueError(f"it would end on {self.to}, before {self.from_}")
        return self

    def holds(self, day: dt.date) -> bool:
        """Whether it holds on ``day``."""
        return (self.from_ or dt.date.min) <= day <= (self.to or dt.date.max)


class Grant(_Dated):
    """One role of one person. ``title`` is the word by which the policy's approval bands name whoever signs
    (``finance director``); without one the person signs for no band that names a title. ``team`` is where
    the person's figures are summed up (``connector.kpi``)."""

    role: Role
    title: Words | None = None
    team: Words | None = None


class Deputy(_Dated):
    """``who`` may do what ``stands_in_for`` may do, from one day to another."""

    stands_in_for: Words
    from_: dt.date = Field(alias="from")
    to: dt.date

    @model_validator(mode="after")
    def _is_another(self) -> Deputy:
        if same_person(self.who, self.stands_in_for):
            raise ValueError(f"{self.who} cannot stand in for {self.stands_in_for}")
        return self


class _Ladder(NamedTuple):
    """The bands of one kind of amount, and the currency they are in."""

    bands: Sequence[ApprovalBand]
    currency: str


class Roles:
    """The roles that were given, and the bands of the policy in which amounts are signed for."""

    def __init__(self, grants: Sequence[Grant], deputies: Sequence[Deputy], policy: Policy) -> None:
        self.grants = tuple(grants)
        self.deputies = tuple(deputies)
        self._ladders = {
            Act.GRANT_LIMIT: _Ladder(policy.approvals.limit, policy.currency),
            Act.RELEASE_HOLD: _Ladder(policy.approvals.excess, policy.currency),
        }

    @property
    def in_use(self) -> bool:
        """Whether anybody has a role: else everybody may do everything."""
        return bool(self.grants)

    def roles_of(self, actor: str, as_of: dt.date) -> frozenset[Role]:
        """The roles of ``actor`` on a day, those as a deputy among them."""
        return frozenset(
            grant.role for owner in self._in_whose_right(actor, as_of) for grant in self._of(owner, as_of)
        )

    def words_of(self, actor: str, as_of: dt.date) -> frozenset[str]:
        """Roles and titles of ``actor`` on a day, those as a deputy among them."""
        return frozenset(
            word
            for owner in self._in_whose_right(actor, as_of)
            for grant in self._of(owner, as_of)
            for word in _words(grant)
        )

    def bearers(self, word: str, as_of: dt.date) -> list[str]:
        """Who has the role or title ``word`` on a day, deputies among them, sorted."""
        names = {person(one.who): one.who for one in (*self.deputies, *self.grants)}
        return sorted(
            name
            for name in names.values()
            if any(same_person(word, one) for one in self.words_of(name, as_of))
        )

    def team(self, actor: str, as_of: dt.date) -> str | None:
        """The team of ``actor`` on a day: of the role that began last, if several name one; ``None`` for
        whoever is in none."""
        held = [one for one in self._of(actor, as_of) if one.team]
        return max(held, key=lambda one: one.from_ or dt.date.min).team if held else None

    def may(self, actor: str, act: Act, amount: int | None = None, *, as_of: dt.date) -> bool:
        """Whether ``actor`` may do ``act`` on a day; ``amount`` is in minor units of the policy's currency,
        ``UNBOUNDED`` for what is unlimited, ``None`` where no amount is decided on."""
        return self.right(actor, act, amount, as_of=as_of) is not None

    def right(
        self,
        actor: str,
        act: Act,
        amount: int | None = None,
        *,
        as_of: dt.date,
        taken: Collection[str] = (),
    ) -> str | None:
        """In whose right ``actor`` may do ``act``: their own first, else that of somebody they stand in for;
        ``None`` if they may not. ``taken`` are persons whose right does not count any more, because they
        asked for the thing or signed it: so a deputy is no second signature."""
        if not self.in_use:
            return None if _within(actor, taken) else actor
        for owner in self._in_whose_right(actor, as_of):
            if not _within(owner, taken) and self._allows(owner, act, amount, as_of):
                return owner
        return None

    def require(
        self,
        actor: str,
        act: Act,
        amount: int | None = None,
        *,
        as_of: dt.date,
        taken: Collection[str] = (),
        where: str = "",
    ) -> str:
        """As ``right``, but ``Halt`` names who may if ``actor`` may not."""
        owner = self.right(actor, act, amount, as_of=as_of, taken=taken)
        if owner is not None:
            return owner
        if any(self._allows(one, act, amount, as_of) for one in self._in_whose_right(actor, as_of)):
            why = f"{actor} would {act.value} in the right of somebody who asked for it or has signed it"
        else:
            held = ", ".join(sorted(self.roles_of(actor, as_of))) or "no role"
            why = f"{actor} ({held}) may not {act.value}{self._wanted(act, amount)}"
        able = [name for name in self.able(act, amount, as_of=as_of) if not _within(name, taken)]
        nobody = "give somebody the role, under [[roles]] in the configuration"
        raise Halt(why, where=where, todo=f"ask {', '.join(able)}" if able else nobody)

    def able(self, act: Act, amount: int | None = None, *, as_of: dt.date) -> list[str]:
        """Who may do ``act`` on a day, as they are spelt in the configuration, sorted."""
        names = {person(one.who): one.who for one in (*self.deputies, *self.grants)}
        return sorted(name for name in names.values() if self.may(name, act, amount, as_of=as_of))

    def _in_whose_right(self, actor: str, as_of: dt.date) -> list[str]:
        """The actor, and those whom the actor stands in for on that day."""
        return [actor] + [
            one.stands_in_for for one in self.deputies if same_person(one.who, actor) and one.holds(as_of)
        ]

    def _of(self, owner: str, as_of: dt.date) -> list[Grant]:
        return [one for one in self.grants if same_person(one.who, owner) and one.holds(as_of)]

    def _allows(self, owner: str, act: Act, amount: int | None, as_of: dt.date) -> bool:
        """Whether a grant of the owner's own lets them do it."""
        grants = [one for one in self._of(owner, as_of) if one.role in _ALLOWED[act]]
        ladder = self._ladders.get(act)
        if not grants or ladder is None or not ladder.bands or amount is None:
            return bool(grants)
        band = approver(ladder.bands, amount, ladder.currency)
        return band is not None and self._signs_for(grants, band.role)

    def _signs_for(self, grants: Iterable[Grant], wanted: str) -> bool:
        return any(self._reaches(word, wanted) for one in grants for word in _words(one))

    def _reaches(self, title: str, wanted: str) -> bool:
        """Whether ``title`` is ``wanted`` or stands above it: a band lets whoever signs for a later band of
        the same kind sign, and so on through both kinds of amount."""
        wanted, seen, ahead = person(wanted), set[str](), [person(title)]
        while ahead:
            word = ahead.pop()
            if word == wanted:
                return True
            if word in seen:
                continue
            seen.add(word)
            for bands, _ in self._ladders.values():
                order = [person(band.role) for band in bands]
                if word in order:
                    ahead += order[: order.index(word)]
        return False

    def _wanted(self, act: Act, amount: int | None) -> str:
        """The words for the band that an amount falls into."""
        ladder = self._ladders.get(act)
        if ladder is None or not ladder.bands or amount is None:
            return ""
        band = approver(ladder.bands, amount, ladder.currency)
        return " of this size" + (f": that takes {band.role}" if band else ": nobody may, by the policy")


def allowed(act: Act) -> tuple[Role, ...]:
    """The roles that may do ``act``, in the order of ``Role``."""
    return tuple(role for role in Role if role in _ALLOWED[act])


def findings(roles: Roles, as_of: dt.date) -> Iterator[Finding]:
    """What ``doctor`` says: who has no role to lean on, and bands for which nobody signs today."""
    if not roles.in_use:
        yield Finding(
            "note",
            "roles",
            "nobody has a role: everybody may do every credit act",
            "give roles under [[roles]] in the configuration",
        )
        return
    today = [one for one in roles.grants if one.holds(as_of)]
    missing = {
        band.role
        for act, (bands, _) in roles._ladders.items()
        for band in bands
        if not roles._signs_for((one for one in today if one.role in _ALLOWED[act]), band.role)
    }
    if missing:
        yield Finding(
            "warn",
            "roles",
            f"nobody signs for {', '.join(sorted(missing))}, whom the policy's approvals name",
            "give somebody that title under [[roles]] in the configuration",
        )
    acting = [one for one in roles.deputies if one.holds(as_of)]
    dangling = {one.who for one in acting if not roles._of(one.stands_in_for, as_of)}
    if dangling:
        found = f"{', '.join(sorted(dangling))} stand in for somebody without a role"
        yield Finding("warn", "roles", found, "correct [[deputies]] in the configuration")
    if not missing and not dangling:
        yield Finding("ok", "roles", f"{len({person(one.who) for one in roles.grants})} persons have one")


def same_person(one: str, other: str) -> bool:
    """Whether two names are the same person: case, spaces and ways of writing a letter do not count."""
    return person(one) == person(other)


def person(name: str) -> str:
    """A name in the form in which persons are compared."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _words(grant: Grant) -> tuple[str, ...]:
    """What a band may call whoever has the grant: the title, or the role itself."""
    return (grant.role.value,) if grant.title is None else (grant.title, grant.role.value)


def _within(name: str, names: Collection[str]) -> bool:
    return any(same_person(name, one) for one in names)

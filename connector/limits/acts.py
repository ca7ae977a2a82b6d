"""Limits set by a person: base, seasonal, for a time, or insured, for a customer or a group.

Invariant: a limit is ``none``, an ``amount`` or ``unlimited``, never a magic zero; every change has a
reason and is journalled, and marks the customers concerned, so that the next assessment applies it. A
group's limit stands on the group's credit line at once. What the policy wants others to agree to is
not set here, but requested (``limit_requests``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa

from connector.errors import Halt, Retry
from connector.limits import quotas
from connector.limits.bounds import approvals, converted, fit
from connector.money import digits, is_currency, scale, to_major, to_minor
from connector.people.roles import Act
from connector.rules.entries import (
    FULL_COVER,
    GUARANTEED,
    INSURED,
    SEASONAL,
    SECURING,
    TEMPORARY,
    cover_of,
    in_force,
    securing,
)
from connector.runtime import Runtime
from connector.store import groups, journal, limits, lines
from connector.store.customers import touch_customers
from connector.store.limits import Entry
from connector.store.lines import CUSTOMER, GROUP, Line


@dataclass(frozen=True)
class Subject:
    """Whose limit: ``kind`` ``customer`` or ``group``."""

    kind: str
    id: int

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True)
class Size:
    """How much: ``state`` ``none``, ``amount`` (in minor units of ``currency``) or ``unlimited``."""

    state: str
    amount: int | None
    currency: str


@dataclass(frozen=True)
class Standing:
    """A credit line as it stands. ``set_by`` is the entry of a person that holds today, if any; ``pending``
    says that the customer will be assessed anew; ``line`` is ``None`` before the first assessment;
    ``decided_by`` is the CRM whose own credit module decides, if one does."""

    subject: Subject
    name: str
    line: Line | None
    set_by: Entry | None
    pending: bool
    decided_by: str | None = None


def size(state: str, amount: str | None, currency: str) -> Size:
    """What a person typed: ``amount`` in major units, exactly as many digits as ``currency`` has."""
    if not is_currency(currency):
        raise Halt(f"{currency!r} is no currency", todo="write an ISO 4217 code such as CNY")
    if state != "amount" or amount is None:
        return Size(state, None, currency)
    try:
        number = Decimal(amount.strip())
        minor = to_minor(number, currency)
    except (InvalidOperation, ValueError):
        raise Halt(f"{amount!r} is no amount", todo="write it in figures, such as 50000 or 1234.50") from None
    if number < 0 or to_major(minor, currency) != number:
        raise Halt(
            f"{amount} {currency} cannot be a limit",
            todo=f"write an amount of at least 0 with at most {digits(currency)} digits after the point",
        )
    if minor >= 2**62:
        raise Halt(f"{amount} {currency} is too large", todo="write --unlimited if that is meant")
    return Size("amount", minor, currency)


@dataclass(frozen=True)
class Terms:
    """When and how a limit holds: ``kind`` base, seasonal, temporary, insured or guaranteed; first day
    (``None`` is today) and last day (``None``: no end); a season as two ``MM-DD``; of an insured or
    guaranteed sum the share that would be paid."""

    kind: str
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    season: tuple[str, str] | None = None
    cover: Decimal | None = None


def prepare(
    runtime: Runtime, subject: Subject, wanted: Size, terms: Terms, *, reason: str, actor: str
) -> Entry:
    """The entry that this limit would be; nothing is stored. ``Halt`` says what does not fit."""
    today = runtime.today()
    with runtime.store.read() as tx:
        _ours_to_set(tx, subject, terms.kind)
    start = terms.valid_from or today
    if start < today:
        raise Halt(f"{start} is past", todo="a limit begins today or later: what was decided stays")
    if subject.kind == GROUP and wanted.state == "none":
        # Without a limit a group bounds nobody; that is not what "no credit" is meant to say.
        raise Halt("a group cannot have the limit 'none'", todo="use --amount 0, or --withdraw")
    if terms.valid_to is not None and terms.valid_to < start:
        raise Halt(f"it would end on {terms.valid_to}, before {start}", todo="give a later --to")
    if terms.kind == TEMPORARY and terms.valid_to is None:
        raise Halt("a temporary limit needs its last day", todo="give it with --to")
    if (terms.kind == SEASONAL) != (terms.season is not None):
        raise Halt("a seasonal limit, and no other, has a season", todo="write --season 11-01 01-31")
    if terms.kind in SECURING and wanted.state != "amount":
        raise Halt(f"what is {terms.kind} is an amount", todo="give it with --amount")
    if wanted.amount is not None:
        converted(runtime, wanted.amount, wanted.currency, today)
    first, last = (_month_day(text) for text in terms.season) if terms.season else (None, None)
    cover = (Decimal(1) if terms.cover is None else terms.cover) if terms.kind in SECURING else None
    return Entry(
        id=0,
        subject=subject.kind,
        subject_id=subject.id,
        kind=terms.kind,
        state=wanted.state,
        amount=wanted.amount,
        currency=wanted.currency,
        valid_from=start,
        valid_to=terms.valid_to,
        reason=_reason(reason),
        actor=actor,
        at=runtime.now(),
        season_from=first,
        season_to=last,
        cover_bp=None if cover is None else int(cover * FULL_COVER),
    )


def put(runtime: Runtime, entry: Entry) -> int:
    """Set the limit in place of the one of its kind before; the entry's id. ``Halt`` if the policy wants
    others to agree first."""
    with runtime.store.write() as tx:
        wanted, where = approvals(runtime, tx, entry), f"{entry.subject} {entry.subject_id}"
        if wanted.others:
            raise Halt(
                f"a limit of this size takes {wanted.others} more ({wanted.role})",
                where=where,
                todo="ask for it with 'creditgate limit request'",
            )
        runtime.roles.require(entry.actor, wanted.act, wanted.amount, as_of=runtime.today(), where=where)
        return enter(runtime, tx, entry)


def enter(runtime: Runtime, tx: sa.Connection, entry: Entry) -> int:
    """Write an entry with all that follows, in the caller's transaction; its id."""
    subject = Subject(entry.subject, entry.subject_id)
    _name(tx, subject)
    _ours_to_set(tx, subject, entry.kind)  # who decides may have changed since it was asked for
    if runtime.policy.limit.children == "within_group":
        fit(runtime, tx, entry)
    before = _replaced(tx, entry)
    added = limits.add(tx, entry)
    detail: dict[str, object] = {
        "entry": added,
        "before": before,
        "after": _told(entry),
        "kind": entry.kind,
        "state": entry.state,
        "amount": entry.amount,
        "currency": entry.currency,
        "from": entry.valid_from,
        "to": entry.valid_to,
        "season": None if entry.season_from is None else f"{entry.season_from}..{entry.season_to}",
        "cover_bp": entry.cover_bp,
        "request": entry.request_id,
        "reason": entry.reason,
    }
    _applied(runtime, tx, subject, runtime.today(), "limit_set", detail, entry.actor)
    return added


def _replaced(tx: sa.Connection, entry: Entry) -> dict[str, object] | None:
    """What the limit takes the place of, as the journal tells it; ``None`` if there was none of its kind."""
    found = [
        one
        for one in limits.entries(tx, entry.subject, entry.subject_id)
        if one.kind == entry.kind
        and (one.season_from, one.season_to) == (entry.season_from, entry.season_to)
        and one.phase(entry.valid_from) in _STANDING
    ]
    return _told(found[-1]) if found else None


# Phases in which an entry would still count, now or in another season.
_STANDING = ("in force", "out of season")


def _told(entry: Entry) -> dict[str, object]:
    """A limit as the journal tells it."""
    names = ("state", "amount", "currency", "valid_from", "valid_to")
    return {name: getattr(entry, name) for name in names}


def _ours_to_set(tx: sa.Connection, subject: Subject, kind: str) -> None:
    """``Halt`` for a customer's limit on which a CRM's own credit module decides."""
    if subject.kind == CUSTOMER and kind not in SECURING:
        quotas.refuse(tx, subject.id)


def withdraw(runtime: Runtime, subject: Subject, kind: str, *, reason: str, actor: str) -> int:
    """End the limits of ``kind`` from today on; how many. Without a limit set by
    a person the policy's holds again, and a group bounds nobody: it takes a signer's role."""
    today = runtime.today()
    runtime.roles.require(actor, Act.GRANT_LIMIT, as_of=today, where=str(subject))
    with runtime.store.write() as tx:
        _name(tx, subject)
        before = [
            _told(one)
            for one in limits.entries(tx, subject.kind, subject.id)
            if one.kind == kind and one.phase(today) in (*_STANDING, "future")
        ]
        ended = limits.end(tx, subject.kind, subject.id, kind, today, future=True)
        if not ended:
            raise Halt(
                f"{subject} has no {kind} limit set by a person", todo="see 'creditgate limit history'"
            )
        detail = {"kind": kind, "ended": ended, "reason": _reason(reason), "before": before, "after": None}
        _applied(runtime, tx, subject, today, "limit_withdrawn", detail, actor)
    return ended


def standing(runtime: Runtime, subject: Subject) -> list[Standing]:
    """The line of a customer and those of the groups above it that have one, or the line of a group."""
    with runtime.store.read() as tx:
        asked = [subject]
        if subject.kind == CUSTOMER:
            asked += [Subject(GROUP, group) for group in limits.groups_of(tx, subject.id)]
        found = lines.read(tx, [(s.kind, s.id) for s in asked])
        deciding = quotas.deciding(tx, [one.id for one in asked if one.kind == CUSTOMER])
        decided = {Subject(CUSTOMER, number): by for number, by in deciding.items()}
        shown = [
            Standing(
                one,
                _name(tx, one),
                found.get((one.kind, one.id)),
                None if one in decided else in_force(limits.entries(tx, one.kind, one.id), runtime.today()),
                one.kind == CUSTOMER and limits.awaits_assessment(tx, one.id),
                decided.get(one),
            )
            for one in asked
        ]
    return [one for one in shown if one.subject == subject or one.line is not None]


def history(runtime: Runtime, subject: Subject) -> list[Entry]:
    """Every limit that a person ever set for ``subject``, oldest first."""
    with runtime.store.read() as tx:
        _name(tx, subject)
        return limits.entries(tx, subject.kind, subject.id)


def apply_groups(runtime: Runtime) -> int:
    """Bring every group's line to the limit that holds today, where temporary ones began or ended; how
    many lines changed."""
    today = runtime.today()
    changed = 0
    with runtime.store.write() as tx:
        for group in limits.groups_with_entries(tx):
            changed += _apply_group(runtime, tx, group, today)
    return changed


def _applied(
    runtime: Runtime,
    tx: sa.Connection,
    subject: Subject,
    today: dt.date,
    act: str,
    detail: dict[str, object],
    actor: str,
) -> None:
    """The consequences of a change: journal, customers to be assessed, then the group's line."""
    journal.add(tx, runtime.now(), actor, act, str(subject), detail)
    touch_customers(tx, limits.members(tx, subject.kind, subject.id))
    if subject.kind == GROUP:
        _apply_group(runtime, tx, subject.id, today)


def _apply_group(runtime: Runtime, tx: sa.Connection, group: int, today: dt.date) -> bool:
    """Write the limit that holds today to the group's line; whether that changed it."""
    found = limits.entries(tx, GROUP, group)
    for _ in range(2):  # the second time the line is ours: the first try has locked it
        stored = lines.read(tx, [(GROUP, group)]).get((GROUP, group))
        secures = any(securing(found, kind, today) for kind in SECURING)
        if stored is None and in_force(found, today) is None and not secures:
            return False
        line = _line(runtime, tx, group, found, stored, today)
        if line == stored:
            return False
        if not lines.save(tx, [line], runtime.rates, today):
            return True
    raise Retry("the group's line is being changed by others", where=f"group {group}", todo="run again")


def _line(
    runtime: Runtime, tx: sa.Connection, group: int, found: list[Entry], stored: Line | None, today: dt.date
) -> Line:
    """The line of ``group`` with the limit that its entries give; without one the group sets no bound.
    The exposure of a new line is the sum of its parts."""
    currency = runtime.policy.currency
    state, amount = _bound(runtime, found, today)
    if stored is not None and stored.currency == currency:
        exposure, incomplete = stored.exposure, stored.incomplete
    else:
        total = groups.sum_of_parts(tx, group, currency, runtime.rates, today)
        exposure, incomplete = total.exposure, total.incomplete
    return Line(
        subject=GROUP,
        subject_id=group,
        currency=currency,
        limit_state=state,
        limit_minor=amount,
        exposure=exposure,
        status=stored.status if stored else "ok",
        incomplete=incomplete,
        policy_hash=stored.policy_hash if stored else None,
        as_of=stored.as_of if stored else None,
        reserved=stored.reserved if stored else 0,
        version=stored.version if stored else None,
    )


def _bound(runtime: Runtime, found: list[Entry], today: dt.date) -> tuple[str, int | None]:
    """State and amount (policy's currency) of the limit that holds; what is secured comes on top of it, as
    far as the policy counts it, or lies within."""
    entry, rules = in_force(found, today), runtime.policy.limit.secured
    state = entry.state if entry else "none"
    amount = None
    if entry is not None and entry.amount is not None:
        amount = converted(runtime, entry.amount, entry.currency, today)
    means = runtime.policy.limit.zero_means
    if amount == 0 and means != "none":
        # As for a customer: the policy says whether 0 is meant as no bound.
        state, amount = ("unlimited" if means == "unlimited" else "none"), None
    secured = sum(
        scale(converted(runtime, one.amount, one.currency, today), cover_of(one.cover_bp) * counted)
        for kind, counted in ((INSURED, rules.insured), (GUARANTEED, rules.guaranteed))
        for one in securing(found, kind, today)
        if one.amount is not None
    )
    if not secured or state == "unlimited" or rules.counts == "within":
        return state, amount
    return "amount", (amount or 0) + secured


def _month_day(text: str) -> str:
    """``MM-DD`` of any year; ``Halt`` for anything else."""
    try:
        return f"{dt.date.fromisoformat(f'2024-{text}'):%m-%d}"
    except ValueError:
        raise Halt(f"{text!r} is no day of the year", todo="write it like 11-01") from None


def _name(tx: sa.Connection, subject: Subject) -> str:
    name = limits.name_of(tx, subject.kind, subject.id)
    if name is None:
        raise Halt(f"there is no {subject}", todo="see 'creditgate customer list'")
    return name


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Halt("a reason is needed", todo="say with --reason why")
    return reason.strip()

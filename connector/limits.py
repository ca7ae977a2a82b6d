"""Limits set by a person: base or for a time, for a customer or a group.

Invariant: a limit is ``none``, an ``amount`` or ``unlimited``, never a magic zero; every change has a
reason and is journalled, and marks the customers concerned, so that the next assessment applies it. A
group's limit stands on the group's credit line at once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa

from connector.errors import Halt, Retry
from connector.money import digits, is_currency, to_major, to_minor
from connector.rules.approval import beyond_group
from connector.runtime import Runtime
from connector.store import journal, limits, lines
from connector.store.customers import touch_customers
from connector.store.limits import BASE, TEMPORARY, Entry
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
    says that the customer will be assessed anew; ``line`` is ``None`` before the first assessment."""

    subject: Subject
    name: str
    line: Line | None
    set_by: Entry | None
    pending: bool


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


def set_base(
    runtime: Runtime,
    subject: Subject,
    wanted: Size,
    *,
    reason: str,
    actor: str,
    valid_from: dt.date | None = None,
) -> int:
    """Set the base limit from ``valid_from`` (today) on, in place of the one before; the entry's id."""
    return _set(runtime, subject, wanted, BASE, valid_from, None, reason, actor)


def set_temporary(
    runtime: Runtime,
    subject: Subject,
    wanted: Size,
    *,
    valid_to: dt.date,
    reason: str,
    actor: str,
    valid_from: dt.date | None = None,
) -> int:
    """Set a limit that holds in place of the base limit until ``valid_to``, that day included."""
    return _set(runtime, subject, wanted, TEMPORARY, valid_from, valid_to, reason, actor)


def withdraw(runtime: Runtime, subject: Subject, kind: str, *, reason: str, actor: str) -> int:
    """End the limits of ``kind`` (``base``, ``temporary``) from today on; how many. Without a limit set by
    a person the policy's holds again, and a group bounds nobody."""
    today = runtime.today()
    with runtime.store.write() as tx:
        _name(tx, subject)
        ended = limits.end(tx, subject.kind, subject.id, kind, today, future=True)
        if not ended:
            raise Halt(
                f"{subject} has no {kind} limit set by a person", todo="see 'creditgate limit history'"
            )
        detail = {"kind": kind, "ended": ended, "reason": _reason(reason)}
        _applied(runtime, tx, subject, today, "limit_withdrawn", detail, actor)
    return ended


def standing(runtime: Runtime, subject: Subject) -> list[Standing]:
    """The line of a customer and that of its group if it has one, or the line of a group."""
    with runtime.store.read() as tx:
        asked = [subject]
        group = limits.group_of(tx, subject.id) if subject.kind == CUSTOMER else None
        if group is not None:
            asked.append(Subject(GROUP, group))
        found = lines.read(tx, [(s.kind, s.id) for s in asked])
        shown = [
            Standing(
                one,
                _name(tx, one),
                found.get((one.kind, one.id)),
                limits.in_force(limits.entries(tx, one.kind, one.id), runtime.today()),
                one.kind == CUSTOMER and limits.awaits_assessment(tx, one.id),
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


def _set(
    runtime: Runtime,
    subject: Subject,
    wanted: Size,
    kind: str,
    valid_from: dt.date | None,
    valid_to: dt.date | None,
    reason: str,
    actor: str,
) -> int:
    today = runtime.today()
    start = valid_from or today
    if start < today:
        raise Halt(f"{start} is past", todo="a limit begins today or later: what was decided stays")
    if subject.kind == GROUP and wanted.state == "none":
        # Without a limit a group bounds nobody; that is not what "no credit" is meant to say.
        raise Halt("a group cannot have the limit 'none'", todo="use --amount 0, or --withdraw")
    if valid_to is not None and valid_to < start:
        raise Halt(f"it would end on {valid_to}, before {start}", todo="give a later --to")
    if wanted.amount is not None:
        _converted(runtime, wanted.amount, wanted.currency, today)
    entry = Entry(
        id=0,
        subject=subject.kind,
        subject_id=subject.id,
        kind=kind,
        state=wanted.state,
        amount=wanted.amount,
        currency=wanted.currency,
        valid_from=start,
        valid_to=valid_to,
        reason=_reason(reason),
        actor=actor,
        at=runtime.now(),
    )
    with runtime.store.write() as tx:
        _name(tx, subject)
        if runtime.policy.limit.children == "within_group":
            _fit(runtime, tx, subject, wanted, today)
        added = limits.add(tx, entry)
        detail = {
            "entry": added,
            "kind": kind,
            "state": wanted.state,
            "amount": wanted.amount,
            "currency": wanted.currency,
            "from": start,
            "to": valid_to,
            "reason": entry.reason,
        }
        _applied(runtime, tx, subject, today, "limit_set", detail, actor)
    return added


def _fit(runtime: Runtime, tx: sa.Connection, subject: Subject, wanted: Size, today: dt.date) -> None:
    """``Halt`` if the limits of a group's members would add up to more than the group's."""
    group = subject.id if subject.kind == GROUP else limits.group_of(tx, subject.id)
    if group is None or wanted.state == "none":
        return
    ids = [one for one in limits.members(tx, GROUP, group) if (CUSTOMER, one) != (subject.kind, subject.id)]
    found = lines.read(tx, [(CUSTOMER, one) for one in ids] + [(GROUP, group)])
    above = found.pop((GROUP, group), None)
    asked = None if wanted.amount is None else _converted(runtime, wanted.amount, wanted.currency, today)
    bound = asked if subject.kind == GROUP else above.limit_minor if above else None
    if bound is None:
        return  # the group sets no bound
    free = any(line.limit_state == "unlimited" for line in found.values())
    members = [
        _converted(runtime, line.limit_minor, line.currency, today)
        for line in found.values()
        if line.limit_state == "amount" and line.limit_minor is not None
    ]
    over = beyond_group([*members, asked or 0] if subject.kind == CUSTOMER else members, bound)
    if over or free or (subject.kind == CUSTOMER and asked is None):
        raise Halt(
            f"the limits of the members of group {group} would add up to more than the group's",
            where=str(subject),
            todo="set a smaller limit, or a larger one for the group first",
        )


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
    entry = limits.in_force(limits.entries(tx, GROUP, group), today)
    for _ in range(2):  # the second time the line is ours: the first try has locked it
        stored = lines.read(tx, [(GROUP, group)]).get((GROUP, group))
        if entry is None and stored is None:
            return False
        line = _line(runtime, tx, group, entry, stored, today)
        if line == stored:
            return False
        if not lines.save(tx, [line], runtime.rates, today):
            return True
    raise Retry("the group's line is being changed by others", where=f"group {group}", todo="run again")


def _line(
    runtime: Runtime, tx: sa.Connection, group: int, entry: Entry | None, stored: Line | None, today: dt.date
) -> Line:
    """The line of ``group`` with the limit of ``entry``; without one the group sets no bound. The
    exposure of a new line is that of the members' lines."""
    currency = runtime.policy.currency
    state = entry.state if entry else "none"
    amount = None
    if entry is not None and entry.amount is not None:
        amount = _converted(runtime, entry.amount, entry.currency, today)
    if stored is not None and stored.currency == currency:
        exposure, incomplete = stored.exposure, stored.incomplete
    else:
        exposure, incomplete = _exposure(runtime, tx, group, today)
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


def _exposure(runtime: Runtime, tx: sa.Connection, group: int, today: dt.date) -> tuple[int, bool]:
    """Exposure of all members in the policy's currency, and whether it is a lower bound only."""
    ids = limits.members(tx, GROUP, group)
    found = lines.read(tx, [(CUSTOMER, one) for one in ids])
    amounts = [
        runtime.rates.convert(line.exposure, line.currency, runtime.policy.currency, today)
        for line in found.values()
    ]
    incomplete = len(found) < len(ids) or None in amounts or any(line.incomplete for line in found.values())
    return sum(amount or 0 for amount in amounts), incomplete


def _converted(runtime: Runtime, amount: int, currency: str, today: dt.date) -> int:
    """``amount`` in minor units of the policy's currency; ``Halt`` when no rate says how much that is."""
    converted = runtime.rates.convert(amount, currency, runtime.policy.currency, today)
    if converted is None:
        raise Halt(
            f"there is no rate from {currency} to {runtime.policy.currency} on {today}",
            where=str(runtime.config.path(runtime.config.rates)),
            todo=f"add a line {currency},{today},RATE or set the limit in {runtime.policy.currency}",
        )
    return converted


def _name(tx: sa.Connection, subject: Subject) -> str:
    name = limits.name_of(tx, subject.kind, subject.id)
    if name is None:
        raise Halt(f"there is no {subject}", todo="see 'creditgate customer list'")
    return name


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Halt("a reason is needed", todo="say with --reason why")
    return reason.strip()

"""Which overdue invoices a customer is written to about today, at which level, and why not the others.

Invariant: pure; an invoice climbs one level at a time from level 1, and a level that was sent is not sent
again until the invoice was paid or no longer overdue. What cannot be converted is never below a minimum.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from connector.model import InvoiceState
from connector.money import to_minor
from connector.policy.form_dunning import WEEKDAYS, Dunning, DunningLevel, Quiet
from connector.policy.form_exposure import Interest
from connector.policy.schema import Policy
from connector.rules.documents import Dossier, DunnedDoc
from connector.rules.promises import BROKEN, OPEN, Judged, judged
from connector.rules.settlement import Convert, InvoiceLine, settle
from connector.rules.snapshot import Value

_DAY = dt.timedelta(days=1)
_DRAFT = InvoiceState.DRAFT.value
# Why an overdue invoice is in no letter today.
DISPUTED, SMALL, PROMISED, UNDER_WAY = "disputed", "below_minimum", "promised", "under_way"
LAST_LEVEL, NOT_YET, WAITS, CYCLE, QUIET = "last_level", "not_yet", "waits", "cycle", "quiet_day"
WHY = (DISPUTED, SMALL, PROMISED, UNDER_WAY, LAST_LEVEL, NOT_YET, WAITS, CYCLE, QUIET)


class Item(NamedTuple):
    """An invoice of a letter: ``days`` past due, with ``open`` and ``interest`` in minor units of its
    currency; ``promised_for`` is the day of a promise that was broken since the level below."""

    invoice_id: str
    number: str | None
    issued_on: dt.date | None
    due_on: dt.date
    days: int
    amount: int
    open: int
    interest: int
    currency: str
    level: int
    promised_for: dt.date | None


class LeftOut(NamedTuple):
    """An overdue invoice that is in no letter today: ``why`` is one of ``WHY``, ``until`` the first day on
    which that alone no longer stands in the way, if it has one."""

    invoice_id: str
    number: str | None
    days: int
    open: int
    currency: str
    level: int
    why: str
    until: dt.date | None


class Notice(NamedTuple):
    """One letter: ``level`` is the highest of its items', oldest due first; money is due by ``pay_by``."""

    level: int
    letter: str
    pay_by: dt.date
    items: tuple[Item, ...]


class Plan(NamedTuple):
    """What is to be done for a customer: a letter, what is left out, and invoices whose dunning is over."""

    notice: Notice | None
    left_out: tuple[LeftOut, ...]
    over: tuple[str, ...]


class _Overdue(NamedTuple):
    line: InvoiceLine
    due: dt.date
    days: int
    last: DunnedDoc | None
    broken: Judged | None

    @property
    def level(self) -> int:
        return self.last.level if self.last else 0


def plan(
    dossier: Dossier, policy: Policy, convert: Convert, today: dt.date, last_letter: dt.date | None = None
) -> Plan:
    """The plan for one customer on ``today``; ``last_letter`` is the day of the last letter to it.

    ``dossier.dunned`` are the levels that were sent, or are under way, for invoices still overdue then.
    """
    rules = policy.dunning
    settlement = settle(dossier, policy.terms.default_days, convert, today)
    lines = [
        one for one in settlement.invoices if one.open and one.doc.amount > 0 and one.doc.state != _DRAFT
    ]
    promises = judged(dossier, settlement.invoices, policy.overdue.grace_days, today, convert)
    found = _overdue(dossier, lines, promises, policy.overdue.grace_days, today)
    still = {one.line.doc.id for one in found}
    over = tuple(sorted({one.invoice_id for one in dossier.dunned} - still))
    if not rules.levels:
        return Plan(None, (), over)
    items, left = _sorted_out(found, promises, policy, convert, today)
    why, until = _whole(items, left, policy, convert, today, last_letter)
    if why:
        left += [_left(one, why, until) for one in items]
        items = []
    left.sort(key=lambda one: (-one.days, one.invoice_id))
    return Plan(_notice(items, policy, today) if items else None, tuple(left), over)


def late_interest(open_: int, days: int, rules: Interest | None) -> int:
    """Interest on ``open_`` minor units that are ``days`` past due: open × rate / days of the year × days
    beyond the free ones, rounded half up; 0 where the policy claims none."""
    if rules is None:
        return 0
    due = Decimal(open_) * rules.rate * max(0, days - rules.free_days) / rules.year_days
    return int(due.to_integral_value("ROUND_HALF_UP"))


def quiet(rules: Quiet, day: dt.date) -> bool:
    """Whether nothing is sent on ``day``."""
    weekday = WEEKDAYS[day.weekday()] in rules.weekdays
    return weekday or any(span.from_ <= day <= span.to for span in rules.days)


def after_quiet(rules: Quiet, day: dt.date) -> dt.date:
    """The first day from ``day`` on that is not quiet; a policy leaves at least one weekday."""
    while quiet(rules, day):
        day += _DAY
    return day


def reached(
    dunned: Sequence[DunnedDoc], lines: Sequence[InvoiceLine], today: dt.date, moments: list[dt.date]
) -> dict[str, Value]:
    """The facts: the highest level that was sent for an invoice still open, and the highest whose day to pay
    has passed; 0 if none. ``moments`` learns the days on which time alone changes the second."""
    sent = passed = 0
    open_ = {line.doc.id for line in lines if line.open} if dunned else set()
    for one in dunned:
        if one.sent_on is None or one.invoice_id not in open_:
            continue
        sent = max(sent, one.level)
        if one.pay_by is not None and one.pay_by < today:
            passed = max(passed, one.level)
        elif one.pay_by is not None:
            moments.append(one.pay_by + _DAY)
    return {"dunning_sent": sent, "dunning_unheeded": passed}


def _overdue(
    dossier: Dossier, lines: Sequence[InvoiceLine], promises: Sequence[Judged], grace: int, today: dt.date
) -> list[_Overdue]:
    """What is overdue, the oldest due first, with the last level of each and the promise broken since."""
    last: dict[str, DunnedDoc] = {}
    for one in sorted(dossier.dunned, key=lambda one: one.level):
        last[one.invoice_id] = one
    broken = [one for one in promises if one.state == BROKEN]
    found = []
    for line in lines:
        if line.due is None or (today - line.due).days <= grace:
            continue
        before = last.get(line.doc.id)
        since = before.sent_on if before and before.sent_on else line.due
        about = [
            one for one in broken if one.promise.invoice_id in (None, line.doc.id) and one.until >= since
        ]
        newest = max(about, key=lambda one: (one.until, one.promise.id), default=None)
        found.append(_Overdue(line, line.due, (today - line.due).days, before, newest))
    return sorted(found, key=lambda one: (one.due, one.line.doc.id))


def _sorted_out(
    found: Sequence[_Overdue], promises: Sequence[Judged], policy: Policy, convert: Convert, today: dt.date
) -> tuple[list[_Overdue], list[LeftOut]]:
    """Those whose next level is reached today, and the others."""
    rules, items, left = policy.dunning, list[_Overdue](), list[LeftOut]()
    covered = _covered(found, promises, convert) if rules.promises == "wait" else {}
    least = to_minor(rules.min_invoice, policy.currency)
    for one in found:
        doc = one.line.doc
        worth = convert(one.line.open, doc.currency, policy.currency)
        if doc.disputed and not policy.overdue.count_disputed:
            left.append(_left(one, DISPUTED, None))
        elif worth is not None and worth <= least:
            left.append(_left(one, SMALL, None))
        elif doc.id in covered:
            left.append(_left(one, PROMISED, covered[doc.id] + _DAY))
        else:
            why, until = _waits(one, rules, today)
            if why:
                left.append(_left(one, why, until))
            else:
                items.append(one)
    return items, left


def _waits(one: _Overdue, rules: Dunning, today: dt.date) -> tuple[str, dt.date | None]:
    """What keeps the invoice from its next level, and until when; an empty word if nothing does."""
    if one.last is not None and one.last.sent_on is None:
        return UNDER_WAY, None
    if one.level >= len(rules.levels):
        return LAST_LEVEL, None
    level: DunningLevel = rules.levels[one.level]
    if one.days < level.days:
        return NOT_YET, one.due + dt.timedelta(days=level.days)
    if one.last is not None and one.last.sent_on is not None and one.broken is None:
        from_ = one.last.sent_on + dt.timedelta(days=level.wait_days)
        if today < from_:
            return WAITS, from_
    return "", None


def _whole(
    items: Sequence[_Overdue],
    left: Sequence[LeftOut],
    policy: Policy,
    convert: Convert,
    today: dt.date,
    last_letter: dt.date | None,
) -> tuple[str, dt.date | None]:
    """What keeps the customer from a letter altogether; an empty word if nothing does."""
    rules = policy.dunning
    counted = [(one.line.open, one.line.doc.currency) for one in items]
    counted += [(one.open, one.currency) for one in left if one.why != DISPUTED]
    worth = [convert(amount, currency, policy.currency) for amount, currency in counted]
    known = [one for one in worth if one is not None]
    if len(known) == len(worth) and sum(known) <= to_minor(rules.min_amount, policy.currency):
        return SMALL, None
    if last_letter is not None:
        from_ = last_letter + dt.timedelta(days=rules.cycle_days)
        if today < from_:
            return CYCLE, from_
    if quiet(rules.quiet, today):
        return QUIET, after_quiet(rules.quiet, today)
    return "", None


def _covered(found: Sequence[_Overdue], promises: Sequence[Judged], convert: Convert) -> dict[str, dt.date]:
    """Invoices that open promises will pay in full, with the last day of the promise; a promise that names
    no invoice pays the oldest due first, and one it does not cover whole is not waited for."""
    covered: dict[str, dt.date] = {}
    for one in promises:
        if one.state != OPEN:
            continue
        rest = one.promise.amount - one.received
        for some in found:
            doc = some.line.doc
            if doc.id in covered or one.promise.invoice_id not in (None, doc.id):
                continue
            needed = convert(some.line.open, doc.currency, one.promise.currency)
            if needed is None or needed > rest:
                break
            covered[doc.id] = one.until
            rest -= needed
    return covered


def _notice(items: Sequence[_Overdue], policy: Policy, today: dt.date) -> Notice:
    level = max(one.level + 1 for one in items)
    firmest = policy.dunning.levels[level - 1]
    pay_by = today + dt.timedelta(days=firmest.pay_within_days)
    return Notice(level, firmest.letter, pay_by, tuple(_item(one, policy) for one in items))


def _item(one: _Overdue, policy: Policy) -> Item:
    doc, level = one.line.doc, policy.dunning.levels[one.level]
    interest = late_interest(one.line.open, one.days, policy.overdue.interest) if level.interest else 0
    return Item(
        doc.id,
        doc.number,
        doc.issued_on,
        one.due,
        one.days,
        doc.amount,
        one.line.open,
        interest,
        doc.currency,
        one.level + 1,
        one.broken.promise.due_on if one.broken else None,
    )


def _left(one: _Overdue, why: str, until: dt.date | None) -> LeftOut:
    doc = one.line.doc
    return LeftOut(doc.id, doc.number, one.days, one.line.open, doc.currency, one.level, why, until)

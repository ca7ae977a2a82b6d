"""What became of promises to pay, by the money that came.

Invariant: pure; money keeps one promise at most, the one that falls due first; a promise that a person has
judged takes none. What no record shows did not come.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from connector.rules.documents import Dossier, PromiseDoc
from connector.rules.settlement import Convert, InvoiceLine
from connector.rules.snapshot import Unknown

OPEN, KEPT, BROKEN, WITHDRAWN = "open", "kept", "broken", "withdrawn"
STATES = (OPEN, KEPT, BROKEN, WITHDRAWN)
NO_PROMISES = Unknown("no_promises")
YEAR = dt.timedelta(days=365)


class Judged(NamedTuple):
    """A promise with its ``state`` (one of ``STATES``), the last day on which money keeps it (``until``),
    and how much has come, in minor units of its currency."""

    promise: PromiseDoc
    state: str
    until: dt.date
    received: int


class _Money(NamedTuple):
    """Money that came on a day, and of it what no promise has taken yet."""

    day: dt.date
    invoice_id: str
    amount: int
    currency: str


def judged(
    dossier: Dossier, lines: Sequence[InvoiceLine], grace_days: int, today: dt.date, convert: Convert
) -> list[Judged]:
    """Each promise with what became of it by ``today``, in the order in which they fall due.

    Money counts from the day of the promise to ``grace_days`` after its due day; a bill counts when it
    falls due. Where the source keeps no payments, an invoice that it says is settled was paid that day; a
    promise for one invoice is kept by its being settled in time, however it was.
    """
    if not dossier.promises:
        return []
    money = sorted(one for one in _received(dossier, lines) if one.day <= today)
    settled = {line.doc.id: line.settled_on for line in lines if line.settled}
    found = []
    for promise in sorted(dossier.promises, key=lambda one: (one.due_on, one.id)):
        until = promise.due_on + dt.timedelta(days=grace_days)
        if promise.outcome is not None:
            found.append(Judged(promise, promise.outcome, until, 0))
            continue
        received, money = _take(promise, until, money, convert)
        day = settled.get(promise.invoice_id or "")
        if day is not None and promise.made_on <= day <= min(until, today):
            received = promise.amount
        state = KEPT if received >= promise.amount else OPEN if today <= until else BROKEN
        found.append(Judged(promise, state, until, received))
    return found


def broken(found: Sequence[Judged], today: dt.date, moments: list[dt.date]) -> int | Unknown:
    """Promises of the last twelve months that were broken; ``moments`` learns the days on which time alone
    changes that. Unknown where nobody recorded a promise."""
    if not found:
        return NO_PROMISES
    count = 0
    for one in found:
        if one.state == OPEN:
            moments.append(one.until + dt.timedelta(days=1))
        elif one.state == BROKEN and one.promise.due_on > today - YEAR:
            moments.append(one.promise.due_on + YEAR)
            count += 1
    return count


def _received(dossier: Dossier, lines: Iterable[InvoiceLine]) -> Iterable[_Money]:
    """The payments; without any, the invoices that were settled."""
    for payment in dossier.payments:
        day = payment.bill_due_on or payment.paid_on
        if day is not None:
            yield _Money(day, payment.invoice_id or "", payment.amount, payment.currency)
    if not dossier.payments:
        for line in lines:
            if line.settled and line.settled_on is not None:
                yield _Money(line.settled_on, line.doc.id, line.doc.amount, line.doc.currency)


def _take(
    promise: PromiseDoc, until: dt.date, money: list[_Money], convert: Convert
) -> tuple[int, list[_Money]]:
    """How much of ``money`` keeps the promise, and the money that is left."""
    received, left = 0, []
    for one in money:
        wanted = promise.amount - received
        fits = promise.made_on <= one.day <= until and promise.invoice_id in (None, one.invoice_id)
        worth = convert(one.amount, one.currency, promise.currency) if fits and wanted > 0 else None
        if not worth or worth < 0:
            left.append(one)
            continue
        taken = min(wanted, worth)
        received += taken
        if taken < worth:
            left.append(one._replace(amount=worth - taken, currency=promise.currency))
    return received, left

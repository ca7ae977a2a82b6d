"""Assess: facts → assessment, credit line, and what is to be written to the CRMs.

Invariant: only customers that changed or are due are touched, so that the cost follows what changed, not
what exists. Each chunk is one transaction: assessments that differ, lines, outbox, and the mark that the
customer is done; a customer whose facts changed while it was judged is left marked and judged again.
"""

from __future__ import annotations

import datetime as dt
import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from connector import logs
from connector import notes as account_notes
from connector.errors import Contended
from connector.locale import say
from connector.money import Rates, to_major
from connector.policy.schema import Policy
from connector.rules.documents import Dossier
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.rules.outcome import Assessment
from connector.rules.warning import Earlier
from connector.signals import notice, texts, trouble
from connector.signals.notice import Seen
from connector.store import assessments, dossiers, groups, lines, outbox, person_reviews, signals
from connector.store.assessments import CrmAccount, Judged
from connector.store.engine import Store
from connector.store.lines import Line
from connector.store.outbox import FIELDS, HOLD_FIRST, Item
from connector.store.parts import Part
from connector.store.signals import Signal

ROUNDS = 5
log = logs.logger("assess")
_TENTH = Decimal("0.1")


@dataclass
class Assessed:
    """What an assessment run did."""

    judged: int = 0
    changed: int = 0
    queued: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_class: Counter[str] = field(default_factory=Counter)


def assess(
    store: Store,
    policy: Policy,
    rates: Rates,
    now: dt.datetime,
    *,
    content: str = "",
    language: str = "zh",
    customers: Sequence[int] | None = None,
    everyone: bool = False,
    notes: Collection[int] = (),
    part: Part | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Assessed:
    """Assess the customers that changed or are due at ``now`` (aware UTC); or ``customers``; or everyone;
    only those of ``part``.

    ``content`` is the policy's text, kept with its hash for replay. Texts for the CRM are in
    ``language``. ``notes`` are the connections in which a turn to hold or stop leaves a note.
    """
    done = Assessed()
    with store.write() as tx:
        assessments.mark_for_policy(tx, policy, content, now)
        signals.wake(tx, now.date())
        notice.expire(tx, policy.signals, now)
    with store.read() as tx:
        total = (
            len(customers)
            if customers is not None
            else dossiers.count_due(tx, now, everyone=everyone, part=part)
        )
    for again in range(ROUNDS):
        for ids in chunks(store, now, customers, everyone=everyone and not again, part=part):
            left = list(ids)
            # Facts may change while they are judged; such customers are judged again at once.
            for _ in range(ROUNDS):
                with suppress(Contended):
                    left = _assess_chunk(store, policy, rates, now, left, language, notes, done)
                if not left:
                    break
            report(done.judged, max(total, done.judged))
        # What is noticed about one customer may concern others of its group that were judged before it.
        if customers is not None or not _some_due(store, now, part):
            break
    log.info("assessed", judged=done.judged, changed=done.changed, queued=done.queued)
    return done


def _some_due(store: Store, now: dt.datetime, part: Part | None) -> bool:
    with store.read() as tx:
        return bool(dossiers.due(tx, now, 0, part=part))


def what_if(
    store: Store, policy: Policy, rates: Rates, as_of: dt.datetime, customers: Sequence[int] | None = None
) -> Iterator[Assessment]:
    """Judge (all) customers as of another moment. Nothing is stored, nothing will be pushed."""
    for ids in chunks(store, as_of, customers, everyone=True):
        with store.read() as tx:
            found = dossiers.read(tx, ids)
        for dossier, _ in found:
            yield evaluate(policy, snapshot(dossier, policy, rates, as_of))


def chunks(
    store: Store,
    now: dt.datetime,
    customers: Sequence[int] | None,
    *,
    everyone: bool,
    part: Part | None = None,
) -> Iterator[Sequence[int]]:
    """The ids of ``customers``, of those (of ``part``) that changed or are due at ``now``, or of everyone, in
    chunks."""
    if customers is not None:
        for start in range(0, len(customers), dossiers.CHUNK):
            yield customers[start : start + dossiers.CHUNK]
        return
    last = 0
    while True:
        with store.read() as tx:
            ids = dossiers.due(tx, now, last, everyone=everyone, part=part)
        if not ids:
            return
        yield ids
        last = ids[-1]


def _assess_chunk(
    store: Store,
    policy: Policy,
    rates: Rates,
    now: dt.datetime,
    ids: Sequence[int],
    language: str,
    notes: Collection[int],
    done: Assessed,
) -> list[int]:
    """Judge a chunk and store it; the ids that changed meanwhile."""
    with _no_circles():
        with store.read() as tx:
            found = dossiers.read(tx, ids)
            classes = notice.earlier_classes(tx, ids, policy, now)
        judged, seen = [], {}
        for dossier, changes in found:
            one, seen[dossier.customer_id] = _judge(policy, rates, now, dossier, changes, classes)
            judged.append(one)
    with store.write() as tx, _no_circles():
        valid = assessments.claim(tx, judged)
        stored = {one.outcome.customer_id for one in valid}
        before = assessments.statuses(tx, ids) if notes else {}
        changed = assessments.add_changed(tx, valid, now)
        # What is decided about a natural person waits until a person has confirmed it.
        sifted = person_reviews.sift(tx, [one.outcome for one in valid], now)
        lines.save(tx, _lines(tx, valid, sifted.waits), rates, now.date())
        groups.total(tx, [one.outcome.customer_id for one in valid], rates, now)
        free = [one for one in valid if one.outcome.customer_id not in sifted.waits]
        told = [one for one in changed if one.outcome.customer_id not in sifted.waits]
        told += [one for one in free if one.outcome.customer_id in sifted.confirmed and one not in told]
        noted = notice.note(tx, {number: seen[number] for number in stored}, policy.signals, now)
        noted |= trouble.note(tx, sorted(stored), policy.signals, now)
        queued = _queue(tx, free, told, noted, language, now)
        queued += account_notes.on_status(tx, [one.outcome for one in told], before, now, notes)
    for one in changed:
        log.debug("customer_changed", customer=one.outcome.customer_id, outcome=one.outcome.status)
    done.judged += len(valid)
    done.changed += len(changed)
    done.queued += queued
    done.by_status.update(one.outcome.status for one in valid)
    done.by_class.update(one.outcome.risk_class for one in valid)
    return [one.outcome.customer_id for one in judged if one.outcome.customer_id not in stored]


@contextmanager
def _no_circles() -> Iterator[None]:
    """The many objects of a chunk hang in no circle and go when it is done: to look for circles among them
    again and again would cost a tenth of the run."""
    looking = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looking:
            gc.enable()


def _judge(
    policy: Policy,
    rates: Rates,
    now: dt.datetime,
    dossier: Dossier,
    changes: int,
    classes: Mapping[int, Earlier],
) -> tuple[Judged, Seen]:
    facts = snapshot(dossier, policy, rates, now)
    outcome = evaluate(policy, facts)
    earlier = classes.get(dossier.customer_id)
    seen = notice.look(dossier, facts, outcome, policy, rates, earlier)
    return Judged(facts, outcome, changes, seen.due_at), seen


def _lines(tx: sa.Connection, valid: Sequence[Judged], waits: Collection[int]) -> list[Line]:
    """The lines to write: of a customer whose decision waits, only what it owes moves."""
    found = [_line(one.outcome) for one in valid if one.outcome.customer_id not in waits]
    if waits:
        present = lines.read(tx, [(lines.CUSTOMER, number) for number in waits])
        for one in valid:
            line = present.get((lines.CUSTOMER, one.outcome.customer_id))
            if line is not None and line.currency == one.outcome.currency:
                fresh = _line(one.outcome)
                found.append(
                    replace(
                        fresh,
                        limit_state=line.limit_state,
                        limit_minor=line.limit_minor,
                        status=line.status,
                    )
                )
    return found


def _line(outcome: Assessment) -> Line:
    return Line(
        subject=lines.CUSTOMER,
        subject_id=outcome.customer_id,
        currency=outcome.currency,
        limit_state=outcome.limit_state,
        limit_minor=outcome.limit,
        exposure=outcome.exposure,
        status=outcome.status,
        incomplete=outcome.exposure_incomplete,
        policy_hash=outcome.policy_hash,
        as_of=outcome.as_of,
    )


def _queue(
    tx: sa.Connection,
    valid: Sequence[Judged],
    changed: Sequence[Judged],
    noted: Collection[int],
    language: str,
    now: dt.datetime,
) -> int:
    """Queue the credit fields of customers that changed or whose signals did, and of accounts that never
    got any."""
    outcomes = {one.outcome.customer_id: one.outcome for one in valid}
    accounts = assessments.crm_accounts(tx, list(outcomes))
    fresh = {(a.connection_id, a.external_id) for a in assessments.never_written(tx, accounts)}
    live = signals.live_of(tx, list(outcomes))
    moved = {one.outcome.customer_id for one in changed}.union(noted, live)
    items = [
        _item(account, outcomes[account.customer_id], live.get(account.customer_id, []), language)
        for account in accounts
        if account.customer_id in moved or (account.connection_id, account.external_id) in fresh
    ]
    return outbox.put(tx, items, now)


def _item(account: CrmAccount, outcome: Assessment, live: Sequence[Signal], language: str) -> Item:
    return Item(
        connection_id=account.connection_id,
        target="account",
        external_id=account.external_id,
        key="",
        values=credit_fields(outcome, language) | texts.fields(live, language),
        priority=HOLD_FIRST if outcome.hold else FIELDS,
    )


def credit_fields(outcome: Assessment, language: str) -> dict[str, Any]:
    """What a sales rep sees in the CRM: amounts as decimal text in major units of the policy's currency,
    utilisation in percent; an unlimited or missing limit leaves limit and available empty."""

    def major(minor: int | None) -> str | None:
        return None if minor is None else str(to_major(minor, outcome.currency))

    percent = None if outcome.utilisation is None else str((outcome.utilisation * 100).quantize(_TENTH))
    reasons = [say(r.code, r.params, language) for r in outcome.reasons]
    return {
        "credit_status": outcome.status,
        "credit_hold": outcome.hold,
        "risk_class": outcome.risk_class,
        "credit_score": None if outcome.score is None else str(outcome.score),
        "credit_limit": "0" if outcome.limit_state == "none" else major(outcome.limit),
        "credit_exposure": major(outcome.exposure),
        "credit_available": major(outcome.available),
        "credit_utilisation": percent,
        "overdue_amount": major(outcome.overdue_amount),
        "overdue_days": outcome.overdue_days,
        "credit_terms_days": outcome.terms_days,
        "credit_reasons": "\n".join(reasons),
        "credit_next_review": outcome.next_review.isoformat(),
        "credit_as_of": outcome.as_of.isoformat(),
        "credit_policy": outcome.policy,
    }

"""From causes to signals: raise what is news, renew what lasts, end what is gone.

Invariant: runs in the transaction of the assessment, so that a signal and the facts it stands on are stored
together or not at all; the same causes again write nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from connector.money import Rates
from connector.policy.form_signals import Kind, Signals
from connector.policy.schema import Policy
from connector.rules.compile import compiled
from connector.rules.documents import Dossier
from connector.rules.exposure import converter
from connector.rules.outcome import Assessment
from connector.rules.snapshot import Snapshot
from connector.rules.warning import ASSESSED, REPORTED, Cause, Earlier, Scene, causes, over
from connector.store import signals
from connector.store.customers import touch_customers
from connector.store.signals import LIVE, raise_signal, settle

_DAY = dt.timedelta(days=1)


class Seen(NamedTuple):
    """The causes of one customer; the kinds that a report raised and whose cause is gone; the moment (aware
    UTC) at which time alone changes the causes or the outcome."""

    causes: tuple[Cause, ...]
    over: frozenset[str]
    due_at: dt.datetime | None


def look(
    dossier: Dossier,
    snapshot: Snapshot,
    outcome: Assessment,
    policy: Policy,
    rates: Rates,
    earlier: Earlier | None = None,
) -> Seen:
    """What is to be seen of one customer on the snapshot's day."""
    scene = Scene(dossier, snapshot, outcome, policy, converter(rates, snapshot.today, {}), earlier)
    found, moment = causes(scene, compiled(policy))
    moments = [one for one in (moment, outcome.next_change) if one is not None]
    return Seen(tuple(found), over(scene), min(moments, default=None))


def earlier_classes(
    tx: sa.Connection, ids: Sequence[int], policy: Policy, now: dt.datetime
) -> dict[int, Earlier]:
    """The class that each customer had when the window of ``rating_changed`` began, or first ever."""
    rules = policy.signals.rating_changed
    if not rules.on:
        return {}
    window = rules.window_days * _DAY
    zone = compiled(policy).timezone
    return {
        number: Earlier(risk_class, None if then is None else (then + window).astimezone(zone).date() + _DAY)
        for number, (risk_class, then) in signals.classes_at(tx, ids, now - window).items()
    }


def note(tx: sa.Connection, found: Mapping[int, Seen], rules: Signals, now: dt.datetime) -> set[int]:
    """Bring the signals of these customers in line with what was seen; the customers whose live signals
    changed. A kind that the policy has switched off ends."""
    told = signals.rows_of(tx, list(found), (*ASSESSED, *REPORTED))
    changed = set()
    for number, seen in found.items():
        present = seen.causes
        every = told.get(number, [])
        for row in every:
            if row.kind in seen.over and row.state in LIVE:
                changed.add(number)
                settle(tx, number, row.kind, now)
        rows = [row for row in every if row.kind in ASSESSED]
        if not present and not any(row.state in LIVE for row in rows):
            continue
        by_kind: defaultdict[str, list[Cause]] = defaultdict(list)
        for cause in present:
            by_kind[cause.kind].append(cause)
        for kind in {row.kind for row in rows} | set(by_kind):
            mine = [row for row in rows if row.kind == kind]
            if _note_kind(tx, number, kind, by_kind[kind], mine, rules.of(kind), now):
                changed.add(number)
    return changed


def expire(tx: sa.Connection, rules: Signals, now: dt.datetime) -> int:
    """End signals of what was seen in passing once they have lasted as long as the policy says."""
    lasting = {
        "agency_rating_changed": rules.agency_rating_changed.lasts_days,
        "registration_changed": rules.registration_changed.lasts_days,
    }
    return sum(signals.settle_before(tx, kind, now - days * _DAY, now) for kind, days in lasting.items())


def raise_by_policy(
    tx: sa.Connection,
    rules: Signals,
    kind: str,
    customer_id: int,
    key: str,
    evidence: Mapping[str, Any],
    now: dt.datetime,
    severity: str | None = None,
    *,
    judged: bool = False,
) -> int | None:
    """Raise one signal as severe, as patient and with such a deadline as the policy says of its kind; the
    id if it is news. Nothing for a kind that is switched off. ``judged`` says that the customer is being
    assessed at this moment, and need not be again."""
    section = rules.of(kind)
    if not section.on:
        return None
    raised = raise_signal(
        tx,
        customer_id=customer_id,
        kind=kind,
        key=key,
        severity=severity or section.severity,
        evidence=evidence,
        now=now,
        cool_down=section.cool_down_days * _DAY,
        deadline=_deadline(section, now),
    )
    if (
        raised is not None and not judged
    ):  # the fields of its CRM accounts are written with its next assessment
        touch_customers(tx, {customer_id})
    return raised


def _note_kind(
    tx: sa.Connection,
    number: int,
    kind: str,
    present: Sequence[Cause],
    rows: Sequence[sa.Row[Any]],
    section: Kind,
    now: dt.datetime,
) -> bool:
    live = {row.key: row for row in rows if row.state in LIVE}
    changed = False
    keys = [cause.key for cause in present]
    if set(live) - set(keys):
        changed = settle(tx, number, kind, now, but=keys) > 0
    for cause in present:
        row = live.get(cause.key)
        if row is not None and row.severity == cause.severity and row.evidence == _text(cause.evidence):
            continue
        if row is None and cause.step is not None and not _above(cause.step, rows, section, now):
            continue
        raised = raise_signal(
            tx,
            customer_id=number,
            kind=kind,
            key=cause.key,
            severity=cause.severity,
            evidence=cause.evidence,
            now=now,
            cool_down=section.cool_down_days * _DAY,
            deadline=_deadline(section, now),
        )
        changed = changed or raised is not None
    return changed


def _above(step: Decimal, rows: Iterable[sa.Row[Any]], section: Kind, now: dt.datetime) -> bool:
    """Whether a step is above all that were told and are live or ended within the cool-down: what becomes
    better by a step is no news, nor is what swings about a bound."""
    within = section.cool_down_days * _DAY
    lately = [
        Decimal(row.key)
        for row in rows
        if row.state in LIVE or (row.closed_at is not None and now - row.closed_at < within)
    ]
    return step > max(lately, default=Decimal(-1))


def _deadline(section: Kind, now: dt.datetime) -> dt.date | None:
    return None if section.answer_days is None else now.date() + section.answer_days * _DAY


def _text(evidence: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(evidence), default=str, option=orjson.OPT_SORT_KEYS).decode()

"""Warnings from how a customer pays: overdue, slower, promises broken, invoices disputed.

Invariant: what counts as overdue is what the facts say of it, grace and disputes included.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from connector.money import to_minor
from connector.policy.catalogue import WINDOWS
from connector.policy.form_signals import DayStep
from connector.rules import promises
from connector.rules.warning.cause import DAY, Cause, Scene

MOST_DOCUMENTS = 5


def overdue(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``overdue_started`` and ``overdue_worsened``."""
    days, amount = scene.number("overdue_days_max"), scene.number("overdue_amount")
    if not days or amount is None:
        return
    started, worsened = scene.rules.overdue_started, scene.rules.overdue_worsened
    bounds = [started.days, *(step.days for step in worsened.steps)]
    moments.extend(scene.today + (bound - int(days)) * DAY for bound in bounds if bound > days)
    if started.on and days >= started.days and amount >= to_minor(started.min_amount, scene.currency):
        yield Cause("overdue_started", "", started.severity, _overdue(scene, int(days), int(amount)))
    step = reached(worsened.steps, Decimal(days))
    if worsened.on and step and amount >= to_minor(worsened.min_amount, scene.currency):
        evidence = _overdue(scene, int(days), int(amount))
        yield Cause("overdue_worsened", str(step.days), step.severity, evidence, Decimal(step.days))


def pace(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``pace_slowing``: the customer against its own history, however slow it is."""
    rules, drift = scene.rules.pace_slowing, scene.number("dbt_drift")
    paid = scene.number("paid_invoices_3m")
    if not rules.on or drift is None or not paid:
        return
    moments.extend(_leaving(scene))
    if paid < rules.min_paid:
        return
    step = reached(rules.steps, Decimal(drift))
    if step:
        evidence = {
            "days_3m": _days(scene.number("dbt_3m")),
            "days_12m": _days(scene.number("dbt_12m")),
            "drift": _days(drift),
            "paid_invoices_3m": int(paid),
        }
        yield Cause("pace_slowing", str(step.days), step.severity, evidence, Decimal(step.days))


def promised(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``broken_promise``: each promise whose money did not come, for a while."""
    rules = scene.rules.broken_promise
    if not rules.on or not scene.dossier.promises:
        return
    grace = scene.policy.overdue.grace_days
    for one in promises.judged(scene.dossier, scene.invoices, grace, scene.today, scene.convert):
        if one.state == promises.OPEN:
            moments.append(one.until + DAY)
        ends = one.until + (rules.window_days + 1) * DAY
        if one.state == promises.BROKEN and scene.today < ends:
            moments.append(ends)
            evidence = {
                "promised_on": one.promise.due_on.isoformat(),
                "amount": one.promise.amount,
                "received": one.received,
                "currency": one.promise.currency,
            }
            yield Cause("broken_promise", str(one.promise.id), rules.severity, evidence)


def disputes(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``dispute``: each open invoice that the customer disputes."""
    rules = scene.rules.dispute
    if not rules.on or not any(invoice.disputed for invoice in scene.dossier.invoices):
        return
    least = to_minor(rules.min_amount, scene.currency)
    for line in scene.open_invoices:
        if line.doc.disputed and scene.worth(line.open, line.doc.currency) >= least:
            evidence = {
                "invoice": line.doc.number or line.doc.id,
                "amount": line.open,
                "currency": line.doc.currency,
                "due_on": None if line.due is None else line.due.isoformat(),
            }
            yield Cause("dispute", line.doc.id, rules.severity, evidence)


def _leaving(scene: Scene) -> Iterator[dt.date]:
    """When settled invoices leave the windows of three and of twelve months: a day too many rather than
    one too few."""
    paid: dict[str, dt.date] = {}
    for payment in scene.dossier.payments:
        if payment.invoice_id is not None and payment.paid_on is not None:
            paid[payment.invoice_id] = max(payment.paid_on, paid.get(payment.invoice_id, payment.paid_on))
    for doc in scene.dossier.invoices:
        day = doc.settled_on or paid.get(doc.id)
        if day is not None:
            yield from (day + WINDOWS[months] * DAY for months in (3, 12))


def reached(steps: tuple[DayStep, ...], value: Decimal) -> DayStep | None:
    """The highest step that ``value`` has come to."""
    return max((step for step in steps if value >= step.days), key=lambda step: step.days, default=None)


def _overdue(scene: Scene, days: int, amount: int) -> dict[str, Any]:
    late = [
        line
        for line in scene.open_invoices
        if line.due is not None and line.due < scene.today and not line.doc.disputed
    ]
    return {
        "days": days,
        "amount": amount,
        "currency": scene.currency,
        "since": (scene.today - days * DAY).isoformat(),
        "invoices": [line.doc.number or line.doc.id for line in late[:MOST_DOCUMENTS]],
    }


def _days(value: int | Decimal | None) -> str | None:
    return None if value is None else str(round(Decimal(value), 1))

"""Warnings from what a customer orders: too much at once, or nothing any more; and how full its limit is.

Invariant: a customer is held against its own year; a young or small one is not measured at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from connector.model import OrderStage
from connector.money import to_minor
from connector.policy.form_signals import OrderSurge
from connector.rules.documents import OrderDoc
from connector.rules.warning.cause import DAY, Cause, Scene

YEAR = 365
_NOT_PLACED = (OrderStage.CANCELLED.value, OrderStage.DRAFT.value)


def utilisation(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``utilisation``: the highest share of the limit that the exposure has come to."""
    rules, share = scene.rules.utilisation, scene.outcome.utilisation
    if not rules.on or share is None:
        return
    step = max((s for s in rules.steps if share >= s.share), key=lambda s: s.share, default=None)
    if step:
        evidence = {
            "share": str(share.quantize(Decimal("0.001"))),
            "exposure": scene.outcome.exposure,
            "limit": scene.outcome.limit,
            "currency": scene.currency,
        }
        yield Cause("utilisation", format(step.share.normalize(), "f"), step.severity, evidence, step.share)


def surge(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``order_surge``: key ``pace`` for more than usual, ``dormant`` for much after a long silence."""
    rules = scene.rules.order_surge
    placed = _placed(scene, moments) if rules.on else []
    begin = scene.today - rules.window_days * DAY
    recent = [(day, order) for day, order in placed if day > begin]
    amount = sum(scene.worth(order.amount, order.currency) for _, order in recent)
    if not recent or amount < to_minor(rules.min_amount, scene.currency):
        return
    moments.append(recent[0][0] + rules.window_days * DAY)
    before = [(day, order) for day, order in placed if day <= begin]
    yield from _dormant(scene, rules, recent, before, amount)
    year = [(day, order) for day, order in before if day > begin - YEAR * DAY]
    if len(year) < rules.min_orders:
        return
    moments.append(year[0][0] + (rules.window_days + YEAR) * DAY)
    # Of a younger customer only the days since its first order are there to compare with.
    length = min(YEAR, (begin - before[0][0]).days + 1)
    usual = sum(scene.worth(order.amount, order.currency) for _, order in year)
    if amount * length >= rules.factor * usual * rules.window_days and usual > 0:
        evidence = _ordered(scene, rules, recent, amount)
        evidence["usual"] = usual * rules.window_days // length
        yield Cause("order_surge", "pace", rules.severity, evidence)


def _dormant(
    scene: Scene,
    rules: OrderSurge,
    recent: list[tuple[dt.date, OrderDoc]],
    before: list[tuple[dt.date, OrderDoc]],
    amount: int,
) -> Iterator[Cause]:
    if before and (quiet := (recent[0][0] - before[-1][0]).days) >= rules.dormant_days:
        evidence = _ordered(scene, rules, recent, amount) | {"quiet_days": quiet}
        yield Cause("order_surge", "dormant", rules.severity, evidence)


def _ordered(
    scene: Scene, rules: OrderSurge, recent: list[tuple[dt.date, OrderDoc]], amount: int
) -> dict[str, object]:
    return {
        "amount": amount,
        "currency": scene.currency,
        "window_days": rules.window_days,
        "orders": [order.number or order.id for _, order in recent[-5:]],
    }


def silence(scene: Scene, moments: list[dt.date]) -> Iterator[Cause]:
    """``silence``: a regular customer has stopped ordering."""
    rules = scene.rules.silence
    placed = _placed(scene, moments) if rules.on else []
    if not placed:
        return
    last = placed[-1][0]
    days = sorted({day for day, _ in placed if day > last - YEAR * DAY})
    if len(days) < rules.min_orders:
        return
    usual = Decimal((days[-1] - days[0]).days) / (len(days) - 1)
    bound = max(rules.min_days, int((rules.factor * usual).to_integral_value(ROUND_CEILING)))
    quiet = (scene.today - last).days
    moments.extend(last + edge * DAY for edge in (bound, rules.until_days) if edge > quiet)
    if bound <= quiet < rules.until_days:
        evidence = {
            "days": quiet,
            "last_order": last.isoformat(),
            "usual_days": str(round(usual, 1)),
            "orders": len(days),
        }
        yield Cause("silence", "", rules.severity, evidence)


def _placed(scene: Scene, moments: list[dt.date]) -> list[tuple[dt.date, OrderDoc]]:
    """Orders placed up to today, oldest first; a day ahead is a moment."""
    dated = [
        (order.ordered_on, order)
        for order in scene.dossier.orders
        if order.ordered_on is not None and order.stage not in _NOT_PLACED
    ]
    ahead = [day for day, _ in dated if day > scene.today]
    if ahead:
        moments.append(min(ahead))
    return sorted(((d, o) for d, o in dated if d <= scene.today), key=lambda one: (one[0], one[1].id))

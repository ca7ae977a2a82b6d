"""Payment plans: when an order is to be paid, where no invoice says so.

Invariant: a plan never makes a debt larger. It divides what its order comes to into parts with a due date,
or dates invoices of the order that have none; an order that occupies no credit has no plans that count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from connector.model import InvoiceState, OrderStage
from connector.rules.documents import InvoiceDoc, OrderDoc, PlanDoc

_UNBILLED = (OrderStage.DRAFT.value, OrderStage.CANCELLED.value)
_DEAD = (InvoiceState.DRAFT.value, InvoiceState.VOID.value)
_OPEN = InvoiceState.OPEN.value


def planned(
    orders: Sequence[OrderDoc], invoices: Sequence[InvoiceDoc], plans: Iterable[PlanDoc]
) -> list[InvoiceDoc]:
    """``invoices`` with the due dates that plans give them, and the plans of orders that have no invoice
    as parts that are due."""
    by_order: dict[str, list[PlanDoc]] = {}
    for plan in plans:
        by_order.setdefault(plan.order_id, []).append(plan)
    if not by_order:
        return list(invoices)
    live: dict[str, list[InvoiceDoc]] = {}
    for doc in invoices:
        if doc.order_id in by_order and doc.state not in _DEAD:
            live.setdefault(doc.order_id or "", []).append(doc)
    dated: dict[str, dt.date] = {}
    parts: list[InvoiceDoc] = []
    known = {order.id: order for order in orders}
    for order_id, of_order in by_order.items():
        order = known.get(order_id)
        if order is None or order.stage in _UNBILLED or order.prepaid:
            continue
        sorted_plans = sorted(
            (plan for plan in of_order if plan.currency == order.currency and plan.amount > 0),
            key=lambda plan: (plan.due_on or dt.date.max, plan.id),
        )
        if order_id in live:
            dated |= _dates(live[order_id], sorted_plans)
        else:
            parts += _parts(order, sorted_plans)
    whole = [doc._replace(due_on=dated[doc.id]) if doc.id in dated else doc for doc in invoices]
    return [*whole, *parts]


def _parts(order: OrderDoc, plans: Sequence[PlanDoc]) -> list[InvoiceDoc]:
    """The order in parts, the earliest due first, as far as it goes."""
    left, parts = order.amount, []
    for plan in plans:
        amount = min(plan.amount, left)
        if amount <= 0:
            break
        left -= amount
        number = order.number or plan.number
        part = InvoiceDoc(
            plan.id, number, order.id, amount, order.currency, None, plan.due_on, None, None, _OPEN, None
        )
        parts.append(part)
    return parts


def _dates(invoices: Sequence[InvoiceDoc], plans: Sequence[PlanDoc]) -> dict[str, dt.date]:
    """Due dates of invoices without one: that of the plan in which the invoice begins, counted in the order
    in which they were issued."""
    found: dict[str, dt.date] = {}
    before = 0
    for doc in sorted(invoices, key=lambda one: (one.issued_on or dt.date.max, one.id)):
        reached = 0
        for plan in plans:
            reached += plan.amount
            if reached > before:
                if doc.due_on is None and plan.due_on is not None:
                    found[doc.id] = plan.due_on
                break
        before += max(doc.amount, 0)
    return found

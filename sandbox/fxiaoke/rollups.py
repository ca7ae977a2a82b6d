"""Values that the vendor works out: running totals of orders and payment plans, quotes from a master.

Invariant: an order's paid amount is the sum of its payments' parts that are in force, what is
outstanding is its amount less that, and a plan is completed once its parts reach it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sandbox.fxiaoke.fields import Object
from sandbox.table import Row

ORDER, PLAN, INVOICE = "SalesOrderObj", "PaymentPlanObj", "InvoiceApplicationObj"
PAYMENT, ORDER_PAYMENT = "PaymentObj", "OrderPaymentObj"
INCOMPLETE, COMPLETED, OVERDUE = "incomplete", "completed", "overdue"


@dataclass(frozen=True)
class _Total:
    """``amount`` of ``part`` is added up in ``total`` of the ``target`` that ``by`` names."""

    part: str
    amount: str
    by: str
    target: str
    total: str


_TOTALS = (
    _Total(ORDER_PAYMENT, "payment_amount", "order_id", ORDER, "payment_amount"),
    _Total(ORDER_PAYMENT, "payment_amount", "payment_plan_id", PLAN, "actual_payment_amount"),
    _Total(INVOICE, "invoice_applied_amount", "order_id", ORDER, "invoice_amount"),
)


def plan_status(amount: Decimal, paid: Decimal, due: int | None, today: int) -> str:
    """``due`` and ``today`` are midnights in milliseconds."""
    if paid >= amount:
        return COMPLETED
    return OVERDUE if due is not None and due < today else INCOMPLETE


def own(objects: Mapping[str, Object], kind: Object, row: Row, today: int) -> Row:
    """The worked-out values of ``row`` itself."""

    def amount(name: str) -> Decimal:
        return Decimal(row.get(kind.here(name)) or "0")

    if kind.api_name == ORDER:
        values: Row = {name: f"{amount(name):.2f}" for name in ("payment_amount", "invoice_amount")}
        values["receivable_amount"] = f"{amount('order_amount') - amount('payment_amount'):.2f}"
    elif kind.api_name == PLAN:
        planned, paid = amount("plan_payment_amount"), amount("actual_payment_amount")
        status = plan_status(planned, paid, row.get(kind.here("plan_payment_time")), today)
        values = {"actual_payment_amount": f"{paid:.2f}", "plan_payment_status": status}
    elif kind.api_name == ORDER_PAYMENT:
        master = objects[PAYMENT]
        header = master.table.get(row.get(kind.here("payment_id"))) or {}
        values = {"payment_time": header.get(master.here("payment_time"))}
    else:
        return {}
    return {kind.here(name): value for name, value in values.items()}


def totals(
    objects: Mapping[str, Object], kind: Object, before: Row, after: Row, today: int
) -> Iterator[tuple[Object, str, Row]]:
    """Other rows whose values change because a row turned from ``before`` to ``after`` (empty: none)."""
    for total in _TOTALS:
        target = objects.get(total.target)
        if total.part != kind.api_name or target is None:
            continue
        moved: dict[str, Decimal] = {}
        for row, sign in ((before, -1), (after, 1)):
            row_id = row.get(kind.here(total.by))
            if row_id is not None and row.get("life_status") == "normal":
                part = sign * Decimal(row[kind.here(total.amount)])
                moved[row_id] = moved.get(row_id, Decimal()) + part
        for row_id, difference in moved.items():
            found = target.table.get(row_id)
            if found is None or not difference:
                continue
            name = target.here(total.total)
            values = {name: f"{Decimal(found.get(name) or '0') + difference:.2f}"}
            yield target, row_id, values | own(objects, target, {**found, **values}, today)

"""Payment plans: due dates for orders and invoices that have none, and never a larger debt."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from connector.rules.documents import InvoiceDoc, OrderDoc, PlanDoc
from connector.rules.plans import planned

MAY, JUNE = dt.date(2026, 5, 31), dt.date(2026, 6, 30)


def order(amount: int = 1000, stage: str = "open", **more: object) -> OrderDoc:
    made = OrderDoc("1/o", "SO-1", amount, "CNY", None, None, stage, None, None, False)
    return made._replace(**more)


def plan(name: str, amount: int, due: dt.date | None, currency: str = "CNY") -> PlanDoc:
    return PlanDoc(f"1/plan {name}", "1/o", None, amount, currency, due)


def invoice(name: str, amount: int, due: dt.date | None = None, state: str = "open") -> InvoiceDoc:
    return InvoiceDoc(f"1/{name}", name, "1/o", amount, "CNY", None, due, None, None, state, None)


def test_an_order_without_invoices_falls_due_by_its_plans() -> None:
    parts = planned([order()], [], [plan("b", 600, JUNE), plan("a", 400, MAY)])
    assert [(part.amount, part.due_on, part.number) for part in parts] == [
        (400, MAY, "SO-1"),
        (600, JUNE, "SO-1"),
    ]


def test_invoices_without_a_due_date_take_that_of_the_plan_in_which_they_begin() -> None:
    docs = [invoice("a", 400), invoice("b", 600), invoice("c", 10, due=MAY)]
    found = planned([order()], docs, [plan("a", 400, MAY), plan("b", 600, JUNE)])
    assert [doc.due_on for doc in found] == [MAY, JUNE, MAY]
    assert [doc.amount for doc in found] == [400, 600, 10]


def test_plans_of_orders_that_occupy_no_credit_do_not_count() -> None:
    plans = [plan("a", 400, MAY)]
    for one in (order(stage="draft"), order(stage="cancelled"), order(prepaid=True)):
        assert planned([one], [], plans) == []
    assert planned([], [], plans) == []


def test_a_plan_in_another_currency_is_left_out() -> None:
    assert planned([order()], [], [plan("a", 400, MAY, "USD")]) == []


def test_void_invoices_leave_the_plans_in_force() -> None:
    found = planned([order()], [invoice("x", 1000, state="void")], [plan("a", 400, MAY)])
    assert [doc.id for doc in found] == ["1/x", "1/plan a"]


@given(st.integers(0, 5000), st.lists(st.integers(-10, 3000), max_size=6))
def test_plans_never_make_a_debt_larger_than_its_order(amount: int, plans: list[int]) -> None:
    docs = [plan(str(n), each, MAY) for n, each in enumerate(plans)]
    parts = planned([order(amount)], [], docs)
    assert sum(part.amount for part in parts) <= amount
    assert all(part.amount > 0 for part in parts)

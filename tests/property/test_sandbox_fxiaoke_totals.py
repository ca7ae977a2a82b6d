"""Running totals of the Fxiaoke sandbox: whatever is done to payments, orders and plans agree with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sandbox.fxiaoke import Tenant
from sandbox.fxiaoke.rollups import ORDER, ORDER_PAYMENT, PAYMENT, PLAN

TIME = "last_modified_time"
AMOUNTS = st.integers(1, 500_000).map(lambda minor: f"{Decimal(minor) / 100:.2f}")
STATES = st.sampled_from(["normal", "invalid", "under_review", "in_change"])


class Books(RuleBasedStateMachine):
    """Two orders with a plan each; parts of payments come, change, move, are voided and deleted."""

    parts: Bundle[str] = Bundle("parts")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_777_900_000.0
        self.tenant = Tenant(lambda: self.now)
        self.header = self._insert(PAYMENT, payment_amount="1.00", payment_time=1)
        self.orders = [self._insert(ORDER, order_amount=amount) for amount in ("100.00", "2500.00")]
        self.plans = [
            self._insert(PLAN, order_id=order, plan_payment_amount="900.00", plan_payment_time=due)
            for order, due in zip(self.orders, (1, 4_000_000_000_000), strict=True)
        ]
        self.times = {row["_id"]: row[TIME] for name in (ORDER, PLAN) for row in self._rows(name)}

    def _insert(self, name: str, **values: Any) -> str:
        row_id: str = self.tenant.insert(self.tenant.objects[name], values, "1000")["_id"]
        return row_id

    def _rows(self, name: str) -> list[dict[str, Any]]:
        return list(self.tenant.objects[name].table)

    def _change(self, part: str, **values: Any) -> None:
        self.now += 1
        self.tenant.update(self.tenant.objects[ORDER_PAYMENT], part, values, "1000")

    @rule(target=parts, amount=AMOUNTS, of=st.sampled_from([0, 1]), planned=st.booleans())
    def pay(self, amount: str, of: int, planned: bool) -> str:
        self.now += 1
        plan = {"payment_plan_id": self.plans[of]} if planned else {}
        values = {"payment_id": self.header, "order_id": self.orders[of], "payment_amount": amount, **plan}
        return self._insert(ORDER_PAYMENT, **values)

    @rule(part=parts, amount=AMOUNTS)
    def correct(self, part: str, amount: str) -> None:
        self._change(part, payment_amount=amount)

    @rule(part=parts, to=st.sampled_from([0, 1, None]))
    def move(self, part: str, to: int | None) -> None:
        self._change(part, order_id=None if to is None else self.orders[to])

    @rule(part=parts, to=st.sampled_from([0, 1, None]))
    def plan(self, part: str, to: int | None) -> None:
        self._change(part, payment_plan_id=None if to is None else self.plans[to])

    @rule(part=parts, state=STATES)
    def turn(self, part: str, state: str) -> None:
        self._change(part, life_status=state)

    @rule(part=consumes(parts))
    def delete(self, part: str) -> None:
        self.tenant.remove(self.tenant.objects[ORDER_PAYMENT], part)

    def _sum(self, by: str, row_id: str) -> Decimal:
        counted = [row for row in self._rows(ORDER_PAYMENT) if row["life_status"] == "normal"]
        return sum((Decimal(r["payment_amount"]) for r in counted if r.get(by) == row_id), Decimal())

    @invariant()
    def orders_agree(self) -> None:
        for row in self._rows(ORDER):
            paid = self._sum("order_id", row["_id"])
            assert Decimal(row["payment_amount"]) == paid
            assert Decimal(row["receivable_amount"]) == Decimal(row["order_amount"]) - paid

    @invariant()
    def plans_agree(self) -> None:
        for row, late in zip(self._rows(PLAN), ("overdue", "incomplete"), strict=True):
            paid = self._sum("payment_plan_id", row["_id"])
            assert Decimal(row["actual_payment_amount"]) == paid
            assert row["plan_payment_status"] == ("completed" if paid >= 900 else late)

    @invariant()
    def times_stand_still(self) -> None:
        for name in (ORDER, PLAN):
            assert {row["_id"]: row[TIME] for row in self._rows(name)}.items() <= self.times.items()


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

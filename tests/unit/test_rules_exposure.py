"""Exposure by stage, weighted, at today's rates."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connector.money import Rates
from connector.policy.schema import Policy
from connector.rules.exposure import Exposure, exposure
from tests.rules_bench import CNY, NOW, WITH_USD, assess, day, dossier, facts, invoice, order, payment, policy


def exposed(by: Policy | None = None, rates: Rates = CNY, **documents: Any) -> Exposure:
    return exposure(dossier(**documents), by or policy(), rates, NOW)


def rules(**settings: Any) -> Policy:
    return policy(exposure=settings)


def test_each_document_stands_in_one_stage() -> None:
    found = exposed(
        orders=(order("o", 1_000), order("d", 200, stage="delivered")),
        invoices=(
            invoice("n", 30, due_on=day(0)),
            invoice("l", 4, due_on=day(-1)),
            invoice("x", 500, due_on=day(-9), disputed=True),
        ),
        payments=(payment("p", 7),),
    )
    assert found.stages == {
        "open_orders": 1_000,
        "delivered": 200,
        "not_due": 30,
        "overdue": 4,
        "disputed": 500,
        "bills": 0,
        "prepayment": -7,
    }
    assert found.total == 1_727
    assert [(part.stage, part.id, part.amount) for part in found.parts] == [
        ("open_orders", "o", 1_000),
        ("delivered", "d", 200),
        ("not_due", "n", 30),
        ("overdue", "l", 4),
        ("disputed", "x", 500),
        ("prepayment", "p", -7),
    ]


@pytest.mark.parametrize("stage", ["draft", "closed", "cancelled"])
def test_orders_that_are_not_open_occupy_nothing(stage: str) -> None:
    assert exposed(orders=(order(stage=stage),)).total == 0


def test_drafts_count_if_the_policy_says_so() -> None:
    assert exposed(rules(draft_orders=True), orders=(order(amount=5, stage="draft"),)).total == 5


def test_prepaid_orders_occupy_nothing() -> None:
    assert exposed(orders=(order(prepaid=True), order("d", stage="delivered", prepaid=True))).total == 0


def test_an_advance_on_a_prepaid_order_is_no_credit_for_others() -> None:
    found = exposed(
        orders=(order("o", 100, prepaid=True), order("p", 100)), payments=(payment("m", 100, order_id="o"),)
    )
    assert found.total == 100


def test_open_orders_beyond_the_horizon_are_left_out_until_they_enter_it() -> None:
    by = rules(horizon_days=30)
    assert exposed(by, orders=(order(amount=5, deliver_on=day(30)),)).total == 5
    assert exposed(by, orders=(order(amount=5, deliver_on=day(31)),)).total == 0
    assert exposed(by, orders=(order(amount=5, deliver_on=None),)).total == 5
    assert exposed(by, orders=(order(amount=5, stage="delivered", deliver_on=day(99)),)).total == 5
    assert exposed(rules(horizon_days=None), orders=(order(amount=5, deliver_on=day(999)),)).total == 5
    far = facts(dossier(orders=(order(deliver_on=day(33)),)), by)
    assert far.next_change == dt.datetime(2026, 6, 18, tzinfo=dt.UTC)


def test_grace_days_come_before_overdue() -> None:
    by = policy(overdue={"grace_days": 3})
    assert exposed(by, invoices=(invoice(amount=5, due_on=day(-3)),)).stages["overdue"] == 0
    assert exposed(by, invoices=(invoice(amount=5, due_on=day(-4)),)).stages["overdue"] == 5


def test_stages_are_weighted_and_rounded_once() -> None:
    by = rules(weights={"open_orders": Decimal("0.5"), "overdue": Decimal("1.25"), "not_due": 0})
    found = exposed(
        by, orders=(order(amount=101),), invoices=(invoice("i", 9), invoice("j", 10, due_on=day(-1)))
    )
    # 101 × 0.5 = 50.5 → 51; 10 × 1.25 = 12.5 → 13, half up.
    assert found.total == 51 + 13
    assert found.stages["open_orders"] == 101


def test_advances_reduce_to_zero_at_most_unless_the_policy_allows() -> None:
    documents = {"invoices": (invoice("i", 40),), "payments": (payment("p", 100),)}
    assert exposed(**documents).total == 0
    assert exposed(rules(advances="allow_negative"), **documents).total == -60


def test_an_order_from_placing_to_payment() -> None:
    """100 ordered, 60 invoiced, 60 paid, 40 invoiced, 40 paid: never counted twice."""
    placed = order("o", 100)
    first, second = invoice("i", 60, order_id="o"), invoice("j", 40, order_id="o")
    paid_first, paid_second = payment("p", 60, invoice_id="i"), payment("q", 40, order_id="o")
    totals = [
        exposed(orders=(placed,)).total,
        exposed(orders=(placed,), invoices=(first,)).total,
        exposed(orders=(placed,), invoices=(first,), payments=(paid_first,)).total,
        exposed(orders=(placed,), invoices=(first, second), payments=(paid_first,)).total,
        exposed(orders=(placed,), invoices=(first, second), payments=(paid_first, paid_second)).total,
    ]
    assert totals == [100, 100, 40, 40, 0]


def test_other_currencies_count_at_todays_rate() -> None:
    found = exposed(rates=WITH_USD, invoices=(invoice(amount=1_000, currency="USD"),))
    assert (found.total, found.incomplete) == (7_200, False)


def test_an_amount_without_a_rate_makes_a_lower_bound_and_a_hold() -> None:
    some = (invoice("i", 100), invoice("j", 100, number="INV-2", currency="EUR"))
    found = exposed(invoices=some)
    assert (found.total, found.incomplete, found.gaps) == (100, True, ("INV-2 EUR",))
    result = assess(dossier(invoices=some))
    assert result.exposure_incomplete
    assert result.status == "hold"
    assert ("amounts_without_rate", "INV-2 EUR") in [
        (reason.code, reason.params.get("documents")) for reason in result.reasons
    ]


def test_a_credit_without_a_rate_is_no_reason_to_hold() -> None:
    found = exposed(invoices=(invoice("i", 100),), payments=(payment("p", 50, currency="EUR"),))
    assert (found.total, found.incomplete) == (100, False)


def test_refunds_take_back_credit_but_create_no_debt() -> None:
    some = (payment("p", 50), payment("q", -80))
    assert exposed(invoices=(invoice("i", 100),), payments=some).total == 100


def test_a_moment_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        exposure(dossier(), policy(), CNY, dt.datetime(2026, 6, 15))

"""How the customer pays over 3, 6, 12 and 24 months, and what is open now."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.rules.payment import dso
from connector.rules.snapshot import Unknown, Value
from tests.rules_bench import day, dossier, facts, invoice, order, payment, policy, promise, settled

NO_HISTORY = Unknown("no_history")
# Paid two months ago on time, four months ago 8 late, ten months ago 20 late, twenty months ago 40 late.
PAID = (
    settled("a", 100, 0, ago=60),
    settled("b", 300, 8, ago=120),
    settled("c", 100, 20, ago=300),
    settled("d", 500, 40, ago=600),
)


def values(*invoices: Any, overdue: dict[str, Any] | None = None, **documents: Any) -> dict[str, Value]:
    return facts(dossier(invoices=invoices, **documents), policy(overdue=overdue or {})).values


@pytest.mark.parametrize(
    ("months", "count", "amount", "share", "dbt", "worst", "paid"),
    [
        (3, 0, 0, "0", "0", 0, 1),
        (6, 1, 300, "0.75", "6", 8, 2),
        (12, 2, 400, "0.8", "8.8", 20, 3),
        (24, 3, 900, "0.9", "24.4", 40, 4),
    ],
)
def test_each_window_holds_what_was_settled_in_it(
    months: int, count: int, amount: int, share: str, dbt: str, worst: int, paid: int
) -> None:
    found = values(*PAID)
    assert found[f"late_count_{months}m"] == count
    assert found[f"late_amount_{months}m"] == amount
    assert found[f"late_share_{months}m"] == Decimal(share)
    assert found[f"dbt_{months}m"] == Decimal(dbt)
    assert found[f"worst_days_late_{months}m"] == worst
    assert found[f"paid_invoices_{months}m"] == paid


def test_what_is_overdue_now_counts_in_every_window() -> None:
    found = values(invoice("i", 100, due_on=day(-400)))
    assert {found[f"late_count_{months}m"] for months in (3, 6, 12, 24)} == {1}
    assert {found[f"worst_days_late_{months}m"] for months in (3, 6, 12, 24)} == {400}
    assert {found[f"paid_invoices_{months}m"] for months in (3, 6, 12, 24)} == {0}


def test_a_window_without_a_settlement_is_no_history() -> None:
    found = values(settled("d", 500, 40, ago=600))
    assert found["late_share_12m"] == NO_HISTORY
    assert found["late_share_24m"] == 1


def test_an_invoice_leaves_a_window_on_the_day_it_is_as_old() -> None:
    for months, length in ((3, 91), (6, 182), (12, 365), (24, 730)):
        assert values(settled("i", 1, 0, ago=length - 1))[f"paid_invoices_{months}m"] == 1
        assert values(settled("i", 1, 0, ago=length))[f"paid_invoices_{months}m"] == 0


def test_paying_slower_than_over_the_year_is_a_drift() -> None:
    assert values(settled("a", 100, 30, ago=20), settled("b", 100, 10, ago=200))["dbt_drift"] == 10
    assert values(settled("b", 100, 10, ago=200))["dbt_drift"] == NO_HISTORY


def test_early_payment_makes_up_for_late_payment_unless_the_policy_floors_it() -> None:
    some = (settled("a", 100, -10), settled("b", 100, 20))
    assert values(*some)["dbt_12m"] == 5
    assert values(*some, overdue={"early": "zero"})["dbt_12m"] == 10


def test_overdue_by_age_and_as_a_share() -> None:
    found = values(
        invoice("a", 100, due_on=day(-29)),
        invoice("b", 200, due_on=day(-30)),
        invoice("c", 300, due_on=day(-61)),
        invoice("d", 400, due_on=day(-90)),
        invoice("e", 1_000),
    )
    assert [found[f"overdue_amount_{days}d"] for days in (30, 60, 90)] == [900, 700, 400]
    assert found["overdue_share"] == Decimal("0.5")
    assert values()["overdue_share"] == Unknown("zero_denominator")


def test_disputed_invoices_stay_out_of_the_share_unless_counted() -> None:
    some = (invoice("a", 100, due_on=day(-9)), invoice("x", 300, due_on=day(-9), disputed=True))
    assert values(*some)["overdue_share"] == 1
    assert values(*some)["disputed_count"] == 1
    assert values(invoice("a", 100))["disputed_count"] == Unknown("not_recorded")
    assert values(invoice("a", 100, disputed=False))["disputed_count"] == 0


def test_late_interest_erpnext_dunning_outstanding_rate_days() -> None:
    """10 000 × 8 % × 45 / 365 = 98.63 (ERPNext, dunning.py: outstanding × rate/100/365 × overdue days)."""
    late = invoice("i", 1_000_000, due_on=day(-45))
    assert values(late, overdue={"interest": {"rate": Decimal("0.08")}})["late_interest"] == 9_863
    assert values(late)["late_interest"] == 0


def test_days_without_interest_and_the_banks_year() -> None:
    late = invoice("i", 1_000_000, due_on=day(-45))
    interest = {"rate": Decimal("0.072"), "year_days": 360, "free_days": 15}
    assert values(late, overdue={"interest": interest})["late_interest"] == 6_000


def test_write_offs_are_counted_with_their_amount() -> None:
    lost = invoice("i", 700, state="written_off", due_on=day(-300))
    found = values(lost)
    assert (found["write_offs_24m"], found["written_off_24m"]) == (1, 700)
    found = values(lost._replace(due_on=day(-731)))
    assert (found["write_offs_24m"], found["written_off_24m"]) == (0, 0)
    assert values()["write_offs_24m"] == NO_HISTORY


def test_broken_promises_are_unknown_where_promises_are_not_recorded() -> None:
    assert values()["broken_promises_12m"] == Unknown("no_promises")
    days = ((-365, "broken"), (-364, "broken"), (-30, "kept"), (-6, None), (-5, None), (1, None))
    made = tuple(promise(id=n, due=due, outcome=said) for n, (due, said) in enumerate(days))
    grace = {"grace_days": 5}
    assert values(promises=made, overdue=grace)["broken_promises_12m"] == 2
    assert values(promises=made[4:], overdue=grace)["broken_promises_12m"] == 0


def test_days_since_the_last_payment_by_payment_or_settlement() -> None:
    assert values()["days_since_payment"] == NO_HISTORY
    assert values(settled("i", 100, 0, ago=40))["days_since_payment"] == 40
    assert (
        values(settled("i", 100, 0, ago=40), payments=(payment(paid_on=day(-7)),))["days_since_payment"] == 7
    )
    future = settled("i", 100, 0, ago=-3)
    assert values(future)["days_since_payment"] == NO_HISTORY


@pytest.mark.parametrize(("days", "expected"), [(365, "121.666667"), (183, "61.000000"), (283, "94.333333")])
def test_dso_dynamics_365_receivable_by_credit_sales_by_days(days: int, expected: str) -> None:
    """50 000 / 150 000 × 365 = 121.67, × 183 = 61, × 283 = 94.33 (Dynamics 365, Credit-statistics-faq)."""
    assert dso(50_000, 150_000, days) == Decimal(expected)


def test_dso_of_a_customer_and_what_is_delinquent_of_it() -> None:
    """Open 500 and overdue 200 of sales of 1 000 in 365 days; a customer of 100 days counts those."""
    old = order("o", 1, "closed", ordered_on=day(-500))
    some = (
        invoice("a", 300, issued_on=day(-20)),
        invoice("b", 200, issued_on=day(-80), due_on=day(-20)),
        settled("c", 500, 0, ago=90),
    )
    found = values(*some, orders=(old,))
    assert (found["dso"], found["dso_delinquent"]) == (Decimal("182.5"), 73)
    young = values(*(one._replace(issued_on=day(-100)) for one in some))
    assert young["dso"] == 50
    assert values()["dso"] == NO_HISTORY


def test_draft_invoices_say_nothing_of_payment() -> None:
    drafts = policy(exposure={"draft_invoices": True})
    found = facts(dossier(invoices=(invoice("i", 100, state="draft", due_on=day(-50)),)), drafts).values
    assert (found["overdue_amount"], found["overdue_days_max"]) == (0, NO_HISTORY)
    assert (found["exposure_not_due"], found["sales_12m"]) == (100, NO_HISTORY)

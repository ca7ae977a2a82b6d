"""How the customer pays, from our own invoices."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from connector.rules.snapshot import Unknown, Value
from tests.rules_bench import (
    TODAY,
    WITH_USD,
    day,
    dossier,
    facts,
    invoice,
    order,
    payment,
    policy,
    settled,
)

NO_HISTORY = Unknown("no_history")


def values(*invoices: Any, overdue: dict[str, Any] | None = None, **documents: Any) -> dict[str, Value]:
    by = policy(overdue=overdue or {})
    return facts(dossier(invoices=invoices, **documents), by, WITH_USD).values


def test_days_beyond_terms_golden_value() -> None:
    """100@−10, 200@−5, 300@0, 400@5, 500@10 → 3.3333 (fitsmallbusiness.com,
    satago.com): early payment counts as negative days."""
    some = [settled(f"i{late}", amount, late) for amount, late in
            ((100, -10), (200, -5), (300, 0), (400, 5), (500, 10))]  # fmt: skip
    found = values(*some)
    assert found["dbt_12m"] == Decimal("3.333333")
    assert found["late_share_12m"] == Decimal("0.6")
    assert found["worst_days_late_12m"] == 10
    assert found["paid_invoices_12m"] == 5


def test_grace_days_forgive_being_late() -> None:
    some = (settled("i", 100, 3), settled("j", 300, 4))
    assert values(*some, overdue={"grace_days": 3})["late_share_12m"] == Decimal("0.75")


def test_what_is_overdue_now() -> None:
    found = values(
        invoice("i", 100, due_on=day(-10)), invoice("j", 50, due_on=day(-40), paid=20), invoice("k", 7)
    )
    assert found["overdue_count"] == 2
    assert found["overdue_amount"] == 130
    assert found["overdue_days_max"] == 40


def test_not_paying_at_all_does_not_look_good() -> None:
    found = values(settled("i", 100, 0), invoice("j", 300, due_on=day(-50)))
    assert found["late_share_12m"] == Decimal("0.75")
    assert found["dbt_12m"] == Decimal("37.5")
    assert found["worst_days_late_12m"] == 50


def test_an_overdue_rest_weighs_as_much_as_the_rest() -> None:
    found = values(settled("i", 900, 0), invoice("j", 1_000, paid=900, due_on=day(-10)))
    assert found["late_share_12m"] == Decimal("0.1")


def test_the_day_an_invoice_is_due_is_not_late() -> None:
    found = values(invoice("i", 100, due_on=TODAY))
    assert (found["overdue_count"], found["overdue_amount"]) == (0, 0)


def test_without_a_settled_or_overdue_invoice_there_is_no_history() -> None:
    for found in (values(), values(invoice("i", 100))):
        assert found["overdue_amount"] == 0
        for name in ("overdue_days_max", "late_share_12m", "dbt_12m", "worst_days_late_12m", "defaults_24m"):
            assert found[name] == NO_HISTORY, name


def test_what_was_settled_longer_than_a_year_ago_is_forgotten() -> None:
    found = values(settled("i", 100, 50, ago=365))
    assert found["late_share_12m"] == NO_HISTORY
    assert found["overdue_days_max"] == 0
    assert values(settled("i", 100, 50, ago=364))["late_share_12m"] == 1


def test_disputed_invoices_stay_out_unless_the_policy_counts_them() -> None:
    some = invoice("i", 100, due_on=day(-200), disputed=True)
    found = values(some)
    assert (found["disputed_amount"], found["overdue_amount"]) == (100, 0)
    assert found["defaults_24m"] == NO_HISTORY
    found = values(some, overdue={"count_disputed": True})
    assert (found["disputed_amount"], found["overdue_amount"], found["defaults_24m"]) == (100, 100, 1)


def test_defaults_are_ninety_days_past_due_settled_or_not() -> None:
    assert values(settled("i", 100, 90))["defaults_24m"] == 1
    assert values(settled("i", 100, 89))["defaults_24m"] == 0
    assert values(invoice("i", 100, due_on=day(-90)))["defaults_24m"] == 1
    assert values(invoice("i", 100, due_on=day(-89)))["defaults_24m"] == 0
    assert values(settled("i", 100, 30), overdue={"default_days": 30})["defaults_24m"] == 1


def test_a_settled_default_is_forgotten_after_two_years_an_open_one_never() -> None:
    assert values(settled("i", 100, 90, ago=729))["defaults_24m"] == 1
    assert values(settled("i", 100, 90, ago=730))["defaults_24m"] == 0
    assert values(invoice("i", 100, due_on=day(-3_000)))["defaults_24m"] == 1


def test_a_write_off_is_a_default() -> None:
    assert values(invoice("i", 100, state="written_off", due_on=day(-300)))["defaults_24m"] == 1
    assert values(invoice("i", 100, state="written_off", due_on=day(-900)))["defaults_24m"] == 0
    lost = invoice("i", 100, state="written_off", due_on=None, issued_on=None)
    assert values(lost)["defaults_24m"] == 1


def test_an_invoice_settled_on_an_unknown_day_says_nothing_of_lateness() -> None:
    found = values(invoice("i", 100, state="paid", due_on=day(-50)))
    assert found["late_share_12m"] == NO_HISTORY
    assert found["paid_invoices_12m"] == 0
    assert found["overdue_days_max"] == 0


def test_void_drafts_and_credit_notes_are_no_invoices_to_pay() -> None:
    some = (
        invoice("i", 100, state="void", due_on=day(-50)),
        invoice("j", 100, state="draft", due_on=day(-50)),
        invoice("k", -100, due_on=day(-50)),
    )
    assert values(*some)["overdue_count"] == 0


def test_lateness_weighs_values_in_one_currency() -> None:
    some = (settled("i", 720, 10), settled("j", 100, 0)._replace(currency="USD"))
    assert values(*some)["dbt_12m"] == 5


def test_sales_are_the_invoices_of_twelve_months_with_credit_notes_taken_off() -> None:
    found = values(
        invoice("i", 100, issued_on=day(-364)),
        invoice("j", 1_000, issued_on=day(-365)),
        invoice("k", -30, issued_on=day(-5)),
    )
    assert found["sales_12m"] == 70


def test_sales_are_the_orders_where_nothing_was_invoiced() -> None:
    some = (order("o", 100), order("c", 50, stage="closed"), order("d", 7, stage="draft"),
            order("x", 9, stage="cancelled"), order("old", 5, ordered_on=day(-400)))  # fmt: skip
    found = values(orders=some)
    assert (found["sales_12m"], found["orders_12m"]) == (150, 2)


def test_a_sleeping_customer_has_no_sales_and_a_new_one_unknown_sales() -> None:
    assert values(settled("i", 100, 0, ago=500))["sales_12m"] == 0
    assert values()["sales_12m"] == NO_HISTORY


def test_months_of_relation_are_whole_months_from_the_stated_day_or_the_first_document() -> None:
    assert values(customer_since=dt.date(2025, 6, 15))["relation_months"] == 12
    assert values(customer_since=dt.date(2025, 6, 16))["relation_months"] == 11
    assert values(customer_since=dt.date(2027, 1, 1))["relation_months"] == 0
    assert values(invoice("i", issued_on=dt.date(2026, 2, 1)))["relation_months"] == 4
    assert values()["relation_months"] == NO_HISTORY


def test_payments_decide_where_the_source_keeps_no_paid_amount() -> None:
    found = values(
        invoice("i", 100, due_on=day(-30)),
        payments=(payment("p", 100, invoice_id="i", paid_on=day(-18)),),
    )
    assert found["dbt_12m"] == 12
    assert found["overdue_count"] == 0


def test_the_day_is_that_of_the_policys_time_zone() -> None:
    """16:30 UTC is half past midnight of the next day in Shanghai: the invoice is a day late there."""
    customer = dossier(invoices=(invoice("i", 100, due_on=TODAY),))
    late = dt.datetime(2026, 6, 15, 16, 30, tzinfo=dt.UTC)
    assert facts(customer, policy(), at=late).values["overdue_count"] == 0
    shanghai = facts(customer, policy(timezone="Asia/Shanghai"), at=late)
    assert shanghai.values["overdue_count"] == 1
    assert shanghai.next_change == dt.datetime(2026, 6, 16, 16, tzinfo=dt.UTC)


def test_a_disputed_invoice_that_counts_turns_overdue_at_a_known_moment() -> None:
    by = policy(overdue={"count_disputed": True, "grace_days": 2})
    customer = dossier(invoices=(invoice("i", 100, issued_on=None, due_on=day(1), disputed=True),))
    assert facts(customer, by).next_change == dt.datetime(2026, 6, 19, tzinfo=dt.UTC)
    assert facts(customer, by, at=dt.datetime(2026, 6, 19, tzinfo=dt.UTC)).values["overdue_count"] == 1

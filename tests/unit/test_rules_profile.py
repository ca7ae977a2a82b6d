"""Who the customer is, what people decided, the business done, and the agencies' records."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.policy.schema import Policy
from connector.rules.snapshot import Snapshot, Unknown, Value
from tests.rules_bench import (
    WITH_USD,
    day,
    dossier,
    facts,
    invoice,
    limit_entry,
    negative,
    order,
    policy,
    report,
    settled,
    statement,
)

NO_HISTORY, NOT_RECORDED = Unknown("no_history"), Unknown("not_recorded")
NOT_STATED, STALE = Unknown("not_stated"), Unknown("stale")


def values(by: Policy | None = None, **documents: Any) -> dict[str, Value]:
    return facts(dossier(**documents), by, WITH_USD).values


def test_the_record_is_told_as_it_is_and_nothing_is_made_up() -> None:
    found = values(country="CN", industry="retail", is_person=True, group_id=4, terms_days=30)
    names = ("customer", "group", "country", "industry", "is_person", "terms_agreed_days")
    assert [found[name] for name in names] == ["customer-7", "group-4", "CN", "retail", True, 30]
    bare = values()
    assert bare["group"] == "none"
    for name in ("country", "industry", "size", "account_status", "blacklisted", "terms_agreed_days"):
        assert bare[name] == NOT_RECORDED, name


def test_the_size_is_the_first_band_that_the_revenue_reaches() -> None:
    sizes = [{"name": "large", "from": 400}, {"name": "medium", "from": 20}, {"name": "small"}]
    by = policy(sizes=sizes)

    def size(revenue: int | None) -> Value:
        return values(by, reports=(report(statements=(statement(revenue=revenue),)),))["size"]

    assert [size(n) for n in (40_000, 39_999, 2_000, 1_999)] == ["large", "medium", "medium", "small"]
    assert size(None) == Unknown("not_disclosed")


def test_a_customer_is_new_until_it_has_been_one_for_a_while_and_has_paid() -> None:
    paid = (settled("i", 100, 0, ago=30),)
    assert values()["new_customer"] is True
    assert values(customer_since=day(-400))["new_customer"] is True
    assert values(customer_since=day(-400), invoices=paid)["new_customer"] is False
    assert values(customer_since=day(-100), invoices=paid)["new_customer"] is True
    quick = policy(known_after={"months": 3, "settled_invoices": 0})
    assert values(quick, customer_since=day(-100))["new_customer"] is False


@pytest.mark.parametrize(
    ("blacklist", "documents", "listed"),
    [
        ({"customers": [7]}, {}, True),
        ({"customers": [8]}, {}, False),
        ({"groups": [3]}, {"group_id": 3}, True),
        ({"account_status": ["黑名单"]}, {"account_statuses": ("正常", "黑名单")}, True),
        ({"account_status": ["黑名单"]}, {"account_statuses": ("正常",)}, False),
        ({}, {"blacklisted": True}, True),
        ({}, {"blacklisted": False}, False),
        ({}, {}, NOT_RECORDED),
    ],
)
def test_the_blacklist_is_the_policys_or_the_crms(
    blacklist: dict[str, Any], documents: dict[str, Any], listed: Value
) -> None:
    assert values(policy(blacklist=blacklist), **documents)["blacklisted"] == listed


def test_a_limit_expires_when_it_is_too_old_or_was_temporary() -> None:
    limit = {"step": 1, "terms": {"need": {}}, "valid_days": 30}
    yearly = policy(limit=limit)

    def expired(*entries: Any, by: Policy = yearly) -> Value:
        return values(by, limits=entries)["limit_expired"]

    assert expired() == Unknown("no_entry")
    assert expired(limit_entry(valid_from=day(-30))) is False
    assert expired(limit_entry(valid_from=day(-31))) is True
    assert expired(limit_entry(valid_from=day(-31)), by=policy()) is False
    over = limit_entry("temporary", valid_from=day(-20), valid_to=day(-1))
    assert expired(over) is True
    assert expired(over, limit_entry(valid_from=day(-25))) is False
    # What a person has withdrawn is not expired: the policy's own limit serves again.
    assert expired(limit_entry(valid_from=day(-20), valid_to=day(-1))) is False


def test_insured_and_guaranteed_sums_are_those_of_today() -> None:
    some = (
        limit_entry("insured", 100),
        limit_entry("insured", 10, currency="USD"),
        limit_entry("insured", 5, valid_to=day(-1)),
        limit_entry("guaranteed", 7, valid_from=day(1)),
    )
    found = facts(dossier(limits=some), None, WITH_USD)
    assert (found.values["insured_amount"], found.values["guaranteed_amount"]) == (172, 0)
    assert found.limit_set is None  # what secures a limit is no limit


def test_sales_growth_compares_two_years() -> None:
    some = (invoice("a", 300, issued_on=day(-100)), invoice("b", 200, issued_on=day(-500)))
    assert values(invoices=some, customer_since=day(-900))["sales_growth"] == Decimal("0.5")
    assert values(invoices=some)["sales_growth"] == Unknown("too_few_periods")
    assert values(invoices=some[:1], customer_since=day(-900))["sales_growth"] == Unknown("zero_denominator")
    assert values()["sales_growth"] == NO_HISTORY


def test_frequency_and_concentration_of_orders() -> None:
    some = (
        order("a", 600, "closed", ordered_on=day(-90)),
        order("b", 300, "closed", ordered_on=day(-60)),
        order("c", 100, ordered_on=day(-30)),
        order("d", 900, "cancelled", ordered_on=day(-1)),
    )
    found = values(orders=some)
    assert found["order_interval_days"] == 30
    assert found["days_since_order"] == 30
    assert found["order_concentration_12m"] == Decimal("0.6")
    assert values(orders=some[:1])["order_interval_days"] == Unknown("too_few_periods")
    assert values()["order_concentration_12m"] == NO_HISTORY


def test_the_share_of_the_portfolio_is_that_of_the_policys_budget() -> None:
    some = (invoice("i", 5_000),)
    assert values(invoices=some)["portfolio_share"] == Unknown("no_portfolio")
    cap = {"share": Decimal("0.1"), "portfolio": 1_000}
    by = policy(limit={"step": 1, "terms": {"need": {}, "concentration": cap}})
    assert values(by, invoices=some)["portfolio_share"] == Decimal("0.05")


def test_bills_receivable_occupy_credit_until_their_day() -> None:
    """应收票据 keep occupying until the risk ends (Chinese practice notes on credit control)."""
    from tests.rules_bench import payment

    owed = invoice("i", 1_000)
    bill = payment("p", 800, invoice_id="i", bill_due_on=day(40))
    found = facts(dossier(invoices=(owed,), payments=(bill,)))
    assert (found.values["exposure_not_due"], found.values["exposure_bills"]) == (200, 800)
    assert found.values["exposure"] == 1_000
    paid = facts(dossier(invoices=(owed,), payments=(bill._replace(bill_due_on=day(0)),)))
    assert (paid.values["exposure_bills"], paid.values["exposure"]) == (0, 200)
    light = policy(exposure={"weights": {"bills": Decimal("0.5")}})
    assert facts(dossier(invoices=(owed,), payments=(bill,)), light).values["exposure"] == 600


def recorded(*negatives: Any, **more: Any) -> Snapshot:
    return facts(dossier(reports=(report(negatives=negatives, **more),)), None, WITH_USD)


def test_records_are_counted_by_kind_and_amount() -> None:
    found = recorded(
        negative("judgment", amount=100, currency="CNY"),
        negative("enforcement", amount=10, currency="USD"),
        negative("consumption_limit"),
        negative("lien"),
        negative("dishonest", resolved=True),
        negative("enforcement", exact=False),
    ).values
    names = ("open_judgments", "open_enforcements", "open_liens", "negatives_amount")
    assert [found[name] for name in names] == [3, 2, 1, 172]
    assert found["dishonest"] is False


def test_dishonest_debtors_are_marked_and_silence_is_no_clean_record() -> None:
    assert recorded(negative("dishonest")).values["dishonest"] is True
    silent = recorded(judgments_covered=False).values
    assert silent["dishonest"] == silent["open_liens"] == silent["negatives_amount"] == NOT_STATED
    assert recorded(days_old=31).values["dishonest"] == STALE
    old = recorded(negative("dishonest"), days_old=31)
    assert old.values["dishonest"] is True  # bad news stands
    assert old.state("dishonest") == "stale"


def test_an_agencys_payment_days_and_the_age_of_its_report() -> None:
    found = recorded(dbt_days=12).values
    assert (found["agency_dbt"], found["report_stale"]) == (12, False)
    old = recorded(dbt_days=12, days_old=91).values
    assert (old["agency_dbt"], old["report_stale"]) == (STALE, True)
    assert values()["report_stale"] == Unknown("no_report")

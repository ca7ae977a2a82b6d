"""The limit: terms, combination, rounding, and who overrules it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from connector.policy.schema import LimitTerms, Part, Policy
from connector.rules.limit import TERMS
from connector.rules.outcome import Assessment
from tests.rules_bench import (
    NOW,
    WITH_USD,
    assess,
    content,
    day,
    dossier,
    invoice,
    limit_entry,
    policy,
    report,
    settled,
    statement,
)

CAPS = ("class_cap", "concentration")


def by(terms: dict[str, Any], step: int = 1, cap: int = 10_000_000, **limit: Any) -> Policy:
    """A policy whose classes all give the whole limit, so that only the terms speak."""
    classes = [{**item, "factor": 1, "cap": cap, "terms_days": 90} for item in content()["classes"]]
    return policy(classes=classes, limit={"step": step, "terms": terms, **limit})


def result(chosen: Policy, **documents: Any) -> Assessment:
    return assess(dossier(**documents), chosen, WITH_USD)


def sold(amount: int) -> tuple[Any, ...]:
    return (settled("i", amount, 0, ago=40),)


def rich(**more: Any) -> tuple[Any, ...]:
    figures = {"equity": 9_000_000, "intangibles": 1_000_000, "revenue": 70_000_000}
    return (report(statements=(statement(**{**figures, **more}),)),)


def told(assessment: Assessment, code: str) -> list[dict[str, Any]]:
    return [step.params for step in assessment.steps if step.code == code]


def test_every_term_of_a_policy_is_worked_out() -> None:
    sections = {name for name, term in LimitTerms.model_fields.items() if name not in CAPS}
    assert sections == TERMS.keys()
    assert issubclass(LimitTerms, Part)


def test_need_golden_value() -> None:
    """1.2 million a year × 1.13 tax × 60 days / 365 = 222 904.11 (creditmanagement-tools.com)."""
    chosen = by({"need": {"tax_factor": Decimal("1.13")}})
    found = result(chosen, invoices=sold(120_000_000), terms_days=60, customer_since=dt.date(2020, 1, 1))
    (need,) = told(found, "limit_need")
    assert need["amount"] == 22_290_411
    assert found.limit == 22_290_400  # the step is one yuan


def test_capacity_golden_value() -> None:
    """Grade with 35 % of tangible net worth 80 000 and 5 % of revenue 700 000: 28 000
    (mydsomanager.com, online-help 34)."""
    shares = {"tangible_net_worth": Decimal("0.35"), "revenue": Decimal("0.05")}
    chosen = by({"capacity": shares})
    found = result(chosen, reports=rich())
    assert found.limit == 2_800_000
    assert [(p["fact"], p["amount"]) for p in told(found, "limit_share")] == [
        ("tangible_net_worth", 2_800_000),
        ("revenue_level", 3_500_000),
    ]


def test_capacity_is_by_class_and_goes_by_what_is_known() -> None:
    shares = {"tangible_net_worth": Decimal("0.35"), "revenue": Decimal("0.05")}
    better = {"tangible_net_worth": Decimal("0.5"), "revenue": Decimal("0.5")}
    chosen = by({"capacity": {**shares, "by_class": {"C": better}}})
    assert result(chosen, reports=rich()).risk_class == "C"
    assert result(chosen, reports=rich()).limit == 4_000_000
    found = result(by({"capacity": shares}), reports=rich(intangibles=None))
    assert found.limit == 3_500_000
    assert told(found, "limit_unknown") == [
        {"term": "capacity", "fact": "tangible_net_worth", "why": "not_disclosed"}
    ]


def test_negative_net_worth_is_no_limit_but_not_a_negative_one() -> None:
    assert result(by({"net_worth": {"share": Decimal("0.1")}}), reports=rich(equity=-500)).limit == 0


def test_the_smallest_known_term_counts_and_the_unknown_are_left_out() -> None:
    chosen = by({"need": {}, "net_worth": {"share": Decimal("0.1")}, "agency": {"share": 1}})
    found = result(
        chosen,
        invoices=sold(36_500_000),
        terms_days=30,
        customer_since=dt.date(2020, 1, 1),
        reports=rich(),
    )
    assert found.limit == 900_000  # a tenth of net worth, below the need of 30 000.00
    assert told(found, "limit_min") == [{"term": "net_worth", "amount": 900_000}]
    assert told(found, "limit_unknown") == [{"term": "agency", "fact": "agency_limit", "why": "not_stated"}]


def test_the_mean_is_weighted_over_the_known_terms_and_capped() -> None:
    terms = {
        "need": {"weight": 3},
        "net_worth": {"share": Decimal("0.1"), "weight": 1},
        "agency": {"share": 1, "weight": 5},
    }
    documents = {
        "invoices": sold(36_500_000),
        "terms_days": 30,
        "customer_since": dt.date(2020, 1, 1),
        "reports": rich(),
    }
    found = result(by(terms, combine="weighted_mean"), **documents)
    assert found.limit == (3 * 3_000_000 + 900_000) // 4
    assert result(by(terms, combine="weighted_mean", cap=20_000), **documents).limit == 2_000_000
    free = {**terms, "class_cap": False}
    assert result(by(free, combine="weighted_mean", cap=20_000), **documents).limit == 2_475_000


def test_factor_then_rounding_down() -> None:
    classes = [{**item, "factor": Decimal("0.5"), "cap": 1_000_000} for item in content()["classes"]]
    chosen = policy(classes=classes, limit={"step": 1_000, "terms": {"net_worth": {"share": Decimal("0.1")}}})
    found = result(chosen, reports=rich(equity=9_999_999))
    # 999 999.9 fen is a tenth, rounded half up; half of it; down to whole thousands of yuan
    assert [p["amount"] for p in told(found, "limit_factor")] == [500_000]
    assert found.limit == 500_000
    assert result(chosen, reports=rich(equity=9_900_000)).limit == 400_000


def test_the_class_cap_bounds_the_limit() -> None:
    chosen = by({"net_worth": {"share": 1}}, cap=300)
    found = result(chosen, reports=rich())
    assert found.limit == 30_000
    assert told(found, "limit_min") == [{"term": "class_cap", "amount": 30_000}]


def test_a_young_customer_is_counted_as_if_it_went_on() -> None:
    young = {"invoices": (invoice("i", 365_000, issued_on=day(-40)),), "terms_days": 30}

    def need(since: dt.date) -> int:
        chosen = by({"need": {"annualise_from_months": 3}})
        (params,) = told(result(chosen, **young, customer_since=since), "limit_need")
        return int(params["amount"])

    assert need(dt.date(2026, 5, 1)) == 365_000 * 4 * 30 // 365
    assert need(dt.date(2025, 12, 15)) == 365_000 * 2 * 30 // 365
    assert need(dt.date(2025, 6, 15)) == 30_000


def test_need_counts_days_before_the_invoice_and_has_a_least() -> None:
    some = {"invoices": sold(36_500), "terms_days": 30, "customer_since": dt.date(2020, 1, 1)}
    assert result(by({"need": {"extra_days": 20}}), **some).limit == 5_000
    assert result(by({"need": {"at_least": 100}}), **some).limit == 10_000


def test_a_new_customer_gets_the_starting_limit() -> None:
    found = assess(dossier())
    assert (found.limit_state, found.limit, found.score, found.risk_class) == ("amount", 2_000_000, None, "B")
    assert found.terms_days == 30
    assert [(r.code, r.params["status"]) for r in found.reasons] == [("new_customer", "ok")]
    assert found.status == "ok"


def test_the_starting_limit_stays_within_the_class_cap() -> None:
    limit = {
        "step": 1,
        "terms": {"need": {}},
        "new_customer": {"limit": 500_000, "risk_class": "B", "terms_days": 30},
    }
    assert assess(dossier(), policy(limit=limit)).limit == 10_000_000


@pytest.mark.parametrize(
    ("switch", "state", "status"), [("hold", "none", "watch"), ("allow", "unlimited", "ok")]
)
def test_a_missing_limit_is_a_switch(switch: str, state: str, status: str) -> None:
    chosen = policy(limit={"step": 1, "terms": {"need": {}}}, check={"missing_limit": switch})
    found = assess(dossier(), chosen)
    assert (found.limit_state, found.limit, found.available, found.utilisation) == (state, None, None, None)
    assert found.status == status
    assert found.risk_class == "C"  # without a rule for new customers: the lowest


def test_a_limit_of_zero_is_an_amount() -> None:
    found = assess(dossier(limits=(limit_entry(amount=0),), invoices=(invoice("i", 50),)))
    assert (found.limit_state, found.limit, found.available, found.utilisation) == ("amount", 0, -50, None)


def test_a_base_limit_set_by_a_person_replaces_the_calculated_one() -> None:
    assert assess(dossier(limits=(limit_entry(amount=777),))).limit == 777


def test_a_temporary_limit_replaces_the_base_between_two_days() -> None:
    """Dynamics 365, cm-credit-limit-adjustments: it replaces the limit between two dates, then reverts."""
    entries = (
        limit_entry(amount=777),
        limit_entry("temporary", 999, valid_from=day(0), valid_to=day(2)),
    )
    customer = dossier(limits=entries)
    assert assess(customer).limit == 999
    assert assess(customer).next_change == dt.datetime(2026, 6, 18, tzinfo=dt.UTC)
    assert assess(customer, at=NOW + dt.timedelta(days=2)).limit == 999
    assert assess(customer, at=NOW + dt.timedelta(days=3)).limit == 777
    assert assess(customer, at=NOW - dt.timedelta(days=1)).limit == 777


@pytest.mark.parametrize("state", ["none", "unlimited"])
def test_a_person_may_set_none_or_unlimited(state: str) -> None:
    found = assess(dossier(limits=(limit_entry(amount=None, state=state),)))
    assert (found.limit_state, found.limit, found.utilisation) == (state, None, None)


def test_the_later_of_two_limits_holds() -> None:
    entries = (limit_entry(amount=5, valid_from=day(-3)), limit_entry(amount=9, valid_from=day(-9)))
    assert assess(dossier(limits=entries)).limit == 5
    assert assess(dossier(limits=entries[::-1])).limit == 5
    same = (limit_entry(amount=5), limit_entry(amount=9))
    assert assess(dossier(limits=same)).limit == assess(dossier(limits=same[::-1])).limit == 5


def test_a_limit_in_another_currency_is_converted_or_holds() -> None:
    assert result(policy(), limits=(limit_entry(amount=100, currency="USD"),)).limit == 720
    found = result(policy(), limits=(limit_entry(amount=100, currency="EUR"),))
    assert (found.limit_state, found.limit, found.status) == ("none", None, "hold")
    assert [reason.code for reason in found.reasons] == ["limit_no_rate"]

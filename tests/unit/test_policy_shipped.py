"""The three policies that ship: clean, explained, and sensible each in its own way."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connector.policy.lint import lint
from connector.policy.load import load
from connector.policy.schema import Policy
from connector.rules.explain import explain
from connector.rules.outcome import Assessment
from tests.rules_bench import (
    assess,
    day,
    dossier,
    facts,
    invoice,
    limit_entry,
    negative,
    order,
    payment,
    report,
    settled,
    statement,
)

FOLDER = Path(__file__).parents[2] / "policies"
NAMES = ("standard", "cautious", "manufacturer-zh")


@cache
def shipped(name: str) -> Policy:
    return load(FOLDER / f"{name}.yaml")


def payer(late: int, amount: int = 10_000_000) -> tuple[Any, ...]:
    return tuple(settled(f"i{n}", amount, late, ago=25 * n + 5) for n in range(12))


def firm(**more: Any) -> tuple[Any, ...]:
    """A report on a healthy firm, ten days old."""
    figures = {
        "total_assets": 20_000_000_000, "current_assets": 12_000_000_000, "inventory": 2_000_000_000,
        "total_liabilities": 7_000_000_000, "current_liabilities": 5_000_000_000, "equity": 13_000_000_000,
        "retained_earnings": 6_000_000_000, "operating_profit": 3_000_000_000, "net_profit": 2_500_000_000,
        "interest_expense": 200_000_000, "operating_cash_flow": 3_000_000_000, "revenue": 31_000_000_000,
        "intangibles": 0,
    }  # fmt: skip
    known: dict[str, Any] = {
        "pd_12m": 0.002,
        "limit": 500_000_000,
        "limit_currency": "CNY",
        "insolvent": False,
    }
    return (report(**{**known, **more}, statements=(statement(**figures),)),)


def judged(name: str, **documents: Any) -> Assessment:
    base = {"customer_since": day(-2_000), "terms_days": 30, "country": "CN"}
    return assess(dossier(**{**base, **documents}), shipped(name))


def codes(found: Assessment) -> set[str]:
    return {reason.code for reason in found.reasons}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_is_clean_and_named_after_its_file(name: str) -> None:
    assert shipped(name).name == name
    assert lint(shipped(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_explains_every_section(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if "#" in line]
    assert len(comments) > 40
    for section in re.findall(r"^(scorecard|classes|segments|knock_outs|limit|exposure|status):", text, re.M):
        before = text[: text.index(f"\n{section}:")].rstrip().splitlines()[-1]
        assert before.startswith("#"), section


def test_the_manufacturers_policy_is_written_in_chinese() -> None:
    text = (FOLDER / "manufacturer-zh.yaml").read_text(encoding="utf-8")
    comments = [line.split("#", 1)[1] for line in text.splitlines() if "#" in line]
    assert sum(bool(re.search("[一-鿿]", comment)) for comment in comments) > 0.95 * len(comments)


@pytest.mark.parametrize("name", NAMES)
def test_a_strong_and_proven_customer_gets_credit(name: str) -> None:
    found = judged(name, invoices=payer(-1), reports=firm())
    assert found.status == "ok", codes(found)
    assert found.limit is not None and found.limit > 10_000_000
    assert found.risk_class in ("AAA", "AA", "A")


def test_the_cautious_policy_gives_less_than_the_standard_one() -> None:
    worlds: list[dict[str, Any]] = [
        {"invoices": payer(0), "reports": firm()},
        {"invoices": payer(4), "reports": firm()},
        {"invoices": payer(0)},
        {"reports": firm()},
        {},
    ]
    for documents in worlds:
        careful, usual = judged("cautious", **documents), judged("standard", **documents)
        assert (careful.limit or 0) <= (usual.limit or 0)


@pytest.mark.parametrize(("name", "limit"), [("cautious", 500_000), ("manufacturer-zh", 1_000_000)])
def test_a_customer_of_whom_nothing_is_known_starts_small_and_pays_at_once(name: str, limit: int) -> None:
    found = assess(dossier(), shipped(name))
    assert (found.score, found.limit, found.terms_days) == (None, limit, 0)


@pytest.mark.parametrize("name", ["cautious", "manufacturer-zh"])
@pytest.mark.parametrize(
    "documents",
    [
        {"blacklisted": True},
        {"reports": firm(negatives=(negative("dishonest"),))},  # 失信被执行人
        {"reports": firm(dissolved=True)},
        {"invoices": (*payer(0), invoice("w", 500_000, state="written_off", due_on=day(-300)))},
    ],
)
def test_no_score_makes_up_for_the_blacklist_dishonesty_insolvency_or_a_write_off(
    name: str, documents: dict[str, Any]
) -> None:
    found = judged(name, **{"invoices": payer(0), "reports": firm(), **documents})
    assert (found.status, found.limit, found.terms_days) == ("stop", 0, 0)


def test_the_blacklist_of_the_crm_is_read_in_chinese() -> None:
    found = judged("manufacturer-zh", invoices=payer(0), reports=firm(), account_statuses=("黑名单",))
    assert (found.status, codes(found) & {"blacklisted"}) == ("stop", {"blacklisted"})


# ── Cautious ───────────────────────────────────────────────────────────────────────────────────


def test_cautious_holds_a_week_late_and_stops_a_month_late() -> None:
    for days, status in ((0, "ok"), (1, "watch"), (7, "hold"), (30, "stop")):
        late = invoice("late", 500_000, due_on=day(-days))
        assert judged("cautious", invoices=(*payer(-1), late), reports=firm()).status == status


def test_cautious_judges_the_new_by_their_figures_and_never_above_class_b() -> None:
    found = assess(dossier(country="CN", reports=firm()), shipped("cautious"))
    assert (found.segment, found.risk_class) == ("new", "B")
    assert found.limit == 3_500_000  # 50 000 × 0.7


def test_cautious_gives_nothing_abroad_without_advice_or_insurance() -> None:
    known: dict[str, Any] = {"invoices": payer(-1), "country": "DE"}
    bare = judged("cautious", **known)
    assert (bare.segment, bare.limit_state) == ("abroad", "none")
    assert "limit_missing" in codes(bare)
    insured = judged("cautious", **known, limits=(limit_entry("insured", 10_000_000),))
    assert (insured.limit, insured.secured) == (9_000_000, 9_000_000)
    advised = judged("cautious", **known, reports=firm())
    assert advised.limit and advised.limit <= 250_000_000


def test_cautious_counts_drafts_and_all_open_orders() -> None:
    some = {
        "orders": (order("d", 100, "draft"), order("f", 1_000, deliver_on=day(300))),
        "invoices": (*payer(0), invoice("i", 10_000, state="draft")),
    }
    assert judged("cautious", **some).exposure == 11_100
    assert judged("standard", **some).exposure == 0


# ── Manufacturer ───────────────────────────────────────────────────────────────────────────────


def test_a_dealer_is_judged_by_payment_and_turnover() -> None:
    orders = tuple(order(f"o{n}", 10_000_000, "closed", ordered_on=day(-25 * n - 1)) for n in range(13))
    dealer = judged("manufacturer-zh", invoices=payer(0), orders=orders, industry="经销")
    assert dealer.segment == "dealer"
    plant = judged("manufacturer-zh", invoices=payer(0), orders=orders, industry="制造业")
    assert plant.segment == "default"
    assert dealer.score is not None and plant.score is not None and dealer.score > plant.score


def test_the_collection_ladder_has_four_levels() -> None:
    expected = ((5, 0, "ok"), (6, 1, "watch"), (15, 2, "watch"), (30, 3, "hold"), (60, 4, "stop"))
    for days, level, status in expected:
        late = invoice("late", 600_000, due_on=day(-days))
        found = judged("manufacturer-zh", invoices=(*payer(0), late), reports=firm())
        assert (found.dunning_level, found.status) == (level, status), days


def test_a_large_firm_is_given_time_for_its_paperwork() -> None:
    late = tuple(invoice(f"l{n}", 3_000_000, due_on=day(-15)) for n in range(2))
    assert "overdue_share_high" in codes(judged("manufacturer-zh", invoices=(*payer(0), *late)))
    figures = statement(revenue=40_000_000_000)
    giant = judged("manufacturer-zh", invoices=(*payer(0), *late), reports=(report(statements=(figures,)),))
    assert "overdue_share_high" not in codes(giant)


def test_bills_keep_occupying_credit_at_the_manufacturer() -> None:
    bill = payment("p", 800, invoice_id="i", bill_due_on=day(90))
    found = judged("manufacturer-zh", invoices=(*payer(0), invoice("i", 1_000)), payments=(bill,))
    assert found.exposure == 1_000


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_outcome_can_be_explained(name: str, language: str) -> None:
    by = shipped(name)
    for documents in ({}, {"invoices": payer(20), "reports": firm(), "country": "DE"}, {"blacklisted": True}):
        customer = dossier(**documents)
        told = explain(assess(customer, by), facts(customer, by), language)
        assert not [line for line in told if "step." in line or "{" in line or "None" in line]

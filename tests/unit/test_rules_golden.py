"""Assessments as they were once made: their stored bytes may never change for the same policy and facts."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from connector.policy.load import load
from connector.rules.documents import Dossier
from connector.rules.evaluate import evaluate
from connector.rules.outcome import assessment_json, outcome_json
from connector.rules.snapshot import snapshot_json
from tests.rules_bench import (
    NOW,
    WITH_USD,
    day,
    dossier,
    invoice,
    limit_entry,
    negative,
    order,
    policy,
    report,
    settled,
    snapshot,
    statement,
)

# Copies: the policies that ship may change, what was stored may not.
FOLDER = Path(__file__).parents[1] / "data" / "golden"
YEARS = tuple(
    statement(
        period_end=dt.date(year, 12, 31),
        total_assets=10**10,
        current_assets=6 * 10**9,
        total_liabilities=5 * 10**9,
        current_liabilities=3 * 10**9,
        retained_earnings=10**9,
        equity=5 * 10**9,
        revenue=2 * 10**10 + year,
        net_profit=8 * 10**8,
        operating_cash_flow=7 * 10**8,
    )
    for year in (2023, 2024, 2025)
)
PAID = tuple(settled(f"i{n}", 4_000_000 + n, late=n - 3, ago=20 + 40 * n) for n in range(6))
SINCE = dt.date(2019, 5, 1)
CUSTOMERS: dict[str, Dossier] = {
    "nothing known": dossier(),
    "paying": dossier(invoices=PAID, terms_days=30, customer_since=SINCE, country="CN"),
    "late": dossier(
        invoices=(*PAID, invoice("late", 5_000_000, due_on=day(-40))), terms_days=200, customer_since=SINCE
    ),
    "known well": dossier(
        invoices=(*PAID, invoice("open", 2_000_000)),
        orders=(order("o", 3_000_000),),
        terms_days=30,
        customer_since=SINCE,
        reviewed_on=day(-20),
        reports=(report(pd_12m=0.004, limit=9 * 10**8, limit_currency="CNY", statements=YEARS),),
    ),
    "bad news": dossier(
        invoices=PAID,
        customer_since=SINCE,
        reports=(report(days_old=300, pd_12m=0.2, insolvent=True, negatives=(negative(),)),),
    ),
    "limits": dossier(
        invoices=(*PAID, invoice("usd", 100_000, currency="USD"), invoice("eur", 5, currency="EUR")),
        limits=(limit_entry(), limit_entry("insured", 400_000)),
        customer_since=SINCE,
        hold_placed="asked by sales",
    ),
}
POLICIES = {path.stem: load(path) for path in sorted(FOLDER.glob("*.yaml"))} | {"small": policy()}


def digest(name: str, who: str) -> str:
    facts = snapshot(CUSTOMERS[who], POLICIES[name], WITH_USD, NOW)
    found = evaluate(POLICIES[name], facts)
    parts = snapshot_json(facts), assessment_json(found), outcome_json(found)
    return hashlib.blake2b(b"\n".join(parts), digest_size=8).hexdigest()


GOLDEN: dict[tuple[str, str], str] = {
    ("cautious", "nothing known"): "0049d4cc56350aaa",
    ("cautious", "paying"): "99909581159adf07",
    ("cautious", "late"): "338fa08c97bdbec2",
    ("cautious", "known well"): "b81df1553fed5886",
    ("cautious", "bad news"): "baeecead88567e30",
    ("cautious", "limits"): "2da965b58dfe39ab",
    ("manufacturer-zh", "nothing known"): "c5b0ce47d2995e82",
    ("manufacturer-zh", "paying"): "6006eb81f71b30a4",
    ("manufacturer-zh", "late"): "47203167ee19b457",
    ("manufacturer-zh", "known well"): "4b434ffd99bc943a",
    ("manufacturer-zh", "bad news"): "1c8761f6008e5885",
    ("manufacturer-zh", "limits"): "ec82eeecccf14614",
    ("standard", "nothing known"): "d3c2ac098c46be57",
    ("standard", "paying"): "27cfd698df37f3ff",
    ("standard", "late"): "de0cbccf5bc12a0b",
    ("standard", "known well"): "de04b1fec75c9292",
    ("standard", "bad news"): "e7a6bf9d274bd7a0",
    ("standard", "limits"): "da6f314c62949819",
    ("small", "nothing known"): "7cf9063e35b92722",
    ("small", "paying"): "b8dddf476e8b98dc",
    ("small", "late"): "3429148bd12288de",
    ("small", "known well"): "f297f2e3b3672bf2",
    ("small", "bad news"): "77818e244cb44946",
    ("small", "limits"): "4250f8d7f0975d49",
}


@pytest.mark.parametrize(("name", "who"), GOLDEN)
def test_the_bytes_of_facts_and_assessment_are_those_once_stored(name: str, who: str) -> None:
    assert digest(name, who) == GOLDEN[name, who]

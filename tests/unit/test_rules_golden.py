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
    ("cautious", "nothing known"): "39b6be81c38fceac",
    ("cautious", "paying"): "5d12af6d3413248e",
    ("cautious", "late"): "b75cbe455321d5ef",
    ("cautious", "known well"): "7aa8d8e3d7ea8739",
    ("cautious", "bad news"): "2cbc2bac4c7b767d",
    ("cautious", "limits"): "89d5650c6318d785",
    ("manufacturer-zh", "nothing known"): "a6c1b1e95ca6cf7e",
    ("manufacturer-zh", "paying"): "a18afe4e689f9f99",
    ("manufacturer-zh", "late"): "c1381f2a4bb93f6f",
    ("manufacturer-zh", "known well"): "18f5be26b24dc5b3",
    ("manufacturer-zh", "bad news"): "d3dcc53ba728ca2d",
    ("manufacturer-zh", "limits"): "8e3b0ac8d06d51d9",
    ("standard", "nothing known"): "5e8ad6aac7fdab70",
    ("standard", "paying"): "20e7ad05e24feddf",
    ("standard", "late"): "e3275b3689ac49a7",
    ("standard", "known well"): "369e50289c262182",
    ("standard", "bad news"): "3e7d8b9df5cc04e8",
    ("standard", "limits"): "313d4a56b9acc06e",
    ("small", "nothing known"): "90b0575529cc7926",
    ("small", "paying"): "1842a7b365b72c3e",
    ("small", "late"): "a350264fcd589498",
    ("small", "known well"): "c2936fb69359a20f",
    ("small", "bad news"): "d95f6d1aafa361eb",
    ("small", "limits"): "ad8d48a9f7d381c0",
}


@pytest.mark.parametrize(("name", "who"), GOLDEN)
def test_the_bytes_of_facts_and_assessment_are_those_once_stored(name: str, who: str) -> None:
    assert digest(name, who) == GOLDEN[name, who]

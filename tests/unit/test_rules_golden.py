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
    ("cautious", "nothing known"): "8e8ea0f5690d6194",
    ("cautious", "paying"): "53f1f6cffa719e97",
    ("cautious", "late"): "998727bd8b3e2f0b",
    ("cautious", "known well"): "d74250425148ed8d",
    ("cautious", "bad news"): "441bc5fd1215dfb6",
    ("cautious", "limits"): "c8b982a4a22e9440",
    ("manufacturer-zh", "nothing known"): "94f3d7cf91d1abe6",
    ("manufacturer-zh", "paying"): "b9ada04411aae427",
    ("manufacturer-zh", "late"): "6beb5d55ed0cb4b9",
    ("manufacturer-zh", "known well"): "91ae4fd5b83a31eb",
    ("manufacturer-zh", "bad news"): "b70eb41319ce7df4",
    ("manufacturer-zh", "limits"): "0c11c4deab7e32b1",
    ("standard", "nothing known"): "08d6bc20b72e680d",
    ("standard", "paying"): "cef8907e8e40473c",
    ("standard", "late"): "c9dd69df7d777a1a",
    ("standard", "known well"): "2484359b1cd3e70a",
    ("standard", "bad news"): "32d5b77d53fe3d98",
    ("standard", "limits"): "8deb2dabffa9f5ba",
    ("small", "nothing known"): "8a080be748e2d102",
    ("small", "paying"): "3083e78f893ceecc",
    ("small", "late"): "01248076b0268a9a",
    ("small", "known well"): "ed5ce780ae8511f5",
    ("small", "bad news"): "904a64d455d2bb33",
    ("small", "limits"): "f58deaf9c05564c1",
}


@pytest.mark.parametrize(("name", "who"), GOLDEN)
def test_the_bytes_of_facts_and_assessment_are_those_once_stored(name: str, who: str) -> None:
    assert digest(name, who) == GOLDEN[name, who]

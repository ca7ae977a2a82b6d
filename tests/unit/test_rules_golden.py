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
    ("cautious", "nothing known"): "51884f051f37907c",
    ("cautious", "paying"): "bd1df0c180421e76",
    ("cautious", "late"): "e6001c6ad01ce735",
    ("cautious", "known well"): "f8fea5a6e8cc33f6",
    ("cautious", "bad news"): "a9c2269b3534b897",
    ("cautious", "limits"): "84c8ff5d9c54918c",
    ("manufacturer-zh", "nothing known"): "16cda50996d5e9c1",
    ("manufacturer-zh", "paying"): "60e68d2d58398992",
    ("manufacturer-zh", "late"): "d83bfe791c8d5acc",
    ("manufacturer-zh", "known well"): "4606af038c0922b7",
    ("manufacturer-zh", "bad news"): "d318ca3c951d24c7",
    ("manufacturer-zh", "limits"): "933dd9c136403dee",
    ("standard", "nothing known"): "4a01f6430042c989",
    ("standard", "paying"): "c93b10e94e662bd2",
    ("standard", "late"): "2db25f1dbedc8373",
    ("standard", "known well"): "ac04e2cafdd81dc4",
    ("standard", "bad news"): "9bc784f48dc0fe4a",
    ("standard", "limits"): "021f57b48a0eee8c",
    ("small", "nothing known"): "33b6d3cc5eb1e1cf",
    ("small", "paying"): "f19d7e2ba61cff9a",
    ("small", "late"): "3439c1e4dd94487b",
    ("small", "known well"): "59f60d70767ca450",
    ("small", "bad news"): "10c688b092e96b9f",
    ("small", "limits"): "66aa1e13fd681f63",
}


@pytest.mark.parametrize(("name", "who"), GOLDEN)
def test_the_bytes_of_facts_and_assessment_are_those_once_stored(name: str, who: str) -> None:
    assert digest(name, who) == GOLDEN[name, who]

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
    ("cautious", "nothing known"): "91d7aaa587afb932",
    ("cautious", "paying"): "1f54accee3c34a20",
    ("cautious", "late"): "20aaa07611d303ef",
    ("cautious", "known well"): "094a87607cf694f9",
    ("cautious", "bad news"): "6b4a37b3dd153744",
    ("cautious", "limits"): "1ec690d6493afe3c",
    ("manufacturer-zh", "nothing known"): "1492c2e36deeec09",
    ("manufacturer-zh", "paying"): "3154b9ef2a33ddae",
    ("manufacturer-zh", "late"): "913ae6defa6075f3",
    ("manufacturer-zh", "known well"): "6a05d1f5a1878541",
    ("manufacturer-zh", "bad news"): "c35516a0046d5e8b",
    ("manufacturer-zh", "limits"): "84138e46b5bdbb70",
    ("standard", "nothing known"): "2ec810625880634f",
    ("standard", "paying"): "81380dc03ffb00d7",
    ("standard", "late"): "d9c08f116f98a747",
    ("standard", "known well"): "186e98be8a0e5985",
    ("standard", "bad news"): "aa9e1c4136bc73b9",
    ("standard", "limits"): "f3c1fb290174a95a",
    ("small", "nothing known"): "f8d5c56e329d2b63",
    ("small", "paying"): "3bd6da0354582a8c",
    ("small", "late"): "d79528b0ec83f09c",
    ("small", "known well"): "ac72b1c96a23ca97",
    ("small", "bad news"): "6818e891bd03b527",
    ("small", "limits"): "76d2406f719156ea",
}


@pytest.mark.parametrize(("name", "who"), GOLDEN)
def test_the_bytes_of_facts_and_assessment_are_those_once_stored(name: str, who: str) -> None:
    assert digest(name, who) == GOLDEN[name, who]

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
    ("cautious", "nothing known"): "102eb4fdb7e5c8a3",
    ("cautious", "paying"): "86149f347a64aa42",
    ("cautious", "late"): "cd787feea92cbd6d",
    ("cautious", "known well"): "c5e365d234df314e",
    ("cautious", "bad news"): "d78db2ec2b0ca1db",
    ("cautious", "limits"): "86d77e41cf98d165",
    ("manufacturer-zh", "nothing known"): "507d440d1085d6de",
    ("manufacturer-zh", "paying"): "9efb6f88ba82c5b1",
    ("manufacturer-zh", "late"): "d549d838becfb30c",
    ("manufacturer-zh", "known well"): "2adb22477e0d68cb",
    ("manufacturer-zh", "bad news"): "43895961ef989a33",
    ("manufacturer-zh", "limits"): "524a4dc7fa90d537",
    ("standard", "nothing known"): "774fabd9e80dbd17",
    ("standard", "paying"): "550c154651842c68",
    ("standard", "late"): "316ca199aa1492bb",
    ("standard", "known well"): "db699dc0a84f10fc",
    ("standard", "bad news"): "4caeda0d64548c25",
    ("standard", "limits"): "412d35f1603aea5c",
    ("small", "nothing known"): "3cd1910a4a7c2db9",
    ("small", "paying"): "46a3f65c18ffe825",
    ("small", "late"): "0855ccfaa0312cb3",
    ("small", "known well"): "8c29649e69a2ba16",
    ("small", "bad news"): "43d2bb29190d9e72",
    ("small", "limits"): "d6ca7ae4d63d8c2f",
}


@pytest.mark.parametrize(("name", "who"), GOLDEN)
def test_the_bytes_of_facts_and_assessment_are_those_once_stored(name: str, who: str) -> None:
    assert digest(name, who) == GOLDEN[name, who]

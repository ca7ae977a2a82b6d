"""Small documents and policies for tests of the rules.

Invariant: everything hangs on ``TODAY``; amounts are minor units of CNY unless a test says otherwise.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from connector.model import Negative, Report, Statement
from connector.money import Rate, Rates
from connector.policy.load import load
from connector.policy.schema import Policy
from connector.rules.documents import (
    Dossier,
    InvoiceDoc,
    LimitEntry,
    OrderDoc,
    PaymentDoc,
    PromiseDoc,
    ReportDoc,
)
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.rules.outcome import Assessment
from connector.rules.snapshot import Snapshot

NOW = dt.datetime(2026, 6, 15, 4, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 6, 15)
CNY = Rates("CNY")
WITH_USD = Rates("CNY", [Rate("USD", dt.date(2026, 1, 1), Decimal("7.2"))])
STANDARD = Path(__file__).parents[1] / "policies" / "standard.yaml"


def day(offset: int) -> dt.date:
    """The day ``offset`` days from today."""
    return TODAY + dt.timedelta(days=offset)


def order(id: str = "o1", amount: int = 10_000, stage: str = "open", **more: Any) -> OrderDoc:
    values: dict[str, Any] = {
        "number": None,
        "currency": "CNY",
        "ordered_on": day(-10),
        "deliver_on": day(10),
        "invoiced": None,
        "paid": None,
        "prepaid": False,
    }
    return OrderDoc(id=id, amount=amount, stage=stage, **{**values, **more})


def invoice(id: str = "i1", amount: int = 10_000, **more: Any) -> InvoiceDoc:
    values: dict[str, Any] = {
        "number": None,
        "order_id": None,
        "currency": "CNY",
        "issued_on": day(-20),
        "due_on": day(10),
        "paid": None,
        "settled_on": None,
        "state": "open",
        "disputed": None,
    }
    return InvoiceDoc(id=id, amount=amount, **{**values, **more})


def settled(id: str, amount: int, late: int, ago: int = 30) -> InvoiceDoc:
    """An invoice paid ``ago`` days ago, ``late`` days after it was due (negative: early)."""
    due = day(-ago - late)
    return invoice(
        id,
        amount,
        issued_on=due - dt.timedelta(days=30),
        due_on=due,
        paid=amount,
        state="paid",
        settled_on=day(-ago),
    )


def payment(id: str = "p1", amount: int = 10_000, **more: Any) -> PaymentDoc:
    values: dict[str, Any] = {
        "invoice_id": None,
        "order_id": None,
        "currency": "CNY",
        "paid_on": day(-1),
    }
    return PaymentDoc(id=id, amount=amount, **{**values, **more})


def promise(id: int = 1, amount: int = 10_000, due: int = -1, **more: Any) -> PromiseDoc:
    """A promise made ten days before it falls due, ``due`` days from today."""
    return PromiseDoc(
        id=id, amount=amount, **{"currency": "CNY", "made_on": day(due - 10), "due_on": day(due), **more}
    )


def statement(**more: Any) -> Statement:
    values: dict[str, Any] = {"period_end": dt.date(2025, 12, 31), "currency": "CNY"}
    return Statement(**{**values, **more})


def report(*, days_old: int = 10, provider: str = "agency", **more: Any) -> ReportDoc:
    values: dict[str, Any] = {
        "subject_ref": "1",
        "subject_name": "Customer",
        "as_of": day(-days_old),
        "judgments_covered": True,
    }
    return ReportDoc(Report(provider=provider, **{**values, **more}), NOW)


def negative(kind: str = "judgment", **more: Any) -> Negative:
    return Negative(kind=kind, **more)


def limit_entry(kind: str = "base", amount: int | None = 500_000, **more: Any) -> LimitEntry:
    values: dict[str, Any] = {
        "state": "amount",
        "currency": "CNY",
        "valid_from": day(-10),
        "valid_to": None,
    }
    return LimitEntry(kind=kind, amount=amount, **{**values, **more})


def dossier(**more: Any) -> Dossier:
    return Dossier(customer_id=7, name="Customer", **more)


def numbers(
    fact: str, *edges: Any, points: tuple[int, ...], weight: int = 10, unknown: int = 0
) -> dict[str, Any]:
    """A data point with bins between ``edges``; one more of ``points`` than of ``edges``."""
    bins = [
        {
            key: value
            for key, value in (("from", low), ("below", high), ("points", earned))
            if value is not None
        }
        for low, high, earned in zip((None, *edges), (*edges, None), points, strict=True)
    ]
    return {"fact": fact, "weight": weight, "unknown": unknown, "bins": bins}


def content(**sections: Any) -> dict[str, Any]:
    """A small valid policy as plain data, with sections replaced."""
    base: dict[str, Any] = {
        "policy": "small",
        "version": 1,
        "currency": "CNY",
        "scorecard": {
            "max_weight": Decimal("0.5"),
            "data_points": [
                numbers("late_share_12m", Decimal("0.2"), points=(100, 0)),
                numbers("debt_ratio", Decimal("0.5"), Decimal("0.8"), points=(100, 50, 10), unknown=10),
            ],
        },
        "classes": [
            {"name": "A", "from": 70, "cap": 1_000_000, "terms_days": 90, "review_days": 180,
             "visit_days": 90},
            {"name": "B", "from": 40, "below": 70, "factor": Decimal("0.5"), "cap": 100_000, "terms_days": 60,
             "review_days": 90},
            {"name": "C", "below": 40, "factor": 0, "cap": 0, "terms_days": 0, "review_days": 30},
        ],
        "limit": {
            "step": 100,
            "terms": {"need": {}},
            "new_customer": {"limit": 20_000, "risk_class": "B", "terms_days": 30},
        },
        "terms": {"default_days": 30},
    }  # fmt: skip
    return {**base, **sections}


def policy(**sections: Any) -> Policy:
    """A small policy with sections replaced."""
    return Policy.model_validate(content(**sections))


@cache
def standard() -> Policy:
    """The policy that ships."""
    return load(STANDARD)


def facts(of: Dossier, by: Policy | None = None, rates: Rates = CNY, at: dt.datetime = NOW) -> Snapshot:
    return snapshot(of, by or policy(), rates, at)


def assess(of: Dossier, by: Policy | None = None, rates: Rates = CNY, at: dt.datetime = NOW) -> Assessment:
    chosen = by or policy()
    return evaluate(chosen, snapshot(of, chosen, rates, at))

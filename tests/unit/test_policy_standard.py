"""The policy that ships judges sensibly, with much known and with little."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.rules.outcome import Assessment
from tests.rules_bench import (
    assess,
    day,
    dossier,
    invoice,
    negative,
    order,
    report,
    settled,
    standard,
    statement,
)

SINCE = day(-2_000)
ORDER = ("AAA", "AA", "A", "BBB", "BB", "B", "C")


def judged(**documents: Any) -> Assessment:
    return assess(dossier(**{"customer_since": SINCE, "terms_days": 30, **documents}), standard())


def payer(late: int, amount: int = 10_000_000) -> tuple[Any, ...]:
    """Twelve invoices, one a month, each settled ``late`` days after it was due."""
    return tuple(settled(f"i{n}", amount, late, ago=25 * n + 5) for n in range(12))


def figures(health: str) -> tuple[Any, ...]:
    """Three yearly statements of a company in good or bad health."""
    strong = health == "good"
    one: dict[str, Any] = {
        "total_assets": 20_000_000_000,
        "current_assets": 12_000_000_000,
        "inventory": 2_000_000_000,
        "total_liabilities": 7_000_000_000 if strong else 21_000_000_000,
        "current_liabilities": 5_000_000_000 if strong else 15_000_000_000,
        "equity": 13_000_000_000 if strong else -1_000_000_000,
        "net_profit": 2_500_000_000 if strong else -3_000_000_000,
        "operating_cash_flow": 3_000_000_000 if strong else -1_000_000_000,
    }
    return tuple(
        statement(**one, period_end=day(-166).replace(year=2025 - n), revenue=31_000_000_000 - n * 10**9)
        for n in range(3)
    )


def agency(health: str, **more: Any) -> tuple[Any, ...]:
    strong = health == "good"
    return (
        report(
            pd_12m=0.002 if strong else 0.2,
            limit=500_000_000,
            limit_currency="CNY",
            insolvent=False,
            statements=figures(health),
            **more,
        ),
    )


def codes(found: Assessment) -> list[str]:
    return [reason.code for reason in found.reasons]


def test_a_strong_customer_with_everything_known_is_among_the_best() -> None:
    found = judged(invoices=payer(-2), reports=agency("good"))
    assert found.risk_class in ("AAA", "AA")
    assert found.status == "ok"
    # need: 1.2 million × 2 × 60 days / 365
    assert found.limit == 39_400_000
    assert found.terms_days == 30


def test_good_payment_alone_earns_a_limit_from_need() -> None:
    found = judged(invoices=payer(0))
    assert found.risk_class == "BBB"
    assert found.status == "ok"
    assert found.limit is not None
    assert found.limit == 31_500_000
    assert {step.params["term"] for step in found.steps if step.code == "limit_min"} == {"need"}


def test_good_figures_without_payment_history_earn_less_than_proven_ones() -> None:
    unproven, proven = judged(reports=agency("good")), judged(invoices=payer(0), reports=agency("good"))
    assert unproven.score is not None
    assert proven.score is not None
    assert unproven.score < proven.score
    assert unproven.risk_class in ("B", "BB")
    assert unproven.limit


def test_a_customer_of_whom_nothing_is_known_starts_small() -> None:
    found = assess(dossier(), standard())
    assert (found.score, found.risk_class, found.limit, found.status) == (None, "B", 2_000_000, "ok")
    assert codes(found) == ["new_customer"]


def test_the_first_small_order_does_not_shrink_the_starting_limit() -> None:
    found = assess(dossier(orders=(order("o", 50_000),), terms_days=30), standard())
    assert found.limit is not None
    assert found.risk_class == "B"
    assert found.limit == assess(dossier(), standard()).limit
    assert found.available is not None
    assert found.available > 0


def test_paying_late_costs_class_after_class() -> None:
    ranks = [ORDER.index(judged(invoices=payer(late)).risk_class) for late in (0, 8, 20, 45)]
    assert ranks == sorted(ranks)
    assert ranks[0] < ranks[-1]
    assert judged(invoices=payer(45)).status == "watch"


def test_bad_figures_lower_class_and_limit() -> None:
    good, bad = (judged(invoices=payer(0), reports=agency(health)) for health in ("good", "bad"))
    assert ORDER.index(bad.risk_class) > ORDER.index(good.risk_class)
    assert bad.limit == 0  # debts above assets: nothing by calculation
    assert {"negative_equity", "agency_pd_high"} <= set(codes(bad))
    assert bad.status == "hold"


@pytest.mark.parametrize(
    ("days", "status", "reason"),
    [
        (5, "ok", None),
        (6, "watch", "overdue_watch"),
        (29, "watch", "overdue_watch"),
        (30, "hold", "overdue_hold"),
        (59, "hold", "overdue_hold"),
        (60, "stop", "overdue_stop"),
    ],
)
def test_the_overdue_ladder(days: int, status: str, reason: str | None) -> None:
    late = invoice("late", 500_000, due_on=day(-days))
    found = judged(invoices=(*payer(0), late), reports=agency("good"))
    assert found.status == status
    assert codes(found) == ([reason] if reason else [])
    assert found.hold is (status in ("hold", "stop"))


def test_a_trivial_residue_stops_nobody() -> None:
    for amount, status in ((100_000, "ok"), (100_001, "stop")):
        found = judged(invoices=(*payer(0), invoice("late", amount, due_on=day(-70))), reports=agency("good"))
        assert found.status == status


def test_a_disputed_invoice_stays_in_the_exposure_but_off_the_ladder() -> None:
    found = judged(
        invoices=(*payer(0), invoice("x", 500_000, due_on=day(-70), disputed=True)), reports=agency("good")
    )
    assert (found.status, found.exposure) == ("ok", 500_000)


@pytest.mark.parametrize(
    "documents",
    [
        {"invoices": (*payer(0), settled("bad", 500_000, 95))},
        {"invoices": (*payer(0), invoice("bad", 500_000, due_on=day(-95)))},
        {"invoices": (*payer(0), invoice("bad", 500_000, state="written_off", due_on=day(-200)))},
        {"invoices": payer(0), "reports": agency("good", dissolved=True)},
        {"invoices": payer(0), "reports": agency("good", negatives=(negative("bankruptcy"),))},
    ],
)
def test_default_and_insolvency_stop_whatever_the_score(documents: dict[str, Any]) -> None:
    found = judged(**documents)
    assert (found.status, found.risk_class, found.limit, found.terms_days) == ("stop", "C", 0, 0)


def test_judgments_are_watched() -> None:
    found = judged(invoices=payer(0), reports=agency("good", negatives=(negative(),)))
    assert (found.status, codes(found)) == ("watch", ["open_judgments"])


def test_over_and_nearly_over_the_limit_are_watched() -> None:
    over = judged(invoices=payer(0), orders=(order("big", 45_000_000),), reports=agency("good"))
    assert codes(over) == ["exposure_over_limit"]
    near = judged(invoices=payer(0), orders=(order("big", 38_500_000),), reports=agency("good"))
    assert near.utilisation is not None
    assert Decimal("0.9") <= near.utilisation <= 1
    assert codes(near) == ["limit_nearly_used"]


def test_trouble_is_visited_soon() -> None:
    late = (*payer(0), invoice("late", 500_000, due_on=day(-40)))
    assert judged(invoices=late, reports=agency("good")).visit_within_days == 14
    assert judged(invoices=payer(0), reports=agency("good")).visit_within_days == 180

"""The limit's caps, what secures it, segments, approval bands and reviews."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.policy.schema import ApprovalBand, Policy
from connector.rules.approval import approver, beyond_group
from connector.rules.compile import compiled
from connector.rules.outcome import Assessment
from tests.rules_bench import (
    assess,
    content,
    day,
    dossier,
    invoice,
    limit_entry,
    numbers,
    policy,
    report,
    settled,
    statement,
)

HALF = Decimal("0.5")


def by(terms: dict[str, Any], **limit: Any) -> Policy:
    """A policy whose classes all give the whole limit, so that only terms and caps speak."""
    classes = [{**item, "factor": 1, "cap": 10_000_000, "terms_days": 90} for item in content()["classes"]]
    return policy(classes=classes, limit={"step": 1, "terms": terms, **limit})


def told(found: Assessment, code: str) -> list[Any]:
    return [step.params for step in found.steps if step.code == code]


def advised(amount: int, **more: Any) -> dict[str, Any]:
    return {"reports": (report(limit=amount, limit_currency="CNY", **more),)}


# ── Concentration ──────────────────────────────────────────────────────────────────────────────


def test_no_customer_takes_more_than_its_share_of_the_portfolio() -> None:
    chosen = by({"agency": {"share": 1}, "concentration": {"share": Decimal("0.05"), "portfolio": 1_000_000}})
    found = assess(dossier(**advised(9_000_000)), chosen)
    assert found.limit == 5_000_000
    assert told(found, "limit_concentration") == [
        {"portfolio": 100_000_000, "share": "0.05", "amount": 5_000_000}
    ]
    assert told(found, "limit_min") == [{"term": "concentration", "amount": 5_000_000}]
    assert assess(dossier(**advised(4_000_000)), chosen).limit == 4_000_000


def test_a_cap_bounds_the_mean_and_the_new_customer_and_is_no_reason_for_a_limit() -> None:
    cap = {"share": Decimal("0.05"), "portfolio": 1_000}
    mean = by({"agency": {"share": 1}, "concentration": cap}, combine="weighted_mean")
    assert assess(dossier(**advised(9_000_000)), mean).limit == 5_000
    new = {"limit": 300, "risk_class": "B", "terms_days": 30}
    assert (
        assess(dossier(), by({"agency": {"share": 1}, "concentration": cap}, new_customer=new)).limit == 5_000
    )
    assert assess(dossier(), by({"agency": {"share": 1}, "concentration": cap})).limit is None


# ── What secures the limit ─────────────────────────────────────────────────────────────────────


def secured(limit: int, insured: int, **settings: Any) -> Assessment:
    chosen = by({"need": {}}, secured={"insured": HALF, **settings})
    entries = (limit_entry(amount=limit), limit_entry("insured", insured))
    return assess(dossier(invoices=(invoice("i", 1_000_000),), limits=entries), chosen)


def test_dynamics_365_effective_limit_100_000_and_half_of_50_000_is_125_000() -> None:
    """Dynamics 365 (cm-add-credit-mgmt-information-customer): limit + policy value × percentage."""
    found = secured(10_000_000, 5_000_000)
    assert (found.limit, found.secured, found.available) == (12_500_000, 2_500_000, 11_500_000)
    assert told(found, "limit_secured") == [{"secured": 2_500_000, "own": 10_000_000, "amount": 12_500_000}]


def test_within_the_limit_the_security_says_how_much_is_our_own_risk() -> None:
    """OCA partner_risk_insurance: own = max(0, total − insured). 100 000 of which 25 000 is insured."""
    found = secured(10_000_000, 5_000_000, counts="within")
    assert (found.limit, found.secured) == (10_000_000, 2_500_000)
    assert told(found, "limit_secured_within") == [
        {"secured": 2_500_000, "amount": 10_000_000, "own": 7_500_000}
    ]
    assert told(secured(100, 5_000, counts="within"), "limit_secured_within")[0]["own"] == 0


def test_a_guarantee_counts_by_its_own_share_and_an_expired_one_not_at_all() -> None:
    chosen = by({"need": {}}, secured={"guaranteed": Decimal("0.8")})
    some = (limit_entry(amount=100), limit_entry("insured", 1_000), limit_entry("guaranteed", 500))
    assert assess(dossier(limits=some), chosen).limit == 500
    past = (limit_entry(amount=100), limit_entry("guaranteed", 500, valid_to=day(-1)))
    assert assess(dossier(limits=past), chosen).limit == 100


def test_security_gives_a_limit_where_none_is_known_but_not_against_a_persons_no() -> None:
    chosen = by({"need": {}}, secured={"insured": HALF})
    insured = limit_entry("insured", 1_000)
    found = assess(dossier(limits=(insured,)), chosen)
    assert (found.limit_state, found.limit, found.secured) == ("amount", 500, 500)
    assert [reason.code for reason in found.reasons] == []
    refused = assess(dossier(limits=(insured, limit_entry(amount=None, state="none"))), chosen)
    assert (refused.limit_state, refused.limit, refused.secured) == ("none", None, 0)
    free = assess(dossier(limits=(insured, limit_entry(amount=None, state="unlimited"))), chosen)
    assert free.limit_state == "unlimited"


# ── Segments ───────────────────────────────────────────────────────────────────────────────────

STRICT = {
    "max_weight": 1,
    "data_points": [
        numbers("relation_months", 12, points=(0, 100)),
        numbers("debt_ratio", 1, points=(100, 0)),
    ],
}
SEGMENTS = [
    {"name": "new", "all": [{"fact": "new_customer", "op": "==", "value": True}], "scorecard": STRICT},
    {
        "name": "foreign",
        "all": [{"fact": "country", "op": "!=", "value": "CN"}],
        "limit": {"step": 1, "terms": {"agency": {"share": HALF}}},
    },
    {"name": "farms", "any": [{"fact": "industry", "op": "in", "value": ["agriculture", "农业"]}]},
]
PAID = {"customer_since": day(-900), "invoices": (settled("i", 100, 0),)}
FIGURES = (
    report(statements=(statement(total_liabilities=4, total_assets=10),), limit=1_000, limit_currency="CNY"),
)


@pytest.mark.parametrize(
    ("documents", "segment"),
    [
        ({}, "new"),
        ({**PAID, "country": "CN"}, "default"),
        ({**PAID}, "default"),  # an unknown country is not known to be another one
        ({**PAID, "country": "DE"}, "foreign"),
        ({**PAID, "country": "CN", "industry": "农业"}, "farms"),
        ({"country": "DE", "industry": "农业"}, "new"),  # the first one counts
    ],
)
def test_the_first_segment_whose_conditions_are_known_to_hold_counts(
    documents: dict[str, Any], segment: str
) -> None:
    found = assess(dossier(**documents), policy(segments=SEGMENTS))
    assert found.segment == segment
    assert told(found, "segment") == ([] if segment == "default" else [{"segment": segment}])


def test_a_segment_has_a_scorecard_or_a_limit_of_its_own_and_the_rest_as_everybody() -> None:
    chosen = policy(segments=SEGMENTS)
    new = assess(dossier(customer_since=day(-400), reports=FIGURES), chosen)
    assert (new.segment, new.score) == ("new", 100)
    foreign = assess(dossier(**PAID, country="DE", reports=FIGURES), chosen)
    assert (foreign.score, foreign.risk_class, foreign.limit) == (100, "A", 500)
    assert foreign.policy_hash == chosen.hash


def test_status_rules_see_the_segment() -> None:
    watched = {
        "reason": "disputed",
        "status": "watch",
        "all": [{"fact": "segment", "op": "==", "value": "farms"}],
    }
    chosen = policy(segments=SEGMENTS, status={"rules": [watched]})
    assert assess(dossier(**PAID, country="CN", industry="农业"), chosen).status == "watch"
    assert assess(dossier(**PAID, country="CN"), chosen).status == "ok"


def test_a_policy_looks_at_the_facts_of_all_its_segments() -> None:
    whole = compiled(policy(segments=SEGMENTS))
    assert {"new_customer", "country", "industry", "relation_months"} <= whole.looks_at
    assert all(group.rules.looks_at == whole.looks_at for group in whole.segments)


# ── Approval bands ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("excess", "role"), [(100_000, "approver"), (100_001, None)])
def test_yonyou_t6_an_approver_of_1000_may_allow_an_excess_of_1000_inclusive(
    excess: int, role: str | None
) -> None:
    """用友 T6 (ufidaft.com): limit 5 000, approver 1 000: an excess of 1 000 is allowed, 1 000.01 refused."""
    found = approver([ApprovalBand(up_to=Decimal(1_000), role="approver")], excess, "CNY")
    assert (found.role if found else None) == role


def test_the_first_band_that_holds_the_amount_decides() -> None:
    bands = policy(
        approvals={
            "limit": [
                {"up_to": 1_000, "role": "sales"},
                {"up_to": 50_000, "role": "controller"},
                {"role": "board", "signers": 2},
            ]
        }
    ).approvals.limit

    def who(amount: int) -> tuple[str, int]:
        found = approver(bands, amount * 100, "CNY")
        assert found is not None
        return found.role, found.signers

    assert [who(n) for n in (1, 1_000, 1_001, 50_001)] == [
        ("sales", 1),
        ("sales", 1),
        ("controller", 1),
        ("board", 2),
    ]


def test_members_fit_in_their_group_or_say_by_how_much_not() -> None:
    assert (beyond_group([40, 60], 100), beyond_group([40, 61], 100)) == (0, 1)


# ── Reviews ────────────────────────────────────────────────────────────────────────────────────


def test_high_risk_is_reviewed_monthly_medium_quarterly_low_yearly() -> None:
    """HighRadius: monthly, quarterly and annual reviews by class; here a status may shorten the class's."""
    chosen = policy(reviews={"by_status": {"hold": 30, "watch": 400}})
    held = assess(dossier(reviewed_on=day(-10), hold_placed="x"), chosen)
    assert held.next_review == day(20)
    assert told(held, "review_status") == [{"on": day(20).isoformat(), "days": 30, "status": "hold"}]
    calm = assess(dossier(reviewed_on=day(-10)), chosen)
    assert calm.next_review == day(80)

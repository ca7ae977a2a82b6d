"""Held orders: who may release, reject and force, within which bounds, and what opens a hold again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connector.errors import Halt
from connector.gate.decisions import force, reject, release
from connector.gate.review import review
from tests.check_bench import codes
from tests.gate_bench import BANDS, CROWD, GateBench, terms

OVER = "1500.00"  # 500.00 over the limit of the customers below


def over(folder: Path, *, limit: int = 100_000, **parts: object) -> GateBench:
    """A customer with a limit of 1,000.00, and SO-1 of 1,500.00 on hold."""
    bench = GateBench.ruled(folder, CROWD, **{"approvals": BANDS, **parts})
    bench.customer(limit=limit)
    assert bench.check(OVER).decision == "hold"
    return bench


def freed(bench: GateBench, actor: str = "Ma", **more: object) -> None:
    assert release(bench.gate, 1, terms(**more), actor=actor, now=bench.now).missing == 0


def test_a_release_reserves_the_order_over_the_limit_and_lets_it_pass_until_it_ends(tmp_path: Path) -> None:
    bench = over(tmp_path)
    freed(bench, note="bank guarantee", days=10)
    line = bench.line(1)
    assert (line.reserved, line.available) == (150_000, -50_000)
    answer = bench.check(OVER, checkpoint="approval")
    assert (answer.decision, codes(answer)) == ("pass", []), "it asks for no more than it has"
    assert bench.check("1.00", "SO-2").decision == "hold", "others find no room"
    found = bench.hold()
    assert (found.state, found.released_by, found.release_code) == ("released", "Ma", "secured")
    assert found.released_until == bench.now + dt.timedelta(days=10)
    detail = next(detail for act, _, detail in bench.acts() if act == "order_released")
    assert detail["signed"] == ["Ma"] and detail["policy"] == bench.policy.hash


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": "1575.01"}, "release_exceeded"),
        ({"terms_days": 31}, "release_other_terms"),
        ({"account": "A2"}, "release_other_terms"),
    ],
)
def test_what_goes_beyond_a_release_opens_the_hold_again(
    tmp_path: Path, changes: dict[str, object], code: str
) -> None:
    bench = GateBench.ruled(tmp_path, CROWD, approvals=BANDS, releases={"tolerance": "5%"})
    bench.customer(limit=100_000)
    bench.customer("A2", limit=100)
    bench.check(OVER, terms_days=30)
    freed(bench)
    assert bench.check("1575.00", terms_days=30).decision == "warn", "the tolerance"
    answer = bench.check(**{"amount": OVER, "terms_days": 30, **changes})
    assert answer.decision == "hold" and code in codes(answer)
    found = bench.hold()
    assert (found.state, found.round, found.released_until) == ("pending", 2, None)


def test_the_end_of_a_release_opens_the_hold_of_an_order_that_is_on_its_way(tmp_path: Path) -> None:
    bench = over(tmp_path)
    freed(bench, days=2)
    bench.pull(bench.order("1", 150_000, number="SO-1"))
    assert bench.line(1).exposure == 150_000
    bench.later(days=3)
    assert review(bench.gate, bench.now).reopened == 1
    found = bench.hold()
    assert (found.state, found.round) == ("pending", 2)
    assert "release_expired" in [reason["code"] for reason in found.reasons]


def test_dynamics_two_grace_days_from_day_1_are_followed_by_a_check_on_day_4(tmp_path: Path) -> None:
    """Dynamics 365, credit checkpoints: a released order is not held again at the next step within the grace
    days. Here they are the days for which the release holds: its own day and two more."""
    bench = over(tmp_path)
    freed(bench, days=3)
    bench.pull(bench.order("1", 150_000, number="SO-1"))
    for _ in range(2):
        bench.later(days=1)
        assert review(bench.gate, bench.now).reopened == 0
        assert bench.check(OVER, checkpoint="approval").decision == "pass"
    bench.later(days=1)
    assert review(bench.gate, bench.now).reopened == 1
    assert "release_expired" in [reason["code"] for reason in bench.hold().reasons]
    assert bench.check(OVER, checkpoint="approval").decision == "hold"


def test_the_end_of_a_release_of_an_order_that_was_delivered_changes_nothing(tmp_path: Path) -> None:
    bench = over(tmp_path)
    freed(bench, days=2)
    bench.pull(bench.order("1", 150_000, number="SO-1", stage="delivered"))
    bench.later(days=3)
    assert review(bench.gate, bench.now).reopened == 0
    assert (bench.hold().state, bench.hold().released_until) == ("released", None)


# ── Rights ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("amount", "actor"), [("2000.00", "Ma"), ("2000.01", "Di"), ("101000.01", "Bo")])
def test_the_band_of_what_is_let_through_says_who_may(tmp_path: Path, amount: str, actor: str) -> None:
    bench = GateBench.ruled(tmp_path, CROWD, approvals=BANDS)
    bench.customer(limit=100_000)
    bench.check(amount)
    below = {"Ma": "Sal", "Di": "Ma", "Bo": "Di"}[actor]
    with pytest.raises(Halt, match="may not release a hold"):
        release(bench.gate, 1, terms(), actor=below, now=bench.now)
    assert release(bench.gate, 1, terms(), actor=actor, now=bench.now).missing == (1 if actor == "Bo" else 0)


def test_what_came_on_the_line_since_counts_for_the_band(tmp_path: Path) -> None:
    bench = over(tmp_path)
    bench.change_line(1, exposure=100_000)
    with pytest.raises(Halt, match="may not"):
        freed(bench, "Ma")
    freed(bench, "Di")


def test_an_order_held_for_more_than_its_amount_is_let_through_whole(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path, CROWD, approvals=BANDS)
    bench.customer(status="stop", limit=10_000_000)
    bench.check(OVER)
    assert bench.hold().excess == 150_000
    with pytest.raises(Halt, match="may not"):
        freed(bench, "Ma")
    freed(bench, "Di")
    assert bench.line(1).reserved == 150_000


def test_above_the_band_two_persons_sign_and_the_narrower_bounds_count(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path, CROWD, approvals=BANDS, releases={"tolerance": "10%"})
    bench.customer(limit=100)
    bench.check("200000.00")
    first = release(bench.gate, 1, terms(days=5), actor="Bo", now=bench.now)
    assert (first.missing, first.order.state, bench.line(1).reserved) == (1, "pending", 0)
    for name in ("Bo", " bo "):
        with pytest.raises(Halt, match="signed it"):
            release(bench.gate, 1, terms(), actor=name, now=bench.now)
    release(bench.gate, 1, terms(amount=20_500_000), actor="Bea", now=bench.now)
    found = bench.hold()
    assert (found.state, found.released_amount) == ("released", 20_500_000)
    assert found.released_until == bench.now + dt.timedelta(days=5)


def test_a_signature_counts_for_one_round_only(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path, CROWD, approvals=BANDS)
    bench.customer(limit=100)
    bench.check("200000.00")
    release(bench.gate, 1, terms(), actor="Bo", now=bench.now)
    reject(bench.gate, 1, reason="too much", actor="Di", now=bench.now)
    bench.check("199999.00")
    assert bench.hold().round == 2
    assert release(bench.gate, 1, terms(), actor="Bea", now=bench.now).missing == 1


def test_bounds_that_the_policy_does_not_provide_for_are_refused(tmp_path: Path) -> None:
    bench = over(tmp_path)
    for more in ({"code": "because"}, {"days": 31}, {"days": 0}, {"amount": 150_001}, {"amount": 149_999}):
        with pytest.raises(Halt):
            freed(bench, **more)
    assert bench.hold().state == "pending"


# ── Rejected, forced, clear ────────────────────────────────────────────────────────────────────


def test_a_rejection_stands_for_as_much_or_more_and_for_less_the_order_is_judged_anew(tmp_path: Path) -> None:
    bench = over(tmp_path)
    with pytest.raises(Halt):
        reject(bench.gate, 1, reason=" ", actor="Di", now=bench.now)
    with pytest.raises(Halt, match="may not"):
        reject(bench.gate, 1, reason="no", actor="Sal", now=bench.now)
    reject(bench.gate, 1, reason="no", actor="Di", now=bench.now)
    bench.change_line(1, limit_minor=1_000_000)
    answer = bench.check(OVER)
    assert (answer.decision, codes(answer), bench.hold().state) == ("hold", ["order_rejected"], "rejected")
    assert bench.line(1).reserved == 0
    freed(bench)
    assert (bench.hold().state, bench.check(OVER).decision) == ("released", "pass"), (
        "a person may think again"
    )
    bench.check("19999.00")
    reject(bench.gate, 1, reason="no", actor="Di", now=bench.now)
    assert bench.check("1000.00").decision == "pass"
    assert bench.hold().state == "released"


def test_a_forced_order_never_leaves_by_itself(tmp_path: Path) -> None:
    bench = GateBench.ruled(tmp_path, CROWD, approvals=BANDS)
    bench.customer(limit=100_000)
    bench.check("10.00", "SO-1")
    bench.pull(bench.order("1", 1_000, number="SO-1"))
    with pytest.raises(Halt, match="may not"):
        force(bench.gate, "zoho", "SO-1", reason="odd", actor="Sal", now=bench.now)
    with pytest.raises(Halt, match="no order"):
        force(bench.gate, "zoho", "SO-7", reason="odd", actor="Di", now=bench.now)
    force(bench.gate, "zoho", "SO-1", reason="odd", actor="Di", now=bench.now)
    for step in ("order_save", "order_change", "approval", "shipment"):
        answer = bench.check("10.00", "SO-1", checkpoint=step)
        assert (answer.decision, codes(answer)) == ("hold", ["order_forced"])
        assert "odd" in answer.reasons[0].text.en
    assert bench.check("10.00", "SO-1", checkpoint="invoice").decision != "hold"
    review(bench.gate, bench.now)
    assert bench.hold().state == "forced"
    freed(bench, "Ma")
    assert bench.check("10.00", "SO-1").decision != "hold"


def test_a_hold_whose_every_reason_has_gone_is_released_with_its_credit(tmp_path: Path) -> None:
    bench = over(tmp_path)
    assert review(bench.gate, bench.now).passed == 0
    bench.change_line(1, limit_minor=150_000)
    assert review(bench.gate, bench.now).passed == 1
    assert (bench.hold().state, bench.line(1).reserved) == ("released", 150_000)
    assert review(bench.gate, bench.now).passed == 0


def test_or_it_is_ready_and_waits_for_a_person_if_the_policy_says_so(tmp_path: Path) -> None:
    bench = over(tmp_path, releases={"when_clear": "wait"})
    bench.change_line(1, limit_minor=150_000)
    assert review(bench.gate, bench.now).ready == 1
    assert (bench.hold().state, bench.line(1).reserved) == ("ready", 0)
    bench.change_line(1, limit_minor=100_000)
    review(bench.gate, bench.now)
    assert bench.hold().state == "pending", "the reason came back"
    bench.change_line(1, limit_minor=150_000)
    review(bench.gate, bench.now)
    freed(bench, "Ma")
    assert bench.line(1).reserved == 150_000


def test_a_review_keeps_the_reasons_up_to_date_and_journals_only_changes(tmp_path: Path) -> None:
    bench = over(tmp_path)
    review(bench.gate, bench.now)
    bench.change_line(1, status="hold")
    review(bench.gate, bench.now)
    review(bench.gate, bench.now)
    assert next(reason["code"] for reason in bench.hold().reasons) == "customer_hold"
    assert [act for act, *_ in bench.acts()].count("order_held") == 2

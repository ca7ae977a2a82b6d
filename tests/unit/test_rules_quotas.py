"""Limits on which a CRM's own credit module decides: nothing of ours takes their place."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from connector.rules.explain import explain
from connector.rules.facts import snapshot
from connector.rules.nearest import RAISE_LIMIT, smallest
from connector.rules.outcome import Assessment, Step
from connector.rules.snapshot import snapshot_from_json, snapshot_json
from tests.rules_bench import (
    CNY,
    NOW,
    WITH_USD,
    assess,
    content,
    day,
    dossier,
    invoice,
    limit_entry,
    policy,
    settled,
    standard,
)

PAID = tuple(settled(f"s{number}", 2_000_000, 0, 30 * number) for number in range(1, 12))


def quota(amount: int = 3_000_000, kind: str = "credit_file", **more: Any) -> Any:
    return limit_entry(kind, amount, source=f"fx {kind} {amount}", **more)


def decided(*limits: Any, at: dt.datetime = NOW, **chosen: Any) -> Assessment:
    customer = dossier(limits=limits, limits_by="fx", invoices=(invoice("i", 1_000_000), *PAID))
    return assess(customer, policy(**chosen), WITH_USD, at=at)


def step(found: Assessment, code: str) -> Step | None:
    return next((one for one in found.steps if one.code == code), None)


def test_the_quota_is_the_limit_and_its_source_stands_in_the_steps() -> None:
    found = decided(quota(3_000_000))
    assert (found.limit_state, found.limit, found.available) == ("amount", 3_000_000, 2_000_000)
    told = step(found, "limit_quota")
    assert told is not None and told.params["source"] == "fx credit_file 3000000"
    assert told.params["calculated"]  # what we would have said stands beside it


def test_the_status_follows_the_quota() -> None:
    def found(amount: int) -> Assessment:
        docs = (invoice("i", 1_000_000), *PAID)
        return assess(dossier(limits=(quota(amount),), limits_by="fx", invoices=docs), standard())

    roomy, used_up = found(90_000_000), found(900_000)
    assert roomy.status != used_up.status
    assert "exposure_over_limit" in [reason.code for reason in used_up.reasons]


@pytest.mark.parametrize("kind", ["base", "temporary", "insured", "guaranteed"])
def test_no_entry_of_a_person_changes_it(kind: str) -> None:
    assert decided(quota(3_000_000), limit_entry(kind, 9_000_000)).limit == 3_000_000


def test_without_a_quota_nothing_of_ours_takes_its_place() -> None:
    for limits in ((), (limit_entry("base", 9_000_000),), (quota(valid_to=day(-1)),)):
        found = decided(*limits)
        assert (found.limit_state, found.limit) == ("none", None)
        assert "limit_quota_none" in [reason.code for reason in found.reasons]
        assert step(found, "limit_quota_none") is not None
    assert decided(check={"missing_limit": "allow"}).limit_state == "unlimited"


def test_a_quota_holds_from_its_first_to_its_last_day() -> None:
    dated = quota(valid_from=day(-5), valid_to=day(2))
    assert decided(dated).limit == 3_000_000
    assert decided(dated).next_change == dt.datetime(2026, 6, 18, tzinfo=dt.UTC)
    assert decided(dated, at=NOW + dt.timedelta(days=3)).limit is None
    assert decided(dated, at=NOW - dt.timedelta(days=6)).limit is None


def test_a_credit_file_goes_before_an_account_and_the_smaller_one_counts() -> None:
    assert decided(quota(1, "credit_account"), quota(5_000), quota(4_000)).limit == 4_000
    assert decided(quota(1, "credit_account"), quota(5_000, valid_to=day(-1))).limit == 1


def test_a_quota_in_another_currency_is_converted_or_holds() -> None:
    assert decided(quota(100, currency="USD")).limit == 720
    found = decided(quota(100, currency="EUR"))
    assert (found.limit_state, found.status) == ("none", "hold")


@pytest.mark.parametrize(
    ("means", "state"), [("none", "amount"), ("unlimited", "unlimited"), ("missing", "none")]
)
def test_a_quota_of_zero_means_what_the_policy_says_and_never_our_own_limit(means: str, state: str) -> None:
    assert decided(quota(0), limit={**content()["limit"], "zero_means": means}).limit_state == state


def test_what_is_only_shown_changes_nothing() -> None:
    customer = dossier(limits=(quota(1),), invoices=PAID)
    assert assess(customer, policy()).limit == assess(dossier(invoices=PAID), policy()).limit


def test_the_snapshot_keeps_the_source_and_an_old_one_can_be_read() -> None:
    customer = dossier(limits=(quota(),), limits_by="fx")
    made = snapshot(customer, policy(), CNY, NOW)
    assert snapshot_from_json(snapshot_json(made)) == made
    plain = snapshot(dossier(limits=(limit_entry(),)), policy(), CNY, NOW)
    assert b'["base","amount",500000,null]' in snapshot_json(plain)


@pytest.mark.parametrize(
    ("language", "word"), [("en", "credit module (fx credit_file"), ("zh", "信用模块决定（fx")]
)
def test_it_is_explained_in_words(language: str, word: str) -> None:
    customer = dossier(limits=(quota(),), limits_by="fx", invoices=PAID)
    lines = explain(assess(customer, policy()), snapshot(customer, policy(), CNY, NOW), language)
    assert any(word in line for line in lines)


def test_the_way_out_is_a_larger_quota() -> None:
    customer = dossier(limits=(quota(900_000),), limits_by="fx", invoices=(invoice("i", 1_000_000), *PAID))
    known = snapshot(customer, policy(), CNY, NOW)
    ways = smallest(policy(), known, lambda found: (found.limit or 0) >= 5_000_000)
    assert [change.subject for way in ways for change in way] == [RAISE_LIMIT]

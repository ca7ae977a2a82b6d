"""Snapshots and assessments as records: the same bytes, and back again."""

from __future__ import annotations

import datetime as dt

import orjson
import pytest

from connector.errors import Halt
from connector.money import Rates
from connector.policy.catalogue import FACTS
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.rules.outcome import assessment_from_json, assessment_json, outcome_json
from connector.rules.snapshot import Unknown, snapshot_from_json, snapshot_json
from tests.rules_bench import (
    CNY,
    NOW,
    WITH_USD,
    assess,
    day,
    dossier,
    facts,
    invoice,
    limit_entry,
    negative,
    order,
    payment,
    policy,
    report,
    settled,
    standard,
    statement,
)

RICH = dossier(
    customer_since=dt.date(2020, 2, 29),
    terms_days=45,
    hold_placed="见面后再议",
    reviewed_on=day(-5),
    orders=(order("o", 500), order("d", 300, stage="delivered")),
    invoices=(settled("i", 1_000, 3), invoice("j", 700, due_on=day(-9)), invoice("k", 50, currency="EUR")),
    payments=(payment("p", 100),),
    reports=(
        report(
            pd_12m=0.0213,
            band="B",
            insolvent=False,
            negatives=(negative(),),
            statements=(statement(total_assets=900, total_liabilities=400, revenue=5_000, net_profit=70),),
        ),
    ),
    limits=(limit_entry("temporary", 9_000, valid_to=day(9)),),
)


def test_every_fact_of_the_catalogue_is_known_or_unknown_for_everybody() -> None:
    wanted = {name for name, spec in FACTS.items() if spec.source not in ("outcome", "order")}
    assert facts(dossier()).values.keys() == wanted
    assert facts(RICH).values.keys() == wanted


def test_every_known_value_has_an_origin() -> None:
    found = facts(RICH)
    known = {name for name, value in found.values.items() if not isinstance(value, Unknown)}
    assert known <= found.origins.keys()


def test_values_have_the_type_of_their_kind() -> None:
    types = {"ratio": "Decimal", "number": "Decimal", "text": "str", "flag": "bool"}
    found = {
        name: type(value).__name__
        for name, value in facts(RICH).values.items()
        if not isinstance(value, Unknown)
    }
    assert found == {name: types.get(FACTS[name].kind, "int") for name in found}


@pytest.mark.parametrize("customer", [dossier(), RICH])
def test_a_snapshot_comes_back_equal(customer: object) -> None:
    found = facts(customer, standard(), WITH_USD)  # type: ignore[arg-type]
    assert snapshot_from_json(snapshot_json(found)) == found


@pytest.mark.parametrize("customer", [dossier(), RICH])
def test_an_assessment_comes_back_equal(customer: object) -> None:
    found = assess(customer, standard(), WITH_USD)  # type: ignore[arg-type]
    assert assessment_from_json(assessment_json(found)) == found


def test_a_replay_gives_the_same_bytes() -> None:
    first = snapshot(RICH, standard(), WITH_USD, NOW)
    kept = snapshot_json(first)
    again = evaluate(standard(), snapshot_from_json(kept))
    assert assessment_json(again) == assessment_json(evaluate(standard(), first))
    assert snapshot_json(snapshot_from_json(kept)) == kept


def test_amounts_are_whole_and_shares_are_text() -> None:
    def floats(value: object) -> list[object]:
        if isinstance(value, dict):
            return [found for item in value.values() for found in floats(item)]
        if isinstance(value, list):
            return [found for item in value for found in floats(item)]
        return [value] if isinstance(value, float) else []

    assert floats(orjson.loads(assessment_json(assess(RICH, standard(), WITH_USD)))) == []
    assert floats(orjson.loads(snapshot_json(facts(RICH, standard(), WITH_USD)))) == []


def test_the_outcome_alone_does_not_change_with_the_hour() -> None:
    reviewed = dossier(invoices=(settled("i", 1_000, 3),), reviewed_on=day(-5))
    one, other = assess(reviewed), assess(reviewed, at=NOW + dt.timedelta(hours=3))
    assert assessment_json(one) != assessment_json(other)
    assert outcome_json(one) == outcome_json(other)
    assert outcome_json(one) != outcome_json(assess(dossier(hold_placed="x", reviewed_on=day(-5))))


def test_rates_against_another_currency_are_refused() -> None:
    with pytest.raises(Halt, match="rates are against USD, the policy counts in CNY"):
        snapshot(dossier(), policy(), Rates("USD"), NOW)
    assert snapshot(dossier(), policy(), CNY, NOW).currency == "CNY"

"""Calls to D&B Direct+: token, errors, candidates, monitoring."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import responses

from adapters.bureau.dnb import BLOCKS, DunBradstreet
from connector.adapter import Price, Subject
from connector.errors import Halt, Reauth, Reject, Retry
from tests.agency_bench import Bench

BASE = "https://plus.dnb.com"
TOKEN, MATCH, DATA = f"{BASE}/v3/token", f"{BASE}/v1/match/cleanseMatch", f"{BASE}/v1/data/duns/123456789"
WATCH = f"{BASE}/v1/monitoring/registrations/creditgate"
REFUSED = {"transactionDetail": {}, "error": {"errorCode": "00004", "errorMessage": "not authorised"}}
EMPTY = {"organization": {"duns": "123456789", "primaryName": "Example Ltd"}}
OWNED = {"key": "key-x", "secret": "secret-x"}


def bench(**settings: str) -> Bench:
    return Bench(DunBradstreet, **(OWNED | settings))


def answer_token(name: str = "token-1", **expiry: Any) -> None:
    responses.post(TOKEN, json={"access_token": name, "token_type": "bearer", **expiry})


def candidate(
    confidence: int, duns: str = "123456789", number: str = "", score: float = 92
) -> dict[str, Any]:
    return {
        "organization": {
            "duns": duns,
            "primaryName": "Example Ltd",
            "primaryAddress": {"addressCountry": {"isoAlpha2Code": "GB"}},
            "registrationNumbers": [{"registrationNumber": number}],
        },
        "matchQualityInformation": {"confidenceCode": confidence, "nameMatchScore": score},
    }


def calls_to(url: str) -> list[Any]:
    return [call.request for call in responses.calls if call.request.url.split("?")[0] == url]


@responses.activate
def test_the_token_is_asked_for_with_key_and_secret_and_kept():
    answer_token(expiresIn=86400)
    responses.get(DATA, json=EMPTY)
    agency = bench()
    agency.bureau.fetch("GB-123456789")
    agency.another().fetch("GB-123456789")
    (sign_in,) = calls_to(TOKEN)
    assert sign_in.headers["Authorization"].startswith("Basic ")
    assert sign_in.body == "grant_type=client_credentials"
    assert calls_to(DATA)[0].headers["Authorization"] == "Bearer token-1"


@responses.activate
@pytest.mark.parametrize(
    "expiry",
    [{"expiresIn": 86400}, {"expirationDateTime": "2026-03-02T12:00:00Z"}],
    ids=["seconds", "moment"],
)
def test_trap_there_is_no_refresh_token_so_a_new_one_is_made_early(expiry):
    answer_token("token-1", **expiry)
    answer_token("token-2", **expiry)
    responses.get(DATA, json=EMPTY)
    agency = bench()
    agency.bureau.fetch("GB-123456789")
    agency.time += dt.timedelta(hours=23, minutes=55)
    agency.another().fetch("GB-123456789")
    assert [call.headers["Authorization"] for call in calls_to(DATA)] == ["Bearer token-1", "Bearer token-2"]


@responses.activate
def test_trap_a_401_renews_an_old_token_once_only():
    answer_token("token-2", expiresIn=86400)
    responses.get(DATA, status=401, json=REFUSED)
    responses.get(DATA, json=EMPTY)
    agency = bench()
    agency.secrets.put("dnb.token", "token-1", agency.time + dt.timedelta(hours=1))
    assert agency.bureau.fetch("GB-123456789").report.subject_name == "Example Ltd"
    assert len(calls_to(TOKEN)) == 1


@responses.activate
def test_trap_401_with_a_good_token_means_not_entitled():
    answer_token(expiresIn=86400)
    responses.get(DATA, status=401, json=REFUSED)
    agency = bench()
    for _ in range(3):
        with pytest.raises(Halt, match="contract does not cover"):
            agency.bureau.fetch("GB-123456789")
    assert len(calls_to(TOKEN)) == 1, "the token was good: making another is no cure"


@responses.activate
def test_refused_credentials_are_told_without_showing_them():
    responses.post(TOKEN, status=401, json=REFUSED)
    with pytest.raises(Reauth) as fault:
        bench().bureau.test()
    assert "secret-x" not in str(fault.value)
    assert "key-x" not in str(fault.value)


@responses.activate
@pytest.mark.parametrize(
    ("status", "error"), [(400, Reject), (403, Halt), (404, Reject), (500, Retry), (302, Halt)]
)
def test_each_status_has_its_way_of_recovery(status, error):
    answer_token(expiresIn=86400)
    responses.get(DATA, status=status, json={"error": {"errorCode": "10001"}})
    with pytest.raises(error):
        Bench(DunBradstreet, attempts=1, **OWNED).bureau.fetch("GB-123456789")


@responses.activate
def test_trap_a_limit_waits_as_long_as_the_answer_says():
    answer_token(expiresIn=86400)
    responses.get(DATA, status=429, headers={"Retry-After": "7"}, json={})
    responses.get(DATA, json=EMPTY)
    agency = bench()
    agency.bureau.fetch("GB-123456789")
    assert [round(wait) for wait in agency.waits] == [7]


@responses.activate
def test_trap_germany_needs_an_order_reason_and_others_get_none():
    answer_token(expiresIn=86400)
    responses.get(DATA, json=EMPTY)
    with pytest.raises(Reject) as fault:
        bench().bureau.fetch("DE-123456789")
    assert fault.value.code == "no_order_reason"
    assert not calls_to(DATA), "nothing is asked, and charged, without a ground"
    agency = bench(order_reason_de="6332")
    agency.bureau.fetch("DE-123456789")
    agency.bureau.fetch("GB-123456789")
    german, british = (call.params for call in calls_to(DATA))
    assert (german["orderReason"], german["tradeUp"]) == ("6332", "hq")
    assert british == {"blockIDs": BLOCKS}


def test_a_number_on_the_customers_record_needs_no_call():
    (found,) = bench().bureau.match(Subject("Example Ltd", "GB", {"duns": "12-345-6789"}))
    assert (found.ref, found.confidence, found.by) == ("GB-123456789", 1.0, "identifier")


@responses.activate
def test_what_has_not_the_form_of_a_duns_is_searched_by_name():
    answer_token(expiresIn=86400)
    responses.get(MATCH, json={"matchCandidates": [candidate(8)]})
    (found,) = bench().bureau.match(Subject("Example Ltd", "GB", {"duns": "12345"}))
    assert found.by == "name"


@responses.activate
def test_a_candidate_with_the_customers_register_number_is_sure():
    answer_token(expiresIn=86400)
    responses.get(MATCH, json={"matchCandidates": [candidate(7, number="1234567")]})
    (found,) = bench().bureau.match(Subject("Example", "GB", {"registration_no": "01234567"}))
    assert (found.confidence, found.by) == (1.0, "identifier")
    assert calls_to(MATCH)[0].params["registrationNumber"] == "01234567"


@responses.activate
@pytest.mark.parametrize(
    ("code", "confidence"), [(10, 0.95), (8, 0.9), (7, 0.7), (6, 0.6), (5, None), (1, None)]
)
def test_confidence_codes_from_8_are_hits_6_and_7_go_to_a_person_the_rest_is_none(code, confidence):
    answer_token(expiresIn=86400)
    responses.get(MATCH, json={"matchCandidates": [candidate(code)]})
    found = bench().bureau.match(Subject("Example Ltd", "GB", {}))
    assert [match.confidence for match in found] == ([] if confidence is None else [confidence])


@responses.activate
def test_trap_the_unit_of_name_match_score_is_unknown_so_it_decides_nothing():
    answer_token(expiresIn=86400)
    rows = [candidate(8, "111111111", score=0.31), candidate(6, "222222222", score=99)]
    responses.get(MATCH, json={"matchCandidates": rows})
    found = bench().bureau.match(Subject("Example Ltd", "GB", {}))
    assert [match.ref for match in found] == ["GB-111111111", "GB-222222222"]


@responses.activate
def test_no_match_is_an_empty_answer():
    answer_token(expiresIn=86400)
    responses.get(MATCH, status=404, json={"error": {"errorCode": "20502"}})
    assert bench().bureau.match(Subject("Nobody", "GB", {})) == []


def test_without_a_country_nothing_is_asked():
    with pytest.raises(Reject, match="country"):
        bench().bureau.match(Subject("Example Ltd", None, {}))


@responses.activate
def test_trap_monitoring_code_21012_means_watched_already():
    answer_token(expiresIn=86400)
    responses.post(f"{WATCH}/duns", status=400, json={"error": {"errorCode": "21012"}})
    bench().bureau.watch(["123456789"])
    assert len(calls_to(f"{WATCH}/duns")) == 1


@responses.activate
def test_trap_the_same_notification_twice_is_one_change_and_pulling_ends():
    row = {
        "duns": "123456789",
        "changeTimestamp": "2026-02-01T08:00:00Z",
        "blockID": "financialstrengthinsight_L4_v1",
        "elementId": "dnbAssessment.failureScore.classScore",
        "previousValue": 2,
        "currentValue": 4,
    }
    answer_token(expiresIn=86400)
    responses.get(f"{WATCH}/notifications", json={"notifications": [row] * 1000})
    changes = bench().bureau.changes(dt.datetime(2026, 2, 20, tzinfo=dt.UTC))
    assert [change.ref for change in changes] == ["123456789"]
    assert len(calls_to(f"{WATCH}/notifications")) == 2, "a pull that brings nothing new is the last"


def test_prices_come_from_the_contract_and_are_unknown_without_one():
    settings = {"price_report": "12.50 USD"}
    assert DunBradstreet.price(settings, "report") == Price(1250, "USD")
    assert DunBradstreet.price(settings, "match") is None
    with pytest.raises(Halt, match="price_report"):
        DunBradstreet.price({"price_report": "twelve"}, "report")


def test_the_call_budget_is_five_a_second_unless_the_contract_says_more():
    assert DunBradstreet.limits_for({}).calls == 5
    assert DunBradstreet.limits_for({"calls_per_second": "20"}).calls == 20
    with pytest.raises(Halt, match="calls_per_second"):
        DunBradstreet.limits_for({"calls_per_second": "many"})

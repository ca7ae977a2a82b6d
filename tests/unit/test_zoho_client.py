"""What each answer of Zoho's API means, and what calls cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from adapters.zoho.client import encode
from connector.errors import CreditGateError, Halt, Retry
from tests.zoho_bench import BASE, SECRET_WORDS, Bench, answer_token, calls_to

ORG = {"org": [{"company_name": "Acme", "zgid": "700"}]}


@pytest.fixture(autouse=True)
def _token():
    with responses.mock:
        answer_token()
        yield


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
    responses.get(f"{BASE}/org", json=body, status=status, headers=dict(headers or {}))


def test_trap_429_has_no_retry_after_so_pauses_double_from_half_a_minute():
    for _ in range(3):
        answer(429, {"code": "TOO_MANY_REQUESTS", "status": "error", "message": "too many"})
    answer(200, ORG)
    bench = Bench()
    bench.crm.test()
    assert len(bench.waits) == 3
    for wait, least in zip(bench.waits, (30, 60, 120), strict=True):
        assert least <= wait <= least * 1.25


def test_vendors_own_hint_on_waiting_is_obeyed():
    answer(429, {"code": "TOO_MANY_REQUESTS", "status": "error"}, {"Retry-After": "7"})
    answer(200, ORG)
    bench = Bench()
    bench.crm.test()
    assert bench.waits == [pytest.approx(7, abs=0.1)]


def test_busy_without_end_surfaces_as_retry_with_its_wait():
    answer(429, {"code": "TOO_MANY_REQUESTS", "status": "error", "message": "credits are gone"})
    with pytest.raises(Retry, match="credits are gone") as told:
        Bench().crm.test()
    assert told.value.after is not None and 480 <= told.value.after <= 600


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_fault_is_tried_again(status: int):
    answer(status, {"code": "INTERNAL_ERROR", "status": "error", "message": "internal"})
    answer(200, ORG)
    assert "Acme" in Bench().crm.test()


def test_server_fault_that_is_no_json_is_tried_again():
    responses.get(f"{BASE}/org", status=502, body="<html>bad gateway</html>")
    answer(200, ORG)
    assert "Acme" in Bench().crm.test()


def test_broken_connection_is_tried_again():
    responses.get(f"{BASE}/org", body=requests.exceptions.ConnectionError("broken"))
    answer(200, ORG)
    assert "Acme" in Bench().crm.test()


def test_success_that_is_no_json_is_not_taken_for_one():
    responses.get(f"{BASE}/org", status=200, body="<html>maintenance</html>")
    with pytest.raises(Retry, match="no JSON"):
        Bench().crm.test()


@pytest.mark.parametrize("status", [200, 400])
def test_complaint_n8n_8508_error_shows_code_message_and_place(status: int):
    answer(
        status,
        {
            "code": "INVALID_DATA",
            "status": "error",
            "message": "invalid data",
            "details": {
                "api_name": "Phone",
                "json_path": "$.data[0].Phone",
                "expected_data_type": "phone",
            },
        },
    )
    with pytest.raises(Halt) as told:
        Bench().crm.test()
    text = str(told.value)
    for part in ("shop", "/crm/v8/org", "INVALID_DATA: invalid data", "api_name Phone"):
        assert part in text
    assert "json_path $.data[0].Phone" in text and "expected_data_type phone" in text
    assert len(calls_to(f"{BASE}/org")) == 1


def test_missing_permission_names_it():
    answer(
        403,
        {
            "code": "NO_PERMISSION",
            "status": "error",
            "message": "permission denied",
            "details": {"permissions": ["Crm_Implied_View_Org"]},
        },
    )
    with pytest.raises(Halt, match=r"Crm_Implied_View_Org.*give the connection's user"):
        Bench().crm.test()


def test_redirect_is_not_followed_with_the_token():
    responses.get(f"{BASE}/org", status=302, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(Halt, match="another address"):
        Bench().crm.test()
    assert len(calls_to(f"{BASE}/org")) == 1


def test_error_texts_carry_neither_token_nor_query():
    for status in (400, 401, 403, 429, 500):
        answer(status, {"code": "SOMETHING", "status": "error", "message": "no"})
        with pytest.raises(CreditGateError) as told:
            Bench().crm.test()
        assert not [word for word in SECRET_WORDS if word in str(told.value)]


def test_trap_credits_header_comes_late_and_corrects_the_budget():
    answer(200, ORG, {"X-API-CREDITS-REMAINING": "1234"})
    bench = Bench()
    bench.crm.test()
    assert bench.budget.corrected == [("credits", 1234)]
    assert bench.budget.credits == [1]


def test_budget_is_left_alone_while_the_header_is_absent():
    answer(200, ORG)
    bench = Bench()
    bench.crm.test()
    assert bench.budget.corrected == []


def test_amounts_are_sent_digit_by_digit():
    body = {"a": Decimal("0.10"), "b": Decimal("12345678901234.56"), "c": Decimal("1E+3"), "d": None}
    assert encode(body) == b'{"a":0.10,"b":12345678901234.56,"c":1000,"d":null}'


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object()])
def test_what_is_no_number_is_not_sent(value: object):
    with pytest.raises(TypeError):
        encode({"a": value})


def test_trap_the_index_of_search_lags_so_nothing_is_ever_looked_up_there():
    sources = list((Path(__file__).parents[2] / "adapters" / "zoho").glob("*.py"))
    assert sources
    assert not [path.name for path in sources if "/search" in path.read_text(encoding="utf-8")]

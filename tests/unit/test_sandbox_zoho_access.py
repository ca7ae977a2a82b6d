"""The Zoho sandbox: tokens, credits, concurrency and faults behave like the vendor's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from sandbox.server import Options
from sandbox.zoho import app
from sandbox.zoho.gatekeeper import Limits
from sandbox.zoho.oauth import TokenLimits
from tests.sandbox_clients import Zoho, zoho_org
from tests.sandbox_server import running

COQL = "select id from Accounts where id is not null"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"client_id": "x"}, "invalid_client"),
        ({"client_secret": "x"}, "invalid_client_secret"),
        ({"refresh_token": "x"}, "invalid_code"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_code"),
        ({"grant_type": "password"}, "general_error"),
    ],
)
def test_trap_token_errors_come_with_status_200(changed: dict[str, str], word: str) -> None:
    with zoho_org() as org:
        answer = org.token(**changed)
    assert (answer.status_code, answer.json()) == (200, {"error": word})


def test_trap_a_refresh_names_the_api_domain_and_gives_no_new_refresh_token() -> None:
    with zoho_org() as org:
        grant = org.token().json()
        assert grant["api_domain"] == org.base
        assert (grant["token_type"], grant["expires_in"]) == ("Bearer", 3600)
        assert "refresh_token" not in grant


def test_trap_the_eleventh_token_in_ten_minutes_is_denied_and_asking_on_prolongs_it() -> None:
    with zoho_org() as org:
        for _ in range(9):
            assert "access_token" in org.token().json()
        denied = org.token()
        assert (denied.status_code, denied.json()["error"]) == (400, "Access Denied")
        org.clock.now += 599
        assert org.token().json()["error"] == "Access Denied"
        org.clock.now += 2  # ten of the first eleven are forgotten, the late one is not
        assert "access_token" in org.token().json()


def test_trap_the_throttle_comes_with_status_200_or_400() -> None:
    limits = Limits(tokens=TokenLimits(per_window=1, throttle_status=200))
    with zoho_org(limits) as org:
        assert (org.token().status_code, "access_token" in org.token().json()) == (200, False)


def test_trap_tokens_live_an_hour_and_the_sixteenth_ends_the_first() -> None:
    with zoho_org() as org:
        first = org.session.headers["Authorization"]
        org.clock.now += 601
        tokens = [org.token().json()["access_token"] for _ in range(10)]
        org.clock.now += 601
        tokens += [org.token().json()["access_token"] for _ in range(4)]
        assert org.get("/org").status_code == 200
        tokens.append(org.token().json()["access_token"])
        assert org.get("/org").status_code == 401
        org.use(tokens[0])
        assert org.get("/org").status_code == 200
        org.clock.now += 3600
        expired = org.get("/org")
    assert first and (expired.status_code, expired.json()["code"]) == (401, "INVALID_TOKEN")


def test_trap_the_header_is_not_bearer() -> None:
    with zoho_org() as org:
        token = org.token().json()["access_token"]
        for header, code in ((f"Bearer {token}", "INVALID_TOKEN"), ("", "AUTHENTICATION_FAILURE")):
            answer = requests.get(f"{org.base}/crm/v8/org", headers={"Authorization": header}, timeout=5)
            assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_trap_credits_are_told_only_after_half_and_end_with_429_for_a_day() -> None:
    with zoho_org(Limits(credits=10)) as org:
        assert "X-API-CREDITS-REMAINING" not in org.coql(f"{COQL} limit 2000").headers  # 3 used
        assert "X-API-CREDITS-REMAINING" not in org.get("/Accounts/deleted").headers  # 5 used
        records = [{"id": "554023000001000001", "Phone": "1"}] * 21
        write = org.call("PUT", "/Accounts", json={"data": records})  # 21 records cost 3
        assert write.headers["X-API-CREDITS-REMAINING"] == "2"
        assert org.coql(f"{COQL} limit 201").headers["X-API-CREDITS-REMAINING"] == "0"
        refused = org.coql(COQL)
        assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
        org.clock.now += 24 * 3600
        org.renew()
        assert org.coql(COQL).status_code == 200


def test_trap_calls_beyond_the_concurrency_of_the_edition_are_429() -> None:
    with zoho_org(Limits(concurrency=2), latency_ms=800) as org, ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: org.coql(COQL).status_code, range(4)))
        assert sorted(statuses) == [200, 200, 429, 429]
        assert org.coql(COQL).status_code == 200


def test_latency_is_not_bound_to_a_number_of_threads() -> None:
    # A pool of forty threads would never have more than forty calls under way.
    with zoho_org(Limits(concurrency=60, heavy=60), latency_ms=1500) as org, ThreadPoolExecutor(80) as pool:
        statuses = list(pool.map(lambda _: org.coql(COQL).status_code, range(80)))
        assert org.door("calls")["read"] == 80
    assert statuses.count(200) >= 60 and 429 in statuses


def test_faults_speak_the_vendors_words_and_unlimited_lifts_the_limits() -> None:
    with running(app(Options(accounts=5, faults={"zoho.read.429": 1.0, "zoho.unlimited": 1.0}))) as base:
        org = Zoho(base)
        for _ in range(12):
            org.renew()
        answer = org.coql(COQL)
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")


def test_equal_options_give_equal_content() -> None:
    contents = []
    for _ in range(2):
        with running(app(Options(accounts=20))) as base:
            contents.append(Zoho(base).door("content"))
    assert contents[0] == contents[1]
    assert len(contents[0]["Accounts"]) > 5 and len(contents[0]["Invoices"]) > 5

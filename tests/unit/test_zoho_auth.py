"""Tokens of Zoho CRM: shared, refreshed once, refused in clear words."""

from __future__ import annotations

import datetime as dt
import threading
from urllib.parse import parse_qs

import pytest
import requests
import responses

from connector.errors import CreditGateError, Halt, Reauth, Retry
from tests.zoho_bench import API, BASE, SECRET_WORDS, TOKEN, Bench, answer_token, calls_to

ORG = {"org": [{"company_name": "Acme", "zgid": "700"}]}


def answer_org(status: int = 200, body: object = ORG, base: str = BASE) -> None:
    responses.get(f"{base}/org", json=body, status=status)


def forms() -> list[dict[str, str]]:
    return [
        {k: v[0] for k, v in parse_qs(str(c.request.body)).items()}
        for c in responses.calls
        if c.request.url.endswith("/oauth/v2/token")
    ]


def test_settings_are_asked_for_under_the_agreed_names():
    asked = {s.key: s for s in Bench().crm.settings}
    assert set(asked) == {
        "data_center",
        "accounts_url",
        "client_id",
        "client_secret",
        "refresh_token",
        "code",
        "environment",
        "edition",
        "slots",
        "credits",
        "bulk_from",
        "bulk_credits",
        "trigger_workflows",
        "credit_profiles",
        "read_only_profiles",
    }
    assert {key for key, s in asked.items() if s.secret} == {"client_secret", "refresh_token", "code"}


@responses.activate
def test_trap_refresh_sends_four_fields_and_the_header_is_zohos_own():
    answer_token()
    answer_org()
    said = Bench().crm.test()
    assert forms() == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "refresh-token-x",
            "client_id": "1000.CLIENT",
            "client_secret": "client-secret-x",
        }
    ]
    assert responses.calls[1].request.headers["Authorization"] == "Zoho-oauthtoken access-token-1"
    assert "Acme" in said and "700" in said and "www.zohoapis.eu" in said


@responses.activate
def test_test_speaks_chinese_where_the_connector_does():
    answer_token()
    answer_org()
    assert "组织“Acme”" in Bench(language="zh").crm.test()


@responses.activate
def test_token_is_kept_with_its_api_domain_and_shared_by_all_adapters_of_the_connection():
    answer_token(api_domain="https://www.zohoapis.in")
    answer_org(base="https://www.zohoapis.in/crm/v8")
    bench = Bench()
    bench.crm.test()
    bench.another().test()
    assert len(forms()) == 1
    assert len(calls_to("https://www.zohoapis.in/crm/v8/org")) == 2


@responses.activate
def test_token_is_fetched_again_before_its_hour_is_over():
    answer_token(1)
    answer_token(2)
    answer_org()
    bench = Bench()
    bench.crm.test()
    bench.time += dt.timedelta(seconds=3600 - 30)
    bench.crm.test()
    assert len(forms()) == 2
    assert responses.calls[-1].request.headers["Authorization"].endswith("access-token-2")


@responses.activate
def test_trap_expires_in_is_milliseconds_where_seconds_are_given_beside_it():
    answer_token(expires_in=3_600_000, expires_in_sec=3600)
    answer_org()
    bench = Bench()
    bench.crm.test()
    bench.time += dt.timedelta(seconds=3601)
    bench.crm.test()
    assert len(forms()) == 2


@responses.activate
@pytest.mark.parametrize("key", ["client_id", "client_secret", "refresh_token", "environment"])
def test_token_of_other_credentials_is_not_taken(key: str):
    answer_token()
    answer_org()
    answer_org(base="https://sandbox.zohoapis.eu/crm/v8")
    bench = Bench()
    bench.crm.test()
    other = Bench(**{key: "sandbox"})
    other.secrets = bench.secrets
    other.another().test()
    assert len(forms()) == 2


@responses.activate
def test_trap_ten_tokens_in_ten_minutes_so_a_crowd_of_workers_costs_one():
    answer_token()
    answer_org()
    bench = Bench()
    gate = threading.Barrier(4)

    def work() -> None:
        crm = bench.another()
        gate.wait()
        crm.test()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(forms()) == 1
    assert len(calls_to(f"{BASE}/org")) == 4


@responses.activate
def test_refused_token_is_renewed_once_and_the_call_replayed():
    answer_token(1)
    answer_token(2)
    answer_org(401, {"code": "INVALID_TOKEN", "status": "error", "message": "invalid oauth token"})
    answer_org()
    assert "Acme" in Bench().crm.test()
    assert len(forms()) == 2
    assert responses.calls[-1].request.headers["Authorization"].endswith("access-token-2")


@responses.activate
def test_token_that_another_process_renewed_meanwhile_is_taken_instead_of_a_new_one():
    answer_token(1)
    answer_token(2)
    bench = Bench()
    other = bench.another()

    def refuse_old(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if "access-token-1" in request.headers["Authorization"]:
            if len(forms()) == 1:
                other._login.renew(other._login.access())
            return 401, {}, '{"code":"INVALID_TOKEN","status":"error"}'
        return 200, {}, '{"org":[{"company_name":"Acme","zgid":"700"}]}'

    responses.add_callback(responses.GET, f"{BASE}/org", refuse_old)
    assert "Acme" in bench.crm.test()
    assert len(forms()) == 2


@responses.activate
def test_token_refused_twice_asks_for_a_person():
    answer_token(1)
    answer_token(2)
    answer_org(401, {"code": "INVALID_TOKEN", "status": "error", "message": "invalid oauth token"})
    with pytest.raises(Reauth, match=r"INVALID_TOKEN.*data_center") as told:
        Bench().crm.test()
    assert "accounts.zoho.eu, data_center eu" in str(told.value)
    assert len(calls_to(f"{BASE}/org")) == 2


@responses.activate
def test_missing_scope_is_named_and_no_new_token_is_asked_for():
    answer_token()
    answer_org(401, {"code": "OAUTH_SCOPE_MISMATCH", "status": "error", "message": "no scope"})
    with pytest.raises(Halt, match=r"ZohoCRM\.org\.READ"):
        Bench().crm.test()
    assert len(forms()) == 1


@responses.activate
@pytest.mark.parametrize(
    ("word", "way_out"),
    [
        ("invalid_code", "generate a new one"),
        ("invalid_client", "data_center"),
        ("invalid_client_secret", "client_secret"),
        ("general_error", "connect test"),
    ],
)
def test_complaint_zoho_crm_php_9_and_formie_2086_errors_with_status_200_name_the_data_center(
    word: str, way_out: str
):
    responses.post(TOKEN, json={"error": word})
    with pytest.raises(Reauth, match=word) as told:
        Bench().crm.test()
    assert "accounts host accounts.zoho.eu, data_center eu" in str(told.value)
    assert way_out in str(told.value)
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("status", [200, 400, 429])
def test_throttle_means_later_not_revoked_and_is_not_hammered(status: int):
    body = {
        "error": "Access Denied",
        "error_description": "You have made too many requests continuously. Please try again later.",
    }
    responses.post(TOKEN, json=body, status=status)
    bench = Bench()
    with pytest.raises(Retry) as first:
        bench.crm.test()
    assert first.value.after == 600
    bench.time += dt.timedelta(minutes=4)
    with pytest.raises(Retry) as second:
        bench.another().test()
    assert second.value.after == 360
    assert len(responses.calls) == 1
    assert bench.waits == []


@responses.activate
def test_after_a_throttle_has_passed_a_token_is_asked_for_again():
    responses.post(TOKEN, json={"error": "Access Denied"})
    answer_token()
    answer_org()
    bench = Bench()
    with pytest.raises(Retry):
        bench.crm.test()
    bench.time += dt.timedelta(minutes=11)
    assert "Acme" in bench.crm.test()


@responses.activate
def test_accounts_host_that_is_down_is_tried_again():
    responses.post(TOKEN, status=502, body="<html>")
    answer_token()
    answer_org()
    assert "Acme" in Bench().crm.test()


@responses.activate
def test_host_that_is_no_accounts_host_is_a_wrong_setting():
    responses.post("https://example.com/oauth/v2/token", status=404, body="not here")
    with pytest.raises(Halt, match=r"example\.com.*no Zoho accounts host"):
        Bench(data_center="", accounts_url="https://example.com/").crm.test()


@responses.activate
def test_trap_refresh_answers_carry_no_refresh_token_so_the_first_is_kept():
    answer_token(1, refresh_token="refresh-token-new")
    answer_token(2)
    answer_org()
    bench = Bench(refresh_token="", code="code-x")
    bench.crm.test()
    bench.time += dt.timedelta(hours=2)
    bench.another().test()
    first, second = forms()
    assert (first["grant_type"], first["code"]) == ("authorization_code", "code-x")
    assert (second["grant_type"], second["refresh_token"]) == ("refresh_token", "refresh-token-new")
    assert "code" not in second


@responses.activate
def test_trap_grant_code_is_single_use_and_not_sent_twice_when_the_answer_is_lost():
    responses.post(TOKEN, body=requests.exceptions.ReadTimeout())
    with pytest.raises(Retry) as told:
        Bench(refresh_token="", code="code-x").crm.test()
    assert told.value.unknown_outcome
    assert len(responses.calls) == 1


@responses.activate
def test_code_without_offline_access_is_explained():
    answer_token()
    with pytest.raises(Halt, match="gave no refresh token"):
        Bench(refresh_token="", code="code-x").crm.test()


@responses.activate
@pytest.mark.parametrize("environment", ["sandbox", "developer"])
def test_environment_changes_the_api_domain_but_not_the_accounts_host(environment: str):
    answer_token()
    answer_org(base=f"https://{environment}.zohoapis.eu/crm/v8")
    assert "Acme" in Bench(environment=environment).crm.test()


@responses.activate
def test_data_center_gives_the_api_domain_when_the_answer_names_none():
    responses.post("https://accounts.zohocloud.ca/oauth/v2/token", json={"access_token": "access-token-1"})
    answer_org(base="https://www.zohoapis.ca/crm/v8")
    assert "Acme" in Bench(data_center="ca").crm.test()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"data_center": "uk"}, "data_center"),
        ({"data_center": ""}, "data_center"),
        ({"environment": "staging"}, "environment"),
        ({"client_id": ""}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"refresh_token": ""}, "refresh_token"),
    ],
)
def test_wrong_setting_is_named(settings: dict[str, str], key: str):
    with pytest.raises(Halt) as told:
        Bench(**settings)
    assert told.value.where == f"shop, {key}"


@responses.activate
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"error": "invalid_code"}),
        (200, {"error": "refresh-token-x is bad", "error_description": "client-secret-x"}),
        (400, {"error": "Access Denied", "error_description": "too many for refresh-token-x"}),
        (500, {"error": "client-secret-x"}),
    ],
)
def test_no_secret_reaches_an_error_text(status: int, body: dict[str, str]):
    responses.post(TOKEN, json=body, status=status)
    with pytest.raises(CreditGateError) as told:
        Bench().crm.test()
    assert not [word for word in SECRET_WORDS if word in str(told.value)]


def test_access_token_is_not_shown_by_repr():
    from adapters.zoho.auth import Access

    assert "access-token-1" not in repr(Access("access-token-1", API))

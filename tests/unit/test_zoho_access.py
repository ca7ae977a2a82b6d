"""Getting at a Zoho org: data centres, scopes, editions, the way to a self client."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from adapters.zoho.adapter import ZohoCrm
from adapters.zoho.auth import DATA_CENTERS
from adapters.zoho.scopes import NEEDED, WANTED, lacking
from adapters.zoho.settings import EDITIONS
from connector.admin.connect import check, kind_of
from connector.errors import Halt, Reauth
from tests.zoho_bench import API, BASE, TOKEN, Bench, answer_token, calls_to

ORG = {"org": [{"company_name": "Acme", "zgid": "700"}]}


@responses.activate
@pytest.mark.parametrize("center", sorted(DATA_CENTERS))
def test_complaint_asciisd_38_each_data_centre_has_its_hosts_and_is_named_when_it_is_wrong(center: str):
    hosts = DATA_CENTERS[center]
    responses.post(f"{hosts.accounts}/oauth/v2/token", json={"error": "invalid_client"})
    with pytest.raises(Reauth, match=f"data_center {center}") as told:
        Bench(data_center=center).crm.test()
    assert hosts.accounts.removeprefix("https://") in str(told.value)
    assert "data_center is the one where the client was made" in told.value.todo


@responses.activate
def test_trap_api_domain_of_the_answer_is_used_whatever_the_data_centre_says():
    answer_token(api_domain="https://www.zohoapis.in")
    responses.get("https://www.zohoapis.in/crm/v8/org", json=ORG)
    assert "www.zohoapis.in" in Bench().crm.test()


@responses.activate
def test_trap_token_errors_come_with_status_200():
    """Also tristanjahier/zoho-crm-php#9: "Undefined index expires_in"."""
    responses.post(TOKEN, status=200, json={"error": "invalid_code"})
    with pytest.raises(Reauth, match="invalid_code"):
        Bench().crm.test()


@responses.activate
@pytest.mark.parametrize("status", [200, 400])
def test_trap_token_throttle_comes_with_200_or_400_and_is_not_hammered(status: int):
    body = {"error": "Access Denied", "error_description": "You have made too many requests continuously."}
    responses.post(TOKEN, status=status, json=body)
    bench = Bench()
    for _ in range(3):
        with pytest.raises(Exception, match="too many were asked for"):
            bench.another().test()
    assert len(calls_to(TOKEN)) == 1


@responses.activate
def test_complaint_craft_freeform_1412_token_that_ends_is_refreshed_once_and_the_call_replayed():
    answer_token(1)
    answer_token(2)
    responses.get(f"{BASE}/org", status=401, json={"code": "INVALID_TOKEN", "status": "error"})
    responses.get(f"{BASE}/org", json=ORG)
    assert "Acme" in Bench().crm.test()
    assert [c.request.headers["Authorization"] for c in calls_to(f"{BASE}/org")] == [
        "Zoho-oauthtoken access-token-1",
        "Zoho-oauthtoken access-token-2",
    ]


@responses.activate
def test_complaint_schmorrison_43_no_refresh_token_says_to_use_a_self_client():
    answer_token()
    with pytest.raises(Halt, match="self client"):
        Bench(refresh_token="", code="code-x").crm.test()


@responses.activate
@pytest.mark.parametrize("scope", [WANTED, WANTED.replace(",", " "), [*WANTED.split(",")]])
def test_all_scopes_are_enough_however_zoho_writes_them(scope: Any):
    answer_token(scope=scope)
    assert Bench().crm.lacking() == []


@responses.activate
def test_scopes_are_kept_with_the_token_and_what_is_lacking_says_what_stands_still():
    answer_token(scope="ZohoCRM.modules.READ,ZohoCRM.settings.ALL ZohoCRM.org.READ,ZohoCRM.users.ALL")
    bench = Bench()
    found = {lack.what: lack.without for lack in bench.crm.lacking()}
    assert set(found) >= {
        "ZohoCRM.modules.accounts.UPDATE",
        "ZohoCRM.modules.tasks.CREATE",
        "ZohoCRM.modules.notes.CREATE",
        "ZohoCRM.modules.salesorders.UPDATE",
        "ZohoCRM.coql.READ",
        "ZohoCRM.bulk.READ",
        "ZohoCRM.notifications.CREATE",
        "ZohoCRM.modules.lockinginformation.CREATE",
    }
    assert not any(scope.endswith(".READ") and ".modules." in scope for scope in found)
    assert not any(".settings." in scope or ".users." in scope for scope in found)
    assert found["ZohoCRM.modules.tasks.CREATE"] == "visits are not made tasks"
    assert {lack.what for lack in bench.another().lacking()} == set(found)
    assert len(calls_to(TOKEN)) == 1


@responses.activate
def test_unknown_scopes_are_not_called_lacking():
    answer_token()
    assert Bench().crm.lacking() == []


def test_every_scope_that_is_needed_is_in_the_guide_and_explained_in_both_languages():
    assert lacking(WANTED, "en") == []
    english, chinese = (lacking("nothing", language) for language in ("en", "zh"))
    assert len(english) == len(chinese) == len(NEEDED)
    assert not {a.without for a in english} & {b.without for b in chinese}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_guide_says_where_to_click_and_which_scopes_to_enter(language: str):
    text = ZohoCrm.guide(language)
    for part in ("https://api-console.zoho.com", "zohocloud.ca", "Self Client", "Generate Code", WANTED):
        assert part in text


@pytest.mark.parametrize(("edition", "slots", "calls"), [(k, *v) for k, v in EDITIONS.items()])
def test_limits_follow_the_edition(edition: str, slots: int, calls: int):
    limits = ZohoCrm.limits_for({"edition": edition.upper()})
    assert (limits.slots, limits.calls, limits.heavy, limits.per_seconds) == (slots, calls, 10, 86_400)
    assert 0 < limits.reserve < 1
    assert Bench(edition=edition).crm.slots == slots


def test_unknown_edition_takes_four_calls_at_once_and_settings_overrule():
    assert ZohoCrm.limits_for({}) == ZohoCrm.limits
    assert ZohoCrm.limits.slots == 4
    limits = ZohoCrm.limits_for({"edition": "ultimate", "slots": "9", "credits": "3,000,000"})
    assert (limits.slots, limits.calls) == (9, 3_000_000)
    assert limits.rates == {"downloads": (10, 60), "token": (10, 600)}


@pytest.mark.parametrize(
    ("settings", "key"),
    [({"edition": "gold"}, "edition"), ({"slots": "many"}, "slots"), ({"credits": "0"}, "credits")],
)
def test_limits_that_make_no_sense_are_named(settings: dict[str, str], key: str):
    with pytest.raises(Halt) as told:
        ZohoCrm.limits_for(settings)
    assert told.value.where == key


def test_values_that_a_setting_cannot_have_are_refused_before_they_are_stored():
    given = {"data_center": "uk", "client_id": "x", "client_secret": "y", "refresh_token": "z"}
    with pytest.raises(Halt, match="use one of: us eu in cn jp au ca sa"):
        check(kind_of("zoho"), given)
    check(kind_of("zoho"), given | {"data_center": "EU"})


@responses.activate
@pytest.mark.parametrize("environment", ["sandbox", "developer"])
def test_trap_sandbox_org_has_the_same_accounts_host_and_another_api_host(environment: str):
    answer_token()
    responses.get(f"{API.replace('www', environment)}/crm/v8/org", json=ORG)
    assert environment in Bench(environment=environment).crm.test()

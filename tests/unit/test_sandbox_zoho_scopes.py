"""The Zoho sandbox: scopes, grant codes and refresh tokens behave like the vendor's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from sandbox.zoho.gatekeeper import Limits
from sandbox.zoho.oauth import TokenLimits
from sandbox.zoho.scopes import met
from tests.sandbox_clients import Zoho, zoho_org

COQL = "select id from Accounts where id is not null"


@pytest.fixture
def org() -> Iterator[Zoho]:
    with zoho_org() as running_org:
        yield running_org


def test_every_area_demands_its_own_scope(org: Zoho) -> None:
    allowed = "ZohoCRM.modules.accounts.READ,ZohoCRM.settings.fields.READ,ZohoCRM.coql.READ"
    code = org.door("grant_code", scope=allowed)["code"]
    grant = org.token(grant_type="authorization_code", code=code).json()
    assert grant["scope"] == allowed
    org.use(grant["access_token"])
    for good in (
        org.get("/Accounts", fields="id"),
        org.get("/settings/fields", module="Accounts"),
        org.coql(COQL),
    ):
        assert good.status_code == 200
    query = {"module": {"api_name": "Accounts"}, "fields": ["id"]}
    for refused in (
        org.get("/Invoices", fields="id"),
        org.get("/org"),
        org.get("/users"),
        org.get("/settings/modules"),
        org.call("POST", "/Accounts", json={"data": [{"Account_Name": "X"}]}),
        org.call("DELETE", f"/Accounts/{'5' * 18}"),
        org.coql("select id from Invoices where id is not null"),
        org.bulk(**query),
    ):
        assert (refused.status_code, refused.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")


def test_few_scopes_leave_out_bulk_reads_and_keep_the_records() -> None:
    with zoho_org(faults={"few_scopes": 1.0}) as org:
        assert "ZohoCRM.bulk" not in org.token().json()["scope"]
        assert org.bulk(module={"api_name": "Accounts"}).json()["code"] == "OAUTH_SCOPE_MISMATCH"
        assert org.get("/Accounts", fields="id").status_code == 200


@pytest.mark.parametrize(
    ("granted", "demand", "meets"),
    [
        ("ZohoCRM.modules.ALL", "modules.accounts.READ", True),
        ("ZohoCRM.modules.READ", "modules.accounts.READ", True),
        ("ZohoCRM.modules.READ", "modules.accounts.UPDATE", False),
        ("ZohoCRM.modules.Accounts.all", "modules.accounts.DELETE", True),
        ("ZohoCRM.modules.accounts.ALL", "modules.invoices.READ", False),
        ("ZohoCRM.settings.ALL", "settings.fields.CREATE", True),
        ("ZohoCRM.bulk.CREATE", "bulk.READ", False),
        ("ZohoBooks.modules.ALL", "modules.accounts.READ", False),
    ],
)
def test_a_scope_is_met_by_itself_by_all_and_from_above(granted: str, demand: str, meets: bool) -> None:
    assert met(demand, ["ZohoCRM.org.READ", granted]) is meets


def test_trap_a_grant_code_is_good_once_and_for_three_minutes(org: Zoho) -> None:
    code = org.door("grant_code")["code"]
    form = {"grant_type": "authorization_code", "code": code}
    grant = org.token(**form).json()
    assert org.token(refresh_token=grant["refresh_token"]).json()["scope"] == grant["scope"]
    assert org.token(**form).json() == {"error": "invalid_code"}
    late = org.door("grant_code")["code"]
    org.clock.now += 180
    assert org.token(**{**form, "code": late}).json() == {"error": "invalid_code"}


def test_a_revoked_refresh_token_takes_its_access_tokens_with_it(org: Zoho) -> None:
    revoke = f"{org.base}/oauth/v2/token/revoke"
    assert org.session.post(revoke, data={"token": "sandbox-refresh"}).json() == {"status": "success"}
    assert org.get("/org").json()["code"] == "INVALID_TOKEN"
    assert org.token().json() == {"error": "invalid_code"}
    assert org.session.post(revoke, data={"token": "sandbox-refresh"}).json() == {"error": "invalid_code"}


def test_trap_the_twenty_first_refresh_token_pushes_out_the_first() -> None:
    with zoho_org(Limits(tokens=TokenLimits(codes_per_window=100))) as org:
        for number in range(20):
            assert org.get("/org").status_code == 200, number
            code = org.door("grant_code")["code"]
            assert "refresh_token" in org.token(grant_type="authorization_code", code=code).json()
        assert org.get("/org").json()["code"] == "INVALID_TOKEN"
        assert org.token().json() == {"error": "invalid_code"}


def test_ten_grant_codes_fit_in_ten_minutes(org: Zoho) -> None:
    for _ in range(10):
        org.door("grant_code")
    with pytest.raises(requests.HTTPError):
        org.door("grant_code")

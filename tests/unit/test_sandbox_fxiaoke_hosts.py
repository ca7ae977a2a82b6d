"""The Fxiaoke sandbox: hosts, trace ids, rights of the acting employee, and what stops an application."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import requests

from sandbox.fxiaoke.traits import CLOUDS
from tests.sandbox_clients import FXIAOKE_CREDENTIALS, Fxiaoke, fxiaoke_tenant

OBJECTS, DESCRIBE = "/cgi/crm/v2/object/list", "/cgi/crm/v2/object/describe"
BODY_TOKEN, HEADER_TOKEN = "/cgi/corpAccessToken/get/V2", "/oauth2.0/token"


def at_host(base: str, host: str, path: str, body: dict[str, Any]) -> requests.Response:
    """A call that names ``host``, wherever it really goes."""
    return requests.post(
        f"{base}{path}",
        json=body,
        headers={"Host": host},
        params={"thirdTraceId": str(uuid.uuid4())},
        allow_redirects=False,
        timeout=5,
    )


def untraced(base: str, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = requests.post(f"{base}{path}", json=body, headers=headers, timeout=5)
    assert answer.status_code == 200
    parsed: dict[str, Any] = answer.json()
    return parsed


def test_trap_www_is_a_web_site_and_answers_html() -> None:
    with fxiaoke_tenant() as (base, _):
        answer = at_host(base, "www.fxiaoke.com", OBJECTS, {})
        assert answer.status_code == 302
        assert answer.headers["content-type"].startswith("text/html")
        page = at_host(base, CLOUDS[0], "/FHH/EM1HCRMUdobj/object/list", {})
        assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
        with pytest.raises(ValueError, match="Expecting value"):
            page.json()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_trap_another_cloud_knows_neither_the_application_nor_its_token(cloud: str) -> None:
    with fxiaoke_tenant(cloud=cloud) as (base, _):
        token = at_host(base, cloud, BODY_TOKEN, FXIAOKE_CREDENTIALS).json()
        assert token["errorCode"] == 0
        crm = Fxiaoke(base)
        for host in CLOUDS:
            code = at_host(base, host, BODY_TOKEN, FXIAOKE_CREDENTIALS).json()["errorCode"]
            listed = at_host(base, host, OBJECTS, crm.credentials).json()["errorCode"]
            assert (code, listed) == ((0, 0) if host == cloud else (10006, 20016))


def test_trap_every_call_names_itself_but_credentials_are_looked_at_first() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        for path, body, refused in (
            (BODY_TOKEN, FXIAOKE_CREDENTIALS, 10006),
            (HEADER_TOKEN, {**FXIAOKE_CREDENTIALS, "grantType": "app_secret"}, 10006),
            (OBJECTS, crm.credentials, 20017),
        ):
            assert untraced(base, path, body)["errorCode"] == 32000
            assert "thirdTraceId" in untraced(base, path, body)["errorMessage"]
            assert untraced(base, path, {})["errorCode"] == refused
        crm.door("traits", trace_id_needed=False)
        assert untraced(base, OBJECTS, crm.credentials)["errorCode"] == 0


def test_trap_open_user_id_of_the_token_answer_is_the_corporation() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        grant = crm.raw(HEADER_TOKEN, {**FXIAOKE_CREDENTIALS, "grantType": "app_secret"})
        assert grant["openUserId"] == crm.credentials["corpId"]
        assert set(grant) >= {"accessToken", "ea", "expiresIn", "appId", "traceId"}


def test_trap_the_corporations_id_may_be_a_number() -> None:
    with fxiaoke_tenant(corp_id_is_number=True) as (base, _):
        crm = Fxiaoke(base)
        assert isinstance(crm.credentials["corpId"], int)
        assert crm.call(OBJECTS)["errorCode"] == 0
        crm.credentials["corpId"] = str(crm.credentials["corpId"])
        assert crm.call(OBJECTS)["errorCode"] == 0


def test_trap_get_by_mobile_is_not_promised_to_the_header_style() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base, by_header=True)
        assert crm.call("/cgi/user/getByMobile", mobile="13800000001")["errorCode"] == 10013
        crm.door("traits", mobile_by_header=True)
        found = crm.call("/cgi/user/getByMobile", mobile="13800000001")
        assert found["empList"][0]["openUserId"] == "1001"


def test_an_employee_is_found_by_query_and_in_the_list_of_the_company() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        phone = {"field_name": "phone", "operator": "EQ", "field_values": ["13800000001"]}
        (person,) = crm.query("PersonnelObj", filters=[phone])
        assert (person["name"], person["user_id"]) == ("王芳", "1001")
        listed = crm.call("/cgi/user/list", departmentId=999999)["userList"]
        assert [one["name"] for one in listed] == ["系统管理员", "王芳"]
        assert all(one["openUserId"].startswith("FSUID_") for one in listed)
        assert crm.call("/cgi/user/list", departmentId=1)["errorCode"] == 30007


def test_trap_personnel_may_be_unreadable_even_for_an_admin() -> None:
    with fxiaoke_tenant(people_readable=False) as (base, _):
        crm = Fxiaoke(base)
        assert crm.query("PersonnelObj") == []
        assert len(crm.query("AccountObj")) == 3


def test_trap_the_acting_employee_decides_what_is_seen() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base, by_header=True)
        accounts = crm.query("AccountObj")
        crm.door("edit", object="AccountObj", ids=[accounts[0]["_id"]], values={"owner": ["1000"]})
        crm.session.headers["x-fs-userid"] = "1001"  # a token may act as any employee
        assert [row["_id"] for row in crm.query("AccountObj")] == [row["_id"] for row in accounts[1:]]
        hidden = accounts[0]["_id"]
        for answer in (
            crm.data("get", "AccountObj", objectDataId=hidden),
            crm.write("update", "AccountObj", {"_id": hidden, "tel": "1"}),
            crm.data("invalid", "AccountObj", object_data_id=hidden),
        ):
            assert answer["errorCode"] != 0 and "数据权限" in answer["errorMessage"]


@pytest.mark.parametrize("code", [10006, 15003, 20014, 20020, 20021, 20022, 20023, 30003])
def test_an_application_that_is_stopped_or_not_authorised_is_told_so(code: int) -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        crm.door("refuse", code=code)
        answer = crm.call(OBJECTS)
        assert answer["errorCode"] == code and not answer["errorMessage"].isascii()
        crm.door("refuse", code=None)
        assert crm.call(OBJECTS)["errorCode"] == 0


def test_trap_a_tenant_without_a_quota_pack_gets_30003() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        assert crm.door("quota") == {"calls_a_day": 100_000, "left": 99_999}
        crm.door("quota", calls_a_day=0)
        assert crm.call(OBJECTS)["errorCode"] == 30003


def test_trap_refusals_have_no_header_that_says_how_long_to_wait() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        crm.door("quota", left=0)
        trace = {"thirdTraceId": "t"}
        answer = requests.post(f"{base}{OBJECTS}", json=crm.credentials, params=trace, timeout=5)
        assert (answer.status_code, answer.json()["errorCode"]) == (200, 30002)
        assert not [name for name in answer.headers if "limit" in name.lower() or "retry" in name.lower()]


def test_trap_which_code_says_too_often_is_not_settled() -> None:
    with fxiaoke_tenant(over_rate=30004, faults={"used_up": 1.0}) as (base, _):
        crm = Fxiaoke(base, by_header=True)
        assert crm.call(OBJECTS)["errorCode"] == 30004


def test_trap_business_errors_are_chinese_and_http_200() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        answers = [
            crm.data("get", "AccountObj", objectDataId="x"),
            crm.write("update", "AccountObj", {"_id": "x"}),
            crm.data("query", "AccountObj"),
            crm.call(DESCRIBE, apiName="NothingObj"),
        ]
        assert all(answer["errorCode"] == 32000 and answer["traceId"] for answer in answers)
        assert not any(answer["errorMessage"].isascii() for answer in answers)


@pytest.mark.parametrize("wrong", [{"nothing": True}, {"cloud": "x"}, {"over_limit": 1}, {"objects": ["X"]}])
def test_a_trait_that_is_not_there_is_refused(wrong: dict[str, Any]) -> None:
    with fxiaoke_tenant() as (base, _):
        answer = requests.post(f"{base}/_sandbox/traits", data=json.dumps(wrong), timeout=5)
        assert answer.status_code == 400 and answer.json()["error"]

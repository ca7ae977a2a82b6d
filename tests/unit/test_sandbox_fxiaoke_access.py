"""The Fxiaoke sandbox: both credential styles, token rules, quotas and faults behave like the vendor's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from sandbox.fxiaoke import Limits, app
from sandbox.server import Options
from tests.sandbox_clients import FXIAOKE_CREDENTIALS, Fxiaoke, fxiaoke_tenant
from tests.sandbox_server import running

OBJECTS, BODY_TOKEN, HEADER_TOKEN = (
    "/cgi/crm/v2/object/list",
    "/cgi/corpAccessToken/get/V2",
    "/oauth2.0/token",
)


def test_trap_employees_are_plain_ids_in_the_header_style_and_fsuids_in_the_body_style() -> None:
    with fxiaoke_tenant() as (base, _):
        by_header, by_body = Fxiaoke(base, by_header=True), Fxiaoke(base)
        plain = by_header.query("AccountObj")[0]["owner"]
        assert plain == ["1001"]
        assert by_body.query("AccountObj")[0]["owner"][0].startswith("FSUID_")
        people = by_header.call("/cgi/user/list", departmentId=999999, convertUserId=True)
        assert {one["openUserId"][:6] for one in people["userList"]} == {"FSUID_"}
        person = by_header.query(
            "PersonnelObj",
            filters=[{"field_name": "phone", "operator": "EQ", "field_values": ["13800000000"]}],
        )
        assert person[0]["user_id"] == "1000"
        by_header.session.headers["x-fs-userid"] = by_body.credentials["currentOpenUserId"]
        assert by_header.call(OBJECTS, data={})["errorCode"] == 30027
        assert by_body.call("/cgi/user/getByMobile", mobile="1")["errorCode"] == 30027


def test_trap_the_styles_are_not_mixed_in_one_call() -> None:
    with fxiaoke_tenant() as (base, _):
        by_header, by_body = Fxiaoke(base, by_header=True), Fxiaoke(base)
        by_header.credentials = by_body.credentials
        assert by_header.call(OBJECTS, data={})["errorCode"] == 32000
        swapped = dict(by_body.credentials)
        swapped["corpAccessToken"] = by_header.session.headers["authorization"].split()[1]
        by_body.credentials = swapped
        assert by_body.call(OBJECTS, data={})["errorCode"] == 20016


def test_trap_missing_and_wrong_credentials_are_http_200_with_a_code() -> None:
    with fxiaoke_tenant() as (base, _):
        crm = Fxiaoke(base)
        good = crm.credentials
        for changed, code in (
            ({}, 20017),
            ({**good, "corpAccessToken": "forged"}, 20016),
            ({**good, "corpAccessToken": ""}, 20005),
            ({**good, "corpId": "other"}, 20017),
            ({**good, "currentOpenUserId": "1000"}, 30027),
        ):
            crm.credentials = changed
            assert crm.call(OBJECTS, data={})["errorCode"] == code
        wrong = {**FXIAOKE_CREDENTIALS, "appSecret": "x"}
        assert crm.raw(BODY_TOKEN, wrong)["errorCode"] == 10006
        assert crm.raw(HEADER_TOKEN, {**wrong, "grantType": "app_secret"})["errorCode"] == 10006
        assert crm.raw(HEADER_TOKEN, FXIAOKE_CREDENTIALS)["errorCode"] == 10006
        assert crm.raw(BODY_TOKEN, [])["errorCode"] == 32000


@pytest.mark.parametrize("path", ["/cgi/", "/cgi/crm/v2/data/batchUpdate", OBJECTS])
def test_trap_unknown_paths_and_methods_are_http_200_too(path: str) -> None:
    with fxiaoke_tenant() as (base, _):
        answer = requests.get(f"{base}{path}", timeout=5)
    assert (answer.status_code, answer.json()["errorCode"]) == (200, 10006)


def test_trap_the_same_token_until_6600_seconds_then_both_until_7200() -> None:
    with fxiaoke_tenant() as (base, clock):
        crm = Fxiaoke(base)
        first = crm.credentials["corpAccessToken"]
        clock.now += 6599
        again = crm.raw(BODY_TOKEN, FXIAOKE_CREDENTIALS)
        assert (again["corpAccessToken"], again["expiresIn"]) == (first, 601)
        clock.now += 2
        second = crm.raw(BODY_TOKEN, FXIAOKE_CREDENTIALS)["corpAccessToken"]
        assert second != first
        assert crm.call(OBJECTS, data={})["errorCode"] == 0
        clock.now += 599
        assert crm.call(OBJECTS, data={})["errorCode"] == 20016
        crm.credentials["corpAccessToken"] = second
        assert crm.call(OBJECTS, data={})["errorCode"] == 0


def test_trap_the_token_endpoint_takes_ten_calls_a_minute_one_at_a_time() -> None:
    with fxiaoke_tenant() as (base, clock):
        crm = Fxiaoke(base)
        codes = [crm.raw(BODY_TOKEN, FXIAOKE_CREDENTIALS)["errorCode"] for _ in range(10)]
        assert codes == [0] * 9 + [14001]
        clock.now += 60
        assert crm.raw(BODY_TOKEN, FXIAOKE_CREDENTIALS)["errorCode"] == 0
    with fxiaoke_tenant(latency_ms=600) as (base, _), ThreadPoolExecutor(2) as pool:
        crm = Fxiaoke(base)
        both = pool.map(lambda _: crm.raw(BODY_TOKEN, FXIAOKE_CREDENTIALS)["errorCode"], range(2))
        assert sorted(both) == [0, 14001]


def test_trap_an_endpoint_takes_so_many_calls_in_twenty_seconds() -> None:
    with fxiaoke_tenant(Limits(calls=3)) as (base, clock):
        crm = Fxiaoke(base)
        assert [crm.call(OBJECTS, data={})["errorCode"] for _ in range(5)] == [0, 0, 0, 14001, 14001]
        assert crm.call("/cgi/crm/v2/object/describe", apiName="AccountObj")["errorCode"] == 0
        clock.now += 20
        assert crm.call(OBJECTS, data={})["errorCode"] == 0


def test_trap_the_daily_quota_ends_at_midnight_of_the_vendor() -> None:
    with fxiaoke_tenant(Limits(calls_a_day=2)) as (base, clock):
        crm = Fxiaoke(base)  # takes one for the employee
        assert [crm.call(OBJECTS, data={})["errorCode"] for _ in range(2)] == [0, 30002]
        clock.now += 2 * 3600 + 53 * 60 + 20  # it was 21:06:40 at the vendor
        crm.credentials["corpAccessToken"] = crm.raw(BODY_TOKEN, FXIAOKE_CREDENTIALS)["corpAccessToken"]
        assert crm.call(OBJECTS, data={})["errorCode"] == 0


def test_faults_speak_the_vendors_words_and_unlimited_lifts_the_limits() -> None:
    options = Options(accounts=5, faults={"fxiaoke.write.50009": 1.0, "unlimited": 1.0})
    with running(app(options)) as base:
        crm = Fxiaoke(base, by_header=True)
        assert {crm.call(OBJECTS, data={})["errorCode"] for _ in range(120)} == {0}
        answer = crm.write("update", "AccountObj", {"_id": "x"})
    assert answer["errorCode"] == 50009


def test_equal_options_give_equal_content() -> None:
    contents = []
    for _ in range(2):
        with running(app(Options(accounts=20))) as base:
            contents.append(Fxiaoke(base, by_header=True).door("content"))
    assert contents[0] == contents[1]
    assert len(contents[0]["AccountObj"]) > 5 and len(contents[0]["OrderPaymentObj"]) > 5

"""Fxiaoke: tokens, styles, the acting employee."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.fxiaoke.adapter import FxiaokeCrm
from adapters.fxiaoke.settings import CLOUDS
from connector.errors import Halt, Reauth
from connector.http import Http, NoBudget
from tests.fxiaoke_wire import BODY_TOKEN, HEADER_TOKEN, OBJECTS, PRESET, SETTINGS, Wire, failed, scripted

MOBILE, BY_MOBILE = "13800000000", "/cgi/user/getByMobile"
QUERY = f"{PRESET}/query"


@pytest.fixture
def wire() -> Iterator[Wire]:
    with scripted() as made:
        made.answer(OBJECTS, {"data": {"objects": [{"describeApiName": "AccountObj"}]}})
        yield made


def token_answers(*tokens: str, seconds: int = 7200) -> list[dict[str, object]]:
    return [{"corpAccessToken": token, "corpId": "FSCID_1", "expiresIn": seconds} for token in tokens]


def test_the_body_style_carries_credentials_in_the_body_and_none_in_headers(wire: Wire) -> None:
    wire.crm().test()
    (asked,) = wire.calls(OBJECTS)
    assert asked.body == {
        "corpAccessToken": "token-1",
        "corpId": "FSCID_1",
        "currentOpenUserId": "FSUID_1",
    }
    assert not {"authorization", "x-fs-ea", "x-fs-userid"} & {name.lower() for name in asked.headers}
    (token,) = wire.calls(BODY_TOKEN)
    assert token.body == {
        "appId": "FSAID_1",
        "appSecret": "very-secret",
        "permanentCode": "permanent-code",
    }


def test_the_header_style_carries_credentials_in_headers_and_none_in_the_body(wire: Wire) -> None:
    wire.crm(auth_style="header", user="1000").test()
    (asked,) = wire.calls(OBJECTS)
    assert asked.body == {}
    assert asked.headers["authorization"] == "Bearer token-h"
    assert asked.headers["x-fs-ea"] == "fs-ea"
    assert asked.headers["x-fs-userid"] == "1000"
    (token,) = wire.calls(HEADER_TOKEN)
    assert token.body["grantType"] == "app_secret"
    assert not wire.calls(BODY_TOKEN)


def test_the_sentence_of_test_names_host_company_and_employee(wire: Wire) -> None:
    said = wire.crm().test()
    assert "open.fxiaoke.com" in said
    assert "FSCID_1" in said
    assert "FSUID_1" in said


def test_a_token_serves_all_processes_until_it_may_be_renewed(wire: Wire) -> None:
    wire.answer(BODY_TOKEN, *token_answers("first", "second"))
    wire.crm().test()
    wire.now += dt.timedelta(seconds=6599)
    wire.crm().test()
    assert len(wire.calls(BODY_TOKEN)) == 1
    wire.now += dt.timedelta(seconds=1)
    crm = wire.crm()
    crm.test()
    crm.test()
    assert len(wire.calls(BODY_TOKEN)) == 2
    assert wire.calls(OBJECTS)[-1].body["corpAccessToken"] == "second"


def test_a_token_with_little_left_is_not_asked_for_at_every_call(wire: Wire) -> None:
    wire.answer(BODY_TOKEN, *token_answers("old", seconds=300))
    crm = wire.crm()
    crm.test()
    wire.now += dt.timedelta(seconds=59)
    crm.test()
    assert len(wire.calls(BODY_TOKEN)) == 1


def test_a_crowd_without_a_token_asks_for_one_only(wire: Wire) -> None:
    crms = [wire.crm() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(FxiaokeCrm.test, crms))
    assert len(wire.calls(BODY_TOKEN)) == 1
    assert len(wire.calls(OBJECTS)) == 8


@pytest.mark.parametrize("code", [20016, 20005])
def test_a_refused_token_is_renewed_once_and_the_call_repeated_once(wire: Wire, code: int) -> None:
    wire.answer(BODY_TOKEN, *token_answers("stale", "fresh"))
    wire.answer(OBJECTS, failed(code), {"data": {"objects": []}})
    wire.crm().test()
    assert [a.body["corpAccessToken"] for a in wire.calls(OBJECTS)] == ["stale", "fresh"]


def test_a_token_refused_twice_is_for_a_person(wire: Wire) -> None:
    wire.answer(OBJECTS, failed(20016, "expired"))
    with pytest.raises(Reauth, match=r"20016: expired \(traceId E-O.77\)"):
        wire.crm().test()
    assert len(wire.calls(OBJECTS)) == 2
    assert len(wire.calls(BODY_TOKEN)) == 2


def test_a_token_that_another_process_renewed_is_taken_over(wire: Wire) -> None:
    wire.answer(BODY_TOKEN, *token_answers("stale", "fresh"))
    ours, theirs = wire.crm(), wire.crm()
    ours.test()
    wire.answer(OBJECTS, failed(20016), {"data": {"objects": []}})
    theirs.test()
    wire.answer(OBJECTS, failed(20016), {"data": {"objects": []}})
    ours.test()
    assert len(wire.calls(BODY_TOKEN)) == 2
    assert wire.calls(OBJECTS)[-1].body["corpAccessToken"] == "fresh"


def test_other_credentials_never_get_the_old_ones_token(wire: Wire) -> None:
    wire.crm().test()
    wire.answer(BODY_TOKEN, failed(10006, "illegal appSecret"))
    with pytest.raises(Reauth):
        wire.crm(app_secret="wrong").test()


@pytest.mark.parametrize(
    ("style", "user", "path"), [("body", "FSUID_1", BODY_TOKEN), ("header", "1000", HEADER_TOKEN)]
)
def test_wrong_credentials_name_the_application_and_no_secret(
    wire: Wire, style: str, user: str, path: str
) -> None:
    wire.answer(path, failed(10006, "the parameter appSecret very-secret is missing or illegal"))
    with pytest.raises(Reauth) as caught:
        wire.crm(auth_style=style, user=user).test()
    text = str(caught.value)
    assert "FSAID_1" in text
    assert "10006" in text
    assert "very-secret" not in text
    assert "permanent-code" not in text
    assert len(wire.calls(path)) == 1


def test_a_mobile_number_is_looked_up_once_and_kept(wire: Wire) -> None:
    wire.answer(BY_MOBILE, {"empList": [{"openUserId": "FSUID_9", "name": "x"}]})
    wire.crm(user=MOBILE).test()
    wire.crm(user=MOBILE).test()
    (asked,) = wire.calls(BY_MOBILE)
    assert asked.body == {"corpAccessToken": "token-1", "corpId": "FSCID_1", "mobile": MOBILE}
    assert {a.body["currentOpenUserId"] for a in wire.calls(OBJECTS)} == {"FSUID_9"}


@pytest.mark.parametrize("place", ["query", "list"])
def test_trap_get_by_mobile_is_not_documented_for_the_header_style(wire: Wire, place: str) -> None:
    """The adapter finds another way by itself, once, and remembers which one led there."""
    wire.answer(BY_MOBILE, failed(10013, "缺少参数corpAccessToken"))
    found = [{"_id": "77", "user_id": "1007"}] if place == "query" else []
    wire.answer(QUERY, {"data": {"dataList": found, "limit": 2}})
    wire.answer("/cgi/user/list", {"userList": [{"openUserId": "1007", "mobile": f"+86{MOBILE}"}]})
    for _ in range(2):
        wire.crm(auth_style="header", user=MOBILE).test()
    assert {asked.headers["x-fs-userid"] for asked in wire.calls(OBJECTS)} == {"1007"}
    assert len(wire.calls(BY_MOBILE)) == 1
    assert "x-fs-userid" not in wire.calls(BY_MOBILE)[0].headers
    asked = wire.calls(QUERY)[0]
    assert asked.headers["x-fs-userid"] == "1000"
    filters = asked.body["data"]["search_query_info"]["filters"]
    assert filters == [{"field_name": "phone", "operator": "EQ", "field_values": [MOBILE]}]
    assert place in next(text for name, (text, _) in wire.secrets.values.items() if "answers" in name)


def test_a_lookup_that_is_set_is_the_only_one_tried(wire: Wire) -> None:
    wire.answer("/cgi/user/list", {"userList": [{"openUserId": "FSUID_3", "mobile": MOBILE}]})
    wire.crm(user=MOBILE, user_lookup="list").test()
    assert not wire.calls(BY_MOBILE)
    assert wire.calls(OBJECTS)[0].body["currentOpenUserId"] == "FSUID_3"


def test_trap_corp_id_has_been_seen_as_a_text_and_as_a_number(wire: Wire) -> None:
    wire.answer(BODY_TOKEN, {"corpAccessToken": "token-1", "corpId": 7394871, "expiresIn": 7200})
    for _ in range(2):
        wire.crm().test()
    assert [asked.body["corpId"] for asked in wire.calls(OBJECTS)] == [7394871, 7394871]


@pytest.mark.parametrize("cloud", list(CLOUDS))
def test_all_six_clouds_can_be_chosen(wire: Wire, cloud: str) -> None:
    crm = wire.crm(base_url="", cloud=cloud)
    assert crm._client.gateway.base_url == CLOUDS[cloud]


def test_trap_there_are_six_gateways_and_none_is_the_web_site() -> None:
    assert len(set(CLOUDS.values())) == 6
    assert not any("//www." in url for url in CLOUDS.values())


def test_an_unknown_mobile_number_is_not_repeated_in_the_error(wire: Wire) -> None:
    wire.answer(BY_MOBILE, {"empList": []})
    with pytest.raises(Halt, match="0 employees") as caught:
        wire.crm(user=MOBILE).test()
    assert MOBILE not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"base_url": "https://www.fxiaoke.com"}, "web site"),
        ({"base_url": "open.fxiaoke.com"}, "no address"),
        ({"auth_style": "both"}, "auth_style"),
        ({"auth_style": "header", "user": "FSUID_1"}, "does not fit"),
        ({"user": "1000"}, "does not fit"),
        ({"app_secret": ""}, "app_secret is not set"),
        ({"page_limit": "0"}, "page_limit"),
        ({"cloud": "moon"}, "cloud"),
        ({"daily_calls": "many"}, "daily_calls"),
        ({"timezone": "Asia/Nowhere"}, "time zone"),
        ({"time_filters": "date"}, "time_filters"),
        ({"task_workflow": "maybe"}, "task_workflow"),
    ],
)
def test_a_wrong_setting_is_refused_before_any_call(wire: Wire, settings: dict[str, str], word: str) -> None:
    with pytest.raises(Halt, match=word):
        wire.crm(**settings)
    assert not wire.asked


class Counting(NoBudget):
    """Counts what is taken from each bucket."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    def take(self, bucket: str, weight: int) -> None:
        self.taken[bucket] += weight


def test_each_endpoint_has_its_own_budget(wire: Wire) -> None:
    budget = Counting()
    crm = FxiaokeCrm(wire.context(Http(FxiaokeCrm.limits, budget)))
    crm.test()
    crm.test()
    assert budget.taken == {BODY_TOKEN: 1, OBJECTS: 2}


def test_trap_token_endpoints_take_ten_calls_a_minute_others_a_hundred_in_twenty_seconds() -> None:
    limits = FxiaokeCrm.limits_for({"daily_calls": "200000"})
    assert limits.rates == {BODY_TOKEN: (10, 60), HEADER_TOKEN: (10, 60)}
    assert (limits.calls, limits.per_seconds) == (100, 20)
    assert limits.total == (200_000, 86_400)
    midnight = dt.datetime(2026, 6, 30, 16, tzinfo=dt.UTC).astimezone(limits.day_of)
    assert (midnight.hour, midnight.day) == (0, 1)  # the vendor's day, GMT+8
    assert limits.reserve > 0


def test_secrets_are_asked_for_as_secrets() -> None:
    asked = {s.key: s for s in FxiaokeCrm.settings}
    assert {key for key, s in asked.items() if s.secret} == {
        "app_secret",
        "permanent_code",
        "event_key",
        "hook_secret",
    }
    assert set(SETTINGS) <= set(asked)
    assert asked["auth_style"].default == "body"
    assert asked["page_limit"].default == "100"

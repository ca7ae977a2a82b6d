"""Fxiaoke: tokens, styles, the acting employee."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.fxiaoke.adapter import FxiaokeCrm
from adapters.fxiaoke.auth import TOKEN_WEIGHT
from connector.errors import Halt, Reauth
from connector.http import Http, NoBudget
from tests.fxiaoke_wire import BODY_TOKEN, HEADER_TOKEN, OBJECTS, SETTINGS, Wire, failed, scripted

MOBILE, BY_MOBILE = "13800000000", "/cgi/user/getByMobile"


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
        ({"auth_style": "header", "user": MOBILE}, "does not fit"),
        ({"auth_style": "header", "user": "FSUID_1"}, "does not fit"),
        ({"user": "1000"}, "does not fit"),
        ({"app_secret": ""}, "app_secret is not set"),
        ({"page_limit": "0"}, "page_limit"),
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


def test_each_endpoint_has_its_own_budget_and_tokens_are_dear(wire: Wire) -> None:
    budget = Counting()
    crm = FxiaokeCrm(wire.context(Http(FxiaokeCrm.limits, budget)))
    crm.test()
    crm.test()
    assert budget.taken == {BODY_TOKEN: TOKEN_WEIGHT, OBJECTS: 2}


def test_the_weight_of_a_token_call_keeps_within_ten_a_minute() -> None:
    calls, seconds = FxiaokeCrm.limits.calls, FxiaokeCrm.limits.per_seconds
    assert calls is not None
    at_once = calls // TOKEN_WEIGHT
    by_window = at_once * (60 // seconds)
    leaking = at_once + calls * 60 // seconds // TOKEN_WEIGHT
    assert max(by_window, leaking) <= 10


def test_secrets_are_asked_for_as_secrets() -> None:
    asked = {s.key: s for s in FxiaokeCrm.settings}
    assert {key for key, s in asked.items() if s.secret} == {"app_secret", "permanent_code"}
    assert set(SETTINGS) <= set(asked)
    assert asked["auth_style"].default == "body"
    assert asked["page_limit"].default == "100"

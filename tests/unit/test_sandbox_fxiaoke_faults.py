"""The Fxiaoke sandbox: faults come in the vendor's own form, or as a behaviour of the vendor."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox.fxiaoke import app
from sandbox.server import Options
from tests.sandbox_clients import FXIAOKE_CREDENTIALS, Fxiaoke, fxiaoke_tenant
from tests.sandbox_server import running

OBJECTS, BODY_TOKEN = "/cgi/crm/v2/object/list", "/cgi/corpAccessToken/get/V2"


def account_id(crm: Fxiaoke) -> str:
    found: str = crm.query("AccountObj")[0]["_id"]
    return found


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("500", -2),
        ("busy", -1),
        ("429", 14001),
        ("30004", 30004),
        ("20016", 20016),
        ("30002", 30002),
        ("30003", 30003),
        ("50009", 50009),
    ],
)
def test_trap_a_fault_of_the_gateway_is_http_200_with_an_error_code(fault: str, code: int) -> None:
    with fxiaoke_tenant(faults={f"read.{fault}": 1.0}) as (base, _):
        crm = Fxiaoke(base, by_header=True)
        answer = crm.call(OBJECTS)
        assert answer["errorCode"] == code
        assert answer["traceId"] and not answer["errorMessage"].isascii()


@pytest.mark.parametrize("status", [502, 503])
def test_what_stands_before_the_gateway_speaks_http(status: int) -> None:
    with fxiaoke_tenant(faults={f"read.{status}": 1.0}) as (base, _):
        crm = Fxiaoke(base, by_header=True)
        answer = crm.session.post(f"{base}{OBJECTS}", json={}, params={"thirdTraceId": "t"})
        assert answer.status_code == status


def test_trap_html_in_place_of_an_answer_is_http_200_too() -> None:
    with fxiaoke_tenant(faults={"read.html": 1.0}) as (base, _):
        crm = Fxiaoke(base, by_header=True)
        answer = crm.session.post(f"{base}{OBJECTS}", json={}, params={"thirdTraceId": "t"})
        assert (answer.status_code, answer.headers["content-type"][:9]) == (200, "text/html")


@pytest.mark.parametrize(("fault", "made"), [("write.lost", 1), ("write.drop", 0)])
def test_trap_a_line_that_breaks_does_not_say_whether_a_row_was_made(fault: str, made: int) -> None:
    with fxiaoke_tenant(faults={fault: 1.0}) as (base, _):
        crm = Fxiaoke(base)
        before = len(crm.query("AccountObj"))
        with pytest.raises(requests.ConnectionError):
            crm.write("create", "AccountObj", {"name": "New"})
        assert len(crm.query("AccountObj")) == before + made


def test_a_call_that_hangs_is_given_up_by_the_client() -> None:
    with fxiaoke_tenant(faults={"read.hang": 1.0}) as (base, _):
        crm = Fxiaoke(base, by_header=True)
        with pytest.raises(requests.ReadTimeout):
            crm.session.post(f"{base}{OBJECTS}", json={}, timeout=0.3)


def test_fault_expired_ends_tokens_before_their_time() -> None:
    with fxiaoke_tenant(faults={"fxiaoke.expired": 0.5}) as (base, _):
        crm = Fxiaoke(base, by_header=True)
        codes = []
        while codes[-1:] != [20016]:
            codes.append(crm.call(OBJECTS)["errorCode"])
            assert set(codes) <= {0, 20016} and len(codes) < 50
        assert crm.call(OBJECTS)["errorCode"] == 20016  # until it is asked for anew
    with fxiaoke_tenant(faults={"expired": 1.0}) as (base, _):
        for _ in range(4):
            crm = Fxiaoke(base, by_header=True)
            codes = [crm.call(OBJECTS)["errorCode"] for _ in range(2)]
            assert codes[1] == 20016
        assert codes == [0, 20016]  # a new token serves one call at least


def test_a_revoked_token_is_gone_in_both_styles_and_a_new_one_is_another() -> None:
    with fxiaoke_tenant() as (base, _):
        by_body, by_header = Fxiaoke(base), Fxiaoke(base, by_header=True)
        by_body.door(
            "revoke",
        )
        assert by_body.call(OBJECTS)["errorCode"] == by_header.call(OBJECTS)["errorCode"] == 20016
        new = by_body.raw(BODY_TOKEN, FXIAOKE_CREDENTIALS)["corpAccessToken"]
        assert new != by_body.credentials["corpAccessToken"]
        by_body.credentials["corpAccessToken"] = new
        assert by_body.call(OBJECTS)["errorCode"] == 0


def test_fault_used_up_has_others_use_an_endpoint_up_for_twenty_seconds() -> None:
    with fxiaoke_tenant(faults={"used_up": 0.2}) as (base, clock):
        crm = Fxiaoke(base, by_header=True)
        codes: list[int] = []
        while codes[-1:] != [14001]:
            codes.append(crm.call(OBJECTS)["errorCode"])
            assert set(codes) <= {0, 14001} and len(codes) < 90
        clock.now += 19.9
        assert crm.call(OBJECTS)["errorCode"] == 14001
    with fxiaoke_tenant(faults={"used_up": 1.0}) as (base, clock):
        crm = Fxiaoke(base, by_header=True)
        quota = crm.door("quota")["left"]
        assert crm.call(OBJECTS)["errorCode"] == 14001
        assert crm.door("quota")["left"] == quota  # a refused call costs nothing


def test_trap_50009_on_a_create_may_have_made_the_row() -> None:
    with fxiaoke_tenant(faults={"50009_done": 1.0}) as (base, _):
        crm = Fxiaoke(base)
        before = len(crm.query("AccountObj"))
        assert crm.write("create", "AccountObj", {"name": "New"})["errorCode"] == 50009
        assert len(crm.query("AccountObj")) == before + 1
        refused = crm.write("update", "AccountObj", {"_id": "x"})
        assert refused["errorCode"] == 32000  # what was not carried out is told as ever


def test_fault_shift_changes_inserts_and_voids_rows_while_they_are_read() -> None:
    with fxiaoke_tenant(faults={"read.shift": 1.0}) as (base, clock):
        crm = Fxiaoke(base)
        for object_name, voided in (("AccountObj", 0), ("credit_visit__c", 1)):
            crm.door("console/fields", object="credit_visit__c", fields=[])
            if voided:
                for name in "abc":
                    crm.write("create", object_name, {"name": name})
            clock.now += 60
            before = {row["_id"] for row in crm.query(object_name)}
            clock.now += 60
            after = crm.query(object_name)
            moved = [row for row in after if row["last_modified_time"] == int((clock.now - 60) * 1000)]
            ids = {row["_id"] for row in after}
            assert (len(before), len(before - ids), len(ids - before), len(moved)) == (3, voided, 1, 2)


def test_fault_burst_refuses_some_calls_in_a_row_in_the_vendors_words() -> None:
    with fxiaoke_tenant(faults={"read.burst": 1.0}) as (base, _):
        crm = Fxiaoke(base, by_header=True)
        codes = [crm.call(OBJECTS)["errorCode"] for _ in range(10)]
        assert codes == [14001] * 4 + [0] * 6


@pytest.mark.parametrize("fault", ["nothing", "fxiaoke.write"])
def test_a_fault_that_is_not_there_is_refused(fault: str) -> None:
    with pytest.raises(ValueError, match="fault"):
        app(Options(accounts=2, faults={fault: 1.0}))


def test_an_unlimited_tenant_is_served_without_a_wait() -> None:
    with running(app(Options(accounts=2, faults={"fxiaoke.unlimited": 1.0}))) as base:
        crm = Fxiaoke(base, by_header=True)
        answers: list[dict[str, Any]] = [crm.call(OBJECTS) for _ in range(101)]
        assert {answer["errorCode"] for answer in answers} == {0}

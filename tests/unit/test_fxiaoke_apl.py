"""The packed functions, run by Groovy: pass, hold, slow, down, an answer that makes no sense."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.fxiaoke.platform import PLATFORM, Broken
from tests.fxiaoke_plugin import (
    ACCOUNT,
    KEY,
    ORDER,
    SCRIPTS,
    SECRET,
    Functions,
    ReadFrom,
    Service,
    needs_groovy,
    nowhere,
    service,
)

pytestmark = needs_groovy
TYPED = {"account_id": "a1", "order_amount": "125000.00", "mc_currency": "CNY", "name": "", "_id": ""}
"""A new order in the browser: what is empty is an empty text."""
HOLD = {
    "decision": "hold",
    "reasons": [
        {"code": "over_limit", "text": {"zh": "超出额度 5'000 $x", "en": "over the limit"}},
        {"code": "customer_hold", "text": {"zh": "客户被冻结", "en": "on hold"}},
    ],
}


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Service, str]]:
    with service() as found:
        yield found


@pytest.fixture
def gate(shared: tuple[Service, str]) -> Iterator[tuple[Service, Functions]]:
    answering, base = shared
    answering.reset()
    yield answering, Functions(base)


def asked(answering: Service) -> dict[str, Any]:
    ((method, path, body),) = answering.asked
    assert (method, path) == ("POST", "/v1/checks")
    assert answering.headers[0]["authorization"] == f"Bearer {KEY}"
    found: dict[str, Any] = body
    return found


def test_every_packed_function_is_one_that_the_platform_compiles() -> None:
    made = Functions("https://credit.example.com")
    names = [path for path in made.files if path.startswith(SCRIPTS)]
    assert len(names) == 4
    for path in names:
        PLATFORM.compile("test_compiles", made.text(path.rpartition("/")[2].removesuffix("__c.groovy")))


@pytest.mark.parametrize(
    "text",
    [
        "for (one in [1]) { log.info(one) }",
        "while (true) { log.info(1) }",
        "if (true) { log.info(1) }",
        "try { log.info(1) } finally { log.info(2) }",
        "println 1",
        "import groovy.json.JsonSlurper\nlog.info(1)",
        "def twice(x) { x * 2 }\ntwice(1)",
        "new URL('http://127.0.0.1')",
        "System.exit(0)",
        "[1].each { owner -> log.info(owner) }",
        "String delegate = 'x'",
        "log.info(",
    ],
)
def test_trap_what_the_language_has_not_is_not_compiled(text: str) -> None:
    with pytest.raises(Broken):
        PLATFORM.compile("test_refused", text)


@pytest.mark.parametrize(
    "text", ["Fx.object.delete('x')", "Fx.sms.send('x')", "context.details.x", "log.debug(1)"]
)
def test_trap_what_the_platform_has_not_fails_the_function(text: str) -> None:
    PLATFORM.compile("test_unknown", text)
    run = PLATFORM.run("test_unknown", {"data": {}}, {}, 5, lambda name, arguments: None)
    assert "No signature" in run.failed or "No such property" in run.failed


def test_a_function_that_takes_too_long_is_cut_off() -> None:
    PLATFORM.compile("test_long", "Long n = 0\n(1..40000000).each { one -> n = n + one }\nreturn n")
    assert PLATFORM.run("test_long", {}, {}, 0, lambda *_: None).failed == "the function ran out of time"


def test_an_order_that_passes_is_saved_and_asked_about_as_it_stands(gate: tuple[Service, Functions]) -> None:
    answering, made = gate
    run = made.check(TYPED)
    assert run.result == {"success": True, "errorMessage": ""}
    assert asked(answering) == {
        "connection": "crm",
        "account": "a1",
        "order": "new:a1:125000.00:CNY",  # it has no number yet
        "amount": "125000.00",
        "currency": "CNY",
        "checkpoint": "order_save",
    }


def test_a_saved_order_that_changes_goes_by_its_number(gate: tuple[Service, Functions]) -> None:
    answering, made = gate
    made.check({**TYPED, "_id": "65f0", "name": "FSO-000007", "order_amount": 1.25e7, "mc_currency": None})
    body = asked(answering)
    assert (body["order"], body["checkpoint"]) == ("FSO-000007", "order_change")
    assert (body["amount"], body["currency"]) == ("12500000.00", "CNY")


@pytest.mark.parametrize(
    ("currency", "typed", "told"),
    [("KWD", "1.2345", "1.235"), ("JPY", "100", "100.00"), ("EUR", 0.1, "0.10"), ("CNY", "-5", "-5.00")],
)
def test_amounts_have_the_digits_of_their_currency(
    gate: tuple[Service, Functions], currency: str, typed: Any, told: str
) -> None:
    answering, made = gate
    made.check({**TYPED, "mc_currency": currency, "order_amount": typed})
    assert asked(answering)["amount"] == told


@pytest.mark.parametrize(("language", "shown"), [("zh", "客户被冻结"), ("en", "on hold")])
def test_an_order_on_hold_is_not_saved_and_every_reason_is_told(
    shared: tuple[Service, str], language: str, shown: str
) -> None:
    answering, base = shared
    answering.answer, answering.status, answering.content_type = HOLD, 200, "application/json"
    run = Functions(base, language=language).check(TYPED)
    title, first, second = run.result["errorMessage"].split("\n")
    assert run.result["success"] is False and title
    assert second == shown and first in ("超出额度 5'000 $x", "over the limit")


def test_a_warning_lets_the_order_be_saved(gate: tuple[Service, Functions]) -> None:
    answering, made = gate
    answering.answer = {**HOLD, "decision": "warn"}
    assert made.check(TYPED).result["success"] is True


MALFORMED: list[tuple[int, Any, str]] = [
    (200, b"<html>login</html>", "text/html"),
    (200, b"{not json", "application/json"),
    (200, b"", "application/json"),
    (200, [1], "application/json"),
    (200, {"decision": "maybe"}, "application/json"),
    (200, {"reasons": []}, "application/json"),
    (401, {"title": "no"}, "application/problem+json"),
    (429, {"title": "wait"}, "application/problem+json"),
    (503, {"title": "again"}, "application/problem+json"),
]


@pytest.mark.parametrize(("status", "answer", "form"), MALFORMED)
@pytest.mark.parametrize(("word", "saved"), [("allow", True), ("hold", False), ("review", True)])
def test_an_answer_that_cannot_be_used_goes_by_the_admins_word(
    shared: tuple[Service, str], word: str, saved: bool, status: int, answer: Any, form: str
) -> None:
    answering, base = shared
    answering.status, answering.answer, answering.content_type = status, answer, form
    run = Functions(base, on_failure=word).check(TYPED)
    assert run.result["success"] is saved
    assert bool(run.result["errorMessage"]) is not saved


@pytest.mark.parametrize(("word", "saved"), [("allow", True), ("hold", False)])
def test_a_service_that_is_down_goes_by_the_admins_word(word: str, saved: bool) -> None:
    run = Functions(nowhere(), on_failure=word).check(TYPED)
    assert run.result["success"] is saved
    assert "无法连接信用服务" in run.result["errorMessage"] or saved


@pytest.mark.parametrize(("word", "saved"), [("allow", True), ("hold", False)])
def test_a_service_that_is_slow_goes_by_the_admins_word(
    shared: tuple[Service, str], word: str, saved: bool
) -> None:
    answering, base = shared
    answering.reset()
    answering.hang = True
    run = Functions(base, on_failure=word, seconds=0.3).check(TYPED)
    answering.hang = False
    assert run.result["success"] is saved
    assert "没有及时回答" in run.result["errorMessage"] or saved


def test_a_new_order_and_a_changed_one_have_words_of_their_own() -> None:
    steps = {"order_save": "hold", "order_change": "allow"}
    made = Functions(nowhere(), on_failure=steps)
    assert made.check(TYPED).result["success"] is False
    assert made.check({**TYPED, "_id": "65f0"}).result["success"] is True


def test_without_an_amount_of_its_own_an_order_is_the_sum_of_its_lines(
    gate: tuple[Service, Functions],
) -> None:
    answering, made = gate
    lines = [{"subtotal": "0.10"}, {"subtotal": 0.2}, {"subtotal": ""}, {"subtotal": None}]
    made.check({**TYPED, "order_amount": ""}, {"SalesOrderProductObj": lines})
    assert asked(answering)["amount"] == "0.30"


@pytest.mark.parametrize(
    ("data", "details"),
    [
        ({}, None),
        ({**TYPED, "account_id": ""}, None),
        ({**TYPED, "account_id": None}, {}),
        ({**TYPED, "order_amount": "a lot"}, None),
        ({**TYPED, "order_amount": None}, None),
        ({**TYPED, "order_amount": ""}, {"SalesOrderProductObj": [{"subtotal": "x"}]}),
    ],
)
def test_an_order_that_cannot_be_asked_about_goes_by_the_admins_word(
    gate: tuple[Service, Functions], data: dict[str, Any], details: Any
) -> None:
    answering, made = gate
    run = made.check(data, details)
    assert (run.failed, run.result["success"], answering.asked) == ("", False, [])


def test_prepaid_orders_drafts_and_terms_are_told_where_they_are_known(shared: tuple[Service, str]) -> None:
    answering, base = shared
    answering.reset()
    orders = {
        "prepaid": ReadFrom("settle_type", None, {"1": "True", "2": "False"}),
        "terms_days": ReadFrom("terms__c"),
    }
    made = Functions(base, orders=orders, settings={"draft_values": "1, 2"})
    made.check({**TYPED, "settle_type": "1", "terms__c": "30", "order_status": "2"})
    made.check({**TYPED, "settle_type": "2", "terms__c": "", "order_status": "7"})
    told = [(body["prepaid"], body["draft"], body["terms_days"]) for _, _, body in answering.asked]
    assert told == [(True, True, 30), (False, False, None)]


def test_the_key_is_never_logged(gate: tuple[Service, Functions]) -> None:
    answering, made = gate
    answering.status = 401
    run = made.check(TYPED)
    assert run.log and KEY not in "".join(run.log) + run.result["errorMessage"]


def test_the_panel_is_told_how_a_customer_stands(gate: tuple[Service, Functions]) -> None:
    answering, made = gate
    made.rows[ACCOUNT, "a1"] = {"_id": "a1", "name": "宁波裁缝铺"}
    answering.answer = {"customer": "customer-1"}
    run = made.run("credit_panel", {}, act="credit", account="a1", order=None, hold=None, note=None)
    assert run.result == {"status": 200, "why": "", "body": {"customer": "customer-1"}}
    assert answering.asked == [("GET", "/v1/customers/a1/credit", None)]


def test_the_panel_asks_about_an_order_as_it_is_stored(gate: tuple[Service, Functions]) -> None:
    answering, made = gate
    made.rows[ACCOUNT, "a1"] = {"_id": "a1"}
    made.rows[ORDER, "o1"] = {"_id": "o1", "name": "FSO-1", "account_id": "a1", "order_amount": "10"}
    given = {"account": "another", "order": "o1", "hold": "17", "note": "担保 'x'"}
    for act in ("check", "holds", "ask"):
        assert made.run("credit_panel", {}, act=act, **given).result["status"] == 200
    check, holds, ask = answering.asked
    assert (check[2]["account"], check[2]["order"], check[2]["amount"]) == ("a1", "FSO-1", "10.00")
    assert holds == ("GET", "/v1/holds?order=FSO-1", None)
    assert ask == ("POST", "/v1/holds/17/ask", {"note": "担保 'x'", "user": "1000"})


@pytest.mark.parametrize(
    "given",
    [
        {"act": "credit", "account": "a1/../../holds"},
        {"act": "credit", "account": "unknown"},
        {"act": "credit", "account": None},
        {"act": "check", "account": "a1"},
        {"act": "ask", "account": "a1", "order": "o1", "hold": "17/release", "note": "x"},
        {"act": "ask", "account": "a1", "order": "o1", "hold": "17", "note": ""},
        {"act": "release", "account": "a1", "order": "o1", "hold": "17", "note": "x"},
    ],
)
def test_the_panel_reaches_nothing_but_what_it_is_for(
    gate: tuple[Service, Functions], given: dict[str, Any]
) -> None:
    answering, made = gate
    made.rows[ACCOUNT, "a1"] = {"_id": "a1"}
    made.rows[ORDER, "o1"] = {"_id": "o1", "name": "FSO-1", "account_id": "a1", "order_amount": "10"}
    run = made.run("credit_panel", {}, **{"order": None, "hold": None, "note": None, **given})
    assert (run.failed, run.result["status"], answering.asked) == ("", 0, [])


def test_the_panel_hears_that_the_service_is_down_or_slow(shared: tuple[Service, str]) -> None:
    answering, base = shared
    given = {"act": "credit", "account": "a1", "order": None, "hold": None, "note": None}
    whys = []
    for address, hang in ((nowhere(), False), (base, True)):
        made = Functions(address, seconds=0.3)
        made.rows[ACCOUNT, "a1"] = {"_id": "a1"}
        answering.hang = hang
        whys.append(made.run("credit_panel", {}, **given).result["why"])
    answering.hang = False
    assert whys == ["down", "slow"]


def test_a_new_visit_gets_one_check_in_plan() -> None:
    made = Functions("https://credit.example.com")
    made.rows[ACCOUNT, "a1"] = {"_id": "a1", "name": "宁波裁缝铺", "location": "121.5#%$29.8#%$宁波"}
    visit = {"_id": "v1", "owner": ["1002"], "account_id__c": "a1", "due_on__c": 1_777_900_000_000}
    made.rows["credit_visit__c", "v1"] = {**visit, "name": "逾期拜访", "credit_key__c": "k-1"}
    for _ in range(2):
        assert made.run("credit_visit_plan", {"data": {"_id": "v1"}}).failed == ""
    (plan,) = made.plans
    assert (plan["executorId"], plan["planTime"]) == ("1002", 1_777_900_000_000)
    assert plan["extFields"] == {"credit_key__c": "k-1"}
    assert made.rows["credit_visit__c", "v1"]["plan_id__c"] == "plan-1"


@pytest.mark.parametrize(
    "lack", [{"owner": []}, {"owner": None}, {"account_id__c": ""}, {"account_id__c": "gone"}]
)
def test_a_visit_that_lacks_something_gets_no_plan(lack: dict[str, Any]) -> None:
    made = Functions("https://credit.example.com")
    made.rows[ACCOUNT, "a1"] = {"_id": "a1", "name": "x"}
    row = {"_id": "v1", "owner": ["1002"], "account_id__c": "a1", "due_on__c": 1, "name": "x", **lack}
    made.rows["credit_visit__c", "v1"] = row
    run = made.run("credit_visit_plan", {"data": {"_id": "v1"}})
    assert (run.failed, made.plans) == ("", []) and run.log


def test_a_change_is_told_by_id_alone_and_signed(gate: tuple[Service, Functions]) -> None:
    answering, made = gate
    row = {"_id": "o1", "object_describe_api_name": ORDER, "order_amount": "99"}
    assert made.run("credit_event", {"data": row}).failed == ""
    ((method, path, body),) = answering.asked
    assert (method, path) == ("POST", "/v1/hooks/crm")
    assert body == {"event": "update", "apiName": ORDER, "dataId": "o1"}
    stamp = answering.headers[0]["x-credit-timestamp"]
    text = f'{stamp}.{{"event":"update","apiName":"{ORDER}","dataId":"o1"}}'
    expected = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert answering.headers[0]["x-credit-signature"] == expected

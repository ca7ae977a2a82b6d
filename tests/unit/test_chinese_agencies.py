"""What the Chinese agencies' answers mean, word by word."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import pytest
import responses

from adapters.bureau import china
from adapters.bureau.qichacha import CHECKS, Qichacha
from adapters.bureau.tianyancha import Tianyancha
from connector.errors import Halt, Reject
from tests.agency_bench import Bench

USCC = "91110108551385082Q"
QCC, TYC = "https://api.qichacha.com", "https://open.api.tianyancha.com"


def qichacha(**settings: str) -> Bench:
    return Bench(Qichacha, **({"app_key": "k", "secret_key": "s", "checks": "dishonest"} | settings))


def answer(path: str, **body: Any) -> None:
    responses.get(f"{QCC}/{path}", json={"Status": "200", "OrderNumber": "o-1", **body})


def register(**changes: Any) -> None:
    entry = {"Name": "示例公司", "CreditCode": USCC, "Status": "存续"} | changes
    answer("ECIV4/GetBasicDetailsByName", Result=entry)


@responses.activate
def test_trap_each_attempt_is_signed_anew_in_capitals():
    responses.get(f"{QCC}/FuzzySearch/GetList", json={"Status": "199"})
    answer("FuzzySearch/GetList", Result=[])
    tried = qichacha()
    tick = iter([dt.datetime(2026, 3, 1, 12, 0, second, tzinfo=dt.UTC) for second in range(30)])
    object.__setattr__(tried.bureau.context, "now", lambda: next(tick))
    tried.bureau.test()
    stamps = [call.request.headers["Timespan"] for call in responses.calls]
    assert len(set(stamps)) == 2
    for call, stamp in zip(responses.calls, stamps, strict=True):
        right = hashlib.md5(f"k{stamp}s".encode(), usedforsecurity=False).hexdigest().upper()
        assert call.request.headers["Token"] == right
        assert "secret" not in (call.request.url or "")


@responses.activate
def test_trap_nothing_found_is_good_news_for_a_record():
    register()
    responses.get(f"{QCC}/ShixinCheck/GetList", json={"Status": "201", "Message": "查询无结果"})
    for name in ("ZhixingCheck", "SumptuaryCheck"):
        answer(f"{name}/GetList", Result={"VerifyResult": 0, "Data": []})
    report = qichacha(checks="dishonest, enforcement, consumption_limit").bureau.fetch(USCC).report
    assert report.negatives == ()
    assert report.judgments_covered


@responses.activate
def test_trap_a_kind_that_was_not_bought_vouches_for_nothing():
    register()
    responses.get(f"{QCC}/ShixinCheck/GetList", json={"Status": "214"})
    report = qichacha().bureau.fetch(USCC).report
    assert not report.judgments_covered
    assert report.warnings == ("dishonest: not bought, so nothing is known",)


@responses.activate
def test_trap_the_order_number_is_kept_for_disputes_over_the_bill():
    register()
    answer("ShixinCheck/GetList", Result={"VerifyResult": 0, "Data": []})
    raw = json.loads(qichacha().bureau.fetch(USCC).raw)
    assert [json.loads(call["body"])["OrderNumber"] for call in raw["calls"]] == ["o-1", "o-1"]


@responses.activate
def test_trap_at_most_twenty_rows_a_page_and_paid_pages_end():
    register()
    rows = [{"Id": str(n), "Liandate": "2025-05-01"} for n in range(20)]
    for _ in range(9):
        answer(
            "ShixinCheck/GetList",
            Paging={"TotalRecords": 4000},
            Result={"VerifyResult": 1, "Data": rows},
        )
    report = qichacha().bureau.fetch(USCC).report
    assert len(report.negatives) == 100
    assert not report.judgments_covered
    assert "pageSize=20" in (responses.calls[-1].request.url or "")


@responses.activate
def test_trap_another_company_is_never_taken_for_the_one_asked_for():
    register(CreditCode="9111010855138508X0")
    with pytest.raises(Reject) as told:
        qichacha().bureau.fetch(USCC)
    assert told.value.code == "not_found"


def test_a_check_that_does_not_exist_is_refused():
    with pytest.raises(Halt, match="dishonset"):
        qichacha(checks="dishonset")
    assert "dishonest" in CHECKS


@responses.activate
def test_trap_the_token_stands_alone_in_the_header():
    responses.get(f"{TYC}/services/open/search/2.0", json={"error_code": 300000, "reason": "无数据"})
    Bench(Tianyancha, token="t-1").bureau.test()
    assert responses.calls[0].request.headers["Authorization"] == "t-1"


@responses.activate
def test_trap_a_record_without_a_fitting_number_is_weak():
    base = {"name": "示例公司", "creditCode": USCC, "regStatus": "存续"}
    responses.get(f"{TYC}/services/open/ic/baseinfo/normal", json={"error_code": 0, "result": base})
    items = [
        {
            "caseCode": "1",
            "partyCardNum": "5513****2",
            "execMoney": "1200.50",
            "caseCreateTime": 1767225600000,
        },
        {"caseCode": "2", "partyCardNum": "11010119800101****"},
        {"caseCode": "3"},
    ]
    body = {"error_code": 0, "result": {"total": 3, "items": items}}
    responses.get(f"{TYC}/services/open/jr/zhixinginfo/2.0", json=body)
    found = Bench(Tianyancha, token="t-1", checks="enforcement").bureau.fetch(USCC).report.negatives
    assert [(n.case_no, n.exact) for n in found] == [("1", True), ("2", False), ("3", False)]
    assert (found[0].amount, found[0].currency) == (120050, "CNY")
    assert found[0].filed_on == dt.date(2026, 1, 1)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [(USCC, True), ("91110108********2Q", True), ("55138508-2", True), ("*********", False), ("", False),
     ("91110108********3Q", False)],
)  # fmt: skip
def test_a_masked_number_fits_only_the_companys_own_code(stated: str, expected: bool):
    assert china.fits(stated, USCC) is expected


@pytest.mark.parametrize(
    ("words", "dissolved", "insolvent"),
    [("存续（在营、开业、在册）", False, None), ("注销", True, None), ("吊销，未注销", True, None),
     ("清算", False, True), ("", None, None), ("迁出", None, None)],
)  # fmt: skip
def test_the_registers_words_become_flags(words: str, dissolved: bool | None, insolvent: bool | None):
    assert china.standing(words)[:2] == (dissolved, insolvent)


@pytest.mark.parametrize(
    ("written", "fen"),
    [("1200.50", 120050), (300, 30000), ("12万元", 12000000), ("", None), ("见判决书", None), ("-5", None)],
)
def test_amounts_are_yuan_in_words_or_numbers(written: Any, fen: int | None):
    assert china.yuan(written) == fen


@pytest.mark.parametrize(
    "written", ["2026-01-05", "2026年1月5日", "20260105", 1767571200000, "1767571200000"]
)
def test_trap_days_come_as_text_or_in_milliseconds(written: Any):
    assert china.moment(written) == dt.date(2026, 1, 5)

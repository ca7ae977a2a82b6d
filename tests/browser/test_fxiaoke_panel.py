"""The packed panel in Chromium, on a stand-in of the vendor's page, with the packed function behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from connector.gate.check_model import CreditAnswer
from tests.browser.desk import NARROW, SHOTS, WIDE, browser, faults_of, fits, needs_chromium
from tests.fxiaoke_page import page
from tests.fxiaoke_plugin import ACCOUNT, ORDER, Service, installed, needs_groovy, packed, service
from tests.sandbox_clients import Fxiaoke, fxiaoke_tenant

pytestmark = [needs_groovy, needs_chromium]
CREDIT: dict[str, Any] = CreditAnswer.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index,call-overload]


class Stage:
    """A tenant with the packed plugin, its service, and a browser on its pages."""

    def __init__(self, crm: Fxiaoke, gate: Service, base: str, browser: Browser) -> None:
        self.crm, self.gate, self.base, self.browser = crm, gate, base, browser
        self.faults: list[str] = []
        named = {"field_name": "name", "operator": "EQ", "field_values": ["宁波裁缝铺"]}
        (row,) = crm.query(ACCOUNT, filters=[named])
        self.account = str(row["_id"])
        gate.answer = CREDIT

    def open(self, kind: str = ACCOUNT, row: str = "", language: str = "zh-CN", width: int = WIDE) -> Page:
        shown = self.browser.new_page(viewport={"width": width, "height": 900})
        shown.on("pageerror", lambda fault: self.faults.append(str(fault)))
        shown.set_default_timeout(15_000)
        shown.goto(f"{self.base}/?object={kind}&id={row or self.account}&language={language}")
        return shown


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with service() as (gate, address), fxiaoke_tenant() as (tenant, _):
        crm = Fxiaoke(tenant)
        files = packed(address, seconds=1.5)
        crm.door("plugin/install", **installed(files))
        with page(files, crm) as base, browser() as found:
            yield Stage(crm, gate, base, found)


@pytest.fixture(autouse=True)
def as_usual(stage: Stage) -> Iterator[None]:
    stage.gate.reset()
    stage.gate.answer = CREDIT
    yield
    stage.gate.done.set()


def clean(stage: Stage, shown: Page, picture: str = "") -> None:
    """Nothing outside the panel was touched, nothing undocumented was called, and everybody can use it."""
    assert stage.faults == []
    assert shown.evaluate("window.faults") == []
    assert faults_of(shown) == []
    assert fits(shown)
    if SHOTS and picture:
        shown.locator("main.creditgate").screenshot(path=Path(SHOTS) / f"{picture}.png")
    shown.close()


@pytest.mark.parametrize(
    ("language", "width", "words", "bar"),
    [
        ("zh-CN", WIDE, ("信用额度", "账龄", "原因", "预警", "后续安排"), "额度已使用 80.0%"),
        ("en", NARROW, ("Credit limit", "Ageing", "Reasons", "Early warnings"), "80.0% of the limit is used"),
    ],
)
def test_the_panel_shows_how_a_customer_stands(
    stage: Stage, language: str, width: int, words: tuple[str, ...], bar: str
) -> None:
    shown = stage.open(language=language, width=width)
    expect(shown.locator(".status")).to_have_class("status watch")
    for word in words:
        expect(shown.get_by_role("heading", name=word, exact=True)).to_be_visible()
    expect(shown.locator("svg.bar").first).to_have_attribute("aria-label", bar)
    expect(shown.locator("tr")).to_have_count(2)
    clean(stage, shown, "fxiaoke-panel-account" if width == WIDE else "")


def test_an_order_is_checked_and_its_release_asked_for_by_keyboard_at_320_px(stage: Stage) -> None:
    row = {"account_id": stage.account, "order_amount": "90.00", "name": "SO-1"}
    (order,) = stage.crm.door("import", object=ORDER, rows=[row])["ids"]
    shown = stage.open(ORDER, order, "en", NARROW)
    expect(shown.locator(".status")).to_be_visible()
    reasons = [{"text": {"zh": "超额", "en": "Over the limit"}}]
    stage.gate.answer = {**CREDIT, "decision": "hold", "reasons": reasons}
    shown.keyboard.press("Tab")
    shown.keyboard.press("Tab")
    expect(shown.get_by_role("button", name="Check this order")).to_be_focused()
    shown.keyboard.press("Enter")
    expect(shown.get_by_text("The order needs credit management")).to_be_visible()
    expect(shown.get_by_role("status").get_by_text("Over the limit")).to_be_visible()
    expect(shown.get_by_role("button", name="Check this order")).to_be_focused()
    stage.gate.answer = {**CREDIT, "holds": [{"id": 17}], "id": 17}
    shown.keyboard.press("Tab")
    shown.keyboard.press("Enter")
    shown.keyboard.type("bank guarantee")
    shown.keyboard.press("Tab")
    shown.keyboard.press("Enter")
    expect(shown.locator(".notice.good")).to_be_visible()
    asked = [(path, body) for method, path, body in stage.gate.asked if method == "POST"]
    assert [body["order"] for path, body in asked if path == "/v1/checks"] == ["SO-1"]
    assert asked[-1] == ("/v1/holds/17/ask", {"note": "bank guarantee", "user": "1000"})
    clean(stage, shown, "fxiaoke-panel-order")


def test_without_the_service_the_records_own_fields_are_shown_with_their_age(stage: Stage) -> None:
    hours = int((time.time() - 5 * 3600) * 1000)
    values = {"credit_status__c": "hold", "credit_limit__c": "50000.00", "credit_exposure__c": "60000.00"}
    values |= {
        "credit_available__c": "-10000.00",
        "credit_as_of__c": hours,
        "credit_reasons__c": "有逾期\n超额",
    }
    stage.crm.door("edit", object=ACCOUNT, ids=[stage.account], values=values)
    stage.gate.status = 503
    shown = stage.open()
    expect(shown.get_by_text("5小时前", exact=False)).to_be_visible()
    expect(shown.locator(".status")).to_have_text("冻结")
    expect(shown.locator(".status")).to_have_class("status hold")
    expect(shown.locator("dd").first).to_have_text("50,000.00 CNY")
    stage.gate.status = 200
    shown.get_by_role("button", name="重试").press("Enter")
    expect(shown.locator(".status")).to_have_class("status watch")
    clean(stage, shown)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"hang": True}, "没有及时回答"), ({"answer": b"<html>"}, "无法使用"), ({"status": 401}, "密钥")],
)
def test_a_service_that_is_slow_or_makes_no_sense_is_said_to_be_so(
    stage: Stage, change: dict[str, Any], why: str
) -> None:
    for name, value in change.items():
        setattr(stage.gate, name, value)
    shown = stage.open()
    expect(shown.get_by_text(why, exact=False)).to_be_visible()
    stage.gate.done.set()
    clean(stage, shown)


def test_what_the_service_says_is_shown_as_text(stage: Stage) -> None:
    stage.gate.answer = {**CREDIT, "reasons": [{"text": {"zh": "<img src=x onerror=alert(1)>", "en": ""}}]}
    shown = stage.open()
    expect(shown.get_by_text("<img src=x", exact=False)).to_be_visible()
    shown.evaluate("window.destroy()")
    assert shown.locator("main.creditgate").text_content() == ""
    shown.close()

"""The panel inside Zoho, in Chromium: what it shows with the service up, slow and down, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from connector import holds
from connector.store import parties
from tests.browser.desk import NARROW, WIDE, Desk, browser, faults_of, fits, needs_chromium
from tests.plugin_bench import ORDERS, PluginBench, plugin_shop

pytestmark = needs_chromium
HUGE = 900_000_000
EVIL = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>'
WORDS = {
    "zh_CN": ("信用额度", "账龄", "原因", "预警", "下次拜访", "评定步骤"),
    "en_US": ("Credit limit", "Ageing", "Reasons", "Early warnings", "Next visit", "How this was reckoned"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginBench]:
    with plugin_shop(tmp_path_factory.mktemp("panel")) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def packs(bench: PluginBench) -> dict[str, Path]:
    return {gate: bench.pack(gate, seconds=0.6 if gate == "slow" else 4) for gate in bench.gates}


@pytest.fixture
def desk(chromium: Browser, bench: PluginBench, packs: dict[str, Path]) -> Iterator[Desk]:
    bench.install(packs["up"])
    made = Desk(chromium, bench)
    yield made
    for page in [one for context in chromium.contexts for one in context.pages]:
        page.close()
    assert made.faults == []


def order_of(bench: PluginBench, amount: int) -> str:
    """An order of the account in the org, brought to an amount."""
    answer = bench.found.made.door("zoho", "edit", {"module": ORDERS, "count": 1})
    values = {"Account_Name": {"id": bench.account}, "Grand_Total": amount, "Currency": "CNY"}
    bench.found.edit(ORDERS, answer["ids"], **values)
    bench.found.pull()
    return str(answer["ids"][0])


@pytest.mark.parametrize("locale", ["zh_CN", "en_US"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_panel_shows_how_the_customer_stands(desk: Desk, locale: str, width: int) -> None:
    page = desk.open(desk.bench.late, locale=locale, width=width)
    text = page.inner_text("main")
    assert all(word in text for word in WORDS[locale]), text
    stands = desk.bench.calls(f"/v1/customers/{desk.bench.late}/credit").json()
    shown = text.replace(",", "")
    assert stands["limit"] in shown and stands["exposure"] in shown and stands["available"] in shown
    assert all(one["text"][locale[:2]] in text for one in stands["reasons"]) and stands["reasons"]
    assert page.get_attribute("html", "lang") == ("zh-CN" if locale == "zh_CN" else "en")
    assert fits(page) and faults_of(page) == []
    desk.shoot(page, f"zoho-panel-{locale[:2]}-{'wide' if width == WIDE else 'narrow'}")


def test_the_bars_are_drawn_to_the_figures_and_say_them_aloud(desk: Desk) -> None:
    page = desk.open(desk.bench.account, locale="en_US")
    stands = desk.bench.calls(f"/v1/customers/{desk.bench.account}/credit").json()
    bar = page.locator("svg.bar").first
    assert bar.get_attribute("aria-label") == f"{stands['utilisation']}% of the limit is used"
    drawn = float(bar.locator("rect.used").get_attribute("width") or 0)
    assert drawn == pytest.approx(100 * float(stands["exposure"]) / float(stands["limit"]), abs=0.1)


def test_the_ageing_is_drawn_by_days_past_due(desk: Desk) -> None:
    page = desk.open(desk.bench.late, locale="en_US")
    ageing = desk.bench.calls(f"/v1/customers/{desk.bench.late}/credit").json()["ageing"]
    amounts = [float(one["amount"]) for one in ageing]
    rows = page.locator("table tr")
    assert rows.count() == len(ageing) == 5
    for row, amount in zip(rows.all(), amounts, strict=True):
        assert f"{amount:,.2f}" in row.inner_text()
        drawn = float(row.locator("rect").get_attribute("width") or 0)
        assert drawn == pytest.approx(100 * amount / max(amounts), abs=0.1)


def test_the_steps_open_by_keyboard(desk: Desk) -> None:
    page = desk.open(desk.bench.account, locale="en_US")
    steps = page.locator("details li").first
    expect(steps).to_be_hidden()
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(steps).to_be_visible()


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ("down", "the credit service cannot be reached"),
        ("slow", "the credit service did not answer in time"),
        ("odd", "the credit service's answer makes no sense"),
    ],
)
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_without_the_service_the_record_speaks_and_says_how_old_it_is(
    desk: Desk, packs: dict[str, Path], gate: str, why: str, width: int
) -> None:
    desk.bench.install(packs[gate])
    page = desk.open(desk.bench.account, locale="en_US", width=width)
    text = page.inner_text("main")
    assert why in text and "This is what the CRM's record says" in text and "days old" in text
    assert "Credit limit" in text and "Available" in text and "Unknown" not in text.split("Overdue")[0]
    assert fits(page) and faults_of(page) == []
    if gate == "down" and width == WIDE:
        desk.shoot(page, "zoho-panel-down")


def test_once_the_service_is_back_trying_again_shows_it(desk: Desk, packs: dict[str, Path]) -> None:
    desk.bench.install(packs["down"])
    page = desk.open(desk.bench.account)
    desk.bench.install(packs["up"])
    page.evaluate(f"CREDITGATE.config.gate = {desk.bench.gates['up']!r}")
    page.get_by_role("button", name="重试").press("Enter")
    expect(page.get_by_text("评定步骤")).to_be_visible()
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_a_customer_that_the_service_does_not_know_is_said_to_be_so(desk: Desk) -> None:
    body = {"module": "Accounts", "values": {"Account_Name": "Brand New"}}
    made = desk.bench.found.made.door("zoho", "browser/save", body)["result"]["details"]["id"]
    page = desk.open(made, locale="en_US")
    assert "does not know this customer yet" in page.inner_text("main")


def test_the_check_of_an_order_says_what_would_come_of_it(desk: Desk) -> None:
    order = order_of(desk.bench, 100)
    page = desk.open(order, module=ORDERS, locale="en_US")
    page.get_by_role("button", name="Check this order").press("Enter")
    expect(page.get_by_text("The order may go on")).to_be_visible()
    desk.bench.found.edit(ORDERS, [order], Grand_Total=HUGE)
    page = desk.open(order, module=ORDERS, locale="en_US")
    page.get_by_role("button", name="Check this order").press("Enter")
    expect(page.get_by_text("The order needs credit management")).to_be_visible()
    assert "over the room left" in page.inner_text("section >> nth=0")
    assert page.evaluate("document.activeElement.textContent") == "Check this order"
    desk.shoot(page, "zoho-panel-order")


@pytest.mark.parametrize(
    ("locale", "names"),
    [
        ("zh_CN", ("申请放行", "提交申请", "已提交放行申请")),
        ("en_US", ("Request release", "Send request", "was sent")),
    ],
)
def test_a_release_is_asked_for_by_keyboard_alone(desk: Desk, locale: str, names: tuple[str, ...]) -> None:
    order = order_of(desk.bench, HUGE)
    page = desk.open(order, module=ORDERS, locale=locale, width=NARROW)
    check = "检查此订单" if locale == "zh_CN" else "Check this order"
    tab_to(page, check)
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice.bad")
    expect(page.get_by_role("button", name=check)).to_be_focused()
    tab_to(page, names[0])
    page.keyboard.press("Enter")
    page.keyboard.type("the transfer is on its way")
    assert faults_of(page) == [] and fits(page)
    tab_to(page, names[1])
    page.keyboard.press("Space")
    expect(page.get_by_text(names[2])).to_be_visible()
    assert page.evaluate("document.activeElement.textContent") == names[0]
    with desk.bench.found.runtime.store.read() as tx:
        from connector.store.tables import journal

        rows = [row for row in tx.execute(journal.select()) if row.act == "release_asked"]
    assert "on its way" in rows[-1].detail and rows[-1].actor == desk.rep


def test_a_release_of_an_order_that_is_not_held_or_without_a_word_is_not_sent(desk: Desk) -> None:
    order = order_of(desk.bench, 100)
    page = desk.open(order, module=ORDERS, locale="en_US")
    page.get_by_role("button", name="Request release").click()
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("Say why it should be let pass")).to_be_visible()
    page.get_by_label("Why it should be let pass").fill("please")
    page.get_by_role("button", name="Check this order").click()
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("This order is not on hold")).to_be_visible()


# The order is brought to a small amount, and checked so, by somebody else while the request is on its way.
LET_GO = """() => {
  const call = CREDITGATE.service.call;
  let order = null;
  CREDITGATE.service.call = async (method, path, body) => {
    if (path === "/v1/checks") { order = body; }
    if (path.endsWith("/ask")) { await call("POST", "/v1/checks", {...order, amount: "1"}); }
    return call(method, path, body);
  };
}"""


def test_a_release_of_an_order_let_go_meanwhile_is_not_sent_and_says_why(desk: Desk) -> None:
    order = order_of(desk.bench, HUGE)
    page = desk.open(order, module=ORDERS, locale="en_US")
    page.evaluate(LET_GO)
    page.get_by_role("button", name="Check this order").click()
    expect(page.get_by_text("The order needs credit management")).to_be_visible()
    page.get_by_role("button", name="Request release").click()
    page.get_by_label("Why it should be let pass").fill("please")
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("This order is not on hold")).to_be_visible()


def test_nothing_is_sent_twice_while_an_answer_is_awaited(desk: Desk) -> None:
    order = order_of(desk.bench, 100)
    page = desk.open(order, module=ORDERS, locale="en_US")
    page.get_by_role("button", name="Request release").click()
    page.evaluate("() => { CREDITGATE.service.call = () => new Promise(() => {}); }")
    page.get_by_role("button", name="Check this order").click()
    for name in ("Check this order", "Request release", "Send request"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()


def test_text_from_outside_is_never_html(desk: Desk, packs: dict[str, Path]) -> None:
    bench, runtime = desk.bench, desk.bench.found.runtime
    ours = bench.found.names("account")
    evil = {"Account_Name": EVIL, ours["credit_reasons"]: EVIL, ours["risk_class"]: EVIL}
    bench.found.edit("Accounts", [bench.account], **evil)
    with runtime.store.read() as tx:
        party = parties.of_account(tx, bench.found.connection.id, bench.account)
    assert party is not None
    holds.place(runtime.store, party.customer_id, EVIL, "test", runtime.now())
    try:
        for gate in ("up", "down"):
            bench.install(packs[gate])
            page = desk.open(bench.account, locale="en_US")
            assert EVIL in page.inner_text("main"), gate
            assert page.inner_text(".status") == {"up": "hold", "down": "OK"}[gate]
            assert page.locator("main img, main script").count() == 0
            assert page.evaluate("window.evil") is None
    finally:
        holds.lift(runtime.store, party.customer_id, "over", "test", runtime.now())


def test_the_page_knows_no_key_and_speaks_to_the_crm_alone(desk: Desk, packs: dict[str, Path]) -> None:
    desk.open(desk.bench.account)
    assert desk.requests
    for one in desk.requests:
        assert "authorization" not in one.headers
        assert one.url.startswith((desk.bench.found.made.bases["zoho"], "https://live.zwidgets.com/"))
        assert desk.bench.key not in (one.post_data or "")
    for file in packs["up"].rglob("*"):
        assert file.is_dir() or desk.bench.key.encode() not in file.read_bytes(), file


def test_the_way_through_the_connection_shows_the_same(desk: Desk) -> None:
    desk.bench.install(desk.bench.pack(written=["route=connection"]))
    page = desk.open(desk.bench.account, locale="en_US")
    assert "How this was reckoned" in page.inner_text("main")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the button of this name has the focus."""
    for _ in range(12):
        if page.evaluate("document.activeElement.textContent") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached by keyboard")

"""What an order check decides, and every reason that it tells."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from connector.errors import Halt
from connector.gate.check_model import CheckRequest
from connector.locale import has_text, say
from connector.store.lines import GROUP
from tests.check_bench import NOW, Bench, codes, policy


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.on_sqlite(tmp_path)


def test_an_order_within_the_limit_passes_and_is_reserved(bench: Bench) -> None:
    number = bench.customer(limit=100_000, exposure=20_000)
    answer = bench.check("300.00")
    assert (answer.decision, answer.reasons) == ("pass", [])
    assert (answer.limit, answer.limit_state, answer.currency) == ("1000.00", "amount", "CNY")
    assert (answer.exposure, answer.reserved, answer.available) == ("200.00", "300.00", "500.00")
    assert answer.reservation is not None
    assert (answer.as_of, answer.checked_at, answer.stale) == (NOW, NOW, False)
    assert answer.policy_version is not None and answer.policy_version.startswith("trial 1 ")
    assert bench.line(number).reserved == 30_000


def test_an_order_over_the_limit_is_held_with_its_numbers_and_reserves_nothing(bench: Bench) -> None:
    number = bench.customer(limit=100_000, exposure=80_000)
    answer = bench.check("200.01")
    assert (answer.decision, codes(answer), answer.reservation) == ("hold", ["over_limit"], None)
    assert answer.reasons[0].params == {
        "currency": "CNY",
        "asked": "200.01",
        "limit": "1000.00",
        "exposure": "800.00",
        "reserved": "0.00",
        "available": "200.00",
        "over": "0.01",
    }
    assert "200.01 CNY" in answer.reasons[0].text.en
    assert "200.01 CNY" in answer.reasons[0].text.zh
    assert answer.reasons[0].text.en != answer.reasons[0].text.zh
    assert bench.line(number).reserved == 0
    assert bench.states() == {}


@pytest.mark.parametrize(("switch", "decision"), [("pass", "pass"), ("hold", "hold")])
def test_an_order_that_exactly_fills_the_limit_follows_the_switch(
    tmp_path: Path, switch: str, decision: str
) -> None:
    bench = Bench.on_sqlite(tmp_path, policy({"equal_to_limit": switch}))
    bench.customer(limit=100_000)
    assert bench.check("1000.00").decision == decision
    assert bench.check("999.99", "SO-2").decision == ("hold" if decision == "pass" else "pass")


@pytest.mark.parametrize(
    ("tolerance", "passes_with_warning", "held"),
    [
        ({"percent": "10%"}, "1100.00", "1100.01"),
        ({"amount": 50}, "1050.00", "1050.01"),
        ({"percent": "10%", "amount": 50}, "1050.00", "1050.01"),
        ({"percent": "1%", "amount": 50}, "1010.00", "1010.01"),
    ],
)
def test_an_order_over_the_limit_within_the_tolerance_warns_and_is_reserved(
    tmp_path: Path, tolerance: dict[str, object], passes_with_warning: str, held: str
) -> None:
    bench = Bench.on_sqlite(tmp_path, policy({"tolerance": tolerance}))
    number = bench.customer(limit=100_000)
    assert bench.check(held, "SO-2").decision == "hold"
    answer = bench.check(passes_with_warning)
    assert (answer.decision, codes(answer)) == ("warn", ["within_tolerance"])
    assert bench.line(number).reserved == Decimal(passes_with_warning) * 100
    assert bench.check("0.01", "SO-3").decision == "hold"


def test_only_the_usable_share_of_the_limit_is_given(tmp_path: Path) -> None:
    bench = Bench.on_sqlite(tmp_path, policy({"usable_share": "90%"}))
    bench.customer(limit=1_000_000, exposure=500_000)
    assert bench.check("4500.00").decision == "hold"
    assert bench.check("4000.00").decision == "pass"


@pytest.mark.parametrize(
    ("switch", "decision", "reasons"), [("hold", "hold", ["no_limit"]), ("allow", "pass", [])]
)
def test_a_missing_limit_follows_the_switch(
    tmp_path: Path, switch: str, decision: str, reasons: list[str]
) -> None:
    bench = Bench.on_sqlite(tmp_path, policy({"missing_limit": switch}))
    bench.customer(limit_state="none")
    answer = bench.check("5000.00")
    assert (answer.decision, codes(answer), answer.limit_state) == (decision, reasons, "none")
    assert answer.limit is None and answer.available is None


def test_a_customer_without_a_limit_stands_on_that_of_its_group(bench: Bench) -> None:
    group = bench.group(limit=50_000)
    bench.customer(limit_state="none", group=group)
    assert codes(bench.check("500.01")) == ["over_group_limit"]
    assert bench.check("500.00").decision == "pass"


def test_a_zero_limit_is_a_limit_and_no_magic(bench: Bench) -> None:
    bench.customer(limit=0)
    assert codes(bench.check("0.01")) == ["over_limit"]


def test_credit_in_hand_makes_room(bench: Bench) -> None:
    bench.customer(limit=0, exposure=-47_372)
    assert bench.check("473.73").decision == "hold"
    assert bench.check("473.72").decision == "pass"


def test_an_unlimited_customer_passes_with_any_amount(bench: Bench) -> None:
    number = bench.customer(limit_state="unlimited", incomplete=True)
    answer = bench.check("99999999.00")
    assert (answer.decision, answer.limit, answer.limit_state) == ("pass", None, "unlimited")
    assert bench.line(number).reserved == 9_999_999_900


def test_own_and_group_limit_must_both_hold(bench: Bench) -> None:
    group = bench.group(limit=50_000)
    first = bench.customer("A1", limit=40_000, group=group)
    second = bench.customer("A2", limit=40_000, group=group)
    assert bench.check("300.00").decision == "pass"
    refused = bench.check("300.00", "SO-2", account="A2")
    assert codes(refused) == ["over_group_limit"]
    assert refused.reasons[0].params["over"] == "100.00"
    assert bench.check("200.00", "SO-3", account="A2").decision == "pass"
    assert [bench.line(first).reserved, bench.line(second).reserved] == [30_000, 20_000]
    assert bench.line(group, GROUP).reserved == 50_000


def test_reasons_about_a_group_say_which_group_it_is(bench: Bench) -> None:
    group = bench.group("恒达集团", limit=1_000, status="hold")
    bench.customer(limit=2_000_000, group=group)
    held = {reason.code: reason for reason in bench.check("500.00").reasons}
    for code in ("group_hold", "over_group_limit"):
        assert (held[code].params["group"], held[code].params["group_name"]) == (group, "恒达集团")
        assert "恒达集团" in held[code].text.zh and "恒达集团" in held[code].text.en


def test_a_group_without_a_limit_of_its_own_restricts_nothing(bench: Bench) -> None:
    bench.customer(limit=40_000, group=bench.group())
    assert bench.check("400.00").decision == "pass"


def test_every_reason_is_told_not_only_the_first(bench: Bench) -> None:
    group = bench.group(limit=1_000, status="hold")
    bench.customer(limit=2_000, status="stop", incomplete=True, group=group)
    bench.change_customer(1, hold_placed="moves abroad")
    answer = bench.check("500.00")
    assert codes(answer) == [
        "hold_placed",
        "customer_stop",
        "group_hold",
        "exposure_incomplete",
        "over_limit",
        "over_group_limit",
    ]
    assert answer.reasons[0].params == {"reason": "moves abroad"}


def test_what_is_not_known_is_a_reason_to_hold(bench: Bench) -> None:
    bench.customer("A1", line=False)
    bench.customer("A2", limit=None)
    bench.customer("A3", incomplete=True)
    assert codes(bench.check()) == ["not_assessed"]
    assert codes(bench.check(order="SO-2", account="A2")) == ["limit_unknown"]
    assert codes(bench.check(order="SO-3", account="A3")) == ["exposure_incomplete"]
    unknown = bench.check(order="SO-4", account="nobody")
    assert (codes(unknown), unknown.currency, unknown.stale) == (["customer_unknown"], None, True)
    no_rate = bench.check(order="SO-5", account="A3", currency="GBP")
    assert codes(no_rate) == ["rate_unknown", "exposure_incomplete"]


def test_a_watched_customer_is_served_with_a_warning(bench: Bench) -> None:
    number = bench.customer(status="watch")
    answer = bench.check("100.00")
    assert (answer.decision, codes(answer)) == ("warn", ["customer_watch"])
    assert bench.line(number).reserved == 10_000


def test_an_amount_in_another_currency_counts_at_the_rate_of_the_day(bench: Bench) -> None:
    number = bench.customer(limit=100_000)
    assert bench.check("125.01", currency="EUR").decision == "hold"
    answer = bench.check("125.00", currency="EUR")
    assert (answer.decision, answer.currency, answer.reserved) == ("pass", "CNY", "1000.00")
    assert bench.line(number).reserved == 100_000


def test_own_and_group_line_may_be_in_different_currencies(bench: Bench) -> None:
    group = bench.group(limit=10_000, currency="USD")
    number = bench.customer(limit=1_000_000, group=group)
    assert codes(bench.check("700.04")) == ["over_group_limit"]
    assert bench.check("700.00").decision == "pass"
    assert bench.line(number).reserved == 70_000
    assert bench.line(group, GROUP).reserved == 10_000


def test_a_prepaid_order_passes_whatever_the_customer_owes(bench: Bench) -> None:
    number = bench.customer(limit=0, exposure=5_000, status="stop")
    answer = bench.check("900.00", prepaid=True)
    assert (answer.decision, answer.reasons, answer.reservation) == ("pass", [], None)
    assert bench.check("900.00", prepaid=True, account="nobody").decision == "pass"
    assert bench.line(number).reserved == 0


def test_a_return_always_passes_and_gives_no_room(bench: Bench) -> None:
    number = bench.customer(limit=0, status="stop")
    assert bench.check("-50.00").decision == "pass"
    assert bench.line(number).reserved == 0


def test_an_invoice_is_never_held_and_reserves_nothing(bench: Bench) -> None:
    number = bench.customer(limit=1_000, status="stop", incomplete=True)
    answer = bench.check("500.00", checkpoint="invoice")
    assert answer.decision == "warn"
    assert codes(answer) == ["customer_stop", "exposure_incomplete", "over_limit"]
    assert bench.line(number).reserved == 0
    assert bench.holds() == []
    assert bench.check("500.00", "SO-2", checkpoint="invoice", account="nobody").decision == "warn"


def test_a_line_is_stale_when_more_is_known_by_now(bench: Bench) -> None:
    number = bench.customer()
    assert not bench.check().stale
    bench.change_customer(number, due_at=NOW)
    assert bench.check(order="SO-2").stale
    bench.change_customer(number, due_at=NOW + dt.timedelta(days=9), changes=2)
    assert not bench.check(order="SO-3").stale
    bench.now = NOW + dt.timedelta(days=2)
    assert bench.check(order="SO-4").stale
    bench.change_customer(number, changes=1)
    assert not bench.check(order="SO-5").stale
    bench.change_line(number, as_of=NOW - dt.timedelta(days=40))
    assert bench.check(order="SO-6").stale


def test_a_connection_that_does_not_exist_is_a_fault_of_the_caller(bench: Bench) -> None:
    with pytest.raises(Halt, match="no connection 'nowhere'"):
        bench.check(connection="nowhere")


def test_a_hold_is_kept_with_its_reasons_and_ends_when_the_order_passes(bench: Bench) -> None:
    number = bench.customer(limit=10_000)
    bench.check("200.00")
    bench.now = NOW + dt.timedelta(hours=1)
    bench.check("300.00")
    (held,) = bench.holds()
    assert (held.state, held.amount, held.customer_id) == ("pending", 30_000, number)
    assert (held.created_at, held.updated_at) == (NOW, bench.now)
    assert '"over_limit"' in held.reasons and "300.00" in held.reasons
    bench.check("100.00")
    assert [row.state for row in bench.holds()] == ["released"]
    bench.check("100.01")
    assert [row.state for row in bench.holds()] == ["pending"]
    assert [(act, subject) for act, subject, _ in bench.acts()] == [
        ("order_held", "order zoho/SO-1"),
        ("order_held", "order zoho/SO-1"),
        ("order_passed", "order zoho/SO-1"),
        ("order_held", "order zoho/SO-1"),
    ]
    assert bench.acts()[0][2]["codes"] == ["over_limit"]


def test_every_reason_of_a_check_has_a_sentence_in_both_languages() -> None:
    told = """over_limit over_group_limit within_tolerance within_group_tolerance no_limit limit_unknown
        group_limit_unknown exposure_incomplete group_exposure_incomplete not_assessed customer_unknown
        customer_watch customer_hold customer_stop group_hold group_stop rate_unknown hold_placed"""
    assert [code for code in told.split() if not has_text(code)] == []
    assert say("hold_placed", {"reason": "x"}, "zh") != say("hold_placed", {"reason": "x"}, "en")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "1.234"),
        ("amount", "1e3"),
        ("amount", "１２"),
        ("amount", ""),
        ("amount", 100),
        ("currency", "XXX"),
        ("currency", "cny"),
        ("order", "a\x00b"),
        ("order", ""),
        ("checkpoint", "later"),
        ("prepaid", "yes"),
        ("discount", "1"),
    ],
)
def test_a_request_that_could_be_misread_is_refused(field: str, value: object) -> None:
    values = {"connection": "zoho", "account": "A1", "order": "SO-1", "amount": "1.00", "currency": "CNY"}
    assert CheckRequest(**values).minor == 100
    with pytest.raises(ValueError):
        CheckRequest(**values | {field: value})


def test_digits_follow_the_currency() -> None:
    values = {"connection": "zoho", "account": "A1", "order": "SO-1"}
    assert CheckRequest(**values, amount="100.00", currency="JPY").minor == 100
    assert CheckRequest(**values, amount="1.234", currency="KWD").minor == 1234
    with pytest.raises(ValueError, match="at most 0 digits"):
        CheckRequest(**values, amount="100.50", currency="JPY")

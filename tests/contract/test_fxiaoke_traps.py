"""What the manual leaves open or warns of, met by reading from the sandbox."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connector.errors import Halt
from connector.model import Stream
from tests.fxiaoke_homes import MAPPING, OPTIONS, STYLES, edit, home, quick
from tests.fxiaoke_homes import no_limits as no_limits

pytestmark = pytest.mark.usefixtures("no_limits")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("void_in_query", [True, False])
def test_trap_voided_rows_may_or_may_not_be_listed(tmp_path: Path, style: str, void_in_query: bool) -> None:
    """Listed, they are gone at the next pull; hidden, the sweep of all ids finds them."""
    with home(tmp_path) as one:
        one.door("traits", {"void_in_query": void_in_query})
        connection = one.connect("fx", style)
        one.pull(connection)
        (gone,) = one.door("void", {"object": "SalesOrderObj", "skip": 3})["ids"]
        (erased,) = one.door("delete", {"object": "OrderPaymentObj", "skip": 2})["ids"]
        one.pull(connection)
        assert one.records(connection)["orders"][gone]["deleted"] is void_in_query
        done = one.pull(connection, full=True)
        found = one.records(connection)
        assert found["orders"][gone]["deleted"] and found["payments"][erased]["deleted"]
        assert done.count(Stream.PAYMENTS).gone == 1


def test_trap_roll_ups_may_change_without_the_time_of_change(tmp_path: Path) -> None:
    """A payment that lands changes no order for us: open amounts come from the payments themselves."""
    with home(tmp_path) as one:
        connection = one.connect()
        one.pull(connection)
        mapped = {field.key for reader in MAPPING.readers.values() for field in reader.fields}
        assert not mapped & {"receivable_amount", "payment_amount_sum", "actual_payment_amount"}
        assert "payment_amount" not in {f.key for f in MAPPING.readers[Stream.ORDERS].fields}
        one.door("edit", edit("OrderPaymentObj", {"payment_amount": "1.00"}))
        done = one.pull(connection)
        assert done.count(Stream.PAYMENTS).changed == 1
        assert done.count(Stream.ORDERS).changed == 0


def test_trap_quoted_fields_may_be_unreadable_so_the_head_tells_the_day(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"quotes_readable": False})
        connection = one.connect()
        one.pull(connection)
        found = one.records(connection)
        assert {row["paid_on"] for row in found["payments"].values()} == {None}
        heads = {row["receipt_id"] for row in found["payments"].values()}
        assert heads and heads <= set(found["receipts"])
        assert all(found["receipts"][key]["received_on"] for key in heads)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("form", ["text", "number"])
def test_trap_times_in_filters_are_found_to_be_text_or_number(tmp_path: Path, style: str, form: str) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"time_filters": form})
        connection = one.connect("fx", style)
        one.pull(connection)
        one.door("edit", edit("AccountObj", {"country": "XK"}))
        assert one.pull(connection).count(Stream.ACCOUNTS).changed == 1
        answers = {question.setting: question for question in one.crm(connection).questions()}
        assert (answers["time_filters"].answer, answers["time_filters"].known) == (form, True)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("place", ["data", "top", "either"])
def test_trap_describe_takes_the_name_in_one_of_two_places(tmp_path: Path, style: str, place: str) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"describe_place": place})
        connection = one.connect("fx", style)
        assert not one.pull(connection).rejected
        answers = {question.setting: question for question in one.crm(connection).questions()}
        assert answers["describe_place"].known
        assert place in (answers["describe_place"].answer, "either")


@pytest.mark.parametrize("code", [14001, 30004])
def test_trap_two_codes_may_mean_too_many_calls(tmp_path: Path, code: int) -> None:
    options = replace(OPTIONS, faults={**OPTIONS.faults, f"fxiaoke.{code}": 0.2})
    with home(tmp_path, options) as one:
        connection = one.connect()
        one.pull(connection, quick(one.crm(connection)))
        calm = one.connect("calm")
        one.pull(calm, quick(one.crm(calm)))
        assert one.records(connection) == one.records(calm)


@pytest.mark.parametrize("style", STYLES)
def test_trap_an_expired_token_is_renewed_once_in_mid_run(tmp_path: Path, style: str) -> None:
    options = replace(OPTIONS, faults={**OPTIONS.faults, "fxiaoke.expired": 0.05})
    with home(tmp_path, options) as one:
        connection = one.connect("fx", style)
        assert not one.pull(connection, quick(one.crm(connection))).rejected


def test_trap_an_object_that_is_absent_or_inactive_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"objects": ["InvoiceApplicationObj"]})
        one.door("console/variant", {"InvoiceApplicationObj": {"active": False}})
        connection = one.connect()
        done = one.pull(connection)
        assert "PaymentPlanObj" in done.count(Stream.PLANS).note
        assert "停用" in done.count(Stream.INVOICES).note
        assert "CreditFileObj" in done.count(Stream.CREDIT_FILES).note
        assert not done.skipped
        found = one.records(connection)
        assert all(found[name] for name in ("accounts", "orders", "receipts", "payments"))


def test_trap_a_field_that_is_inactive_is_named_and_not_asked_for(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        variant = {"SalesOrderObj": {"fields": {"delivery_date": {"active": False}}}}
        variant["AccountObj"] = {"fields": {"duns__c": {"active": False}}}
        one.door("console/variant", variant)
        connection = one.connect()
        done = one.pull(connection)
        assert not done.rejected and done.count(Stream.ORDERS).read
        missing = one.crm(connection).missing(
            "SalesOrderObj", ["name", "delivery_date", "order_status__label"]
        )
        assert missing.fields == ("delivery_date",)


def test_trap_an_amount_may_have_another_name_then_the_stream_is_named(tmp_path: Path) -> None:
    """Some tenants say amount instead of payment_amount: 'mapping suggest' finds it by its label."""
    with home(tmp_path) as one:
        fields = {"payment_amount": {"api_name": "amount"}}
        one.door("console/variant", {"OrderPaymentObj": {"fields": fields}})
        done = one.pull(one.connect())
        assert "payment_amount" in done.count(Stream.PAYMENTS).skipped
        assert done.count(Stream.ORDERS).read


@pytest.mark.parametrize("style", STYLES)
def test_trap_personnel_has_a_switch_of_its_own_so_names_come_from_the_address_book(
    tmp_path: Path, style: str
) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"people_readable": False})
        connection = one.connect("fx", style)
        one.pull(connection)
        found = one.records(connection)
        owners = {row["owner_id"] for row in found["accounts"].values()} - {None}
        assert owners <= set(found["users"])
        assert "PersonnelObj" in {lack.what for lack in one.crm(connection).lacking()}


@pytest.mark.parametrize("traits", [{"mobile_by_header": True}, {"mobile_by_header": False}])
@pytest.mark.parametrize("people", [True, False])
def test_trap_a_mobile_number_leads_to_the_employee_in_the_header_style(
    tmp_path: Path, traits: dict[str, bool], people: bool
) -> None:
    with home(tmp_path) as one:
        one.door("traits", {**traits, "people_readable": people})
        connection = one.connect("fx", "header")
        assert "1000" in one.crm(connection).test()
        answers = {question.setting: question for question in one.crm(connection).questions()}
        way = "mobile" if traits["mobile_by_header"] else "query" if people else "list"
        assert answers["user_lookup"].answer == way


def test_trap_a_corp_id_may_be_a_number(tmp_path: Path) -> None:
    with home(tmp_path) as one:
        one.door("traits", {"corp_id_is_number": True})
        connection = one.connect()
        for _ in range(2):
            assert "7394871" in one.crm(connection).test()


@pytest.mark.parametrize("code", [20014, 30003])
def test_trap_errors_come_with_status_200_and_reach_the_admin_whole(tmp_path: Path, code: int) -> None:
    with home(tmp_path) as one:
        connection = one.connect()
        one.crm(connection).test()
        one.door("refuse", {"code": code})
        with pytest.raises(Halt) as caught:
            one.crm(connection).test()
        assert f"errorCode {code}" in caught.value.what
        assert "traceId" in caught.value.what
        assert any("一" <= sign <= "鿿" for sign in caught.value.what)


def test_trap_html_from_a_wrong_host_is_told_with_its_title_and_our_trace_id(tmp_path: Path) -> None:
    options = replace(OPTIONS, faults={**OPTIONS.faults, "html": 1.0})
    with home(tmp_path, options) as one, pytest.raises(Halt, match="wrong host") as caught:
        one.crm(one.connect()).test()
    assert "thirdTraceId" in caught.value.what and "html" in caught.value.what
    assert "open.fxiaoke.com" in caught.value.todo or "cloud" in caught.value.todo

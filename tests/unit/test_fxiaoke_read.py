"""Fxiaoke: rows, pages, labels, the sweep."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.fxiaoke.records import from_ms, to_ms, to_ms_up
from connector.adapter import Slice
from connector.errors import Halt
from connector.mapping.form import load
from connector.model import Account, Invoice, InvoiceState, Order, OrderStage, Payment, Stream
from tests.fxiaoke_wire import CUSTOM, DESCRIBE, NOW, PRESET, Wire, failed, options, page, scripted

MAPPING = load(Path(__file__).parents[2] / "mappings" / "fxiaoke.yaml")
SINCE, UNTIL = NOW - dt.timedelta(hours=1), NOW
WHOLE = Slice(SINCE, UNTIL)
QUERY = f"{PRESET}/query"
TEXT = {"type": "text", "label": ""}


@pytest.fixture
def wire() -> Iterator[Wire]:
    with scripted() as made:
        made.describe(name=TEXT, owner={"type": "employee"}, order_status=options(k3J="已确认"))
        yield made


def row(row_id: str, **data: Any) -> dict[str, Any]:
    return {"_id": row_id, "last_modified_time": to_ms(NOW), "life_status": "normal", **data}


def test_a_slice_is_asked_for_by_time_and_id_in_order_of_id(wire: Wire) -> None:
    wire.answer(QUERY, page())
    wire.crm().fetch("AccountObj", ["name", "owner.0"], Slice(SINCE, UNTIL, after="a1"))
    (asked,) = wire.calls(QUERY)
    assert asked.body["data"] == {
        "dataObjectApiName": "AccountObj",
        "find_explicit_total_num": False,
        "search_query_info": {
            "limit": 100,
            "offset": 0,
            "filters": [
                {
                    "field_name": "last_modified_time",
                    "operator": "GTE",
                    "field_values": [str(to_ms(SINCE))],
                },
                {
                    "field_name": "last_modified_time",
                    "operator": "LTE",
                    "field_values": [str(to_ms(UNTIL))],
                },
                {"field_name": "_id", "operator": "GT", "field_values": ["a1"]},
            ],
            "orders": [{"fieldName": "_id", "isAsc": True}],
            "fieldProjection": ["_id", "last_modified_time", "life_status", "is_deleted", "name", "owner"],
        },
    }


def test_times_in_filters_are_numbers_where_the_setting_says_so(wire: Wire) -> None:
    wire.answer(QUERY, page())
    wire.crm(time_filters="number").fetch("AccountObj", ["name"], WHOLE)
    filters = wire.calls(QUERY)[0].body["data"]["search_query_info"]["filters"]
    assert [one["field_values"] for one in filters] == [[to_ms(SINCE)], [to_ms(UNTIL)]]


@pytest.mark.parametrize("form", ["text", "number"])
@pytest.mark.parametrize("refused", [True, False])
def test_trap_times_in_filters_may_have_to_be_text_or_number(wire: Wire, form: str, refused: bool) -> None:
    """A wrong form is refused, or finds nothing: either way the adapter finds the right one by itself."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        filters = body["data"]["search_query_info"]["filters"]
        fits = isinstance(filters[0]["field_values"][0], str) == (form == "text")
        if fits:
            return page(row("a"))
        return failed(32000, "参数错误") if refused else page()

    wire.answer(QUERY, answer)
    for _ in range(2):
        found = wire.crm(time_filters="auto").fetch("AccountObj", ["name"], WHOLE)
        assert [one.external_id for one in found.rows] == ["a"]
    assert len(wire.calls(QUERY)) == (3 if form == "text" else 4)


def test_a_custom_object_takes_the_custom_path(wire: Wire) -> None:
    wire.answer(f"{CUSTOM}/query", page())
    wire.crm().fetch("credit_visit__c", ["name"], WHOLE)
    assert len(wire.calls(f"{CUSTOM}/query")) == 1


def test_a_short_page_is_the_last_and_a_full_one_is_not(wire: Wire) -> None:
    wire.answer(QUERY, page(row("a"), row("b")), page(row("a")))
    crm = wire.crm(page_limit="2")
    assert crm.fetch("AccountObj", ["name"], WHOLE).more is True
    assert crm.fetch("AccountObj", ["name"], WHOLE).more is False


def test_a_page_is_full_by_the_limit_that_the_vendor_used(wire: Wire) -> None:
    wire.answer(QUERY, page(row("a"), row("b"), limit=2))
    assert wire.crm(page_limit="200").fetch("AccountObj", ["name"], WHOLE).more is True


def test_a_row_keeps_raw_values_and_its_time_is_utc(wire: Wire) -> None:
    wire.answer(QUERY, page(row("a", name="甲", owner=["FSUID_3"])))
    (found,) = wire.crm().fetch("AccountObj", ["name", "owner.0"], WHOLE).rows
    assert found.external_id == "a"
    assert found.modified_at == NOW.replace(microsecond=0)
    assert found.data["owner"] == ["FSUID_3"]
    assert found.data["name"] == "甲"


def test_amounts_never_become_floats(wire: Wire) -> None:
    text = '{"errorCode":0,"data":{"dataList":[{"_id":"a","x":0.1,"y":"0.10","z":3}],"limit":100}}'
    wire.answer(QUERY, (200, text))
    (found,) = wire.crm().fetch("SalesOrderObj", [], WHOLE).rows
    assert found.data["x"] == Decimal("0.1")
    assert found.data["y"] == "0.10"
    assert not [v for v in found.data.values() if isinstance(v, float)]


def test_an_option_has_its_label_beside_it(wire: Wire) -> None:
    wire.answer(QUERY, page(row("a", order_status="k3J")))
    (found,) = wire.crm().fetch("SalesOrderObj", ["order_status__label"], WHOLE).rows
    assert found.data["order_status"] == "k3J"
    assert found.data["order_status__label"] == "已确认"


def test_several_options_have_a_list_of_labels(wire: Wire) -> None:
    wire.describe(kinds={**options(a="甲", b="乙"), "type": "select_many"})
    wire.answer(QUERY, page(row("1", kinds=["b", "a"])))
    (found,) = wire.crm().fetch("SalesOrderObj", ["kinds"], WHOLE).rows
    assert found.data["kinds__label"] == ["乙", "甲"]


def test_the_label_of_a_text_is_the_text_when_it_is_asked_for(wire: Wire) -> None:
    wire.answer(QUERY, page(row("a", name="甲")))
    (found,) = wire.crm().fetch("AccountObj", ["name__label"], WHOLE).rows
    assert found.data["name__label"] == "甲"


def test_an_option_added_since_is_found_by_asking_again(wire: Wire) -> None:
    crm = wire.crm()
    wire.answer(QUERY, page(row("a", order_status="new")))
    (found,) = crm.fetch("SalesOrderObj", ["order_status__label"], WHOLE).rows
    assert "order_status__label" not in found.data
    wire.describe(order_status=options(new="已发货"))
    wire.now += dt.timedelta(seconds=5)
    (found,) = crm.fetch("SalesOrderObj", ["order_status__label"], WHOLE).rows
    assert found.data["order_status__label"] == "已发货"


def test_an_object_is_described_once_for_many_pages(wire: Wire) -> None:
    wire.answer(QUERY, page(row("a", order_status="k3J")))
    crm = wire.crm()
    for _ in range(3):
        crm.fetch("SalesOrderObj", ["order_status__label"], WHOLE)
    assert len(wire.calls(DESCRIBE)) == 1


def test_fields_that_the_tenant_lacks_are_not_asked_for(wire: Wire) -> None:
    wire.answer(QUERY, page())
    wire.crm().fetch("AccountObj", ["duns__c", "name"], WHOLE)
    projection = wire.calls(QUERY)[0].body["data"]["search_query_info"]["fieldProjection"]
    assert "name" in projection
    assert "duns__c" not in projection


def test_voided_and_deleted_rows_count_as_vanished(wire: Wire) -> None:
    rows = [row("a"), row("b", life_status="invalid"), row("c", is_deleted=True), row("d")]
    wire.answer(QUERY, page(*rows))
    crm = wire.crm()
    found = crm.fetch("AccountObj", [], WHOLE)
    assert [r.external_id for r in found.rows] == ["a", "d"]
    assert list(found.gone) == ["b", "c"]
    assert list(crm.deleted("AccountObj", SINCE)) == ["a", "d"]


def test_a_page_of_voided_rows_does_not_end_the_stream(wire: Wire) -> None:
    void = {"life_status": "invalid"}
    wire.answer(QUERY, page(row("a", **void), row("b", **void)), page(row("c")))
    found = wire.crm(page_limit="2").fetch("AccountObj", [], WHOLE)
    assert [r.external_id for r in found.rows] == ["c"]
    assert found.more is False
    second = wire.calls(QUERY)[1].body["data"]["search_query_info"]["filters"]
    assert second[2]["field_values"] == ["b"]


def test_the_sweep_lists_all_ids_by_keyset(wire: Wire) -> None:
    wire.answer(QUERY, page(row("a"), row("b")), page(row("c"), row("d")), page())
    assert list(wire.crm(page_limit="2").deleted("AccountObj", SINCE)) == ["a", "b", "c", "d"]
    infos = [asked.body["data"]["search_query_info"] for asked in wire.calls(QUERY)]
    assert [[f["field_values"] for f in info["filters"]] for info in infos] == [[], [["b"]], [["d"]]]
    assert {info["offset"] for info in infos} == {0}


def test_a_page_that_repeats_itself_is_an_error(wire: Wire) -> None:
    wire.answer(QUERY, page(row("a"), row("b")))
    with pytest.raises(Halt, match="twice"):
        list(wire.crm(page_limit="2").deleted("AccountObj", SINCE))


def test_describe_tries_the_other_place_of_the_name_and_keeps_what_worked(wire: Wire) -> None:
    def nested_only(body: dict[str, Any]) -> dict[str, Any]:
        if "data" not in body:
            return failed(11001, "apiName")
        return {"data": {"describe": {"fields": {"name": TEXT}}}}

    wire.answer(DESCRIBE, nested_only)
    wire.answer(QUERY, page())
    crm = wire.crm()
    crm.fetch("AccountObj", ["name"], WHOLE)
    crm.fetch("SalesOrderObj", ["name"], WHOLE)
    wire.crm().fetch("AccountObj", ["name"], WHOLE)
    assert ["data" in asked.body for asked in wire.calls(DESCRIBE)] == [False, True, True, True]


def test_an_object_that_is_not_there_stops_with_the_vendors_words(wire: Wire) -> None:
    wire.answer(DESCRIBE, failed(11001, "对象不存在"))
    with pytest.raises(Halt, match="对象不存在"):
        wire.crm().fetch("NoSuchObj", ["name"], WHOLE)


def test_a_slice_is_widened_to_whole_milliseconds() -> None:
    moment = dt.datetime(2026, 1, 1, 0, 0, 0, 1500, tzinfo=dt.UTC)
    assert to_ms_up(moment) - to_ms(moment) == 1
    exact = moment.replace(microsecond=2000)
    assert to_ms_up(exact) == to_ms(exact)
    assert from_ms(str(to_ms(exact))) == exact
    assert from_ms(None) is None


def read(wire: Wire, stream: Stream, **data: Any) -> Any:
    reader = MAPPING.readers[stream]
    wire.answer(QUERY, page(row("x1", **data)))
    (found,) = wire.crm().fetch(reader.object, reader.vendor_fields, WHOLE).rows
    return reader.read(found)


def test_the_mapping_reads_an_account(wire: Wire) -> None:
    wire.describe(industry_level1=options(q="制造业"))
    found = read(
        wire,
        Stream.ACCOUNTS,
        name="甲公司",
        uniform_social_credit_code="91310000MA1FL0000X",
        country="CN",
        industry_level1="q",
        city="上海",
        owner=["FSUID_3"],
        payment_terms_days__c=30,
        customer_since__c=1_577_808_000_000,  # 2020-01-01 00:00 in Shanghai
    )
    assert found == Account(
        external_id="x1",
        modified_at=NOW,
        name="甲公司",
        uscc="91310000MA1FL0000X",
        country="CN",
        industry="制造业",
        city="上海",
        owner_id="FSUID_3",
        currency="CNY",
        terms_days=30,
        customer_since=dt.date(2020, 1, 1),
    )


def test_the_mapping_reads_an_order_by_the_label_of_its_status(wire: Wire) -> None:
    found = read(
        wire,
        Stream.ORDERS,
        name="SO-1",
        account_id="acc",
        order_amount="1200.50",
        mc_currency="USD",
        order_time=1_777_564_800_000,  # 2026-05-01 00:00 in Shanghai
        order_status="k3J",
    )
    assert found == Order(
        external_id="x1",
        modified_at=NOW,
        account_id="acc",
        number="SO-1",
        amount=120_050,
        currency="USD",
        ordered_on=dt.date(2026, 5, 1),
        stage=OrderStage.OPEN,
    )


def test_the_mapping_reads_invoices_and_payments(wire: Wire) -> None:
    invoice = read(
        wire, Stream.INVOICES, name="INV-1", account_id="acc", order_id="o1", invoice_applied_amount="10"
    )
    assert isinstance(invoice, Invoice)
    assert (invoice.amount, invoice.state, invoice.paid) == (1000, InvoiceState.OPEN, None)
    payment = read(wire, Stream.PAYMENTS, account_id="acc", order_id="o1", payment_amount=2.5)
    assert isinstance(payment, Payment)
    assert (payment.amount, payment.order_id, payment.paid_on) == (250, "o1", None)

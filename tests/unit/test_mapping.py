"""Mappings: what is wrong with a file is told by line; what is wrong with a row is told by field."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest

from connector.adapter import Row
from connector.config import shipped
from connector.errors import Halt, Reject
from connector.mapping.form import FieldMapping, compile_mapping, load
from connector.model import Invoice, Order, OrderStage, Stream, VisitState
from connector.yamlfile import parse

GOOD = """\
mapping: test
dates: epoch_ms
timezone: Asia/Shanghai
read:
  orders:
    object: Orders
    fields:
      account_id: Account.id
      amount: Total
      currency: {field: Currency, default: CNY, values: {RMB: CNY, CNY: CNY, JPY: JPY, XXQ: XXQ}}
      stage: {field: Status, values: {New: open, Gone: cancelled}, else: closed}
      ordered_on: Day
      prepaid: {field: Prepaid, optional: true}
  invoices:
    object: Invoices
    fields:
      account_id: Owners.0
      amount: Total
      currency: Currency
      state: {field: State, values: {A: open}}
write:
  account:
    object: Accounts
    fields:
      credit_status:
        {field: S__c, type: option, label: {en: Status, zh: 状态}, options: {ok: {en: OK, zh: 正常}}}
"""
ROW = {
    "Account": {"id": "7"},
    "Total": "1,234.50",
    "Currency": "RMB",
    "Status": "New",
    "Day": "1767225600000",
}


def compiled(text: str = GOOD) -> FieldMapping:
    return compile_mapping(parse(text, "test.yaml"), "test.yaml")


def read(stream: Stream, data: dict[str, Any]) -> Any:
    return compiled().readers[stream].read(Row("1", None, data))


def test_a_row_is_read_with_lookups_translations_defaults_and_days_of_the_zone() -> None:
    order = read(Stream.ORDERS, ROW)
    assert order == Order(
        external_id="1",
        account_id="7",
        amount=123_450,
        currency="CNY",
        stage=OrderStage.OPEN,
        ordered_on=dt.date(2026, 1, 1),
    )
    assert read(Stream.ORDERS, ROW | {"Status": "whatever"}).stage is OrderStage.CLOSED
    assert read(Stream.ORDERS, ROW | {"Currency": None}).currency == "CNY"
    assert read(Stream.ORDERS, ROW | {"Currency": "JPY", "Total": Decimal("99")}).amount == 99
    invoice = read(Stream.INVOICES, {"Owners": ["9"], "Total": 5, "Currency": "EUR", "State": "A"})
    assert isinstance(invoice, Invoice)
    assert (invoice.account_id, invoice.amount, invoice.paid) == ("9", 500, None)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"Total": "12,x"}, "bad_amount", "amount"),
        ({"Total": ["1"]}, "bad_amount", "amount"),
        ({"Total": None}, "missing_value", "amount"),
        ({"Currency": "XXQ"}, "unknown_currency", "currency"),
        ({"Currency": "DKK"}, "unknown_value", "currency"),
        ({"Account": None}, "missing_account", "account_id"),
        ({"Day": "soon"}, "bad_value", "ordered_on"),
        ({"Prepaid": "perhaps"}, "bad_value", "prepaid"),
    ],
)
def test_a_row_that_does_not_fit_names_field_value_and_way_out(
    change: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(Reject) as told:
        read(Stream.ORDERS, ROW | change)
    assert (told.value.code, told.value.field) == (code, field)
    assert told.value.todo
    given = next(iter(change.values()))
    assert given is None or str(given) in told.value.value


@pytest.mark.parametrize(
    ("old", "new", "line", "advice"),
    [
        ("mapping: test", "maping: test", 1, "write 'mapping'"),
        ("  orders:", "  order:", 5, "write 'orders'"),
        (
            "      amount: Total\n      currency: {field",
            "      amont: Total\n      currency: {field",
            9,
            "'amount'",
        ),
        ("timezone: Asia/Shanghai", "timezone: Shanghai", 3, "Asia/Shanghai"),
        ("else: closed", "otherwise: closed", 11, "use one of"),
        ("      account_id: Account.id\n", "", 7, "account_id: FIELD"),
        ("type: option", "type: choice", 25, "option"),
        ("  invoices:\n", "  invoices: none\n  payments:\n", 14, "name: value"),
        ("    object: Orders", "    object Orders", 6, "YAML"),
    ],
)
def test_a_broken_mapping_names_the_line_and_what_to_write(
    old: str, new: str, line: int, advice: str
) -> None:
    assert old in GOOD
    with pytest.raises(Halt) as told:
        compiled(GOOD.replace(old, new, 1))
    assert told.value.where.startswith("test.yaml:")
    assert abs(int(told.value.where.rpartition(":")[2]) - line) <= 1, told.value
    assert advice in told.value.todo


def test_values_are_written_under_the_tenants_names_with_labels_of_options() -> None:
    writer = compiled().writer("account", {"credit_status": "field17"})
    assert writer is not None
    assert writer.write({"credit_status": "ok", "unmapped": 1}, "zh") == {"field17": "正常"}
    assert writer.types == {"field17": "option"}
    (spec,) = writer.specs("zh")
    assert (spec.label, spec.options) == ("状态", (("ok", "正常"),))


@pytest.mark.parametrize("path", sorted(shipped("mappings").glob("*.yaml")), ids=lambda p: p.name)
def test_the_mappings_that_ship_are_valid(path: Any) -> None:
    assert load(path).readers


def test_trap_the_state_of_a_visit_is_read_from_the_label_where_values_are_opaque() -> None:
    mapping = load(shipped("mappings") / "fxiaoke.yaml")
    reader = mapping.reader(Stream.VISITS, {"status": "field_IT92M__c", "credit_key": "field_k__c"})
    assert reader is not None
    assert set(reader.vendor_fields) >= {"field_k__c", "field_IT92M__c__label", "due_on__c"}
    row = {"_id": "1", "field_k__c": "k", "field_IT92M__c": "x9", "field_IT92M__c__label": "已完成"}
    assert getattr(reader.read(Row("1", None, row)), "state") is VisitState.DONE  # noqa: B009


CHECK_INS = """\
  visits:
    label: __label
    object: CheckinsObj
    fields:
      key: credit_key__c
      state: {field: status__label, values: {已完成: done}}
      closed_at: {field: checkin_time, optional: true}
"""


def with_visits(section: str) -> str:
    """The mapping that ships, with another section for visits."""
    text = (shipped("mappings") / "fxiaoke.yaml").read_text(encoding="utf-8")
    return re.sub(r"(?<=\n)  visits:\n(    .*\n)+", section, text)


def test_visits_may_be_read_from_another_object_than_the_one_that_is_written() -> None:
    mapping = compile_mapping(parse(with_visits(CHECK_INS), "test.yaml"), "test.yaml")
    reader = mapping.reader(Stream.VISITS, {"status": "other"})
    assert reader is not None and (reader.object, reader.having) == ("CheckinsObj", "credit_key__c")
    row = {"_id": "1", "credit_key__c": "k", "checkin_time": 1_780_243_200_000}
    for label, state in (
        ("已完成", VisitState.DONE),
        ("签到中", VisitState.PLANNED),
        (None, VisitState.PLANNED),
    ):
        found = reader.read(Row("1", None, {**row, "status__label": label}))
        assert getattr(found, "state") is state  # noqa: B009


def test_visits_of_another_object_need_our_key() -> None:
    changed = with_visits(CHECK_INS.replace("      key: credit_key__c\n", ""))
    with pytest.raises(Halt, match="visits needs 'key'"):
        compile_mapping(parse(changed, "test.yaml"), "test.yaml")

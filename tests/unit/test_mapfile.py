"""Changes of a mapping file: kept comments, own file, nothing half done."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.adapter import FieldInfo, ObjectInfo
from connector.admin.mapfile import Change, parse
from connector.admin.suggest import suggest
from connector.errors import Halt
from connector.yamlfile import parse as parse_yaml
from connector.yamlfile import read as read_yaml

MAPPING = """\
mapping: x
read:
  accounts: {object: Firms, fields: {name: Name}}
  orders:
    object: Orders
    fields:
      account_id: firm
      amount: total
      currency: {field: currency, default: CNY}
      stage: {field: state__label, values: {Draft: draft}}
"""


class Described:
    """A CRM that describes itself from memory."""

    name = "x"
    describes = True

    def __init__(self, *fields: FieldInfo) -> None:
        self.given = fields

    def objects(self) -> list[ObjectInfo]:
        return [ObjectInfo("Firms", "Firms"), ObjectInfo("Orders", "Orders")]

    def fields_of(self, object_name: str) -> tuple[FieldInfo, ...]:
        return (FieldInfo("Name", "Name", "text", "Name"),) if object_name == "Firms" else self.given


FIRM = FieldInfo("firm", "Customer", "reference", "firm", target="Firms")
TOTAL = FieldInfo("total", "Order total", "money", "total")
STATE = FieldInfo("state", "Status", "option", "state__label", labels=("Draft", "Shipped", "Odd"))


def proposals(*fields: FieldInfo) -> dict[str, tuple[str, bool]]:
    found = suggest(Described(*fields), parse_yaml(MAPPING, "x"))  # type: ignore[arg-type]
    return {one.place: (one.proposed, one.confidence >= 0.8) for one in found}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("orders.amount=total", Change("orders", "amount", "", "total")),
        ("orders.stage:排产中=open", Change("orders", "stage", "排产中", "open")),
        ("orders.due_on=", Change("orders", "due_on", "", "")),
        ("account.credit_limit=a__c", Change("account", "credit_limit", "", "a__c")),
    ],
)
def test_a_change_is_read_from_one_word(text: str, wanted: Change) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize("text", ["orders.amount", "amount=x", "orders.stage:=open", "nothing.amount=x"])
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(Halt):
        parse(text)


def test_what_is_there_stays_and_options_get_their_meaning_by_their_label() -> None:
    found = proposals(FIRM, TOTAL, STATE)
    assert found["orders.amount"] == ("total", True)
    assert found["orders.stage:Shipped"] == ("delivered", True)
    assert found["orders.stage:Odd"] == ("", False)


@pytest.mark.parametrize("label", ["订单总额", "Order Total", "销售订单金额"])
def test_a_renamed_field_is_found_by_its_label_in_either_language(label: str) -> None:
    assert proposals(FIRM, FieldInfo("f_1", label, "money", "f_1"), STATE)["orders.amount"] == ("f_1", True)


def test_a_field_of_another_type_is_never_proposed() -> None:
    assert proposals(FIRM, FieldInfo("f_1", "订单总额", "date", "f_1"), STATE)["orders.amount"] == ("", False)


def test_two_fields_that_fit_alike_are_left_to_a_person() -> None:
    twins = [FieldInfo(name, "订单总额", "money", name) for name in ("fx_1", "fx_2")]
    assert proposals(FIRM, *twins, STATE)["orders.amount"] == ("", False)


def test_a_reference_is_known_by_what_it_leads_to() -> None:
    odd = FieldInfo("lookup", "Buyer", "reference", "lookup", target="Firms")
    elsewhere = FieldInfo("other", "Customer", "reference", "other", target="Things")
    assert proposals(odd, elsewhere, TOTAL, STATE)["orders.account_id"][0] == "lookup"


def test_switched_off_fields_are_as_if_they_were_not_there() -> None:
    off = FieldInfo("total", "Order total", "money", "total", active=False)
    assert proposals(FIRM, off, STATE)["orders.amount"] == ("", False)


def test_what_is_changed_is_a_copy_that_nobody_else_reads(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text("a: {b: 1}\n", encoding="utf-8")
    changed = read_yaml(path, own=True)
    changed["a"]["b"] = 2
    assert read_yaml(path) == {"a": {"b": 1}} and read_yaml(path) is read_yaml(path)

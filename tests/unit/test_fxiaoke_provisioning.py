"""Fxiaoke: what is there, what is missing, and what to create by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.fxiaoke.adapter import FxiaokeCrm
from connector.adapter import FieldSpec, FieldState, Provisioned
from connector.http import Http
from connector.mapping.form import load
from tests.fxiaoke_wire import OBJECTS, Wire, options, scripted

MAPPING = load(Path(__file__).parents[2] / "mappings" / "fxiaoke.yaml")
STATUS = FieldSpec(
    "credit_status", "credit_status__c", "信用状态", "option", (("ok", "正常"), ("hold", "冻结"))
)
KEY = FieldSpec("credit_key", "credit_key__c", "任务编号", "text", unique=True)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with scripted() as made:
        made.answer(OBJECTS, {"data": {"objects": [{"describeApiName": "AccountObj", "isActive": True}]}})
        made.describe()
        yield made


def checked(wire: Wire, spec: FieldSpec, language: str = "zh", **fields: Any) -> Provisioned:
    wire.describe(**fields)
    crm = FxiaokeCrm(wire.context(Http(FxiaokeCrm.limits), language))
    (found,) = crm.provision("AccountObj", [spec], dry_run=False)
    return found


def test_a_field_with_its_api_name_is_present(wire: Wire) -> None:
    found = checked(wire, STATUS, credit_status__c=options(a="正常", b="冻结", c="其他"))
    assert (found.state, found.api_name, found.by_hand) == (FieldState.PRESENT, "credit_status__c", "")


def test_a_field_with_a_generated_name_is_found_by_its_label(wire: Wire) -> None:
    field = {**options(a="正常", b="冻结"), "label": "信用状态", "define_type": "custom"}
    found = checked(wire, STATUS, field_IT92M__c=field)
    assert (found.state, found.api_name) == (FieldState.PRESENT, "field_IT92M__c")


def test_a_preset_field_of_the_same_label_is_not_ours(wire: Wire) -> None:
    field = {**options(a="正常", b="冻结"), "label": "信用状态", "define_type": "package"}
    assert checked(wire, STATUS, credit=field).state is FieldState.MISSING


def test_a_missing_field_says_what_to_create(wire: Wire) -> None:
    found = checked(wire, STATUS)
    assert (found.state, found.api_name) == (FieldState.MISSING, None)
    for part in ("AccountObj", "信用状态", "单选", "正常、冻结", "credit_status__c"):
        assert part in found.by_hand


def test_the_instructions_are_in_the_connections_language(wire: Wire) -> None:
    found = checked(wire, STATUS, "en")
    for part in ("AccountObj", "single choice", "正常, 冻结", "API name credit_status__c"):
        assert part in found.by_hand
    assert "新建" not in found.by_hand


@pytest.mark.parametrize(
    ("spec", "field", "word"),
    [
        (STATUS, {"type": "text"}, "单选"),
        (STATUS, options(a="正常"), "冻结"),
        (STATUS, {**options(a="正常", b="冻结"), "is_active": False}, "启用"),
        (KEY, {"type": "text", "is_unique": False}, "唯一"),
        (KEY, {"type": "long_text"}, "单行文本"),
    ],
)
def test_a_field_that_does_not_fit_is_a_mismatch(
    wire: Wire, spec: FieldSpec, field: dict[str, Any], word: str
) -> None:
    fields: dict[str, Any] = {spec.api_name: field}
    found = checked(wire, spec, "zh", **fields)
    assert (found.state, found.api_name) == (FieldState.MISMATCH, spec.api_name)
    assert word in found.by_hand


def test_uniqueness_that_is_not_described_is_taken_on_trust(wire: Wire) -> None:
    assert checked(wire, KEY, credit_key__c={"type": "text"}).state is FieldState.PRESENT


@pytest.mark.parametrize(
    ("ours", "vendors"),
    [
        ("text", "text"),
        ("long_text", "long_text"),
        ("money", "currency"),
        ("number", "number"),
        ("number", "percentile"),
        ("integer", "number"),
        ("boolean", "true_or_false"),
        ("date", "date"),
        ("datetime", "date_time"),
        ("owner", "employee"),
        ("reference", "object_reference"),
    ],
)
def test_each_of_our_types_has_a_vendor_type(wire: Wire, ours: str, vendors: str) -> None:
    spec = FieldSpec("x", "x__c", "字段", ours)
    assert checked(wire, spec, x__c={"type": vendors}).state is FieldState.PRESENT
    assert checked(wire, spec, x__c={"type": "location"}).state is FieldState.MISMATCH


@pytest.mark.parametrize("listed", [[], [{"describeApiName": "credit_visit__c", "isActive": False}]])
def test_without_the_object_every_field_is_missing_and_the_object_is_named(
    wire: Wire, listed: list[dict[str, Any]]
) -> None:
    wire.answer(OBJECTS, {"data": {"objects": listed}})
    writer = MAPPING.writer("visit")
    assert writer is not None
    specs = writer.specs("zh")
    found = wire.crm().provision(writer.object, specs, dry_run=True)
    assert [one.spec for one in found] == specs
    assert {one.state for one in found} == {FieldState.MISSING}
    assert all("对象" in one.by_hand and "credit_visit__c" in one.by_hand for one in found)
    account = next(one for one in found if one.spec.name == "account_id")
    assert "AccountObj" in account.by_hand
    key = next(one for one in found if one.spec.name == "credit_key")
    assert "唯一" in key.by_hand


def test_provisioning_looks_afresh_each_time_and_writes_nothing(wire: Wire) -> None:
    crm = wire.crm()
    (before,) = crm.provision("AccountObj", [STATUS], dry_run=False)
    wire.describe(credit_status__c=options(a="正常", b="冻结"))
    (after,) = crm.provision("AccountObj", [STATUS], dry_run=False)
    assert (before.state, after.state) == (FieldState.MISSING, FieldState.PRESENT)
    assert {asked.path.rsplit("/", 1)[-1] for asked in wire.asked} == {"V2", "list", "describe"}


def test_every_field_of_the_mapping_can_be_asked_for_in_both_languages(wire: Wire) -> None:
    for target in ("account", "visit"):
        writer = MAPPING.writer(target)
        assert writer is not None
        for language in ("zh", "en"):
            crm = FxiaokeCrm(wire.context(Http(FxiaokeCrm.limits), language))
            for found in crm.provision("AccountObj", writer.specs(language), dry_run=True):
                assert found.state is FieldState.MISSING
                assert found.spec.label in found.by_hand
                assert found.spec.api_name in found.by_hand

"""Fxiaoke: the wanted fields as files for the vendor's deployment tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from adapters.fxiaoke.adapter import FxiaokeCrm
from adapters.fxiaoke.metadata import metadata
from connector.adapter import FieldSpec
from connector.mapping.form import load

MAPPING = load(Path(__file__).parents[2] / "mappings" / "fxiaoke.yaml")


def described(spec: FieldSpec) -> dict[str, Any]:
    ((path, text),) = metadata("AccountObj", [spec]).items()
    assert path == f"tenant-config/objects/AccountObj/fields/{spec.api_name}.field-meta.xml"
    root = ElementTree.fromstring(text)
    assert (root.tag, root.findtext("status")) == ("ObjectField", "new")
    found: dict[str, Any] = json.loads(root.findtext("content") or "")
    return found


def test_each_field_of_the_mapping_has_a_file_that_describes_it() -> None:
    for target in ("account", "order", "visit"):
        writer = MAPPING.writer(target)
        assert writer is not None
        specs = writer.specs("zh")
        files = metadata(writer.object, specs)
        assert len(files) == len(specs)
        for spec in specs:
            field = described(spec)
            assert (field["api_name"], field["label"]) == (spec.api_name, spec.label)
            assert (field["define_type"], field["status"], field["is_unique"]) == (
                "custom",
                "new",
                spec.unique,
            )


def test_types_options_and_digits_are_the_vendors() -> None:
    field = described(FieldSpec("x", "x__c", "额度", "money"))
    assert (field["type"], field["decimal_places"]) == ("currency", 2)
    field = described(FieldSpec("x", "x__c", "状态 <&>", "option", (("ok", "正常"), ("hold", "冻结"))))
    assert field["label"] == "状态 <&>"
    assert field["options"] == [{"value": "ok", "label": "正常"}, {"value": "hold", "label": "冻结"}]
    assert described(FieldSpec("x", "x__c", "天数", "integer"))["decimal_places"] == 0
    assert described(FieldSpec("x", "x__c", "客户", "reference"))["target_api_name"] == "AccountObj"
    assert described(FieldSpec("x", "x__c", "原因", "long_text"))["max_length"] == 2000


def test_other_crms_have_no_such_tool() -> None:
    assert "metadata" in vars(FxiaokeCrm)
    from adapters.zoho.adapter import ZohoCrm

    assert "metadata" not in vars(ZohoCrm)

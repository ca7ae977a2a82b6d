"""What the plugin for Fxiaoke consists of, and what cannot be packed."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from adapters.fxiaoke.adapter import FxiaokeCrm
from adapters.fxiaoke.plugin.functions import escaped
from connector.errors import Halt
from tests.fxiaoke_plugin import SCRIPTS, ReadFrom, packed, plugin_spec

GATE = "https://credit.example.com"
RULES = "tenant-config/objects/SalesOrderObj/validation-rules"


def rule(files: dict[str, str], name: str) -> dict[str, Any]:
    root = ElementTree.fromstring(files[f"{RULES}/validation_rule_credit_{name}__c.rule-meta.xml"])
    found: dict[str, Any] = json.loads(root.findtext("content") or "")
    return found


def test_the_same_settings_give_the_same_files_and_the_list_names_each() -> None:
    files = packed(GATE)
    assert files == packed(GATE)
    listed = json.loads(files["plugin.json"])
    named = {
        "plugin.json",
        *listed["other"],
        *listed["fields"],
        *listed["rules"],
        *listed["component"]["files"],
    }
    assert named | {one["file"] for one in listed["functions"]} == set(files)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_steps_name_every_function_and_rule_in_the_orgs_language(language: str) -> None:
    made = FxiaokeCrm.plugin(plugin_spec(GATE, language=language))
    files = {path: content.decode() for path, content in made.files.items()}
    listed = json.loads(files["plugin.json"])
    told = "\n".join(made.steps)
    assert all(one["api_name"] in told for one in listed["functions"])
    assert rule(files, "account")["condition"] in told
    assert all(step in files["README.md"] for step in made.steps)
    assert bool(re.search(r"[\u4e00-\u9fff]", made.steps[0])) is (language == "zh")


def test_nothing_is_left_to_be_put_in_but_the_secrets() -> None:
    files = packed(GATE)
    places = json.loads(files["plugin.json"])["places"].values()
    for path, text in files.items():
        assert "@@" not in text, path
    scripts = [text for path, text in files.items() if path.startswith(SCRIPTS)]
    assert [sum(place in text for place in places) for text in scripts] == [1, 1, 1, 0]


def test_rules_hold_for_the_flag_and_the_status_under_the_tenants_names() -> None:
    spec = plugin_spec(GATE, settings={"status_values": "a1, b2", "rule_scenes": "create,update"})
    spec.written["account"].fields["credit_hold"] = "field_x__c"  # type: ignore[index]
    made = {path: content.decode() for path, content in FxiaokeCrm.plugin(spec).files.items()}
    found = rule(made, "account")
    assert found["condition"].split(" || ") == [
        "$account_id__r.field_x__c$ == true",
        "$account_id__r.credit_status__c._value$ == 'a1'",
        "$account_id__r.credit_status__c._value$ == 'b2'",
    ]
    assert (found["enable_blocking"], found["scene"]) == (True, ["create", "update"])


def test_the_rule_on_held_orders_can_be_left_out() -> None:
    assert rule(packed(GATE), "order")["scene"] == ["update"]
    files = packed(GATE, settings={"held_order_rule": "off"})
    assert [path for path in files if path.startswith(RULES)] == [
        f"{RULES}/validation_rule_credit_account__c.rule-meta.xml"
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"settings": {"rule_scenes": "delete"}}, "delete"),
        ({"settings": {"status_values": "x' || true"}}, "status_values"),
        ({"orders": {"amount": ReadFrom("details.0.amount")}}, "amount"),
        ({"orders": {"account_id": ReadFrom("account'] + x")}}, "account_id"),
    ],
)
def test_what_makes_no_sense_is_not_packed(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(Halt) as fault:
        packed(GATE, **changes)
    assert told in str(fault.value.what) and fault.value.todo


def test_trap_no_text_becomes_code() -> None:
    assert escaped("a'b\\c\nd*/e") == "a\\'b\\\\c\\nd* /e"
    texts = {tongue: dict(words) for tongue, words in plugin_spec(GATE).texts.items()}
    texts["zh"]["plugin.held"] = "'; Fx.object.delete('x')\n"
    texts["zh"]["panel.title"] = "</script><script>alert(1)</script>"
    files = packed(GATE, texts=texts)
    assert "\\'; Fx.object.delete(\\'x\\')\\n" in files[f"{SCRIPTS}/credit_check__c.groovy"]
    assert "</script><script>" not in files["component/creditPanel/panel.js"]


def test_the_component_knows_no_global_but_the_vendors() -> None:
    files = packed(GATE)
    script = files["component/creditPanel/panel.js"]
    code = re.sub(r"//[^\n]*", "", script[script.index("export function mount") :])
    assert not re.findall(r"\b(?:window|fetch|XMLHttpRequest|localStorage|ZOHO|history|location)\b", code)
    assert GATE not in files["component/creditPanel/CreditPanel.vue"] + script
    assert "document.body" not in code and "querySelectorAll" not in code

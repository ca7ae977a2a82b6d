"""Validation rules (验证规则) of the plugin: they hold without our service, by what was last written back.

Invariant: a rule's condition holds for a violation. Orders of an account on hold are refused when they are
new, for only an increase may be blocked and a rule cannot tell one; an order that is itself on hold is not
edited, but for the decision about it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from adapters.fxiaoke.plugin.functions import plain
from connector.adapter import PluginSpec

ON = "on"


def rules(spec: PluginSpec, language: str) -> Mapping[str, dict[str, Any]]:
    """The rules by the path of their file, as the vendor describes them."""
    made = [_account_rule(spec, language)]
    if spec.settings["held_order_rule"] == ON:
        made.append(_order_rule(spec, language))
    folder = f"tenant-config/objects/{spec.order_object}/validation-rules"
    return {f"{folder}/{rule['api_name']}.rule-meta.xml": rule for rule in made if rule["condition"]}


def file_of(rule: Mapping[str, Any]) -> str:
    """A rule as a file for the vendor's deployment tool."""
    content = escape(json.dumps(rule, ensure_ascii=False, indent=2))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<ValidationRule>\n<content>{content}</content>\n<status>new</status>\n</ValidationRule>\n"
    )


def _account_rule(spec: PluginSpec, language: str) -> dict[str, Any]:
    fields = spec.written["account"].fields if "account" in spec.written else {}
    through = f"{plain(spec, 'account_id')}__r."
    parts = []
    if "credit_hold" in fields:
        parts.append(f"${through}{fields['credit_hold']}$ == true")
    if "credit_status" in fields:
        values = [one.strip() for one in spec.settings["status_values"].split(",") if one.strip()]
        parts += [f"${through}{fields['credit_status']}._value$ == '{value}'" for value in values]
    scenes = [one.strip() for one in spec.settings["rule_scenes"].split(",")]
    label = {"zh": "客户信用冻结", "en": "Account on credit hold"}[language]
    return _rule(spec, "account", label, " || ".join(parts), scenes, language)


def _order_rule(spec: PluginSpec, language: str) -> dict[str, Any]:
    fields = spec.written["order"].fields if "order" in spec.written else {}
    condition = ""
    if "credit_hold" in fields:
        condition = f"${fields['credit_hold']}$ == true"
        if "credit_decision" in fields:
            condition += f" && ${fields['credit_decision']}._value$ == null"
    label = {"zh": "订单信用冻结", "en": "Order on credit hold"}[language]
    return _rule(spec, "order", label, condition, ["update"], language)


def _rule(
    spec: PluginSpec, name: str, label: str, condition: str, scenes: list[str], language: str
) -> dict[str, Any]:
    return {
        "api_name": f"validation_rule_credit_{name}__c",
        "rule_name": label,
        "describe_api_name": spec.order_object,
        "define_type": "custom",
        "is_active": True,
        "condition": condition,
        "message": spec.texts[language]["plugin.rule"],
        "enable_blocking": True,
        "scene": scenes,
        "default_to_zero": False,
    }

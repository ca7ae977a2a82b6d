"""The plugin as an admin gets it: fields, rules, functions and the panel, for the vendor's tool and by hand.

Invariant: one packing list (``plugin.json``) names every file and where it belongs; no secret is among them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adapters.fxiaoke.metadata import metadata
from adapters.fxiaoke.plugin import component, steps
from adapters.fxiaoke.plugin.functions import KEY_PLACE, SECRET_PLACE, functions, text_of
from adapters.fxiaoke.plugin.rules import ON, file_of, rules
from connector.adapter import FieldSpec, Packed, PluginSpec, Setting
from connector.errors import Halt

LIST, README = "plugin.json", "README.md"
SCENES = ("create", "update")
CHECKINS = "CheckinsObj"
LABELS = {
    "plan": {"zh": "外勤ID", "en": "Check-in plan"},
    "key": {"zh": "信用任务编号", "en": "Credit key"},
}

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "status_values",
        "values (not labels) of the options Hold and Stop of the account's credit status; fields that were "
        "made from the packed files have these",
        default="hold,stop",
    ),
    Setting(
        "rule_scenes",
        "when the rule on the account is looked at: create, or create,update to refuse every edit too",
        default="create",
    ),
    Setting(
        "held_order_rule",
        "on or off: whether an order on hold can be edited only to decide about it",
        default=ON,
        choices=(ON, "off"),
    ),
    Setting("details_object", "object with the lines of an order", default="SalesOrderProductObj"),
    Setting("details_amount", "field of a line with its amount", default="subtotal"),
    Setting("draft_values", "values of the order's status that mean a draft", default="", optional=True),
    Setting(
        "check_type", "type of the check-in plans (外勤类型) for visits", default="default_check_type_id"
    ),
    Setting("plan_field", "text field of a visit that keeps the id of its plan", default="plan_id__c"),
)


def pack(spec: PluginSpec) -> Packed:
    """The files and what to do with them. ``Halt`` for a setting or a mapping that makes no sense."""
    _check(spec)
    language = "zh" if spec.language.lower().startswith("zh") else "en"
    made = functions(spec)
    scripts = {one.file: text_of(one, spec, language) for one in made}
    ruled = rules(spec, language)
    described = _fields(spec, language)
    panel = component.files(spec)
    todo = steps.steps(spec, language, made, ruled)
    packing_list = {
        "connection": spec.connection,
        "service": spec.gate_url,
        "places": {"key": KEY_PLACE, "hook_secret": SECRET_PLACE},
        "fields": sorted(described),
        "rules": sorted(ruled),
        "functions": [one.listed(language) for one in made],
        "component": {
            "api_name": component.API_NAME,
            "entry": component.ENTRY,
            "objects": ["AccountObj", spec.order_object],
            "files": sorted(panel),
        },
        "other": [README],
    }
    files = {
        LIST: json.dumps(packing_list, ensure_ascii=False, indent=2) + "\n",
        README: steps.page(todo, language),
        **scripts,
        **{path: file_of(rule) for path, rule in ruled.items()},
        **described,
        **panel,
    }
    return Packed({path: text.encode() for path, text in sorted(files.items())}, todo)


def _fields(spec: PluginSpec, language: str) -> Mapping[str, str]:
    """Our fields, and those that the check-in plans of visits need."""
    found: dict[str, str] = {}
    for written in spec.written.values():
        found |= metadata(written.object, written.specs)
    visit = spec.written.get("visit")
    if visit is not None:
        kept = FieldSpec("plan", spec.settings["plan_field"], LABELS["plan"][language], "text")
        carried = FieldSpec("key", visit.fields["credit_key"], LABELS["key"][language], "text")
        found |= {**metadata(visit.object, [kept]), **metadata(CHECKINS, [carried])}
    return found


def _check(spec: PluginSpec) -> None:
    scenes = [one.strip() for one in spec.settings["rule_scenes"].split(",")]
    if not set(scenes) <= set(SCENES):
        raise _wrong("rule_scenes", spec.settings["rule_scenes"], f"write some of {', '.join(SCENES)}")
    for key in ("status_values", "draft_values"):
        value: Any = spec.settings.get(key, "")
        if "'" in value or "$" in value:
            raise _wrong(key, value, "write the values of options, with commas between them")


def _wrong(key: str, value: str, todo: str) -> Halt:
    return Halt(f"{value!r} is no value of {key}", where="--set", todo=todo)

"""A packed plugin as an admin installs it: fields, rules, functions and the component out of the files.

Invariant: strict: a file that is not in the packing list, a listed file that is missing, a rule or function
that the vendor would not take, or a plugin without its key is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from sandbox.fxiaoke.fields import OPTIONS, Field
from sandbox.fxiaoke.fields import Object as Kind
from sandbox.fxiaoke.functions import Functions
from sandbox.fxiaoke.objects import CUSTOMER, common_fields
from sandbox.fxiaoke.rules import Rules
from sandbox.fxiaoke.tenant import Tenant

LIST = "plugin.json"
COMPONENT_FILES = (".vue", ".js", ".less", ".scss", ".css")
"""What the console takes for a component (vendor's sample)."""
_META = re.compile(r"tenant-config/objects/(\w+)/(fields|validation-rules)/(\w+)\.[a-z-]+-meta\.xml")
_RULE_KEYS = {
    "api_name",
    "rule_name",
    "describe_api_name",
    "define_type",
    "is_active",
    "condition",
    "message",
    "enable_blocking",
    "scene",
    "default_to_zero",
}


def install(tenant: Tenant, rules: Rules, functions: Functions, body: Mapping[str, Any]) -> dict[str, Any]:
    """Install ``files`` (base64 by path) with the ``key``, and ``hook_secret`` if there is one: functions
    that need what is not given are left out. ``ValueError`` for whatever the console would not take."""
    files = _decoded(body.get("files"))
    listed = json.loads(files[LIST])
    known = [LIST, *listed["other"], *listed["fields"], *listed["rules"], *listed["component"]["files"]]
    known += [one["file"] for one in listed["functions"]]
    strange, missing = set(files) - set(known), set(known) - set(files)
    if strange or missing:
        raise ValueError(f"not in the packing list: {sorted(strange)}; not in the files: {sorted(missing)}")
    if not body.get("key"):
        raise ValueError("the key is still to be put in")
    component = listed["component"]
    if component["entry"] not in component["files"]:
        raise ValueError("the component's entry file is not among its files")
    for path in component["files"]:
        if not path.endswith(COMPONENT_FILES):
            raise ValueError(f"{path}: a component consists of {', '.join(COMPONENT_FILES)}")
    with tenant.lock:
        fields = [_field(tenant, path, files[path]) for path in listed["fields"]]
        made = [rules.set_up(_rule(path, files[path])).api_name for path in listed["rules"]]
    installed = []
    for one in listed["functions"]:
        text = files[one["file"]]
        if "@@" in text:
            raise ValueError(f"{one['file']}: something was left out when it was packed")
        for name, place in listed["places"].items():
            text = text.replace(place, str(body[name])) if body.get(name) else text
        if not any(place in text for place in listed["places"].values()):
            installed.append(functions.install({**one, "text": text}).api_name)
    return {"fields": fields, "rules": made, "functions": installed, "component": component["api_name"]}


def _decoded(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or LIST not in given:
        raise ValueError(f"files must be base64 by path, {LIST} among them")
    try:
        return {path: base64.b64decode(text, validate=True).decode() for path, text in given.items()}
    except (TypeError, binascii.Error, UnicodeDecodeError):
        raise ValueError("files must be base64 of texts") from None


def _content(path: str, text: str) -> tuple[str, str, dict[str, Any]]:
    named = _META.fullmatch(path)
    if named is None:
        raise ValueError(f"{path}: not where the tool looks for files")
    root = ElementTree.fromstring(text)  # noqa: S314 (our own files, in a test)
    if root.findtext("status") not in ("new", "modified", "unchanged"):
        raise ValueError(f"{path}: status must be new, modified or unchanged")
    described: dict[str, Any] = json.loads(root.findtext("content") or "")
    if described.get("api_name") != named.group(3) or described.get("define_type") != "custom":
        raise ValueError(f"{path}: the file's name and what it describes differ, or it is not custom")
    return named.group(1), named.group(2), described


def _field(tenant: Tenant, path: str, text: str) -> str:
    object_name, _, given = _content(path, text)
    kind = tenant.objects.get(object_name)
    if kind is None:
        if not object_name.endswith("__c"):
            raise ValueError(f"{path}: there is no object {object_name}")
        kind = tenant.objects[object_name] = Kind(object_name, object_name, custom=True)
        for one in common_fields():
            kind.add(one)
    there = kind.fields.get(given["api_name"])
    if there is not None and there.type != given["type"]:
        raise ValueError(f"{path}: {object_name} has a field of this name of type {there.type}")
    if there is None:
        options = {one["value"]: one["label"] for one in given.get("options") or []}
        if bool(options) != (given["type"] in OPTIONS):
            raise ValueError(f"{path}: options belong to option fields, and only to them")
        made = Field(given["api_name"], given["label"], given["type"], custom=True, options=options)
        made.unique = bool(given.get("is_unique"))
        made.decimals = given.get("decimal_places", made.decimals)
        made.max_length = given.get("max_length", made.max_length)
        made.target = given.get("target_api_name", "")
        if made.target and made.target != CUSTOMER:
            raise ValueError(f"{path}: {made.target} is nothing that our fields point to")
        kind.add(made)
    return f"{object_name}.{given['api_name']}"


def _rule(path: str, text: str) -> dict[str, Any]:
    object_name, _, given = _content(path, text)
    if set(given) != _RULE_KEYS or given["describe_api_name"] != object_name:
        raise ValueError(f"{path}: a rule consists of {', '.join(sorted(_RULE_KEYS))}")
    if not re.fullmatch(r"validation_rule_\w+__c", given["api_name"]):
        raise ValueError(f"{path}: the name of a rule begins with validation_rule_ and ends in __c")
    return {**given, "object": object_name}

"""The wanted fields as files for sharedev, the vendor's deployment tool: one XML file around one JSON text.

Invariant: nothing here calls the vendor. The layout of the files follows public copies of the tool's
specifications; pushing them takes a developer certificate of the tenant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from adapters.fxiaoke.provisioning import DIGITS, TYPES
from connector.adapter import FieldSpec

TEXT_LENGTH, LONG_TEXT_LENGTH = 256, 2_000


def metadata(object_name: str, specs: Sequence[FieldSpec]) -> Mapping[str, str]:
    """Content by path, one file a field."""
    folder = f"tenant-config/objects/{object_name}/fields"
    return {f"{folder}/{spec.api_name}.field-meta.xml": _file(spec) for spec in specs}


def _file(spec: FieldSpec) -> str:
    content = escape(json.dumps(described(spec), ensure_ascii=False, indent=2))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<ObjectField>\n<content>{content}</content>\n<status>new</status>\n</ObjectField>\n"
    )


def described(spec: FieldSpec) -> dict[str, Any]:
    """A new field as the vendor describes one. Option values are ours here: nobody uses them but by label."""
    kind = TYPES[spec.type][0][0]
    field: dict[str, Any] = {
        "type": kind,
        "define_type": "custom",
        "api_name": spec.api_name,
        "label": spec.label,
        "help_text": "",
        "is_required": False,
        "is_unique": spec.unique,
        "is_active": True,
        "is_index": True,
        "status": "new",
        "inherit_type": 3,
        "default_is_expression": False,
    }
    if spec.type in DIGITS:
        field |= {"decimal_places": DIGITS[spec.type], "length": 14}
    if kind == "text":
        field["max_length"] = TEXT_LENGTH
    if kind == "long_text":
        field["max_length"] = LONG_TEXT_LENGTH
    if spec.options:
        field["options"] = [{"value": value, "label": label} for value, label in spec.options]
    if spec.type == "reference":
        field["target_api_name"] = "AccountObj"
    return field

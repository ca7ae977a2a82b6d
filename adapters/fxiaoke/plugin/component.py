"""The credit panel as a component (自定义组件) of the vendor's pages.

Invariant: a Vue component around the panel that all CRMs share; it knows ``FxUI`` and its own element, no
other global and no address (vendor's rules for components), so the panel's scripts live in a function here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters import panel
from adapters.fxiaoke.plugin.functions import plain
from connector.adapter import PluginSpec

API_NAME = "creditPanel__c"
FOLDER = "component/creditPanel"
ENTRY = f"{FOLDER}/CreditPanel.vue"
CONTROLLER = "credit_panel__c"
_OWN = Path(__file__).with_name("panel")
_GLOBAL, _LOCAL = "(window.CREDITGATE);", "(gate);"
# China has one zone, and no summer time.
ZONE_MINUTES = 8 * 60


def files(spec: PluginSpec) -> Mapping[str, str]:
    """The component's files by path."""
    return {
        ENTRY: (_OWN / "CreditPanel.vue").read_text("utf-8").replace("@@style@@", panel.asset(panel.STYLE)),
        f"{FOLDER}/panel.js": _script(spec),
    }


def _script(spec: PluginSpec) -> str:
    scripts = [(_OWN / "host.js").read_text("utf-8"), *(panel.asset(name) for name in panel.SCRIPTS)]
    inner = "\n".join(one.replace(_GLOBAL, _LOCAL) for one in scripts)
    return (
        f"const CONFIG = {_json(_config(spec))}\n"
        f"const TEXTS = {_json(panel.texts(spec))}\n\n"
        "// Shows the panel in an element; component is the Vue component that has it.\n"
        "export function mount(root, component) {\n"
        "const gate = { config: CONFIG, texts: TEXTS, root: root, component: component };\n"
        f"{inner}}}\n"
    )


def _config(spec: PluginSpec) -> dict[str, Any]:
    specs = [one for written in spec.written.values() for one in written.specs]
    return {
        **panel.config(spec),
        "controller": CONTROLLER,
        "currency": plain(spec, "currency", "mc_currency"),
        "default_currency": spec.orders["currency"].default or "" if "currency" in spec.orders else "",
        "labelled": sorted({one.api_name for one in specs if one.type == "option"}),
        "moments": sorted({one.api_name for one in specs if one.type == "datetime"}),
        "days": sorted({one.api_name for one in specs if one.type == "date"}),
        "zone_minutes": ZONE_MINUTES,
    }


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("</", "<\\/")

"""The plugin's files for one connection: assets with what they need to know written into them.

Invariant: the same specification gives the same bytes, the zip included. Nothing secret is among them: the
key is entered in a Zoho connection. What goes into a script is JSON or a checked name, so that no text of a
mapping or a catalogue can become code.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from adapters import panel
from adapters.zoho.plugin import settings as plugin_settings
from connector.adapter import Packed, PluginSpec
from connector.errors import Halt

APP = ("widget.html", "host.js")
# The vendor's tool zips the folder app of a CRM project and leaves plugin-manifest.json out.
ZIP, WIDGET, MANIFEST = "creditgate-widget.zip", "widget", "plugin.json"
SCRIPT, CLONE = "client-script/order_save.js", "client-script/order_clone.js"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SCRIPT_TEXTS = ("plugin.", "panel.why_")
# Zoho shows at most so many characters of a validation rule's message.
MESSAGE = 100


def pack(spec: PluginSpec) -> Packed:
    """See ``Packing.plugin``."""
    plugin_settings.check(spec.settings)
    for need in ("account", "order"):
        if need not in spec.written:
            raise Halt(f"the mapping writes no {need}", todo=f"add '{need}' below 'write' in the mapping")
    app = {name: _asset(f"app/{name}") for name in APP} | {
        name: panel.asset(name) for name in (*panel.SCRIPTS, panel.STYLE)
    }
    app["widget.html"] = _filled(
        app["widget.html"],
        {
            "SDK_URL": spec.settings["sdk_url"],
            "SDK_ORIGIN": _origin(spec.settings["sdk_url"]),
            "STYLE": panel.STYLE,
            "SCRIPTS": "\n".join(f'<script src="{name}"></script>' for name in panel.SCRIPTS),
        },
    )
    app["config.js"] = _config(spec)
    packed = {f"{WIDGET}/app/{name}": text for name, text in app.items()}
    packed[f"{WIDGET}/plugin-manifest.json"] = _json({"service": "CRM"})
    packed[SCRIPT] = _filled(_asset("order_save.js"), {"CONFIG": _json(_script(spec)).rstrip()})
    packed[CLONE] = _filled(_asset("order_clone.js"), {"CONFIG": _json(_clone(spec)).rstrip()})
    packed |= _functions(spec)
    packed[MANIFEST] = _json(_manifest(spec))
    listed = _steps(spec)
    packed["INSTALL.md"] = "".join(f"{number}. {text}\n" for number, text in enumerate(listed, start=1))
    content = {name: text.encode() for name, text in packed.items()}
    content[ZIP] = _zip({f"app/{name}": text.encode() for name, text in app.items()})
    return Packed(content, listed)


def _asset(name: str) -> str:
    return files("adapters.zoho.plugin").joinpath("assets").joinpath(name).read_text(encoding="utf-8")


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"__{name}__", value)
    return text


def _json(value: Any) -> str:
    """JSON that may stand in a script: no line ends that JavaScript alone knows, no end of an element."""
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    safe = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("</", "<\\/")
    return safe + "\n"


def _config(spec: PluginSpec) -> str:
    own = {name: spec.settings[name] for name in ("route", "function", "zoho_connection")}
    known = {
        "config": {**panel.config(spec), "gate": spec.gate_url, **own},
        "texts": panel.texts(spec),
    }
    return f"window.CREDITGATE = {_json(known).rstrip()};\n"


def _script(spec: PluginSpec) -> dict[str, Any]:
    order = spec.written["order"]
    review = order.options.get("credit_state", {}).get("pending", {})
    return {
        "connection": spec.connection,
        "gate": spec.gate_url,
        "route": spec.settings["route"],
        "function": spec.settings["function"],
        "zohoConnection": spec.settings["zoho_connection"],
        "seconds": spec.seconds,
        "language": spec.language,
        "onFailure": dict(spec.on_failure),
        "approvalStatus": spec.settings["approval_status"],
        "shipmentStatus": spec.settings["shipment_status"],
        "stateField": order.fields.get("credit_state", ""),
        "stateReview": review.get(spec.language, ""),
        "read": panel.reading(spec),
        "texts": {
            tongue: {key: text for key, text in words.items() if key.startswith(_SCRIPT_TEXTS)}
            for tongue, words in spec.texts.items()
        },
    }


def _clone(spec: PluginSpec) -> dict[str, str]:
    key = spec.orders.get("check_key")
    return {"checkKey": key.path if key else ""}


def _functions(spec: PluginSpec) -> dict[str, str]:
    account, order = spec.written["account"], spec.written["order"]
    released = order.options.get("credit_state", {}).get("released", {})
    both = {
        name: f"{spec.texts['zh'][key]} {spec.texts['en'][key]}"[:MESSAGE]
        for name, key in (
            ("HELD", "plugin.rule"),
            ("UNKNOWN", "plugin.rule_unknown"),
            ("NO_ACCOUNT", "plugin.rule_no_account"),
        )
    }
    names = {
        "ZOHO_CONNECTION": spec.settings["zoho_connection"],
        "FUNCTION": spec.settings["function"],
        "RULE": spec.settings["rule"],
        "GATE": spec.gate_url,
        "ON_FAILURE": spec.on_failure["order_save"],
        "ORDERS": spec.order_object,
        "ACCOUNTS": account.object,
        "STATE_FIELD": order.fields.get("credit_state", "Credit_State"),
        "HOLD_FIELD": account.fields.get("credit_hold", "Credit_Hold"),
        "AMOUNT": _top(spec, "amount"),
        "ACCOUNT": _top(spec, "account_id"),
        **both,
    }
    safe = {name: _quotable(value) for name, value in names.items()}
    safe["RELEASED"] = "{" + ",".join(f'"{_quotable(text)}"' for text in released.values()) + "}"
    return {
        f"functions/{spec.settings['function']}.dg": _filled(_asset("functions/call.dg"), safe),
        f"functions/{spec.settings['rule']}.dg": _filled(_asset("functions/rule.dg"), safe),
    }


def _top(spec: PluginSpec, name: str) -> str:
    """The field itself of a path into it."""
    return spec.orders[name].path.partition(".")[0]


def _quotable(text: str) -> str:
    if any(sign in text for sign in '"\\\n\r'):
        raise Halt(f"{text!r} cannot stand in a function", todo='use names and labels without " and \\')
    return text


def _steps(spec: PluginSpec) -> tuple[str, ...]:
    """What the admin does, in the org's language, with the names that were packed. What Zoho's menus are
    called is the wording of its help pages, which an edition may vary."""
    names = {
        "CONNECTION": spec.connection,
        "GATE": spec.gate_url,
        "LINK": spec.settings["zoho_connection"],
        "FUNCTION": spec.settings["function"],
        "RULE": spec.settings["rule"],
        "ACCOUNTS": spec.written["account"].object,
        "ORDERS": spec.order_object,
    }
    return tuple(_filled(_asset(f"steps.{spec.language}.txt"), names).splitlines())


def _manifest(spec: PluginSpec) -> dict[str, Any]:
    """What belongs where, for whoever installs it by hand and for the sandbox."""
    return {
        "widget": {
            "zip": ZIP,
            "index": "/widget.html",
            "modules": [spec.written["account"].object, spec.order_object],
        },
        "client_scripts": [
            {
                "file": SCRIPT,
                "module": spec.order_object,
                "pages": ["create", "edit", "clone"],
                "event": "onSave",
            },
            {"file": CLONE, "module": spec.order_object, "pages": ["clone"], "event": "onLoad"},
        ],
        "functions": [
            {
                "file": f"functions/{spec.settings['function']}.dg",
                "name": spec.settings["function"],
                "category": "standalone",
            },
            {
                "file": f"functions/{spec.settings['rule']}.dg",
                "name": spec.settings["rule"],
                "category": "validation_rule",
            },
        ],
        "validation_rules": [
            {
                "module": spec.order_object,
                "function": spec.settings["rule"],
                "field": _top(spec, "account_id"),
            }
        ],
        "zoho_connection": {"name": spec.settings["zoho_connection"], "url": spec.gate_url},
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _zip(content: Mapping[str, bytes]) -> bytes:
    """A zip whose bytes depend on nothing but names and content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_STORED
            entry.external_attr = 0o644 << 16
            made.writestr(entry, content[name])
    return buffer.getvalue()

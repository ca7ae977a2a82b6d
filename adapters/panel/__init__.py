"""The credit panel that stands on CRM pages, whichever CRM it is: scripts and style, without a page.

Invariant: nothing here knows a vendor. A CRM's plugin brings ``gate.host``, which knows the page's record,
the user's language and the way to the service; whatever comes from outside goes in as text, never as HTML;
style holds below the class ``creditgate`` alone. Scripts share the object ``gate``; their order counts.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from connector.adapter import PluginSpec, Written

SCRIPTS = ("words.js", "service.js", "parts.js", "view.js", "order.js", "main.js")
STYLE = "panel.css"
_LABELS = tuple(f"label.{one}" for one in ("ok", "watch", "hold", "stop", "info", "warning", "alarm"))


def asset(name: str) -> str:
    """One of ``SCRIPTS``, or the style."""
    return files("adapters.panel").joinpath("assets").joinpath(name).read_text(encoding="utf-8")


def texts(spec: PluginSpec) -> dict[str, dict[str, str]]:
    """The words that the panel shows, by language."""
    return {
        tongue: {
            key: text
            for key, text in words.items()
            if key.startswith(("panel.", "signal_name.")) or key in _LABELS
        }
        for tongue, words in spec.texts.items()
    }


def config(spec: PluginSpec) -> dict[str, Any]:
    """What the panel's scripts know of the tenant; a host may add to it."""
    return {
        "connection": spec.connection,
        "seconds": spec.seconds,
        "language": spec.language,
        "account": _fields(spec.written["account"]),
        "order": _fields(spec.written["order"]),
        "read": reading(spec),
    }


def reading(spec: PluginSpec) -> dict[str, Any]:
    """Which of the tenant's fields the canonical fields of an order are read from."""
    return {
        name: {"path": one.path, "default": one.default, "values": dict(one.values)}
        for name, one in spec.orders.items()
    }


def _fields(written: Written) -> dict[str, Any]:
    return {"object": written.object, "fields": dict(written.fields), "options": dict(written.options)}

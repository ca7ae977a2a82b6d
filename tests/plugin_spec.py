"""What a plugin is packed for, with the mapping that ships, for tests without an installation."""

from __future__ import annotations

from pathlib import Path

from adapters.zoho.plugin.settings import SETTINGS
from connector.adapter import PluginSpec, ReadFrom, Written
from connector.gate.check_model import CHECKPOINTS
from connector.locale import LANGUAGES, texts
from connector.mapping.form import load
from connector.mapping.reading import MISSING
from connector.model import Stream

_MAPPING = load(Path(__file__).parents[1] / "mappings/zoho.yaml")


def _written(target: str) -> Written:
    writer = _MAPPING.writer(target)
    assert writer is not None
    fields = {one.name: one.vendor_field for one in writer.fields}
    return Written(writer.object, fields, {one.name: one.options for one in writer.fields if one.options})


SPEC = PluginSpec(
    connection="zoho",
    gate_url="https://credit.example.com",
    on_failure=dict.fromkeys(CHECKPOINTS, "hold") | {"invoice": "allow"},
    seconds=4,
    language="en",
    texts={tongue: texts(tongue) for tongue in LANGUAGES},
    written={target: _written(target) for target in ("account", "order")},
    order_object="Sales_Orders",
    orders={
        one.name: ReadFrom(
            one.key,
            None if one.default is MISSING or one.default is None else str(one.default),
            {raw: str(value) for raw, value in (one.values or {}).items()},
        )
        for one in _MAPPING.readers[Stream.ORDERS].fields
    },
    settings={one.key: one.default or "" for one in SETTINGS},
)

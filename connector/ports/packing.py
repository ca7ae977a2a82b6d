"""The port of the plugins inside the CRMs: what an adapter is told, and the files that it packs.

Invariant: what is packed follows from the specification alone, byte for byte, and holds no secret: the key
that the plugin sends is entered by an admin inside the CRM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from connector.ports.setting import Setting
from connector.ports.wanted import FieldSpec

# What becomes of an order when the service cannot be reached, is too slow or answers what makes no sense.
ALLOW, HOLD, REVIEW = "allow", "hold", "review"
ON_FAILURE = (ALLOW, HOLD, REVIEW)


@dataclass(frozen=True)
class Written:
    """Where our fields of a target (``account``, ``order``, ``visit``) stand in the tenant: ``fields`` maps
    our name to the tenant's, ``options`` our name to the labels of our values by language; ``specs``
    describe those that the tenant must have, in the org's language."""

    object: str
    fields: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    specs: tuple[FieldSpec, ...] = ()


@dataclass(frozen=True)
class ReadFrom:
    """Which of the tenant's fields (a path with dots) a canonical field is read from; ``default`` if it is
    empty, ``values`` what the tenant's values mean, as far as the mapping lists them."""

    path: str
    default: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PluginSpec:
    """What a plugin is packed for.

    ``connection`` is the name that checks carry, ``gate_url`` the address of the service without a slash at
    its end. ``on_failure`` says for every checkpoint ``allow``, ``hold`` or ``review`` (saved, and marked for
    a person), ``seconds`` how long the plugin waits for an answer. ``language`` is the org's, where a page
    does not tell the user's; ``texts`` is the message catalogue by language and key: ``panel.…`` (the panel),
    ``plugin.…`` (messages when saving), ``label.…``, ``signal_name.…``. ``written`` says by target where our
    fields are, ``orders`` what the canonical fields of an order (``account_id``, ``amount``, …) are read from
    in the object ``order_object``. ``settings`` are the adapter's ``plugin_settings``.
    """

    connection: str
    gate_url: str
    on_failure: Mapping[str, str]
    seconds: float
    language: str
    texts: Mapping[str, Mapping[str, str]]
    written: Mapping[str, Written]
    order_object: str
    orders: Mapping[str, ReadFrom]
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Packed:
    """The plugin's files, content by path below the folder, and what the admin does next with them, step by
    step in the org's language."""

    files: Mapping[str, bytes]
    steps: tuple[str, ...] = ()


class Packing:
    """What a CRM adapter offers whose vendor has a place for a plugin."""

    plugin_settings: ClassVar[tuple[Setting, ...]] = ()

    @classmethod
    def plugin(cls, spec: PluginSpec) -> Packed | None:
        """The plugin's files; ``None`` when there is none for this CRM. ``Halt`` for a setting that makes no
        sense. Calls nobody."""
        return None

"""Packing the plugin of a CRM: what its adapter is told follows from configuration, mapping and catalogue.

Invariant: nothing secret gets in; the names of fields are those that the tenant really has; goods that are
out are never stopped from being invoiced, whatever happens to the service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from connector import adapter as ports
from connector.adapter import Crm, Packed, PluginSpec, ReadFrom, Written
from connector.admin import connect
from connector.config import shipped
from connector.errors import Halt
from connector.gate.check_model import CHECKPOINTS
from connector.locale import LANGUAGES, texts
from connector.mapping import form as mappings
from connector.mapping.form import FieldMapping
from connector.mapping.reading import MISSING
from connector.model import Stream
from connector.ports.packing import ALLOW, HOLD, ON_FAILURE
from connector.runtime import Runtime
from connector.store.connections import Connection, read_back

SECONDS = 4.0
LONGEST = 8.0
INVOICE = "invoice"
_TARGETS = ("account", "order", "visit")
_TEXTS = ("panel.", "plugin.", "label.", "signal_name.")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def pack(
    runtime: Runtime,
    name: str,
    *,
    gate_url: str | None = None,
    on_failure: Sequence[str] = (),
    seconds: float = SECONDS,
    written: Sequence[str] = (),
) -> Packed:
    """The plugin of the connection, or of the kind of CRM, called ``name``.

    ``gate_url`` defaults to the configured ``public_url``; ``on_failure`` are texts like ``hold`` (for every
    step) or ``approval=review``; ``written`` are the adapter's own settings as ``KEY=VALUE``. ``Halt`` for
    whatever makes no sense.
    """
    kind, connection = _meant(runtime, name)
    settings = _settings(kind, written)
    mapping = _mapping(runtime, kind, connection)
    names = read_back(runtime.store, connection) if connection else {}
    orders = mapping.reader(Stream.ORDERS, names)
    if orders is None:
        raise Halt("the mapping reads no orders", where=mapping.name, todo="add 'orders' below 'read'")
    if not 0 < seconds <= LONGEST:
        raise Halt(
            f"{seconds:g} seconds is not within bounds",
            where="--seconds",
            todo=f"give more than 0 and at most {LONGEST:g}: CRMs cut scripts off soon after",
        )
    spec = PluginSpec(
        connection=connection.name if connection else kind.name,
        gate_url=_address(gate_url or runtime.config.public_url),
        on_failure=steps(on_failure, runtime.config.gate_unreachable),
        seconds=seconds,
        language=runtime.config.language,
        texts={tongue: _texts(texts(tongue)) for tongue in LANGUAGES},
        written=_written(runtime, mapping, connection),
        order_object=orders.object,
        orders={
            one.name: ReadFrom(
                one.key,
                None if one.default is MISSING or one.default is None else str(one.default),
                {raw: str(value) for raw, value in (one.values or {}).items()},
            )
            for one in orders.fields
        },
        settings=settings,
    )
    packed = kind.plugin(spec)
    if packed is None:
        raise Halt(f"{kind.name} has no place for a plugin", todo="use 'creditgate pull' and 'push' alone")
    return packed


def write(packed: Packed, folder: Path) -> list[Path]:
    """Write the files below ``folder``, each whole or not at all; their paths. Files of an earlier plugin
    that are not among them stay."""
    written = []
    for name, content in sorted(packed.files.items()):
        place = folder / name
        part = place.with_name(f".{place.name}.part")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(place)
        except (FileExistsError, NotADirectoryError):
            raise Halt("this is not a folder", where=str(folder), todo="name another with --out") from None
        finally:
            if part.parent.is_dir():
                part.unlink(missing_ok=True)
        written.append(place)
    return written


def steps(given: Sequence[str], usual: str) -> dict[str, str]:
    """What happens at each checkpoint when the service cannot be reached; ``usual`` where nothing is said."""
    found = _everywhere(usual)
    named: dict[str, str] = {}
    for text in given:
        step, sign, does = (part.strip() for part in text.rpartition("="))
        if does not in ON_FAILURE or (sign and step not in CHECKPOINTS):
            raise Halt(
                f"{text!r} says nothing about a step",
                where="--on-failure",
                todo=f"write one of {', '.join(ON_FAILURE)}, or STEP=…, STEP one of {', '.join(CHECKPOINTS)}",
            )
        if sign:
            named[step] = does
        else:
            found = _everywhere(does)
    if named.get(INVOICE) == HOLD:
        raise Halt(
            "goods that are out are never stopped from being invoiced",
            where="--on-failure",
            todo="write invoice=allow or invoice=review",
        )
    return found | named


def _everywhere(does: str) -> dict[str, str]:
    found: dict[str, str] = dict.fromkeys(CHECKPOINTS, does)
    return found | {INVOICE: ALLOW} if does == HOLD else found


def _meant(runtime: Runtime, name: str) -> tuple[type[Crm], Connection | None]:
    """The adapter and the connection; a kind without a connection yet is packed for one of its name."""
    known = runtime.connections.all("crm")
    found = [one for one in known if one.name == name] or [one for one in known if one.kind == name]
    if len(found) > 1:
        raise Halt(f"{len(found)} connections are of kind {name!r}", todo=f"name one: {_names(found)}")
    kinds = [kind for kind in ports.kinds() if ports.find(kind)[0] == "crm"]
    kind = found[0].kind if found else name
    adapter = ports.find(kind)[1] if kind in kinds else None
    if adapter is None or not issubclass(adapter, Crm):
        known_names = f" or a connection: {_names(known)}" if known else ""
        raise Halt(f"there is no CRM called {name!r}", todo=f"name one of: {', '.join(kinds)}{known_names}")
    return adapter, found[0] if found else None


def _names(connections: Sequence[Connection]) -> str:
    return ", ".join(one.name for one in connections)


def _settings(kind: type[Crm], written: Sequence[str]) -> dict[str, str]:
    values = connect.pairs(written)
    connect.check(connect.Kind(kind.name, "plugin", kind.plugin_settings), values)
    defaults = {one.key: one.default for one in kind.plugin_settings if one.default is not None}
    return {**defaults, **values}


def _mapping(runtime: Runtime, kind: type[Crm], connection: Connection | None) -> FieldMapping:
    if connection is not None:
        return runtime.mapping(connection)
    own = runtime.config.path(runtime.config.mappings) / f"{kind.name}.yaml"
    return mappings.load(own if own.is_file() else shipped("mappings") / f"{kind.name}.yaml")


def _address(url: str) -> str:
    """The service's address without a slash at its end: HTTPS, but for a trial on this machine."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    right = parts.scheme == "https" or plain
    if not right or not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?", url):
        raise Halt(
            f"{url!r} is no address of the check service" if url else "where the service is is not known",
            where="--gate" if url else "public_url",
            todo="give --gate https://HOST, the address under which the CRM reaches 'creditgate serve'",
        )
    return url.rstrip("/")


def _texts(catalogue: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in catalogue.items() if key.startswith(_TEXTS)}


def _written(runtime: Runtime, mapping: FieldMapping, connection: Connection | None) -> dict[str, Written]:
    """Where our fields stand, under the names that provisioning found."""
    found = {}
    for target in _TARGETS:
        writer = mapping.writer(target)
        if writer is not None:
            real = runtime.connections.names(connection, target) if connection else {}
            found[target] = Written(
                writer.object,
                {one.name: real.get(one.name, one.vendor_field) for one in writer.fields},
                {one.name: one.options for one in writer.fields if one.options},
                tuple(
                    replace(one, api_name=real.get(one.name, one.api_name))
                    for one in writer.specs(runtime.config.language)
                ),
            )
    return found

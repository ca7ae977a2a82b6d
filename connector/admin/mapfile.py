"""The mapping file of one connection: made from that of its kind, changed place by place.

Invariant: comments and the order of lines stay; a change is checked with the whole mapping before it
replaces the file, at once; the kind's own file serves others and is changed only where the connection has
its name.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from connector.adapter import Crm, FieldInfo
from connector.errors import Halt
from connector.mapping.form import TARGETS, compile_mapping
from connector.model import RECORD_TYPES, Stream
from connector.runtime import Runtime
from connector.store import journal
from connector.store.connections import Connection
from connector.yamlfile import close_to, read


@dataclass(frozen=True)
class Change:
    """``part`` is a stream that is read or a target that is written; ``name`` a field of ours or ``object``;
    ``label``, if there is one, an option's label, which means ``to``; else ``to`` is the vendor's field
    (empty: the field is left out)."""

    part: str
    name: str
    label: str
    to: str


def parse(text: str) -> Change:
    """``orders.amount=FIELD``, ``orders.stage:LABEL=open``, ``orders.object=OBJECT``; ``Halt`` otherwise."""
    place, sign, to = text.partition("=")
    part, dot, name = place.strip().partition(".")
    name, colon, label = name.partition(":")
    parts = [*(stream.value for stream in Stream), *TARGETS]
    if not sign or not dot or not name or (colon and not (label.strip() and to.strip())):
        raise Halt(
            f"{text!r} is no change of a mapping",
            todo="write it like orders.amount=order_amount or orders.stage:待发货=open",
        )
    if part not in parts:
        raise Halt(f"there is no stream {part!r}", where=text, todo=close_to(part, parts))
    return Change(part, name, label.strip(), to.strip())


def file_of(runtime: Runtime, connection: Connection) -> tuple[Path, Path]:
    """The connection's own mapping file, which may not be there yet, and the one that it goes by now."""
    folder = runtime.config.path(runtime.config.mappings)
    own = folder / f"{connection.name}.yaml"
    return own, own if own.is_file() else folder / f"{connection.kind}.yaml"


def change(
    runtime: Runtime, connection: Connection, changes: Sequence[Change], crm: Crm | None, actor: str
) -> Path:
    """Make ``changes`` in the connection's own file; its path. With a ``crm``, vendor fields must exist.

    Raises ``Halt`` for what is not there or does not fit; then nothing is changed.
    """
    own, source = file_of(runtime, connection)
    content = read(source, own=True)
    compile_mapping(content, str(source))
    for one in changes:
        _make(content, one, crm, str(source))
    compile_mapping(content, str(own))
    text = io.StringIO()
    yaml = YAML(typ="rt")
    yaml.width = 4096
    yaml.dump(content, text)
    draft = own.with_name(f".{own.name}.{os.getpid()}.new")
    draft.write_text(text.getvalue(), encoding="utf-8")
    draft.replace(own)
    with runtime.store.write() as tx:
        detail = {"file": own.name, "changes": [vars(one) for one in changes]}
        journal.add(tx, runtime.now(), actor, "mapping_set", f"connection {connection.name}", detail)
    return own


def _make(content: Any, one: Change, crm: Crm | None, where: str) -> None:
    written = one.part in TARGETS
    node = (content.get("write" if written else "read") or {}).get(one.part)
    if node is None:
        raise Halt(f"the mapping has no {one.part}", where=where, todo="add it to the file by hand")
    if one.name == "object":
        _must_be_there(crm, one.to)
        node["object"] = one.to
        return
    columns = node["fields"]
    if one.label:
        _mean(columns, one, where)
        return
    known = set(columns) if written else set(RECORD_TYPES[Stream(one.part)].model_fields) | set(columns)
    known -= {"external_id", "modified_at"}
    if one.name not in known:
        raise Halt(f"{one.part} has no field {one.name!r}", where=where, todo=close_to(one.name, known))
    if not one.to:
        columns.pop(one.name, None)
        return
    path = _path(crm, str(node.get("object", "")), one, written=written)
    current = columns.get(one.name)
    if isinstance(current, Mapping):
        columns[one.name]["field"] = path
    else:
        columns[one.name] = path


def _mean(columns: Any, one: Change, where: str) -> None:
    """Give an option's label its meaning."""
    node = columns.get(one.name)
    if node is None:
        raise Halt(f"{one.part}.{one.name} is not mapped", where=where, todo="map the field first")
    if not isinstance(node, Mapping):
        node = columns[one.name] = CommentedMap({"field": str(node)})
    if node.get("values") is None:
        node["values"] = CommentedMap()
    truth = {"true": True, "false": False}
    node["values"][one.label] = truth.get(one.to.lower(), one.to)


def _path(crm: Crm | None, object_name: str, one: Change, *, written: bool) -> str:
    """How the mapping names a vendor's field that a person named by its API name."""
    if crm is None or not crm.describes:
        return one.to
    fields: dict[str, FieldInfo] = {}
    for info in crm.fields_of(object_name):
        fields[info.path] = fields[info.api_name] = info
    found = fields.get(one.to)
    if found is None:
        place = f"{one.part}.{one.name}"
        raise Halt(f"{object_name} has no field {one.to!r}", where=place, todo=close_to(one.to, fields))
    if not found.active:
        raise Halt(
            f"{one.to} is switched off", where=f"{one.part}.{one.name}", todo="switch it on in the CRM first"
        )
    return one.to if written or one.name == "currency" or one.to != found.api_name else found.path


def _must_be_there(crm: Crm | None, name: str) -> None:
    if crm is None or not crm.describes or crm.fields_of(name):
        return
    listed = [info.api_name for info in crm.objects()]
    raise Halt(f"the tenant has no object {name!r}", todo=close_to(name, listed))

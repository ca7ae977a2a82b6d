"""Mapping: YAML that says which vendor field feeds which canonical field, and back.

Invariant: a mapping is checked whole when it is loaded, so that reading and writing cannot meet a
mistake in it later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.mapping.cells import Dates
from connector.mapping.reading import MISSING, Reader, ReadField
from connector.mapping.writing import WRITE_TYPES, Target, WriteField, Writer
from connector.model import RECORD_TYPES, Stream, VisitState
from connector.yamlfile import Source, close_to, read

TARGETS = ("account", "order", "visit", "note", "kpi")
# Fields of an order that are made by us and filled in by others: as we read them, and as we make them.
FILLED_IN = {"decision": "credit_decision", "check_key": "check_key"}


@dataclass(frozen=True)
class FileRules:
    """How a ledger file is laid out beyond its columns: a row in which ``total_column`` says one of
    ``total_texts`` holds the sum of ``total_amount``; one that says one of ``skip_texts`` is passed over.
    ``missing`` is what a document that a whole snapshot no longer holds has become: ``gone`` or
    ``settled``."""

    total_column: str = ""
    total_amount: str = ""
    total_texts: frozenset[str] = frozenset({"合计", "总计", "总合计", "Total", "TOTAL", "Grand Total"})
    skip_texts: frozenset[str] = frozenset({"小计", "Subtotal"})
    missing: str = "gone"


@dataclass(frozen=True)
class FieldMapping:
    """A whole mapping file."""

    name: str
    readers: Mapping[Stream, Reader]
    targets: Mapping[str, Target]
    visits: Callable[[Mapping[str, str]], Reader] | None = None
    file: FileRules = FileRules()
    comma: bool = False  # the decimal sign of its numbers

    def reader(self, stream: Stream, names: Mapping[str, str]) -> Reader | None:
        """The reader of ``stream``, or ``None`` when it is not mapped. ``names`` are the tenant's own names
        of the fields that are written to visits, and of those that we make on an order for others to fill in:
        what is read there are the same fields."""
        if stream is Stream.ORDERS and stream in self.readers and names.keys() & FILLED_IN.values():
            return _filled_in(self.readers[stream], self.targets.get("order"), names)
        if stream is Stream.VISITS and self.visits is not None:
            return self.visits(names)
        return self.readers.get(stream)

    def writer(self, target: str, names: Mapping[str, str] | None = None) -> Writer | None:
        """The writer of ``target`` (one of ``TARGETS``), or ``None`` when it is not mapped."""
        if target not in self.targets:
            return None
        return Writer(target, self.targets[target], names or {})


def _filled_in(orders: Reader, target: Target | None, names: Mapping[str, str]) -> Reader:
    """The reader of orders with ``FILLED_IN`` under the names that this tenant gave these fields; what the
    mapping reads behind our own name of one, such as that of a label, stays behind."""
    wished = {one.name: one.vendor_field for one in target.fields} if target else {}

    def renamed(name: str, path: tuple[str, ...]) -> tuple[str, ...]:
        made = FILLED_IN.get(name, "")
        ours = wished.get(made, "")
        if not ours or made not in names or not path[0].startswith(ours):
            return path
        return (names[made] + path[0][len(ours) :], *path[1:])

    return orders.renamed(renamed)


def load(path: Path) -> FieldMapping:
    """The mapping in ``path``; ``Halt`` with file, line and what to write instead."""
    return compile_mapping(read(path), str(path))


def compile_mapping(content: Any, name: str) -> FieldMapping:
    """A parsed mapping file, checked; see ``load``."""
    source = Source(name)
    if not isinstance(content, Mapping):
        source.fail("this is no mapping file", content, todo="start it with 'mapping: NAME'")
    source.known(content, ("mapping", "version", "dates", "decimal", "timezone", "file", "read", "write"))
    for key in ("mapping", "read"):
        if key not in content:
            source.fail(f"{key!r} is missing", content, todo=f"add '{key}:' at the top level")
    decimal = str(content.get("decimal", "point"))
    if decimal not in ("point", "comma"):
        source.fail(f"'decimal' cannot be {decimal!r}", content, "decimal", todo="write point or comma")
    comma = decimal == "comma"
    dates = Dates(str(content.get("dates", "iso")), _zone(source, content), comma)
    reading = source.mapping(content["read"], content, "read")
    source.known(reading, [s.value for s in Stream])
    readers = {
        Stream(key): _reader(source, Stream(key), source.mapping(node, reading, key), dates)
        for key, node in reading.items()
        if key != Stream.VISITS
    }
    if Stream.REPORTS in readers and len(readers) > 1:
        source.fail(
            "reports stand alone", reading, "reports", todo="give the agency's file a mapping of its own"
        )
    writing = source.mapping(content.get("write") or {}, content, "write")
    source.known(writing, TARGETS)
    targets = {key: _target(source, source.mapping(node, writing, key)) for key, node in writing.items()}
    visits = None
    if Stream.VISITS in reading:
        node = source.mapping(reading[Stream.VISITS], reading, Stream.VISITS)
        if "object" in node:
            readers[Stream.VISITS] = _visits_elsewhere(source, node, dates)
        else:
            visits = _visits(source, node, targets.get("visit"), dates)
            readers[Stream.VISITS] = visits({})
    return FieldMapping(str(content["mapping"]), readers, targets, visits, _file(source, content), comma)


def _file(source: Source, content: Mapping[str, Any]) -> FileRules:
    node = source.mapping(content.get("file") or {}, content, "file")
    source.known(node, ("total", "skip", "missing"))
    total = source.mapping(node.get("total") or {}, node, "total")
    source.known(total, ("column", "amount", "texts"))
    base = FileRules()
    missing = str(node.get("missing", base.missing))
    if missing not in ("gone", "settled"):
        source.fail(f"'missing' cannot be {missing!r}", node, "missing", todo="write gone or settled")
    return FileRules(
        str(total.get("column", "")),
        str(total.get("amount", "")),
        _texts(source, total, "texts") if "texts" in total else base.total_texts,
        _texts(source, node, "skip") if "skip" in node else base.skip_texts,
        missing,
    )


def _texts(source: Source, node: Mapping[str, Any], key: str) -> frozenset[str]:
    given = node[key]
    if not isinstance(given, list):
        source.fail(f"{key!r} is no list of texts", node, key, todo=f"write '{key}: [TEXT, TEXT]'")
    return frozenset(str(text).strip() for text in given)


def _texts_by_column(source: Source, node: Mapping[str, Any], key: str) -> dict[str, frozenset[str]]:
    columns = source.mapping(node.get(key) or {}, node, key)
    return {str(name): _texts(source, columns, name) for name in columns}


def _visits(
    source: Source,
    node: Mapping[str, Any],
    target: Target | None,
    dates: Dates,
) -> Callable[[Mapping[str, str]], Reader]:
    """Reads back what is written to visits: our key as it is, the labels of ``status`` reversed. ``label``
    is what the vendor's field of a label has behind the name of the option's own field."""
    source.known(node, ("fields", "label"))
    suffix = str(node.get("label", ""))
    columns = source.mapping(node.get("fields") or {}, node, "fields")
    source.known(columns, ("closed_at", "result", "promised_on", "photos", "owner_id"))
    target = target or Target("", ())
    object_name, key = target.object, target.key
    by_name = {field.name: field for field in target.fields}
    if not key or "status" not in by_name:
        source.fail(
            "visits are read back by the key and the status that 'write: visit' gives them",
            node,
            todo="add 'key' and a 'status' with options below 'write: visit'",
        )
    known = {str(state) for state in VisitState}
    states = {
        label: state
        for state, labels in by_name["status"].options.items()
        for label in labels.values()
        if state in known
    }

    def reader(names: Mapping[str, str]) -> Reader:
        def path(name: str, end: str = "") -> tuple[str, ...]:
            return (f"{names.get(name, by_name[name].vendor_field)}{end}",)

        planned = VisitState.PLANNED.value
        fields = [
            ReadField("key", path(key)),
            ReadField("state", path("status", suffix), default=planned, values=states, fallback=planned),
            *([ReadField("due_on", path("due_on"))] if "due_on" in by_name else []),
            *(_read_field(source, columns, name) for name in columns),
        ]
        return Reader(Stream.VISITS, object_name, fields, dates)

    return reader


def _visits_elsewhere(source: Source, node: Mapping[str, Any], dates: Dates) -> Reader:
    """What became of visits is told by another object than the one that is written, such as the CRM's own
    check-ins: by our key in one of its fields. A state that the mapping does not list is not done yet."""
    found = _reader(source, Stream.VISITS, node, dates)
    planned = VisitState.PLANNED.value
    fields = [
        replace(one, default=planned, fallback=planned) if one.name == "state" else one
        for one in found.fields
    ]
    return Reader(Stream.VISITS, found.object, fields, dates)


def _zone(source: Source, content: Mapping[str, Any]) -> dt.tzinfo:
    zone = str(content.get("timezone", "UTC"))
    try:
        return dt.UTC if zone == "UTC" else ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        source.fail(f"{zone!r} is no time zone", content, "timezone", todo="write one like Asia/Shanghai")


def _reader(source: Source, stream: Stream, node: Mapping[str, Any], dates: Dates) -> Reader:
    known = ("object", "where", "fields", "optional")
    source.known(node, (*known, "label") if stream is Stream.VISITS else known)
    for key in ("object", "fields"):
        if key not in node:
            source.fail(f"{stream} lacks {key!r}", node, todo=f"add '{key}:' below {stream}")
    columns = source.mapping(node["fields"], node, "fields")
    model = RECORD_TYPES[stream].model_fields
    allowed = (set(model) - {"external_id", "modified_at"}) | {"id"}
    if stream is Stream.INVOICES:
        allowed.add("open")  # what is left of the amount, for files that do not say what is paid
    source.known(columns, allowed)
    for name, info in model.items():
        if info.is_required() and name != "external_id" and name not in columns:
            source.fail(f"{stream} needs {name!r}", columns, todo=f"add '{name}: FIELD' below its fields")
    fields = [_read_field(source, columns, name) for name in columns]
    where = _texts_by_column(source, node, "where")
    optional = bool(node.get("optional", False))
    return Reader(stream, str(node["object"]), fields, dates, where, optional=optional)


def _read_field(source: Source, columns: Mapping[str, Any], name: str) -> ReadField:
    node = columns[name]
    if isinstance(node, str):
        return ReadField(name, tuple(node.split(".")))
    if not isinstance(node, Mapping) or "field" not in node:
        source.fail(
            f"{name!r} names no vendor field",
            columns,
            name,
            todo=f"write '{name}: FIELD' or '{name}: {{field: FIELD, default: …}}'",
        )
    source.known(node, ("field", "optional", "default", "values", "else", "negative", "magnitude"))
    values = node.get("values")
    if values is not None:
        source.mapping(values, node, "values")
    return ReadField(
        name=name,
        path=tuple(str(node["field"]).split(".")),
        optional=bool(node.get("optional", False)),
        default=node.get("default", MISSING),
        values={str(k): v for k, v in values.items()} if values is not None else None,
        fallback=node.get("else", MISSING),
        negative=_texts_by_column(source, node, "negative"),
        magnitude=bool(node.get("magnitude", False)),
    )


def _target(source: Source, node: Mapping[str, Any]) -> Target:
    source.known(node, ("object", "key", "section", "lock", "fields"))
    for need in ("object", "fields"):
        if need not in node:
            source.fail(f"{need!r} is missing", node, todo=f"add '{need}:' there")
    columns = source.mapping(node["fields"], node, "fields")
    fields = tuple(_write_field(source, columns, name) for name in columns)
    key = str(node.get("key", ""))
    if key and key not in columns:
        source.fail(f"{key!r} is none of the fields", node, "key", todo=close_to(key, columns))
    section = source.mapping(node.get("section") or {}, node, "section")
    lock = str(node.get("lock", ""))
    if lock and not any(f.name == lock and f.type == "boolean" for f in fields):
        source.fail(
            f"{lock!r} is no boolean field", node, "lock", todo="name one of the fields of type boolean"
        )
    return Target(
        object=str(node["object"]),
        fields=fields,
        key=key,
        section={str(k): str(v) for k, v in section.items()},
        lock=lock,
    )


def _write_field(source: Source, columns: Mapping[str, Any], name: str) -> WriteField:
    node = source.mapping(columns[name], columns, name)
    source.known(node, ("field", "type", "standard", "shared", "label", "options"))
    if "field" not in node or node.get("type") not in WRITE_TYPES:
        source.fail(
            f"{name!r} needs 'field' and a 'type'",
            columns,
            name,
            todo=f"give it a field and one of the types: {', '.join(sorted(WRITE_TYPES))}",
        )
    options = source.mapping(node.get("options") or {}, node, "options")
    if (node["type"] == "option") != bool(options):
        source.fail(
            f"{name!r}: options belong to type option, and an option needs them",
            columns,
            name,
            todo="add 'options: {value: {en: …, zh: …}}' or change the type",
        )
    return WriteField(
        name=name,
        vendor_field=str(node["field"]),
        type=str(node["type"]),
        standard=bool(node.get("standard", False)),
        shared=bool(node.get("shared", False)),
        label={str(k): str(v) for k, v in (node.get("label") or {}).items()},
        options={str(k): {str(a): str(b) for a, b in v.items()} for k, v in options.items()},
    )

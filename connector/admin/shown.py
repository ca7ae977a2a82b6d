"""What of the mapped streams a tenant shows, for ``doctor``.

Invariant: it only asks the adapter and looks into the mapping; nothing is read or changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector.mapping.form import FieldMapping
from connector.model import Stream
from connector.ports.finding import Finding
from connector.runtime import Runtime
from connector.store.connections import Connection, read_back


def streams(runtime: Runtime, connection: Connection, mapping: FieldMapping) -> Iterator[Finding]:
    """What of the mapped streams this tenant does not show, and where open amounts come from."""
    crm, names = runtime.crm(connection), read_back(runtime.store, connection)
    absent: dict[Stream, tuple[str, ...]] = {}
    for stream in Stream:
        reader = mapping.reader(stream, names)
        if reader is None:
            continue
        what = f"{stream.value} of {connection.name}"
        lack = crm.missing(reader.object, reader.vendor_fields)
        absent[stream] = lack.fields
        if lack.object and reader.optional:
            yield Finding("note", what, f"{reader.object} is left out: {lack.object}")
            continue
        if lack.object:
            yield Finding("warn", what, f"{reader.object} is skipped: {lack.object}", "see its documentation")
            continue
        unmet = [name for name in lack.fields if name in reader.required_fields]
        optional = [name for name in lack.fields if name not in unmet]
        if unmet and not reader.having:
            yield Finding(
                "warn",
                what,
                f"{reader.object} has no {', '.join(unmet)}",
                "correct the names in the mapping, or make the fields optional there",
            )
        elif optional:
            yield Finding("ok", what, f"{reader.object} goes without optional {', '.join(optional)}")
    yield open_amounts(runtime, connection, mapping, absent)


def open_amounts(
    runtime: Runtime,
    connection: Connection,
    mapping: FieldMapping,
    absent: Mapping[Stream, Sequence[str]],
) -> Finding:
    what = f"open amounts of {connection.name}"
    if Stream.PAYMENTS in mapping.readers:
        return Finding("ok", what, f"from its payments ({mapping.readers[Stream.PAYMENTS].object})")
    invoices = mapping.readers.get(Stream.INVOICES)
    paths = {path.name: path.key for path in invoices.fields} if invoices else {}
    mapped = [paths[name] for name in ("paid", "settled_on") if name in paths]
    there = [path for path in mapped if path not in absent.get(Stream.INVOICES, ())]
    if there:
        return Finding("ok", what, f"from the fields {', '.join(there)} of its invoices")
    ledgers = [one.name for one in runtime.connections.all("ledger")]
    if ledgers:
        return Finding("ok", what, f"from the ledger {', '.join(ledgers)}")
    lacking = f"the mapped fields {', '.join(mapped)} are not there" if mapped else "no paid amount is mapped"
    return Finding(
        "warn",
        what,
        f"an unpaid rest is not known, only paid or not: {lacking}, and there is no ledger",
        "create the fields in the CRM, or 'creditgate connect add ledger' and import receivables",
    )

"""Provisioning: the fields that CreditGate writes exist in the CRM, or the admin knows what to create;
so do the section of the page that shows them and the lock on orders that are held.

Invariant: idempotent; a name is remembered only for a field that really is in the tenant; a dry run
changes neither the tenant nor the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.adapter import Crm, FieldSpec, FieldState, Prepared, Provisioned
from connector.errors import Halt
from connector.locale import say
from connector.mapping.form import TARGETS, FieldMapping
from connector.runtime import Runtime
from connector.store import discoveries, journal
from connector.store.connections import Connection
from connector.store.discoveries import GUARD

USABLE = (FieldState.PRESENT, FieldState.CREATED)


@dataclass(frozen=True)
class Wanted:
    """One wanted field of a mapping's ``target`` (``account``, ``order``, …) and what became of it."""

    target: str
    field: Provisioned

    def by_hand(self, *, dry_run: bool) -> bool:
        """Whether a person has to do something: in a dry run a missing field without instructions
        is one that the real run creates."""
        if self.field.state is FieldState.MISSING:
            return bool(self.field.by_hand) or not dry_run
        return self.field.state is FieldState.MISMATCH


@dataclass(frozen=True)
class Plan:
    """What provisioning did or, in a dry run, would do. ``files`` are the missing fields for the vendor's
    deployment tool, content by path, where there is one."""

    fields: list[Wanted]
    prepared: list[Prepared]
    files: Mapping[str, str] = field(default_factory=dict)


def provision(runtime: Runtime, connection: Connection, *, dry_run: bool, actor: str) -> Plan:
    """Provision every target that the connection's mapping writes, in the mapping's order.

    Raises ``Halt`` when the mapping writes nothing, and what the adapter raises.
    """
    crm = runtime.crm(connection)
    mapping = runtime.mapping(connection)
    done = [
        Wanted(target, found)
        for target in TARGETS
        for found in _fields(crm, mapping, target, runtime.config.language, dry_run=dry_run)
    ]
    if not any(mapping.writer(target) for target in TARGETS):
        raise Halt(
            f"the mapping {mapping.name} writes nothing",
            where=connection.name,
            todo="add 'write:' with 'account:' to the mapping",
        )
    prepared = [
        piece
        for target in TARGETS
        for piece in _prepare(runtime, connection, crm, mapping, target, done, dry_run=dry_run)
    ]
    if not dry_run:
        _remember(runtime, connection, done, actor)
    return Plan(done, prepared, _files(crm, done))


def manifest(wanted: Iterable[Wanted]) -> list[dict[str, Any]]:
    """The missing ones of these fields as plain data, one entry an object: what to create in the
    vendor's console. A field that is there but does not fit is not to be created."""
    objects: dict[str, list[dict[str, Any]]] = {}
    for item in wanted:
        if item.field.state is not FieldState.MISSING:
            continue
        spec = item.field.spec
        objects.setdefault(item.field.object, []).append(
            {
                "name": spec.name,
                "api_name": spec.api_name,
                "label": spec.label,
                "type": spec.type,
                "options": [list(option) for option in spec.options],
                "unique": spec.unique,
            }
        )
    return [{"object": name, "fields": fields} for name, fields in objects.items()]


def _files(crm: Crm, done: Iterable[Wanted]) -> dict[str, str]:
    objects: dict[str, list[FieldSpec]] = {}
    for item in done:
        if item.field.state is FieldState.MISSING:
            objects.setdefault(item.field.object, []).append(item.field.spec)
    files: dict[str, str] = {}
    for name, specs in objects.items():
        files |= crm.metadata(name, specs)
    return files


def _fields(
    crm: Crm, mapping: FieldMapping, target: str, language: str, *, dry_run: bool
) -> list[Provisioned]:
    writer = mapping.writer(target)
    if writer is None:
        return []
    specs = writer.specs(language)
    return crm.provision(writer.object, specs, dry_run=dry_run) if specs else []


def _prepare(
    runtime: Runtime,
    connection: Connection,
    crm: Crm,
    mapping: FieldMapping,
    target: str,
    done: list[Wanted],
    *,
    dry_run: bool,
) -> list[Prepared]:
    """The section and the lock of a target. In a dry run fields that are still to be created go by the
    names that the mapping wishes for."""
    mine = [item.field for item in done if item.target == target]
    names = {
        f.spec.name: f.api_name or f.spec.api_name
        for f in mine
        if f.state in USABLE or (dry_run and f.state is FieldState.MISSING)
    }
    writer, language = mapping.writer(target, names), runtime.config.language
    if writer is None or not names:
        return []
    found: list[Prepared] = []
    title = writer.section(language)
    if title:
        section = crm.section(writer.object, title, list(names.values()), dry_run=dry_run)
        found += [section] if section else []
    if writer.lock in names:
        guard = crm.guard(writer.object, writer.lock_field, list(names.values()), dry_run=dry_run)
        automatic = guard is not None and guard.state in USABLE
        if not dry_run:
            with runtime.store.write() as tx:
                name = f"{GUARD}:{target}"
                how = "automatic" if automatic else "single" if guard is None and crm.locks else "none"
                discoveries.keep(tx, connection.id, name, how, runtime.now())
        what = {"object": writer.object, "field": writer.lock_field}
        if guard is None and crm.locks:
            detail = say("provision.locked_singly", what, language)
            guard = Prepared(writer.object, "lock", FieldState.PRESENT, detail)
        by_hand = say("provision.guard_by_hand", what, language)
        found.append(guard or Prepared(writer.object, "lock", FieldState.MISSING, by_hand=by_hand))
    return found


def _remember(runtime: Runtime, connection: Connection, done: list[Wanted], actor: str) -> None:
    for target in TARGETS:
        real = {
            item.field.spec.name: item.field.api_name
            for item in done
            if item.target == target and item.field.state in USABLE and item.field.api_name
        }
        runtime.connections.keep_names(connection, target, real)
    created = [f"{i.field.object}.{i.field.api_name}" for i in done if i.field.state is FieldState.CREATED]
    if created:
        with runtime.store.write() as tx:
            subject = f"connection {connection.name}"
            journal.add(tx, runtime.now(), actor, "provisioned", subject, {"created": created})

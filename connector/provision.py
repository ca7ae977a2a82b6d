"""Provisioning: the fields that CreditGate writes exist in the CRM, or the admin knows what to create.

Invariant: idempotent; a name is remembered only for a field that really is in the tenant; a dry run
changes neither the tenant nor the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from connector.adapter import Crm, FieldState, Provisioned
from connector.errors import Halt
from connector.mapping import TARGETS, FieldMapping
from connector.runtime import Runtime
from connector.store import journal
from connector.store.connections import Connection


@dataclass(frozen=True)
class Wanted:
    """One wanted field of a mapping's ``target`` (``account``, ``visit``) and what became of it."""

    target: str
    field: Provisioned

    def by_hand(self, *, dry_run: bool) -> bool:
        """Whether a person has to do something: in a dry run a missing field without instructions
        is one that the real run creates."""
        if self.field.state is FieldState.MISSING:
            return bool(self.field.by_hand) or not dry_run
        return self.field.state is FieldState.MISMATCH


def provision(runtime: Runtime, connection: Connection, *, dry_run: bool, actor: str) -> list[Wanted]:
    """Provision every target that the connection's mapping writes, in the mapping's order.

    Raises ``Halt`` when the mapping writes nothing, and what the adapter raises.
    """
    crm = runtime.crm(connection)
    mapping = runtime.mapping(connection)
    done = [
        Wanted(target, field)
        for target in TARGETS
        for field in _fields(crm, mapping, target, runtime.config.language, dry_run=dry_run)
    ]
    if not any(mapping.writer(target) for target in TARGETS):
        raise Halt(
            f"the mapping {mapping.name} writes nothing",
            where=connection.name,
            todo="add 'write:' with 'account:' to the mapping",
        )
    if not dry_run:
        _remember(runtime, connection, done, actor)
    return done


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


def _fields(
    crm: Crm, mapping: FieldMapping, target: str, language: str, *, dry_run: bool
) -> list[Provisioned]:
    writer = mapping.writer(target)
    if writer is None:
        return []
    specs = writer.specs(language)
    return crm.provision(writer.object, specs, dry_run=dry_run) if specs else []


def _remember(runtime: Runtime, connection: Connection, done: list[Wanted], actor: str) -> None:
    usable = (FieldState.PRESENT, FieldState.CREATED)
    for target in TARGETS:
        real = {
            item.field.spec.name: item.field.api_name
            for item in done
            if item.target == target and item.field.state in usable and item.field.api_name
        }
        runtime.connections.keep_names(connection, target, real)
    created = [f"{i.field.object}.{i.field.api_name}" for i in done if i.field.state is FieldState.CREATED]
    if created:
        with runtime.store.write() as tx:
            subject = f"connection {connection.name}"
            journal.add(tx, runtime.now(), actor, "provisioned", subject, {"created": created})

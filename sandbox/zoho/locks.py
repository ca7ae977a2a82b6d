"""Locks on records: by hand through the API, and by rules when a record meets their criteria.

Invariant: a row has at most one lock, and ``Locked__s`` says whether; an automatic lock stands exactly
as long as a rule that once took hold still does; a lock by hand stands until it is taken off. Locking is
no edit: it leaves Modified_Time as it is (what the vendor does is not documented).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.zoho.answers import error
from sandbox.zoho.changes import Attempt, Change
from sandbox.zoho.conditions import Predicate
from sandbox.zoho.fields import LOCKED, USERS, Field, Module
from sandbox.zoho.people import Profile, User
from sandbox.zoho.tenant import Tenant

MANUAL, AUTOMATIC = "Manual", "Automatic"
EXCEPT_EXCLUDED = "all_profiles_except_excluded_profiles"
_UPDATE_LOCKED = "Sorry, you cannot perform this operation as the record is locked."
_DELETE_LOCKED = "You cannot perform this operation as the record is locked."


@dataclass
class Rule:
    """Locks rows that meet ``holds`` when they are created or edited, and at once those that are there
    already when ``lock_existing``."""

    id: str
    name: str
    criteria: dict[str, Any]
    holds: Predicate
    lock_existing: bool

    def described(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "lock_existing_records": self.lock_existing,
            "criteria": self.criteria,
        }


@dataclass
class Configuration:
    """How the records of one module may be locked, and whom and what a lock does not concern."""

    id: str
    module: Module
    lock_type: str = "manual"
    locked_for: str = "all_profiles"
    excluded_profiles: list[Profile] = field(default_factory=list)
    excluded_fields: list[Field] = field(default_factory=list)
    restricted_actions: list[str] = field(default_factory=list)
    restricted_communications: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    created_time: str = ""
    modified_time: str = ""

    @property
    def by_hand(self) -> bool:
        return self.lock_type in ("manual", "both")

    @property
    def by_rule(self) -> bool:
        return self.lock_type in ("automatic", "both")

    def excuses(self, user: User) -> bool:
        """Whether locks do not concern ``user``."""
        return self.locked_for == EXCEPT_EXCLUDED and user.profile in self.excluded_profiles

    def forbids(self, fields: frozenset[str] | None) -> bool:
        """Whether writing ``fields`` (``None``: deleting) is among the restricted actions."""
        if fields is None:
            return "delete" in self.restricted_actions
        left = fields - {excluded.api_name for excluded in self.excluded_fields}
        if "update" in self.restricted_actions:
            return bool(left)
        return "change_owner" in self.restricted_actions and "Owner" in left


@dataclass
class Lock:
    """``by``, ``reason`` and ``rule_id`` are ``None`` where the source has none."""

    id: str
    source: str
    configuration: Configuration
    row_id: str
    time: str
    reason: str | None = None
    by: User | None = None
    rule_id: str | None = None


class Locks:
    """The locks of an org; callers hold the tenant's lock."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._configurations: dict[str, Configuration] = {}
        self._held: dict[tuple[str, str], Lock] = {}
        tenant.guards.append(self._refusal)
        tenant.observers.append(self._changed)

    def configuration(self, module: Module) -> Configuration | None:
        return self._configurations.get(module.api_name)

    def of(self, module: Module, row_id: str) -> Lock | None:
        return self._held.get((module.api_name, row_id))

    def configure(self, configuration: Configuration, fresh: set[str]) -> None:
        """Put the configuration in place of the module's old one. Rules whose id is in ``fresh`` take
        hold of existing rows if they are to; automatic locks of rules that have gone are taken off."""
        module = configuration.module
        self._configurations[module.api_name] = configuration
        for lock in self._locks(module):
            lock.configuration = configuration
        existing = [rule for rule in configuration.rules if rule.lock_existing and rule.id in fresh]
        for row in list(module.table) if existing and configuration.by_rule else []:
            self._judge(configuration, row, existing)
        for lock in self._locks(module):
            if lock.source == AUTOMATIC:
                self._judge(configuration, module.table.get(lock.row_id) or {}, [])

    def remove(self, configuration: Configuration) -> None:
        """Locks do not outlive the configuration."""
        for lock in self._locks(configuration.module):
            self.unlock(lock)
        del self._configurations[configuration.module.api_name]

    def lock(self, configuration: Configuration, row_id: str, reason: str, by: User) -> Lock:
        """A lock by hand on a row that has none."""
        return self._hold(configuration, row_id, MANUAL, reason=reason, by=by)

    def unlock(self, lock: Lock) -> None:
        module = lock.configuration.module
        del self._held[module.api_name, lock.row_id]
        if module.table.get(lock.row_id) is not None:
            module.table.change(lock.row_id, {LOCKED: False})

    def described(self, lock: Lock) -> dict[str, Any]:
        """The lock as the API shows it."""
        module = lock.configuration.module
        editable = lock.configuration.excuses(self._tenant.admin)
        return {
            "id": lock.id,
            "Locked_By__s": self._tenant.lookup(USERS, lock.by.id) if lock.by else None,
            "Locked_For__s": {
                "module": {"api_name": module.api_name, "id": module.id},
                **(self._tenant.lookup(module.api_name, lock.row_id) or {}),
            },
            "Locked_Reason__s": lock.reason,
            "Locked_Time__s": lock.time,
            "Lock_Source__s": lock.source,
            "Record_Locking_Rule_Id__s": lock.rule_id,
            "Record_Locking_Configuration_Id__s": lock.configuration.id,
            "Feature_Type__s": "record_locking",
            "$field_states": None,
            "$editable": editable,
            "$sharing_permission": "full_access" if editable else "read_only",
            "$zia_visions": None,
        }

    def _refusal(self, attempt: Attempt) -> dict[str, Any] | None:
        lock = self.of(attempt.module, attempt.row["id"])
        if lock is None or lock.configuration.excuses(attempt.by):
            return None
        if not lock.configuration.forbids(attempt.fields):
            return None
        if attempt.fields is None:
            details = {"action": "record_locking", "id": attempt.row["id"]}
            return error("RECORD_LOCKED", _DELETE_LOCKED, details)
        details = {"api_name": "id", "json_path": f"{attempt.path}.id", "action": "record_locking"}
        return error("RECORD_LOCKED", _UPDATE_LOCKED, details)

    def _changed(self, change: Change) -> None:
        configuration = self.configuration(change.module)
        if configuration is None:
            return
        if change.action == "delete":
            self._held.pop((change.module.api_name, change.row["id"]), None)
        else:
            self._judge(configuration, change.row, configuration.rules)

    def _judge(self, configuration: Configuration, row: dict[str, Any], taking: list[Rule]) -> None:
        """Take off the row's automatic lock when no rule holds any more; else let ``taking`` lock it."""
        lock = self.of(configuration.module, row["id"])
        if lock is not None and lock.source == AUTOMATIC:
            keeps = configuration.by_rule and any(rule.holds(row) for rule in configuration.rules)
            if not keeps:
                self.unlock(lock)
        elif lock is None and configuration.by_rule:
            rule = next((rule for rule in taking if rule.holds(row)), None)
            if rule is not None:
                self._hold(configuration, row["id"], AUTOMATIC, rule_id=rule.id)

    def _hold(self, configuration: Configuration, row_id: str, source: str, **more: Any) -> Lock:
        lock_id, now = self._tenant.new_record_id(), self._tenant.now()
        lock = Lock(lock_id, source, configuration, row_id, now, **more)
        self._held[configuration.module.api_name, row_id] = lock
        configuration.module.table.change(row_id, {LOCKED: True})
        return lock

    def _locks(self, module: Module) -> list[Lock]:
        return [lock for (name, _), lock in self._held.items() if name == module.api_name]

"""Validation rules 验证规则: conditions under which a row is not saved, and who runs them.

Invariant: a condition that holds is a violation; one blocking rule is enough to refuse, and all messages
are shown. Rules run on a save in the browser, and over the API when the call does not switch them off;
lists that are imported, functions and other back doors run none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.fxiaoke.fields import Object
from sandbox.fxiaoke.tenant import Tenant
from sandbox.table import Row

SCENES = ("create", "update")
_COMPARED = ("equals", "label", "above")


@dataclass(frozen=True)
class Rule:
    """``field`` is a field of the row or, through a lookup, ``account_id__r.credit_hold__c``.

    It is compared in one way: ``equals`` a value, has the option with this ``label``, or is a number
    ``above`` another. A lookup's row is read as it is saved.
    """

    api_name: str
    object: str
    field: str
    compared: str
    value: Any
    message: str
    blocking: bool
    scenes: tuple[str, ...]
    active: bool

    @classmethod
    def from_body(cls, body: Mapping[str, Any], number: int) -> Rule:
        """A rule as the admin fills in the form; ``ValueError`` when something is missing or wrong."""
        compared = [name for name in _COMPARED if name in body]
        scenes = tuple(body.get("scene", SCENES))
        for key in ("object", "field", "message"):
            if not isinstance(body.get(key), str) or not body[key]:
                raise ValueError(f"{key} must be a text")
        if len(compared) != 1 or not scenes or not set(scenes) <= set(SCENES):
            raise ValueError(f"a rule needs one of {', '.join(_COMPARED)} and a scene of {', '.join(SCENES)}")
        return cls(
            api_name=f"validation_rule_{number:05d}__c",
            object=body["object"],
            field=body["field"],
            compared=compared[0],
            value=body[compared[0]],
            message=body["message"],
            blocking=body.get("enable_blocking", True) is True,
            scenes=scenes,
            active=body.get("is_active", True) is True,
        )

    def violated(self, tenant: Tenant, kind: Object, row: Row) -> bool:
        lookup, _, name = self.field.rpartition("__r.")
        if lookup:
            kind = tenant.objects[kind.fields[lookup].target]
            row = kind.table.get(row.get(lookup)) or {}
        value = row.get(name)
        if self.compared == "label":
            return value is not None and kind.fields[name].options.get(value) == self.value
        if self.compared == "above":
            return value is not None and Decimal(str(value)) > Decimal(str(self.value))
        return bool(value == self.value)


@dataclass(frozen=True)
class Verdict:
    """``message`` is what the user reads; an order that is only warned of is saved."""

    refused: bool
    message: str


class Rules:
    """The rules of a tenant; callers hold the tenant's lock."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._rules: list[Rule] = []

    def set_up(self, body: Mapping[str, Any]) -> Rule:
        """Make a rule as an admin does in the console, which is the only way; ``ValueError`` if wrong."""
        rule = Rule.from_body(body, len(self._rules) + 1)
        kind = self._tenant.objects.get(rule.object)
        if kind is None:
            raise ValueError(f"there is no object {rule.object}")
        lookup, _, name = rule.field.rpartition("__r.")
        if lookup:
            through = kind.fields.get(lookup)
            kind = self._tenant.objects.get(through.target) if through else None
        if kind is None or name not in kind.fields:
            raise ValueError(f"there is no field {rule.field}")
        if rule.compared == "above":
            try:
                Decimal(str(rule.value))
            except InvalidOperation:
                raise ValueError("above must be a number") from None
        self._rules.append(rule)
        return rule

    def verdict(self, kind: Object, row: Row, scene: str) -> Verdict:
        """What the rules say to saving ``row`` (all of its values as they would be saved)."""
        hit = [
            rule
            for rule in self._rules
            if rule.active
            and rule.object == kind.api_name
            and scene in rule.scenes
            and rule.violated(self._tenant, kind, row)
        ]
        refused = any(rule.blocking for rule in hit)
        return Verdict(refused, "\n".join(rule.message for rule in hit))

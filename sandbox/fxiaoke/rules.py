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
from sandbox.fxiaoke.formula import Formula
from sandbox.fxiaoke.tenant import Tenant
from sandbox.table import Row

SCENES = ("create", "update")
_COMPARED = ("equals", "label", "above")


@dataclass(frozen=True)
class Rule:
    """A rule as the admin has saved it; ``condition`` holds for a violation."""

    api_name: str
    object: str
    condition: Formula
    message: str
    blocking: bool
    scenes: tuple[str, ...]
    active: bool

    @classmethod
    def from_body(cls, body: Mapping[str, Any], number: int, objects: Mapping[str, Object]) -> Rule:
        """A rule as the admin fills in the form; ``ValueError`` when something is missing or wrong.

        Its ``condition`` is a formula, or ``field`` is compared in one way: ``equals`` a value, has the
        option with this ``label``, or is a number ``above`` another.
        """
        scenes = tuple(body.get("scene", SCENES))
        for key in ("object", "message"):
            if not isinstance(body.get(key), str) or not body[key]:
                raise ValueError(f"{key} must be a text")
        if not scenes or not set(scenes) <= set(SCENES):
            raise ValueError(f"a rule needs a scene of {', '.join(SCENES)}")
        kind = objects.get(body["object"])
        if kind is None:
            raise ValueError(f"there is no object {body['object']}")
        return cls(
            api_name=body.get("api_name") or f"validation_rule_{number:05d}__c",
            object=body["object"],
            condition=Formula(_condition(body), kind, objects),
            message=body["message"],
            blocking=body.get("enable_blocking", True) is True,
            scenes=scenes,
            active=body.get("is_active", True) is True,
        )


def _condition(body: Mapping[str, Any]) -> str:
    if isinstance(body.get("condition"), str):
        return str(body["condition"])
    compared = [name for name in _COMPARED if name in body]
    if len(compared) != 1 or not isinstance(body.get("field"), str):
        raise ValueError(f"a rule needs a condition, or a field and one of {', '.join(_COMPARED)}")
    value = body[compared[0]]
    if compared[0] == "above":
        try:
            return f"${body['field']}$ > {Decimal(str(value)):f}"
        except InvalidOperation:
            raise ValueError("above must be a number") from None
    return f"${body['field']}$ == {str(value).lower() if isinstance(value, bool) else repr(str(value))}"


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
        rule = Rule.from_body(body, len(self._rules) + 1, self._tenant.objects)
        self._rules = [one for one in self._rules if one.api_name != rule.api_name]
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
            and rule.condition.holds(row)
        ]
        refused = any(rule.blocking for rule in hit)
        return Verdict(refused, "\n".join(rule.message for rule in hit))

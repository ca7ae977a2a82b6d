"""Validation rules with criteria, which an admin sets up in the vendor's pages (there is no API).

Invariant: a rule refuses a record that meets its criteria, with the rule's own message; a write through
the API asks the rules only when it names ``criteria_validation_rule``, a browser always. How the vendor
words the refusal of one rule is not documented: here it is INVALID_DATA at the rule's first field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route

from sandbox.doors import posted
from sandbox.table import Row
from sandbox.zoho.answers import Item, invalid
from sandbox.zoho.conditions import Predicate
from sandbox.zoho.fields import Module
from sandbox.zoho.rule_criteria import BadCriteria, field_names, predicate
from sandbox.zoho.tenant import Tenant

MAX_MESSAGE = 100


@dataclass(frozen=True)
class _Rule:
    name: str
    field: str
    holds: Predicate
    message: str


class Validation:
    """The rules of an org, by module; callers of ``_failures`` hold the tenant's lock."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._rules: dict[str, list[_Rule]] = {}
        tenant.validators.append(self._failures)

    def set_up(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The side door: a rule of ``module`` with ``name``, ``criteria`` and ``message``; without
        criteria the rule of that name is taken away. ``ValueError`` if it is wrong."""
        with self._tenant.lock:
            module = self._tenant.modules.get(str(body.get("module")))
            name, message = str(body.get("name", "")), str(body.get("message", ""))
            if module is None or not name or len(message) > MAX_MESSAGE:
                raise ValueError(
                    f"a rule needs a module, a name and a message of at most {MAX_MESSAGE} signs"
                )
            kept = [rule for rule in self._rules.get(module.api_name, []) if rule.name != name]
            criteria = body.get("criteria")
            if criteria:
                kept.append(self._rule(module, name, criteria, message))
            self._rules[module.api_name] = kept
        return {"rules": [rule.name for rule in kept]}

    def _rule(self, module: Module, name: str, criteria: Any, message: str) -> _Rule:
        try:
            holds = predicate(self._tenant, module, criteria, "$.criteria")
        except BadCriteria as bad:
            raise ValueError(str(bad.item)) from None
        return _Rule(name, field_names(criteria, module)[0], holds, message or f"{name} does not allow it")

    def _failures(self, module: Module, row: Row, path: str) -> list[Item]:
        return [
            invalid({"api_name": rule.field, "json_path": f"{path}.{rule.field}"}, rule.message)
            for rule in self._rules.get(module.api_name, [])
            if rule.holds(row)
        ]


def doors(validation: Validation) -> list[Route]:
    """``POST /_sandbox/validation_rules``, see ``Validation.set_up``."""
    return [Route("/_sandbox/validation_rules", posted(validation.set_up), methods=["POST"])]

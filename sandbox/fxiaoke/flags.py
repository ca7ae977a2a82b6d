"""The switches beside a write: which of the tenant's own automatisms it sets off.

Invariant: a flag stands at the top of the body, an option in ``data.optionInfo``; each is true or false;
approval flows and workflows run unless they are switched off (vendor manual: create, update).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.fxiaoke.answers import wrong
from sandbox.fxiaoke.traits import Traits
from sandbox.fxiaoke.values import SPECIFIED

_DEFAULTS = {
    "triggerApprovalFlow": True,
    "triggerWorkFlow": True,
    "hasSpecifyTime": False,
    "hasSpecifyCreatedBy": False,
    "includeDetailIds": False,
}
_OPTIONS = ("skipFuncValidate", "useValidationRule", "isDuplicateSearch")


@dataclass(frozen=True)
class Flags:
    """``options`` holds the options that were sent; what is not in it was left to the vendor."""

    approval: bool
    workflow: bool
    details_told: bool
    past_lock: bool
    specified: tuple[str, ...]
    options: Mapping[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Flags:
        """The flags of a write's body, or ``Fault``."""
        flags = {name: body.get(name, default) for name, default in _DEFAULTS.items()}
        data = body["data"]
        options = data.get("optionInfo", {})
        if not isinstance(options, Mapping) or not set(options) <= set(_OPTIONS):
            raise wrong(f"optionInfo只支持{'、'.join(_OPTIONS)}")
        past_lock = data.get("skipDataStatusValidate", False)
        for name, value in {**flags, **options, "skipDataStatusValidate": past_lock}.items():
            if not isinstance(value, bool):
                raise wrong(f"{name}必须是true或false")
        specified = tuple(name for flag, names in SPECIFIED.items() if flags[flag] for name in names)
        return cls(
            flags["triggerApprovalFlow"],
            flags["triggerWorkFlow"],
            flags["includeDetailIds"],
            past_lock,
            specified,
            dict(options),
        )

    def runs_rules(self, traits: Traits) -> bool:
        return self.options.get("useValidationRule", traits.rules_unless_told)

    def runs_functions(self, traits: Traits) -> bool:
        return not self.options.get("skipFuncValidate", not traits.functions_by_api)

    @property
    def looks_for_twins(self) -> bool:
        return self.options.get("isDuplicateSearch", False)

    def recorded(self) -> dict[str, Any]:
        return {
            "triggerApprovalFlow": self.approval,
            "triggerWorkFlow": self.workflow,
            "skipDataStatusValidate": self.past_lock,
            "optionInfo": dict(self.options),
        }

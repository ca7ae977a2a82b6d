"""The form of who does and who answers for what, by step (RACI).

Invariant: roles and titles only, never persons: who has a role, and from when to when, stands in the
configuration. A step that a policy does not name is shared out as written here.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from connector.policy.form import Name, Part


def _listed(raw: Any) -> Any:
    """A name that stands alone is a list of one."""
    return (raw,) if isinstance(raw, str) else raw


Names = Annotated[tuple[Name, ...], BeforeValidator(_listed)]


class Duty(Part):
    """Who shares in a step: a role (``analyst``) or a title of the approval bands (``finance director``).

    ``responsible`` do it; one ``accountable`` answers for it; ``consulted`` are asked before it is done;
    ``informed`` are told afterwards: each has the act in its notices.
    """

    responsible: Names = ()
    accountable: Names = ()
    consulted: Names = ()
    informed: Names = ()


def _duty(responsible: str, accountable: str, consulted: str = "", informed: str = "") -> Duty:
    return Duty(
        responsible=tuple(responsible.split()),
        accountable=(accountable,),
        consulted=tuple(consulted.split()),
        informed=tuple(informed.split()),
    )


class Responsibility(Part):
    """Every step of credit management; one that is named is named whole."""

    request_limit: Duty = _duty("sales analyst", "analyst", "", "approver")
    grant_limit: Duty = _duty("approver", "controller", "analyst", "sales")
    lower_limit: Duty = _duty("analyst", "controller", "", "sales approver")
    place_hold: Duty = _duty("analyst", "approver", "", "sales")
    release_hold: Duty = _duty("approver", "controller", "analyst", "sales")
    review: Duty = _duty("analyst", "approver", "sales", "controller")
    visit: Duty = _duty("sales", "analyst")
    signal: Duty = _duty("analyst", "approver", "sales")
    record: Duty = _duty("sales analyst", "analyst", "", "approver")
    dunning: Duty = _duty("analyst", "controller", "sales")
    blacklist: Duty = _duty("analyst", "controller", "approver", "sales")
    write_off: Duty = _duty("analyst", "controller", "approver")
    policy: Duty = _duty("analyst", "controller", "approver", "sales auditor")

    def of(self, step: str) -> Duty:
        """The duty of a step."""
        found: Duty = getattr(self, step)
        return found

    def steps(self) -> tuple[str, ...]:
        """Every step, in order."""
        return tuple(type(self).model_fields)

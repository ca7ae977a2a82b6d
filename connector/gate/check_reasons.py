"""Why an order is warned about or held.

Invariant: every reason that applies is told, not only the first, each with its numbers and a sentence
in both languages; what is not known is a reason of its own and never counts as room.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from connector.gate.check_model import Reason, Text, major
from connector.locale import say
from connector.money import Rates, to_minor
from connector.policy.catalogue import FACTS
from connector.policy.schema import ApprovalBand, Policy
from connector.store.lines import GROUP, OPEN_STATUSES, Line
from connector.store.parties import Party

Value = str | int | None
Told = tuple[str, Mapping[str, Value]]
_AMOUNTS = frozenset("asked limit exposure reserved available over tolerance".split())
# Reasons that say by how much an order is over a limit; a release lets just that through.
OF_LIMITS = frozenset(
    "over_limit over_group_limit excess_approver limit_breached group_limit_breached got_past".split()
)


class Found(NamedTuple):
    """A reason and what it leads to: ``hold`` or ``warn``."""

    leads_to: str
    reason: Reason


class Room(NamedTuple):
    """Up to where exposure and reservations may grow on a line, minor units: ``free`` without a word,
    ``most`` with a warning; ``None`` is no bound. ``bands`` say who may let more than that pass: up to how
    much (``None``: without bound), in which role, how many together."""

    free: int | None
    most: int | None
    bands: tuple[tuple[int | None, str, int], ...] = ()


def room(line: Line, policy: Policy, rates: Rates, day: dt.date) -> Room:
    """The bounds that the policy sets on a line: usable share, equal-to-limit, tolerance."""
    if line.limit_state != "amount" or line.limit_minor is None:
        return Room(None, None)
    rules = policy.check
    usable = _floor(line.limit_minor * rules.usable_share)
    free = usable - 1 if rules.equal_to_limit == "hold" else usable
    tolerance = _tolerance(line, policy, rates, day)
    bands = tuple(_band(band, line, policy, rates, day) for band in policy.approvals.excess)
    return Room(free, max(free, usable + tolerance) if tolerance else free, bands)


def _band(
    band: ApprovalBand, line: Line, policy: Policy, rates: Rates, day: dt.date
) -> tuple[int | None, str, int]:
    """A band in the line's currency; without a rate it holds nothing."""
    if band.up_to is None:
        return None, band.role, band.signers
    up_to = rates.convert(to_minor(band.up_to, policy.currency), policy.currency, line.currency, day)
    return up_to or 0, band.role, band.signers


def binds(line: Line, needed: Sequence[Line], policy: Policy) -> bool:
    """Whether a line's limit counts: not the customer's own where the policy goes by the groups' and one of
    those ``needed`` has a limit."""
    if policy.check.parent != "group" or line.subject == GROUP:
        return True
    return not any(one.subject == GROUP and one.limit_state != "none" for one in needed)


def on_customer(party: Party, line: Line | None, assessed: Sequence[Told]) -> list[Found]:
    """What the customer's standing says; ``assessed`` are the reasons of the last assessment."""
    found: list[Found] = []
    if party.hold_placed is not None:
        found.append(_found("hold", "hold_placed", {"reason": party.hold_placed}))
    if line is None:
        found.append(_found("hold", "not_assessed", {}))
    elif line.status != "ok":
        leads_to = "warn" if line.status in OPEN_STATUSES else "hold"
        found.append(_found(leads_to, f"customer_{line.status}", {}))
        known = {item.reason.code for item in found}
        found += [_found(leads_to, code, params) for code, params in assessed if code not in known]
    return found


def on_groups(found: Sequence[Line]) -> list[Found]:
    """What the standing of the groups above says."""
    stopped = [line for line in found if line.status not in OPEN_STATUSES]
    return [_found("hold", f"group_{line.status}", _which(line)) for line in stopped]


def on_limit(line: Line, grows: int | None, bounds: Room, policy: Policy, inherits: bool) -> list[Found]:
    """What the limit of a line says about ``grows`` minor units more; ``None`` if no rate is known.

    ``inherits``: a missing limit is made good by a group's.
    """
    scope = "group_" if line.subject == GROUP else ""
    which = _which(line)
    if line.limit_state == "unlimited":
        return []
    if line.limit_state == "none":
        missing = policy.check.missing_limit == "hold" and not inherits and line.subject != GROUP
        return [_found("hold", "no_limit", {})] if missing else []
    found: list[Found] = []
    if line.limit_minor is None or bounds.free is None or bounds.most is None:
        return [_found("hold", f"{scope}limit_unknown", which)]
    if line.incomplete:
        found.append(_found("hold", f"{scope}exposure_incomplete", which))
    if grows is not None and grows > 0:
        total = line.exposure + line.reserved + grows
        if total > bounds.free:
            leads_to = "hold" if total > bounds.most else "warn"
            code = f"over_{scope}limit" if leads_to == "hold" else f"within_{scope}tolerance"
            found.append(_found(leads_to, code, _numbers(line, grows, bounds) | which))
            if leads_to == "hold":
                found += _approver(line, total - bounds.free, bounds)
    return found


def _approver(line: Line, over: int, bounds: Room) -> list[Found]:
    """Who may let an order pass that is over the limit by so much, as far as the policy says."""
    for up_to, role, signers in bounds.bands:
        if up_to is None or over <= up_to:
            numbers: dict[str, Value] = {"currency": line.currency, "over": over}
            return [_found("hold", "excess_approver", {**numbers, "role": role, "signers": signers})]
    return []


def on_breach(line: Line, bounds: Room) -> list[Found]:
    """Whether what stands on the line exceeds its limit already, whatever the order asks for."""
    total = line.exposure + line.reserved
    if bounds.free is None or bounds.most is None or total <= bounds.free:
        return []
    scope = "group_" if line.subject == GROUP else ""
    leads_to = "hold" if total > bounds.most else "warn"
    return [_found(leads_to, f"{scope}limit_breached", _numbers(line, 0, bounds) | _which(line))]


def on_order(acting: Sequence[Told]) -> list[Found]:
    """What the policy's rules say of the order itself."""
    return [
        _found("warn" if params.get("status") in OPEN_STATUSES else "hold", code, params)
        for code, params in acting
    ]


def over(line: Line, grows: int, bounds: Room) -> int:
    """By how much ``grows`` more would be over what may be used of a line without a word; 0 if not at all."""
    return max(0, line.exposure + line.reserved + grows - bounds.free) if bounds.free is not None else 0


def got_past(how: str, leads_to: str) -> Found:
    """The order reached the CRM without a check that granted it."""
    return _found(leads_to, "got_past", {"how": f"past_{how}"})


def by_person(code: str, leads_to: str, params: Mapping[str, Value]) -> Found:
    """What a person has said about the order."""
    return _found(leads_to, code, params)


def unknown_customer(account: str) -> Found:
    """The account was never read."""
    return _found("hold", "customer_unknown", {"account": account})


def unknown_rate(currency: str, line: Line) -> Found:
    """The order's amount cannot be counted in the line's currency; where it has no bound, no harm."""
    leads_to = "hold" if line.limit_state == "amount" else "warn"
    return _found(leads_to, "rate_unknown", {"currency": currency, "to": line.currency})


def told(code: str, params: Mapping[str, Value]) -> Reason:
    """A reason with its sentences; amounts in ``params`` are minor units of its ``currency``."""
    text = Text(zh=say(code, params, "zh"), en=say(code, params, "en"))
    currency = params.get("currency")
    shown: dict[str, str | int | bool | None] = {}
    for name, value in params.items():
        is_money = name in _AMOUNTS or (name in FACTS and FACTS[name].kind == "money")
        shown[name] = (
            major(value, currency)
            if is_money and isinstance(value, int) and isinstance(currency, str)
            else value
        )
    return Reason(code=code, params=shown, text=text)


def _found(leads_to: str, code: str, params: Mapping[str, Value]) -> Found:
    return Found(leads_to, told(code, params))


def _which(line: Line) -> dict[str, Value]:
    """Number and name of the group whose line it is; nothing for a customer's own."""
    return {"group": line.subject_id, "group_name": line.name} if line.subject == GROUP else {}


def _numbers(line: Line, grows: int, bounds: Room) -> dict[str, Value]:
    assert bounds.free is not None  # noqa: S101 - narrows the type
    return {
        "currency": line.currency,
        "asked": grows,
        "limit": line.limit_minor,
        "exposure": line.exposure,
        "reserved": line.reserved,
        "available": line.available,
        "over": line.exposure + line.reserved + grows - bounds.free,
    }


def _tolerance(line: Line, policy: Policy, rates: Rates, day: dt.date) -> int:
    """Minor units of the line's currency: the smaller of share and amount; without a rate, none."""
    allowed: list[int] = []
    settings = policy.check.tolerance
    if settings.percent is not None:
        allowed.append(_floor((line.limit_minor or 0) * settings.percent))
    if settings.amount is not None:
        own = to_minor(settings.amount, policy.currency)
        allowed.append(rates.convert(own, policy.currency, line.currency, day) or 0)
    return min(allowed, default=0)


def _floor(amount: Decimal) -> int:
    return int(amount.to_integral_value(rounding=ROUND_FLOOR))

"""The credit limit: its terms, what becomes of them, and what may be used of it.

Invariant: whole minor units; a term that is not known is left out with a step, never taken for zero;
a limit has three states (none, amount, unlimited) and no magic zero. A new term is one function, one
entry of ``TERMS`` and one section of the policy's ``limit.terms``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from connector.money import scale
from connector.policy.schema import NeedTerm, Policy
from connector.rules.compile import Class, Compiled, compiled
from connector.rules.outcome import Step, plain
from connector.rules.snapshot import SetLimit, Unknown, Value

_YEAR_DAYS = 365


class Basis(NamedTuple):
    """What the terms look at."""

    rules: Compiled
    values: Mapping[str, Value]
    risk_class: Class
    terms_days: int


class Calculated(NamedTuple):
    """The calculated limit; ``amount`` is ``None`` if nothing is known and no rule serves."""

    amount: int | None
    new_customer: bool


Term = Callable[[Basis, list[Step]], "int | Unknown"]


def _unknown(term: str, fact: str, why: Unknown, steps: list[Step]) -> Unknown:
    params: dict[str, str | int | None] = {"term": term, "fact": fact, "why": why.reason}
    steps.append(Step("limit", "limit_unknown", params))
    return why


def _need(basis: Basis, steps: list[Step]) -> int | Unknown:
    """Sales × terms / 365: what the customer's own business with us asks for."""
    need = basis.rules.policy.limit.terms.need
    assert need is not None  # noqa: S101  # only terms of the policy are called
    sales = basis.values["sales_12m"]
    if not isinstance(sales, int):
        return _unknown("need", "sales_12m", _as_unknown(sales), steps)
    months = basis.values["relation_months"]
    if need.annualise_from_months is not None and isinstance(months, int) and months < 12:
        counted = max(months, need.annualise_from_months)
        if counted < 12:
            yearly = sales * 12 // counted
            params: dict[str, str | int | None] = {
                "sales": sales,
                "months": counted,
                "yearly": yearly,
            }
            steps.append(Step("limit", "limit_annualised", params))
            sales = yearly
    amount = need_amount(need, sales, basis.terms_days)
    amount = max(amount, basis.rules.need_at_least)
    steps.append(
        Step(
            "limit",
            "limit_need",
            {
                "sales": sales,
                "days": basis.terms_days + need.extra_days,
                "factor": str(need.tax_factor * need.peak_factor),
                "amount": amount,
            },
        )
    )
    return amount


def need_amount(need: NeedTerm, sales: int, terms_days: int) -> int:
    """Sales × factors × days / 365, rounded half up to the minor unit."""
    days = terms_days + need.extra_days
    return scale(sales, need.tax_factor * need.peak_factor * days / _YEAR_DAYS)


def _capacity(basis: Basis, steps: list[Step]) -> int | Unknown:
    """The smaller of a share of tangible net worth and a share of revenue, by grade."""
    term = basis.rules.policy.limit.terms.capacity
    assert term is not None  # noqa: S101
    shares = term.by_class.get(basis.risk_class.name, term)
    parts: list[int] = []
    for fact, part in (
        ("tangible_net_worth", shares.tangible_net_worth),
        ("revenue_level", shares.revenue),
    ):
        value = basis.values[fact]
        if not isinstance(value, int):
            _unknown("capacity", fact, _as_unknown(value), steps)
            continue
        amount = max(0, scale(value, part))
        parts.append(amount)
        _shared("limit_capacity", fact, value, part, amount, steps)
    return min(parts) if parts else Unknown("not_disclosed")


def _net_worth(basis: Basis, steps: list[Step]) -> int | Unknown:
    """A share of net worth."""
    term = basis.rules.policy.limit.terms.net_worth
    assert term is not None  # noqa: S101
    return _share("net_worth", "net_worth", term.share, basis, steps)


def _agency(basis: Basis, steps: list[Step]) -> int | Unknown:
    """A share of what the agency advises."""
    term = basis.rules.policy.limit.terms.agency
    assert term is not None  # noqa: S101
    return _share("agency", "agency_limit", term.share, basis, steps)


def _share(
    term: str, fact: str, part: Decimal, basis: Basis, steps: list[Step]
) -> int | Unknown:
    value = basis.values[fact]
    if not isinstance(value, int):
        return _unknown(term, fact, _as_unknown(value), steps)
    amount = max(0, scale(value, part))
    _shared(f"limit_{term}", fact, value, part, amount, steps)
    return amount


def _shared(
    code: str, fact: str, value: int, part: Decimal, amount: int, steps: list[Step]
) -> None:
    params: dict[str, str | int | None] = {
        "fact": fact,
        "value": value,
        "share": str(part),
        "amount": amount,
    }
    steps.append(Step("limit", code, params))


def _as_unknown(value: Value) -> Unknown:
    return value if isinstance(value, Unknown) else Unknown("not_stated")


TERMS: dict[str, Term] = {
    "need": _need,
    "capacity": _capacity,
    "net_worth": _net_worth,
    "agency": _agency,
}


def calculated(basis: Basis, steps: list[Step]) -> Calculated:
    """The limit that the policy works out: terms, combination, class factor, rounding."""
    rules, risk_class = basis.rules, basis.risk_class
    limit = rules.policy.limit
    known: dict[str, int] = {}
    for name, term in TERMS.items():
        if getattr(limit.terms, name) is not None:
            value = term(basis, steps)
            if isinstance(value, int):
                known[name] = value
    if not known:
        if limit.new_customer is None:
            steps.append(Step("limit", "limit_missing", {}))
            return Calculated(None, False)
        amount = min(rules.new_limit, risk_class.cap)
        steps.append(
            Step("limit", "limit_new_customer", {"amount": amount, "cap": risk_class.cap})
        )
        return Calculated(amount, True)
    if limit.combine == "min":
        if limit.terms.class_cap:
            known["class_cap"] = risk_class.cap
            steps.append(_cap_step(risk_class))
        name = min(known, key=lambda key: known[key])
        amount = known[name]
        steps.append(Step("limit", "limit_min", {"term": name, "amount": amount}))
    else:
        amount = _mean(known, limit.terms, steps)
        if limit.terms.class_cap:
            steps.append(_cap_step(risk_class))
            amount = min(amount, risk_class.cap)
    scaled = scale(amount, risk_class.factor)
    factor = str(risk_class.factor)
    steps.append(
        Step("limit", "limit_factor",
             {"risk_class": risk_class.name, "factor": factor, "amount": scaled})
    )  # fmt: skip
    rounded = scaled // rules.step * rules.step
    steps.append(Step("limit", "limit_rounded", {"step": rules.step, "amount": rounded}))
    return Calculated(rounded, False)


def _cap_step(risk_class: Class) -> Step:
    params: dict[str, str | int | None] = {
        "risk_class": risk_class.name,
        "amount": risk_class.cap,
    }
    return Step("limit", "limit_class_cap", params)


def _mean(known: Mapping[str, int], terms: object, steps: list[Step]) -> int:
    weights = {name: getattr(terms, name).weight for name in known}
    total = sum(known[name] * weight for name, weight in weights.items())
    amount: int = total // sum(weights.values())
    steps.append(Step("limit", "limit_mean", {"terms": len(known), "amount": amount}))
    return amount


class Effective(NamedTuple):
    """The limit that holds; ``reason`` is a reason code if it could not be settled."""

    state: str
    amount: int | None
    reason: str | None


def effective(
    entry: SetLimit | None, found: Calculated, rules: Compiled, steps: list[Step]
) -> Effective:
    """A temporary limit replaces the base one, a base limit set by a person the calculated one."""
    if entry is not None:
        until = entry.valid_to.isoformat() if entry.valid_to is not None else None
        steps.append(
            Step("limit", f"limit_{entry.kind}_{entry.state}",
                 {"amount": entry.amount, "until": until})
        )  # fmt: skip
        if entry.state == "amount" and entry.amount is None:
            return Effective("none", None, "limit_no_rate")
        return Effective(entry.state, entry.amount, None)
    if found.amount is not None:
        return Effective("amount", found.amount, None)
    if rules.policy.check.missing_limit == "allow":
        steps.append(Step("limit", "limit_missing_allowed", {}))
        return Effective("unlimited", None, None)
    return Effective("none", None, "limit_missing")


class Room(NamedTuple):
    """Bounds on exposure + reserved + order, minor units, both inclusive: up to ``passes`` an order
    passes, up to ``warns`` it passes with a warning, above it is held."""

    passes: int
    warns: int


def room(policy: Policy, limit: int) -> Room:
    """What the policy lets be used of a limit of ``limit`` minor units."""
    rules = compiled(policy)
    check = policy.check
    usable = int((limit * check.usable_share).to_integral_value(rounding=ROUND_DOWN))
    over: list[int] = []
    if check.tolerance.percent is not None:
        percent = limit * check.tolerance.percent
        over.append(int(percent.to_integral_value(rounding=ROUND_DOWN)))
    if rules.tolerance is not None:
        over.append(rules.tolerance)
    short = 1 if check.equal_to_limit == "hold" else 0
    return Room(usable - short, usable - short + min(over, default=0))


__all__ = ["Basis", "Calculated", "Effective", "Room", "calculated", "effective", "plain", "room"]

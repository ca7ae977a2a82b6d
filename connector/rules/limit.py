"""The credit limit: its terms, and what becomes of them.

Invariant: whole minor units; a term that is not known is left out with a step, never taken for zero;
a limit has three states (none, amount, unlimited) and no magic zero. A new term is one function, one
entry of ``TERMS`` and one section of the policy's ``limit.terms``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from connector.money import part_of, scale
from connector.policy.schema import CapacityTerm, LimitTerms, NeedTerm, ShareTerm
from connector.rules.entries import DECIDED, NO_QUOTA
from connector.rules.outcome import Params, Step, step
from connector.rules.program import Class, Compiled
from connector.rules.snapshot import SetLimit, Unknown, Value

YEAR_DAYS = 365
_YEAR_MONTHS = 12


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


class Effective(NamedTuple):
    """The limit that holds; ``reason`` is a reason code if it could not be settled; ``secured`` is the
    part of it, or beside it, that insurers and guarantors stand for."""

    state: str
    amount: int | None
    reason: str | None
    secured: int = 0


def need(basis: Basis, term: NeedTerm, steps: list[Step]) -> int | None:
    """What the customer's own business with us asks for."""
    sales = _known(basis, "need", "sales_12m", steps)
    if sales is None:
        return None
    months = basis.values["relation_months"]
    if term.annualise_from_months is not None and isinstance(months, int):
        counted = max(months, term.annualise_from_months)
        if counted < _YEAR_MONTHS:
            yearly = sales * _YEAR_MONTHS // counted
            steps.append(step("limit", "limit_annualised", sales=sales, months=counted, yearly=yearly))
            sales = yearly
    rules, days = basis.rules, basis.terms_days + term.extra_days
    numerator, denominator = rules.need_ratio
    amount = part_of(sales, numerator * days, denominator * YEAR_DAYS)
    factor = rules.need_factor_text
    steps.append(step("limit", "limit_need", sales=sales, days=days, factor=factor, amount=amount))
    if amount < rules.need_at_least:
        amount = rules.need_at_least
        steps.append(step("limit", "limit_need_least", amount=amount))
    return amount


def _capacity(basis: Basis, term: CapacityTerm, steps: list[Step]) -> int | None:
    """The smaller of a share of tangible net worth and a share of revenue, by grade."""
    shares = term.by_class.get(basis.risk_class.name, term)
    parts = (
        _share(basis, "capacity", "tangible_net_worth", shares.tangible_net_worth, steps),
        _share(basis, "capacity", "revenue_level", shares.revenue, steps),
    )
    return min((part for part in parts if part is not None), default=None)


def _net_worth(basis: Basis, term: ShareTerm, steps: list[Step]) -> int | None:
    return _share(basis, "net_worth", "net_worth", term.share, steps)


def _agency(basis: Basis, term: ShareTerm, steps: list[Step]) -> int | None:
    return _share(basis, "agency", "agency_limit", term.share, steps)


def _advice(basis: Basis, term: ShareTerm, steps: list[Step]) -> int | None:
    return _share(basis, "advice", "advice_limit", term.share, steps)


def _references(basis: Basis, term: ShareTerm, steps: list[Step]) -> int | None:
    return _share(basis, "references", "reference_limit", term.share, steps)


TERMS: dict[str, Callable[[Basis, Any, list[Step]], int | None]] = {
    "need": need,
    "capacity": _capacity,
    "net_worth": _net_worth,
    "agency": _agency,
    "advice": _advice,
    "references": _references,
}


def _share(basis: Basis, term: str, fact: str, part: Decimal, steps: list[Step]) -> int | None:
    """A share of an amount, not below zero."""
    value = _known(basis, term, fact, steps)
    if value is None:
        return None
    amount = max(0, scale(value, part))
    steps.append(
        step("limit", "limit_share", term=term, fact=fact, value=value, share=str(part), amount=amount)
    )
    return amount


def _known(basis: Basis, term: str, fact: str, steps: list[Step]) -> int | None:
    """An amount, or ``None`` with a step that says why the term goes without it."""
    value = basis.values[fact]
    if isinstance(value, int):
        return value
    steps.append(untold(term, fact, value.reason if isinstance(value, Unknown) else "not_stated"))
    return None


@lru_cache(maxsize=1024)
def untold(term: str, fact: str, why: str) -> Step:
    """A term that goes without a fact, and why."""
    return step("limit", "limit_unknown", term=term, fact=fact, why=why)


def calculated(basis: Basis, steps: list[Step]) -> Calculated:
    """The limit that the policy works out: terms, combination, class factor, rounding."""
    limit, found = basis.rules.policy.limit, basis.risk_class
    known: dict[str, int] = {}
    for name, section in basis.rules.terms:
        value = TERMS[name](basis, section, steps)
        if value is not None:
            known[name] = value
    if not known:
        return new_customer_limit(basis, steps)
    caps = _caps(basis, steps)
    smallest = limit.combine == "min"
    amount = _least({**known, **caps}, steps) if smallest else _mean(known, caps, basis, steps)
    scaled = amount if found.factor == 1 else scale(amount, found.factor)
    steps.append(
        step("limit", "limit_factor", risk_class=found.name, factor=found.factor_text, amount=scaled)
    )
    rounded = scaled // basis.rules.step * basis.rules.step
    steps.append(step("limit", "limit_rounded", step=basis.rules.step, amount=rounded))
    return Calculated(rounded, False)


def _caps(basis: Basis, steps: list[Step]) -> dict[str, int]:
    """What bounds the limit, whatever the customer needs or can bear."""
    rules, found = basis.rules, basis.risk_class
    caps: dict[str, int] = {}
    if rules.policy.limit.terms.class_cap:
        caps["class_cap"] = found.cap
        steps.append(class_cap_step(found.name, found.cap))
    if rules.portfolio is None:
        return caps
    caps["concentration"] = rules.concentration
    steps.append(concentration_step(rules.portfolio, rules.concentration_text, rules.concentration))
    return caps


@lru_cache(maxsize=256)
def class_cap_step(name: str, cap: int) -> Step:
    """What a class allows at most."""
    return step("limit", "limit_class_cap", risk_class=name, amount=cap)


@lru_cache(maxsize=256)
def concentration_step(portfolio: int, share: str, amount: int) -> Step:
    """What one customer may take of what all may owe."""
    return step("limit", "limit_concentration", portfolio=portfolio, share=share, amount=amount)


def new_customer_limit(basis: Basis, steps: list[Step]) -> Calculated:
    """What a customer gets of whom no term is known."""
    if basis.rules.policy.limit.new_customer is None:
        return Calculated(None, False)
    caps = _caps(basis, [])
    amount = min(basis.rules.new_limit, basis.risk_class.cap, *caps.values())
    steps.append(
        step(
            "limit",
            "limit_new_customer",
            amount=amount,
            risk_class=basis.risk_class.name,
            cap=basis.risk_class.cap,
        )
    )
    return Calculated(amount, True)


def _least(terms: Mapping[str, int], steps: list[Step]) -> int:
    name = min(terms, key=lambda key: terms[key])
    steps.append(step("limit", "limit_min", term=name, amount=terms[name]))
    return terms[name]


def _mean(known: Mapping[str, int], caps: Mapping[str, int], basis: Basis, steps: list[Step]) -> int:
    terms: LimitTerms = basis.rules.policy.limit.terms
    weights = {name: int(getattr(terms, name).weight) for name in known}
    amount = sum(known[name] * weight for name, weight in weights.items()) // sum(weights.values())
    steps.append(step("limit", "limit_mean", terms=len(known), amount=amount))
    return min((amount, *caps.values()))


def effective(entry: SetLimit | None, found: Calculated, basis: Basis, steps: list[Step]) -> Effective:
    """A temporary limit replaces the base one, a base limit set by a person the calculated one; what is
    secured comes on top of it or lies within. Where a CRM's own module decides, none of this does."""
    if entry is not None and entry.kind in DECIDED:
        return _decided(entry, found, basis.rules, steps)
    limit = _own(entry, found, basis.rules, steps)
    secured = _secured(basis, steps)
    if not secured or limit.state == "unlimited" or limit.reason == "limit_no_rate":
        return limit
    if basis.rules.policy.limit.secured.counts == "within":
        own = None if limit.amount is None else max(0, limit.amount - secured)
        steps.append(step("limit", "limit_secured_within", secured=secured, amount=limit.amount, own=own))
        return limit._replace(secured=min(secured, limit.amount or 0))
    if limit.state == "none" and limit.reason is None:
        return limit  # a person has said: no credit
    total = (limit.amount or 0) + secured
    steps.append(step("limit", "limit_secured", secured=secured, own=limit.amount, amount=total))
    return Effective("amount", total, None, secured)


def _decided(entry: SetLimit, found: Calculated, rules: Compiled, steps: list[Step]) -> Effective:
    """The limit as the CRM's own credit module has it; what the policy works out is told beside it."""
    means = rules.policy.limit.zero_means
    if entry.kind == NO_QUOTA:
        steps.append(step("limit", "limit_quota_none", source=entry.source, calculated=found.amount))
    else:
        until = entry.valid_to.isoformat() if entry.valid_to is not None else None
        told: Params = {"source": entry.source, "amount": entry.amount, "until": until}
        steps.append(Step("limit", "limit_quota", {**told, "calculated": found.amount}))
        if entry.amount is None:
            return Effective("none", None, "limit_no_rate")
        if entry.amount or means == "none":
            return Effective("amount", entry.amount, None)
        steps.append(step("limit", f"limit_zero_{means}"))
        if means == "unlimited":
            return Effective("unlimited", None, None)
    if rules.policy.check.missing_limit == "allow":
        steps.append(step("limit", "limit_missing_allowed"))
        return Effective("unlimited", None, None)
    return Effective("none", None, "limit_quota_none")


def _own(entry: SetLimit | None, found: Calculated, rules: Compiled, steps: list[Step]) -> Effective:
    """The limit without what secures it."""
    if entry is not None:
        until = entry.valid_to.isoformat() if entry.valid_to is not None else None
        steps.append(
            step("limit", f"limit_set_{entry.state}", entry=entry.kind, amount=entry.amount, until=until)
        )
        if entry.state == "amount" and entry.amount is None:
            return Effective("none", None, "limit_no_rate")
        means = rules.policy.limit.zero_means
        if entry.amount != 0 or means == "none":
            return Effective(entry.state, entry.amount, None)
        steps.append(step("limit", f"limit_zero_{means}"))
        if means == "unlimited":
            return Effective("unlimited", None, None)
    if found.amount is not None:
        return Effective("amount", found.amount, None)
    if rules.policy.check.missing_limit == "allow":
        steps.append(step("limit", "limit_missing_allowed"))
        return Effective("unlimited", None, None)
    steps.append(step("limit", "limit_missing"))
    return Effective("none", None, "limit_missing")


def _secured(basis: Basis, steps: list[Step]) -> int:
    """What insurers and guarantors stand for, as far as the policy counts it."""
    shares, total = basis.rules.policy.limit.secured, 0
    for fact, part in (("insured_amount", shares.insured), ("guaranteed_amount", shares.guaranteed)):
        value = basis.values[fact]
        if part and isinstance(value, int) and value:
            amount = scale(value, part)
            total += amount
            told: Params = {"term": fact, "fact": fact, "value": value, "share": str(part), "amount": amount}
            steps.append(Step("limit", "limit_share", told))
    return total

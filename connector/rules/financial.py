"""Facts from financial statements.

Invariant: a statement that has gone stale says nothing any more; of two statements of one period the
debtor's own goes before the consolidated one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from connector.model import Report, Statement
from connector.policy.catalogue import TRENDS, names
from connector.policy.schema import Financial
from connector.rules.altman import altman_z, altman_z1, altman_z2, zone
from connector.rules.ratios import BALANCE, NOT_DISCLOSED, SIX, YEARLY, ZERO, net_worth, ratio
from connector.rules.settlement import Convert
from connector.rules.snapshot import Origin, Unknown, Value

MISSING = Unknown("missing_statement")
TOO_FEW = Unknown("too_few_periods")
STALE = Unknown("stale")
NO_RATE = Unknown("no_rate")

_NAMES = names("financial")
_RATIOS = {**BALANCE, **YEARLY}
_FROM_BALANCE = (*BALANCE, "equity_negative", "working_capital", "net_worth", "tangible_net_worth")
_BY_YEAR = tuple(name for name in _NAMES if name not in (*_FROM_BALANCE, "statement_age_days"))
_YEAR = 12
_DAY = dt.timedelta(days=1)


class Basis(NamedTuple):
    """What the family goes by: the day, how statements age, the policy's settings, the currency."""

    today: dt.date
    stale_days: int
    rules: Financial
    industry: str | None
    currency: str
    convert: Convert


class _Dated(NamedTuple):
    statement: Statement
    origin: Origin


def financial_facts(
    reports: Iterable[Report], basis: Basis, moments: list[dt.date]
) -> tuple[dict[str, Value], dict[str, Origin]]:
    """Values and origins of the family. ``reports`` are the newest first; ``moments`` learns the days
    on which a statement goes stale."""
    age = dt.timedelta(days=basis.stale_days)
    newest, years = _statements(reports, age)
    if newest is None:
        return dict.fromkeys(_NAMES, MISSING), {}
    values: dict[str, Value] = dict.fromkeys(_NAMES, MISSING)
    origins = dict.fromkeys(_NAMES, newest.origin)
    values["statement_age_days"] = max(0, (basis.today - newest.statement.period_end).days)
    moments.append(newest.statement.period_end + age + _DAY)
    if newest.statement.period_end + age < basis.today:
        values.update(dict.fromkeys((*_FROM_BALANCE, *_BY_YEAR), STALE))
        return values, origins
    for name, formula in BALANCE.items():
        values[name] = formula(newest.statement)
    _worth(values, newest.statement, basis)
    if not years:
        return values, origins
    last = years[0]
    moments.append(last.statement.period_end + age + _DAY)
    origins.update(dict.fromkeys(_BY_YEAR, last.origin))
    if last.statement.period_end + age < basis.today:
        values.update(dict.fromkeys(_BY_YEAR, STALE))
        return values, origins
    _of_years(values, [year.statement for year in years], basis)
    return values, origins


def _statements(reports: Iterable[Report], age: dt.timedelta) -> tuple[_Dated | None, list[_Dated]]:
    """The newest statement, and the full years newest first, one for each period end."""
    found = [
        _Dated(
            statement,
            Origin("statement", report.provider, statement.period_end, statement.period_end + age),
        )
        for report in reports
        for statement in report.statements
    ]
    if not found:
        return None, []
    found.sort(key=lambda d: bool(d.statement.consolidated))
    found.sort(key=lambda d: d.statement.period_end, reverse=True)
    years: list[_Dated] = []
    for item in found:
        if item.statement.months == _YEAR and (
            not years or years[-1].statement.period_end != item.statement.period_end
        ):
            years.append(item)
    return found[0], years


def _of_years(values: dict[str, Value], years: list[Statement], basis: Basis) -> None:
    """Everything that takes a full year or more, newest first."""
    last = years[0]
    for name, formula in YEARLY.items():
        values[name] = formula(last)
    values["revenue_level"] = _amount(last.revenue, last.currency, basis)
    values["revenue_growth"] = _growth(years)
    values["revenue_stability"] = _stability(years, basis.rules.stability_periods)
    rules = basis.rules.altman
    scores = (altman_z(last), altman_z1(last), altman_z2(last, rules))
    values["altman_z"], values["altman_z1"], values["altman_z2"] = scores
    values["altman_zone"] = zone(basis.industry, last, scores, rules)
    before = years[1] if len(years) > 1 and _follow(years[0], years[1]) else None
    for name in TRENDS:
        values[f"{name}_change"] = TOO_FEW if before is None else _change(_RATIOS[name](last), name, before)


def _change(now: Decimal | Unknown, name: str, before: Statement) -> Decimal | Unknown:
    then = _RATIOS[name](before)
    if isinstance(now, Unknown):
        return now
    return then if isinstance(then, Unknown) else now - then


def _amount(amount: int | None, currency: str, basis: Basis) -> int | Unknown:
    if amount is None:
        return NOT_DISCLOSED
    converted = basis.convert(amount, currency, basis.currency)
    return NO_RATE if converted is None else converted


def _worth(values: dict[str, Value], s: Statement, basis: Basis) -> None:
    worth = net_worth(s)
    values["net_worth"] = _amount(worth, s.currency, basis)
    values["equity_negative"] = NOT_DISCLOSED if worth is None else worth <= 0
    tangible = None if worth is None or s.intangibles is None else worth - s.intangibles
    values["tangible_net_worth"] = _amount(tangible, s.currency, basis)
    assets, liabilities = s.current_assets, s.current_liabilities
    working = None if assets is None or liabilities is None else assets - liabilities
    values["working_capital"] = _amount(working, s.currency, basis)


def _follow(later: Statement, earlier: Statement) -> bool:
    """Whether two full years in one currency follow one another."""
    return later.currency == earlier.currency and 350 <= (later.period_end - earlier.period_end).days <= 380


def _consecutive(years: list[Statement]) -> list[int] | None:
    """Revenue of unbroken years in one currency, newest first; ``None`` if one is not disclosed."""
    found: list[int] = []
    last: Statement | None = None
    for year in years:
        if last is not None and not _follow(last, year):
            break
        if year.revenue is None:
            return found or None
        found.append(year.revenue)
        last = year
    return found


def _growth(years: list[Statement]) -> Decimal | Unknown:
    revenue = _consecutive(years)
    if revenue is None:
        return NOT_DISCLOSED
    if len(revenue) < 2:
        return TOO_FEW
    return ratio(revenue[0] - revenue[1], revenue[1])


def _stability(years: list[Statement], periods: int) -> Decimal | Unknown:
    """1 − coefficient of variation (sample standard deviation), floored at 0."""
    revenue = _consecutive(years)
    if revenue is None:
        return NOT_DISCLOSED
    if len(revenue) < periods:
        return TOO_FEW
    mean = Decimal(sum(revenue)) / len(revenue)
    if not mean:
        return ZERO
    variance = sum(((value - mean) ** 2 for value in revenue), Decimal(0)) / (len(revenue) - 1)
    return max(Decimal(0), 1 - variance.sqrt() / mean).quantize(SIX)

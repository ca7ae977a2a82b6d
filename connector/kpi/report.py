"""The report of a month: a row a person, a row a team, and one for all.

Invariant: reads only; the same journal and store give the same rows, whenever it is run: a month that has
ended looks tomorrow as it looks today. Rows are in the order of names, never of figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from connector.kpi import answers, overrides, portfolio, reviews, visiting
from connector.kpi.month import Window
from connector.kpi.people import People
from connector.kpi.tally import Figure, Tally, total
from connector.people.roles import person
from connector.runtime import Runtime
from connector.store import journal

PERSON, TEAM, ALL = "person", "team", "all"


@dataclass(frozen=True)
class Row:
    """The figures of one person (``who``; ``None``: what nobody is known to answer for), of one ``team``
    (``None``: of whoever is in none), or of all."""

    kind: str
    who: str | None
    team: str | None
    window: Window
    currency: str
    figures: dict[str, Figure]


def report(runtime: Runtime, window: Window) -> list[Row]:
    """The rows of a month: persons, teams, all."""
    with runtime.store.read() as tx:
        people = People(runtime, tx, window.last)
        tallies = _tallies(runtime, tx, window, people)
    currency = runtime.policy.currency
    teams: dict[str | None, list[Tally]] = {}
    rows = []
    for who in sorted(tallies, key=lambda name: (name is None, person(name or ""))):
        team = people.team(who)
        teams.setdefault(team, []).append(tallies[who])
        rows.append(Row(PERSON, who, team, window, currency, tallies[who].figures(currency)))
    for team in sorted(teams, key=lambda name: (name is None, name or "")):
        rows.append(Row(TEAM, None, team, window, currency, total(teams[team]).figures(currency)))
    rows.append(Row(ALL, None, None, window, currency, total(tallies.values()).figures(currency)))
    return rows


def _tallies(runtime: Runtime, tx: sa.Connection, window: Window, people: People) -> dict[str | None, Tally]:
    tallies: dict[str | None, Tally] = {}

    def of(who: str | None) -> Tally:
        return tallies.setdefault(who, Tally())

    cases, visits = reviews.Reviews(window, people), visiting.Visiting(window, people)
    holds, signals = answers.Holds(window, people), answers.Signals(window, people)
    limits = overrides.Overrides(window, people)
    takers: dict[str, Callable[[Any, dict[str, Any]], None]] = {}
    for acts, collector in (
        (reviews.ACTS, cases),
        (answers.HOLD_ACTS, holds),
        (answers.SIGNAL_ACTS, signals),
        (visiting.ACTS, visits),
        (overrides.ACTS, limits),
    ):
        takers |= dict.fromkeys(acts, collector.take)
    for row in journal.of_acts(tx, list(takers), window.known):
        takers[row.act](row, orjson.loads(row.detail))
    cases.count(of)
    holds.count(of)
    signals.count(tx, of)
    visits.count(of)
    rates, currency = runtime.rates, runtime.policy.currency
    portfolio.count(tx, window, people, portfolio.Book(tx, window.until, window.last, rates, currency), of)
    later = portfolio.Book(tx, window.known, window.as_of, rates, currency)
    limits.count(tx, holds.let, rates, later, of)
    return tallies

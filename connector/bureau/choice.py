"""Which agency is asked about whom: one YAML file, ``agencies.yaml``.

Invariant: the first choice that fits a customer counts, its agencies are asked in their order; a file that is
there is checked whole when it is read; an amount without a bound is ``None`` and never zero.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from connector.money import is_currency, to_minor
from connector.yamlfile import Source, read

TEXT = """\
# Which agency is asked about whom, and what it may cost. 'creditgate bureau refresh' without a connection
# acts on it; without any choice every agency is asked about everybody.
agencies: 1

# All agencies together, by the prices in their connections (price_report): a call that would go beyond a
# ceiling is not made, nor is one whose price nobody has said. Days and months are those of the policy's zone.
#ceilings: {currency: CNY, daily: 500, monthly: 5000}

# The first entry that fits counts: country of the customer (ISO codes), and size, which is the larger of
# limit and exposure in the policy's currency (major units). 'ask' names connections, in order: the next one
# is asked if one does not know the customer or cannot answer. A doubtful match waits for a person instead.
# While any of them has given a report younger than 'fresh_days' nothing is bought ('by_class' by risk class).
# The default is the policy's: the shorter of staleness.report_days and the review_days of the class. A signal
# of severity alarm that is newer than the report makes it due at once.
#fresh_days: 90
#renew_on_alarm: true
#by_class: {C: 30, D: 30}
#choices:
#  - {countries: [CN], size_from: 500_000, ask: [qichacha, tianyancha]}
#  - {countries: [CN], ask: [tianyancha]}
#  - {countries: [GB], size_below: 50_000, ask: [companies-house]}
#  - {ask: [creditsafe, dnb]}
"""
KEYS = ("agencies", "ceilings", "fresh_days", "renew_on_alarm", "by_class", "choices")


@dataclass(frozen=True)
class Ceilings:
    """What all calls may cost in a day and in a month, minor units of ``currency``."""

    currency: str
    daily: int | None = None
    monthly: int | None = None


@dataclass(frozen=True)
class Choice:
    """The connections to ask, in order, about customers of these countries (none named: all) whose size,
    in major units of the policy's currency, is in ``[size_from, size_below)``."""

    ask: tuple[str, ...]
    countries: frozenset[str] = frozenset()
    size_from: Decimal | None = None
    size_below: Decimal | None = None

    def fits(self, country: str | None, size: Decimal | None) -> bool:
        """Whether it is for such a customer. An unknown country fits only a choice for all; an unknown size
        is taken for the smallest, so that no large purchase follows from it."""
        if self.countries and country not in self.countries:
            return False
        known = size if size is not None else Decimal(0)
        return (self.size_from is None or known >= self.size_from) and (
            self.size_below is None or known < self.size_below
        )


@dataclass(frozen=True)
class Agencies:
    """The whole file."""

    ceilings: Ceilings | None = None
    fresh_days: int | None = None
    renew_on_alarm: bool = True
    by_class: Mapping[str, int] | None = None
    choices: tuple[Choice, ...] = ()

    def order(self, country: str | None, size: Decimal | None, known: Collection[str]) -> tuple[str, ...]:
        """The connections to ask about such a customer, in order; of all ``known`` ones without any
        choice."""
        if not self.choices:
            return tuple(known)
        found = next((one for one in self.choices if one.fits(country, size)), None)
        return () if found is None else found.ask

    def fresh(self, risk_class: str | None, otherwise: int) -> int:
        """For how many days a report on a customer of this class is fresh."""
        by_class = (self.by_class or {}).get(risk_class or "")
        if by_class is not None:
            return by_class
        return otherwise if self.fresh_days is None else self.fresh_days

    def serves(self, country: str | None) -> bool:
        """Whether there is a choice for some size of customer in this country."""
        return not self.choices or any(not c.countries or country in c.countries for c in self.choices)

    def unknown(self, known: Collection[str]) -> list[str]:
        """Connections that are named and are not there."""
        return sorted({name for one in self.choices for name in one.ask} - set(known))


def load(path: Path) -> Agencies:
    """The settings in ``path``, the defaults when there is no such file; ``Halt`` with file and line."""
    if not path.is_file():
        return Agencies()
    source, content = Source(str(path)), read(path)
    whole = source.mapping(content, content, "agencies")
    source.known(whole, KEYS)
    by_class = source.mapping(whole.get("by_class") or {}, whole, "by_class")
    choices = whole.get("choices") or []
    if not isinstance(choices, list):
        source.fail("'choices' is no list", whole, "choices", todo="write '- {countries: [CN], ask: [NAME]}'")
    on_alarm = whole.get("renew_on_alarm", True)
    if not isinstance(on_alarm, bool):
        source.fail("'renew_on_alarm' is neither true nor false", whole, "renew_on_alarm", todo="write true")
    return Agencies(
        _ceilings(source, whole),
        _days(source, whole, "fresh_days"),
        on_alarm,
        {str(name): _days(source, by_class, name) or 0 for name in by_class},
        tuple(_choice(source, choices, number) for number in range(len(choices))),
    )


def _ceilings(source: Source, whole: Mapping[str, Any]) -> Ceilings | None:
    if not whole.get("ceilings"):
        return None
    node = source.mapping(whole["ceilings"], whole, "ceilings")
    source.known(node, ("currency", "daily", "monthly"))
    currency = str(node.get("currency", ""))
    if not is_currency(currency):
        source.fail("the ceilings have no currency", whole, "ceilings", todo="write one like 'currency: CNY'")
    found = {name: _amount(source, node, name) for name in ("daily", "monthly")}
    return Ceilings(
        currency,
        **{name: None if amount is None else to_minor(amount, currency) for name, amount in found.items()},
    )


def _choice(source: Source, choices: list[Any], number: int) -> Choice:
    node = source.mapping(choices[number], choices, number)
    source.known(node, ("countries", "size_from", "size_below", "ask"))
    ask, countries = (_names(source, node, name) for name in ("ask", "countries"))
    if not ask:
        source.fail("this choice asks nobody", choices, number, todo="add 'ask: [CONNECTION]'")
    for one in countries:
        if len(one) != 2 or not one.isascii() or not one.isupper():
            source.fail(f"{one!r} is no country", node, "countries", todo="write ISO codes like CN")
    return Choice(
        ask, frozenset(countries), _amount(source, node, "size_from"), _amount(source, node, "size_below")
    )


def _names(source: Source, node: Mapping[str, Any], name: str) -> tuple[str, ...]:
    given = node.get(name) or []
    if not isinstance(given, list):
        source.fail(f"{name!r} is no list", node, name, todo=f"write '{name}: [ONE, TWO]'")
    return tuple(str(one) for one in given)


def _amount(source: Source, node: Mapping[str, Any], name: str) -> Decimal | None:
    if node.get(name) is None:
        return None
    try:
        found = Decimal(str(node[name]))
    except InvalidOperation:
        found = Decimal(-1)
    if not found.is_finite() or found < 0:
        source.fail(f"{name!r} is no amount", node, name, todo="write a number in major units, like 500")
    return found


def _days(source: Source, node: Mapping[str, Any], name: str) -> int | None:
    value = node.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        source.fail(f"{name!r} is no number of days", node, name, todo="write a whole number like 90")
    return int(value)

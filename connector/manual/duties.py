"""Who does what: persons and deputies, the matrix of responsibility, and the rights of roles.

Invariant: persons come from the configuration of the day on which the manual is made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from connector.manual.form import Block, Chapter, Table
from connector.manual.words import Words, head
from connector.people.roles import Act, Roles, allowed
from connector.policy.schema import Duty, Policy, Responsibility
from connector.runtime import Runtime


def blocks(runtime: Runtime, policy: Policy, words: Words) -> Iterator[Block]:
    """Persons, deputies, who shares in which step, and who may do which act."""
    roles, today = runtime.roles, runtime.today()
    if roles.in_use:
        yield Chapter(words.say("roles.persons"), (_persons(roles, words),))
        if roles.deputies:
            yield Chapter(words.say("roles.deputies"), (_deputies(roles, words),))
    else:
        yield words.say("roles.nobody")
    yield _matrix(policy.responsibility, roles, words, today)
    yield _acts(roles, words, today)


def _persons(roles: Roles, words: Words) -> Table:
    columns = head(words, "roles.who", "roles.role", "roles.title", "roles.from", "roles.to")
    rows = (
        (one.who, words.say(f"role.{one.role.value}"), one.title or "–", _day(one.from_), _day(one.to))
        for one in roles.grants
    )
    return Table(columns, tuple(rows))


def _deputies(roles: Roles, words: Words) -> Table:
    columns = head(words, "roles.who", "roles.for", "roles.from", "roles.to")
    rows = ((one.who, one.stands_in_for, _day(one.from_), _day(one.to)) for one in roles.deputies)
    return Table(columns, tuple(rows))


def _matrix(rules: Responsibility, roles: Roles, words: Words, today: dt.date) -> Chapter:
    """The matrix, each role with the persons who have it that day."""
    parts = tuple(Duty.model_fields)

    def cell(names: tuple[str, ...]) -> str:
        return words.join(borne(one, roles, words, today) for one in names) or "–"

    rows = tuple(
        (words.title(Responsibility, step), *(cell(getattr(rules.of(step), part)) for part in parts))
        for step in rules.steps()
    )
    columns = (words.say("responsibility.step"), *(words.title(Duty, part) for part in parts))
    return Chapter(words.say("roles.duties"), (words.say("responsibility.intro"), Table(columns, rows)))


def borne(name: str, roles: Roles, words: Words, today: dt.date) -> str:
    """A role or title, and who bears it on the day."""
    persons = words.join(roles.bearers(name, today))
    told = words.told("role", name)
    return words.say("roles.borne", role=told, persons=persons) if persons else told


def _acts(roles: Roles, words: Words, today: dt.date) -> Chapter:
    """Which roles may do which act, and who that is on the day."""
    rows = tuple(
        (
            words.say(f"act.{act.name.lower()}"),
            words.join(words.say(f"role.{role.value}") for role in allowed(act)),
            (words.join(roles.able(act, as_of=today)) if roles.in_use else "") or "–",
        )
        for act in Act
    )
    columns = head(words, "roles.act", "roles.allowed", "roles.able")
    return Chapter(words.say("roles.acts"), (Table(columns, rows),))


def _day(day: dt.date | None) -> str:
    return "–" if day is None else day.isoformat()

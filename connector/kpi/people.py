"""Who is who: users of the CRMs, names in the journal and persons of the configuration are one.

Invariant: whoever is spelt otherwise is the same person (``connector.people.roles.person``); a user of a CRM
of whom the configuration does not say who it is goes by the name that the CRM has. Teams are those of the
roles on the last day that counts.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from connector.people.roles import person
from connector.runtime import Runtime
from connector.store.record_tables import crm_user
from connector.store.tables import connection

# Names under which the program itself acts.
PROGRAM = frozenset({"assess", "calendar", "check", "policy", "pull"})


class People:
    """The persons of a home folder, as of a ``day``."""

    def __init__(self, runtime: Runtime, tx: sa.Connection, day: dt.date) -> None:
        self._roles = runtime.roles
        self._day = day
        self._spelt = {person(one.who): one.who for one in (*runtime.roles.grants, *runtime.roles.deputies)}
        self._connections = {row.id: row.name for row in tx.execute(sa.select(connection))}
        self._users: dict[tuple[int, str], str] = {}
        self._alias: dict[str, str] = {}
        of_config = {(one.connection, one.user.casefold()): one.who for one in runtime.config.crm_users}
        for row in tx.execute(sa.select(crm_user).order_by(crm_user.c.connection_id, crm_user.c.external_id)):
            name = self._connections.get(row.connection_id, "")
            keys = [(name, key.casefold()) for key in (row.external_id, row.email) if key]
            who = next((of_config[key] for key in keys if key in of_config), None)
            self._users[row.connection_id, row.external_id] = who or row.name
            if who is not None:
                self._alias[person(row.name)] = who
        ids = {name: number for number, name in self._connections.items()}
        for one in runtime.config.crm_users:
            if one.connection in ids:
                self._users.setdefault((ids[one.connection], one.user), one.who)

    def named(self, name: str | None) -> str | None:
        """The person whom the journal calls ``name``; ``None`` for nobody and for the program itself."""
        if not name or not name.strip() or name in PROGRAM:
            return None
        known = self._alias.get(person(name), name)
        return self._spelt.setdefault(person(known), " ".join(known.split()))

    def owner(self, connection_id: int, user: str | None) -> str | None:
        """The person who is a user of a CRM; ``None`` for nobody."""
        if not user:
            return None
        found = self._users.get((connection_id, user))
        return self.named(found or f"{self._connections.get(connection_id, connection_id)}/{user}")

    def team(self, who: str | None) -> str | None:
        """The team of a person on the day; ``None`` for nobody, and for whoever is in none."""
        return None if who is None else self._roles.team(who, self._day)

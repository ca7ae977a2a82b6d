"""Connections: which CRM orgs, ledgers and agency accounts there are, and the keys that their plugins use.

Invariant: a secret setting is never kept, listed or returned in the clear; an API key is kept only as
a digest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from cryptography.fernet import InvalidToken, MultiFernet

from connector.errors import Halt
from connector.store.api_keys import ApiKeys
from connector.store.engine import Store
from connector.store.record_tables import account
from connector.store.secrets import StoreSecrets
from connector.store.tables import connection, customer, field_name, reservation, secret
from connector.store.upsert import upsert


@dataclass(frozen=True)
class Connection:
    """One connection; ``settings`` without the secret ones; ``role`` is crm, bureau or ledger."""

    id: int
    name: str
    role: str
    kind: str
    settings: Mapping[str, str]


class Connections:
    """All connections of a store."""

    def __init__(self, store: Store, cipher: MultiFernet) -> None:
        self._store = store
        self._cipher = cipher

    def add(
        self,
        name: str,
        role: str,
        kind: str,
        settings: Mapping[str, str],
        secrets: Mapping[str, str],
        home: Path,
    ) -> Connection:
        """Add a connection, or replace the settings of the one called ``name`` (same kind only)."""
        with self._store.write() as tx:
            found = tx.execute(sa.select(connection).where(connection.c.name == name)).one_or_none()
            if found is not None and found.kind != kind:
                raise Halt(
                    f"connection {name!r} exists and is of kind {found.kind}", todo="choose another --name"
                )
            text = orjson.dumps(dict(settings)).decode()
            if found is None:
                values = {"name": name, "role": role, "kind": kind, "settings": text}
                tx.execute(connection.insert().values(**values, created_at=dt.datetime.now(dt.UTC)))
            else:
                tx.execute(connection.update().where(connection.c.id == found.id).values(settings=text))
                old = secret.c.connection_id == found.id, secret.c.name.startswith("setting:")
                tx.execute(secret.delete().where(*old))
                self._forget_unreadable(tx, found.id)
        added = self.get(name)
        vault = StoreSecrets(self._store, self._cipher, added.id, home)
        for key, value in secrets.items():
            vault.put(f"setting:{key}", value)
        return added

    def _forget_unreadable(self, tx: sa.Connection, connection_id: int) -> None:
        """Tokens that a key that was lost has encrypted are no use any more."""
        here = secret.c.connection_id == connection_id
        for name, value in tx.execute(sa.select(secret.c.name, secret.c.value).where(here)).all():
            try:
                self._cipher.decrypt(value.encode())
            except InvalidToken:
                tx.execute(secret.delete().where(here, secret.c.name == name))

    def get(self, name: str) -> Connection:
        """The connection called ``name``; ``Halt`` naming the ones there are."""
        for found in self.all():
            if found.name == name:
                return found
        names = ", ".join(c.name for c in self.all()) or "none yet"
        raise Halt(f"there is no connection {name!r}", todo=f"use one of: {names}")

    def all(self, role: str | None = None) -> list[Connection]:
        """All connections, or those of one role, in order of their ids."""
        query = sa.select(connection).order_by(connection.c.id)
        if role is not None:
            query = query.where(connection.c.role == role)
        with self._store.read() as tx:
            rows = tx.execute(query).all()
        return [Connection(r.id, r.name, r.role, r.kind, orjson.loads(r.settings)) for r in rows]

    def remove(self, name: str, *, with_records: bool = False) -> None:
        """Remove a connection; ``Halt`` when customers stand on it or orders hold reserved credit.

        ``with_records`` also removes what was read through it and marks its customers as changed.
        """
        found = self.get(name)
        with self._store.write() as tx:
            concerned = sa.select(account.c.customer_id).where(account.c.connection_id == found.id)
            count = tx.execute(sa.select(sa.func.count()).select_from(concerned.subquery())).scalar_one()
            if count and not with_records:
                raise Halt(
                    f"{count} accounts were read through connection {name!r}",
                    todo="pass --with-records to remove them, their documents and reports as well",
                )
            active = reservation.c.connection_id == found.id, reservation.c.state == "active"
            if tx.execute(sa.select(reservation.c.id).where(*active).limit(1)).first():
                raise Halt(
                    f"orders of connection {name!r} have credit reserved",
                    todo="wait until they have arrived or the reservations have expired",
                )
            marked = customer.update().where(customer.c.id.in_(concerned))
            tx.execute(marked.values(changes=customer.c.changes + 1))
            tx.execute(connection.delete().where(connection.c.id == found.id))

    def issue_key(self, found: Connection, *, revoke: bool = False, **wanted: Any) -> str:
        """A new API key for the plugin of this connection; shown once, kept as a digest.

        ``revoke`` ends the validity of all earlier ones; ``wanted`` as in ``ApiKeys.issue``.
        """
        keys = ApiKeys(self._store, self._cipher)
        return keys.issue(found.id, dt.datetime.now(dt.UTC), revoke=revoke, **wanted)[1]

    def key_owner(self, key: str) -> Connection | None:
        """Whose valid API key this is."""
        owner = ApiKeys(self._store, self._cipher).bearer(key, dt.datetime.now(dt.UTC))
        return next((one for one in self.all() if owner and one.id == owner.connection_id), None)

    def names(self, found: Connection, target: str) -> dict[str, str]:
        """The tenant's real field names for our fields of ``target``, as far as provisioning found them."""
        return names_of(self._store, found, target)

    def keep_names(self, found: Connection, target: str, names: Mapping[str, str]) -> None:
        """Remember the tenant's real field names."""
        rows = [
            {"connection_id": found.id, "target": target, "name": name, "api_name": api_name}
            for name, api_name in names.items()
        ]
        with self._store.write() as tx:
            upsert(tx, field_name, rows, guarded=False)


def read_back(store: Store, found: Connection) -> dict[str, str]:
    """The tenant's real names of the fields that we make and others fill in: those of visits, and the
    decision on an order and the key of its first check."""
    order = names_of(store, found, "order")
    filled_in = {name: order[name] for name in ("credit_decision", "check_key") if name in order}
    return names_of(store, found, "visit") | filled_in


def names_of(store: Store, found: Connection, target: str) -> dict[str, str]:
    """See ``Connections.names``."""
    query = sa.select(field_name.c.name, field_name.c.api_name).where(
        field_name.c.connection_id == found.id, field_name.c.target == target
    )
    with store.read() as tx:
        return {row.name: row.api_name for row in tx.execute(query)}

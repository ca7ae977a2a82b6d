"""API keys: who may call the service, for what, until when.

Invariant: a key is kept as a digest, the secret of one that signs its calls encrypted; either is shown once.
At most two keys of one label are valid on a connection, so that a plugin is changed over without a gap and no
old key is forgotten. A nonce counts once, and calls are counted for all processes together.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from cryptography.fernet import InvalidToken, MultiFernet
from sqlalchemy.dialects import postgresql, sqlite

from connector.errors import Halt
from connector.store.engine import Store
from connector.store.gate_tables import api_nonce, api_use
from connector.store.tables import api_key, connection

CHECK, READ, DECIDE = "check", "read", "decide"
SCOPES = (CHECK, READ, DECIDE)
PLUGIN = "plugin"
VALID_AT_ONCE = 2
MINUTE = dt.timedelta(minutes=1)
# What guards the service is forgotten when its time is over.
_KEPT = dt.timedelta(hours=1)


@dataclass(frozen=True)
class ApiKey:
    """One key. ``signs``: its calls are signed and it is never sent; ``actor`` is as whom it decides."""

    id: int
    connection_id: int
    connection: str
    label: str
    scopes: tuple[str, ...]
    actor: str | None
    created_at: dt.datetime
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None
    signs: bool

    def valid(self, now: dt.datetime) -> bool:
        """Whether it opens anything at ``now`` (aware UTC)."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class ApiKeys:
    """The keys of a store."""

    def __init__(self, store: Store, cipher: MultiFernet) -> None:
        self._store = store
        self._cipher = cipher

    def issue(
        self,
        connection_id: int,
        now: dt.datetime,
        *,
        label: str = PLUGIN,
        scopes: Sequence[str] = (CHECK, READ),
        actor: str | None = None,
        expires_at: dt.datetime | None = None,
        signs: bool = False,
        revoke: bool = False,
        grace: dt.timedelta | None = None,
    ) -> tuple[int, str]:
        """A new key: its id, and the text that is shown this once only. ``revoke`` ends all earlier ones of
        the connection, ``grace`` those of the label after so long. ``Halt`` if two are valid already."""
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise Halt(f"a key cannot be for {unknown or 'nothing'}", todo=f"use {', '.join(SCOPES)}")
        secret = randomness.token_urlsafe(32)
        text = secret if signs else f"cg_{connection_id}_{secret}"
        values = {
            "connection_id": connection_id,
            "digest": digest_of(text),
            "created_at": now,
            "label": label,
            "scopes": ",".join(scope for scope in SCOPES if scope in scopes),
            "actor": actor,
            "expires_at": expires_at,
            "secret": self._cipher.encrypt(text.encode()).decode() if signs else None,
        }
        mine = api_key.c.connection_id == connection_id, api_key.c.revoked_at.is_(None)
        with self._store.write() as tx:
            if revoke:
                tx.execute(sa.update(api_key).where(*mine).values(revoked_at=now))
            if grace is not None:
                later = sa.or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > now + grace)
                ended = sa.update(api_key).where(*mine, api_key.c.label == label, later)
                tx.execute(ended.values(expires_at=now + grace))
            valid = [one for one in _select(tx, mine) if one.label == label and one.valid(now)]
            if len(valid) >= VALID_AT_ONCE:
                ids = ", ".join(str(one.id) for one in valid)
                raise Halt(
                    f"two keys {label!r} are valid already ({ids})",
                    todo="end one with 'creditgate connect revoke-key', or pass --revoke",
                )
            number = tx.execute(sa.insert(api_key).values(**values).returning(api_key.c.id)).scalar_one()
        return int(number), text

    def revoke(self, number: int, now: dt.datetime) -> ApiKey:
        """End the validity of a key at once; ``Halt`` if there is none, or it has ended."""
        with self._store.write() as tx:
            found = next(iter(_select(tx, (api_key.c.id == number,))), None)
            if found is None or not found.valid(now):
                raise Halt(f"no key {number} is valid", todo="see 'creditgate connect keys'")
            tx.execute(sa.update(api_key).where(api_key.c.id == number).values(revoked_at=now))
        return found

    def all(self) -> list[ApiKey]:
        """Every key that was ever issued, by connection and age."""
        with self._store.read() as tx:
            return _select(tx, ())

    def bearer(self, text: str, now: dt.datetime) -> ApiKey | None:
        """The valid key that is sent as it is."""
        with self._store.read() as tx:
            found = _select(tx, (api_key.c.digest == digest_of(text), api_key.c.secret.is_(None)))
        return found[0] if found and found[0].valid(now) else None

    def signer(self, number: int, now: dt.datetime) -> tuple[ApiKey, bytes] | None:
        """The valid key that signs, with its secret."""
        query = sa.select(api_key.c.secret).where(api_key.c.id == number, api_key.c.secret.is_not(None))
        with self._store.read() as tx:
            kept = tx.execute(query).scalar()
            found = _select(tx, (api_key.c.id == number,)) if kept else []
        if not kept or not found or not found[0].valid(now):
            return None
        try:
            return found[0], self._cipher.decrypt(kept.encode())
        except InvalidToken:
            raise Halt(
                "the secret of an API key cannot be decrypted with the present key",
                where=f"key {number}",
                todo="restore the key (CREDITGATE_KEY or secret.key), or issue another API key",
            ) from None

    def first(self, number: int, nonce: str, now: dt.datetime) -> bool:
        """Whether the nonce was never used with this key."""
        with self._store.write() as tx:
            insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
            row = insert(api_nonce).values(key_id=number, nonce=nonce, at=now).on_conflict_do_nothing()
            return tx.execute(row.returning(api_nonce.c.nonce)).first() is not None

    def lease(self, number: int, minute: dt.datetime, most: int, packet: int) -> int:
        """Up to ``packet`` calls of a minute, of which ``most`` may be made; how many are granted."""
        with self._store.write() as tx:
            insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
            tx.execute(insert(api_use).values(key_id=number, minute=minute, used=0).on_conflict_do_nothing())
            here = api_use.c.key_id == number, api_use.c.minute == minute
            used = tx.execute(sa.select(api_use.c.used).where(*here).with_for_update()).scalar_one()
            granted = max(0, min(packet, most - used))
            if granted:
                tx.execute(sa.update(api_use).where(*here).values(used=used + granted))
            old = minute - _KEPT
            tx.execute(sa.delete(api_use).where(api_use.c.key_id == number, api_use.c.minute < old))
            tx.execute(sa.delete(api_nonce).where(api_nonce.c.key_id == number, api_nonce.c.at < old))
        return int(granted)


def digest_of(key: str) -> str:
    """The digest under which an API key is kept; the key is random, so no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def _select(tx: sa.Connection, where: Sequence[sa.ColumnElement[bool]]) -> list[ApiKey]:
    query = (
        sa.select(
            api_key.c.id,
            api_key.c.connection_id,
            connection.c.name.label("connection"),
            api_key.c.label,
            api_key.c.scopes,
            api_key.c.actor,
            api_key.c.created_at,
            api_key.c.expires_at,
            api_key.c.revoked_at,
            api_key.c.secret.is_not(None).label("signs"),
        )
        .join(connection, connection.c.id == api_key.c.connection_id)
        .where(*where)
        .order_by(connection.c.name, api_key.c.id)
    )
    return [
        ApiKey(**{**row._mapping, "scopes": tuple(row.scopes.split(",")), "signs": bool(row.signs)})
        for row in tx.execute(query)
    ]

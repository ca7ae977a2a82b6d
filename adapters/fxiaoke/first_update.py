"""The first update of a tenant is watched: does it leave alone what it does not name?

Invariant: no row loses a value. What the row held is kept (encrypted) before the update and put back if
the update emptied it, also after a kill in between. The answer is remembered for the connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from adapters.fxiaoke.client import Client, Raw
from adapters.fxiaoke.schema import Schemas
from connector.adapter import Secrets
from connector.errors import Halt, Reject

NEVER_WRITTEN = frozenset({"formula", "count", "quote", "auto_number"})
NOT_UPDATED = frozenset({"owner", "_id", "life_status", "lock_status"})
_PROVEN, _BEFORE = "fxiaoke-updates-stay", "fxiaoke-first-update"


class FirstUpdate:
    """Watches until one update has shown what the tenant does."""

    def __init__(self, client: Client, schemas: Schemas, secrets: Secrets) -> None:
        self._client = client
        self._schemas = schemas
        self._secrets = secrets
        self._proven = False

    @property
    def proven(self) -> bool:
        """Whether updates are known to leave other fields alone."""
        self._proven = self._proven or self._secrets.get(_PROVEN) == "yes"
        return self._proven

    def watch(self, object_name: str, row_id: str, sent: Mapping[str, Any], act: Callable[[], None]) -> None:
        """Carry ``act``, an update of this row, out and look what it did. Raises what it raises, and
        ``Halt`` when it emptied other fields, which have their values again then."""
        with self._secrets.lock(_BEFORE):  # across processes: what one keeps, another must not overwrite
            if self.proven:
                act()
            else:
                self._watch(object_name, row_id, sent, act)

    def _watch(self, object_name: str, row_id: str, sent: Mapping[str, Any], act: Callable[[], None]) -> None:
        self._restore_left()
        try:
            row = self._client.get(object_name, row_id)
        except Reject:
            act()  # the row is not there: the vendor's own words say so
            return
        before = self.writable(object_name, row)
        others = {name: value for name, value in before.items() if name not in sent}
        self._secrets.put(_BEFORE, json.dumps([object_name, row_id, others], default=str))
        try:
            act()
        finally:
            lost = self._restore_left()
        if lost:
            raise Halt(
                f"an update emptied fields that it did not name ({', '.join(sorted(lost))}); they have "
                "their values again",
                where=f"{object_name} {row_id}",
                todo="set update_sends=whole on the connection, then push again",
            )
        if others:
            self._secrets.put(_PROVEN, "yes")

    def writable(self, object_name: str, row: Raw) -> dict[str, Any]:
        """What of a row an update may send back."""
        fields = self._schemas.of(object_name)
        return {
            name: value
            for name, value in row.items()
            if name in fields
            and name not in NOT_UPDATED
            and not fields[name].system
            and fields[name].type not in NEVER_WRITTEN
            and value not in (None, "", [])
        }

    def _restore_left(self) -> list[str]:
        """Put back what the update that was begun last took away; the names of those fields."""
        text = self._secrets.get(_BEFORE)
        if not text:
            return []
        object_name, row_id, others = json.loads(text)
        now = self._client.get(object_name, row_id)
        lost = {name: value for name, value in others.items() if now.get(name) in (None, "", [])}
        if lost:
            whole = {**self.writable(object_name, now), **lost}
            self._client.update(object_name, row_id, whole, workflow=False)
        self._secrets.put(_BEFORE, "")
        return list(lost)

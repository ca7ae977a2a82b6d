"""After a write: the lock that belongs to a flag, and one look whether the fields stuck.

Invariant: neither undoes a write. A row is locked by us only where the CRM does not do it by itself, and
unlocked before its flag is taken away; a lock that fails keeps the write in the outbox. What was written
is looked at once for each target and each version of the mapping.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from connector.adapter import Crm, Outcome, Result, Write
from connector.errors import CreditGateError, Retry
from connector.locale import say
from connector.mapping.writing import Writer
from connector.store import discoveries
from connector.store.connections import Connection
from connector.store.discoveries import GUARD, STUCK
from connector.store.engine import Store


class Locks:
    """Locks and unlocks the rows of one target. ``automatic``: the CRM locks them by itself."""

    def __init__(self, crm: Crm, writer: Writer, *, automatic: bool) -> None:
        self._crm = crm
        self._field = writer.lock_field
        self._automatic = automatic
        self.missing = ""

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do at all."""
        return bool(self._field) and self._crm.locks

    def before(self, writes: Sequence[Write]) -> dict[int, Outcome]:
        """Unlock the rows whose flag is about to go; those that could not be unlocked, by position."""
        found = {}
        for at, write in enumerate(writes):
            if write.values.get(self._field) is False and not self._automatic:
                outcome = self._crm.unlock(write.object, write.external_id)
                if outcome.result is not Result.DONE:
                    found[at] = outcome
        return found

    def after(self, write: Write, outcome: Outcome) -> Outcome:
        """Lock a row whose flag is set; see that one whose flag is gone is open again."""
        if outcome.result is not Result.DONE or self._field not in write.values:
            return outcome
        if not write.values[self._field]:
            then = self._crm.unlock(write.object, write.external_id) if self._automatic else outcome
        elif self._automatic:
            return outcome
        else:
            then = self._crm.lock(write.object, write.external_id, self._reason(write))
        if then.result is Result.DEAD:
            # Locking is not set up: the flag is written all the same.
            self.missing = f"{then.message} – {then.todo}" if then.todo else then.message
            return outcome
        return outcome if then.result is Result.DONE else then

    def _reason(self, write: Write) -> str:
        texts = [value for name, value in write.values.items() if write.types.get(name) == "long_text"]
        return next((str(text) for text in texts if text), self._field)


def locks(store: Store, connection: Connection, crm: Crm, writer: Writer) -> Locks:
    """The locks of a target, by what provisioning found out."""
    with store.read() as tx:
        how = discoveries.known(tx, connection.id, f"{GUARD}:{writer.target}")
    return Locks(crm, writer, automatic=how == "automatic")


def look_once(
    store: Store,
    connection: Connection,
    crm: Crm,
    writer: Writer,
    written: Sequence[Write],
    now: dt.datetime,
) -> str:
    """Read one of these rows back, unless this version of the mapping was looked at before; what did not
    stick as one sentence with the way out, or an empty text."""
    name = f"{STUCK}:{writer.target}"
    with store.read() as tx:
        known = discoveries.known(tx, connection.id, name)
    if not written or (known and known["mapping"] == writer.digest):
        return ""
    write = written[0]
    try:
        lost = crm.verify(write)
    except Retry:
        return ""  # another time
    except CreditGateError as fault:
        return str(fault)
    if lost is None:
        return ""
    told = _told(connection, crm, write, lost) if lost else ""
    with store.write() as tx:
        value = {"mapping": writer.digest, "record": write.external_id, "fields": lost, "told": told}
        discoveries.keep(tx, connection.id, name, value, now)
    return told


def _told(connection: Connection, crm: Crm, write: Write, lost: Sequence[str]) -> str:
    language = crm.context.language
    what = {"object": write.object, "record": write.external_id, "fields": ", ".join(lost)}
    todo = say("push.stuck.todo", {"connection": connection.name}, language)
    return f"{say('push.stuck', what, language)} – {todo}"

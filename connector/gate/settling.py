"""Settling: everything that follows by itself after records were read or customers assessed.

Invariant: each part may be killed and run again. What users of the CRMs decided goes first, then what clears,
ends or got past, then what is told; so one call leaves the CRM with nothing to say that is out of date.
"""

from __future__ import annotations

from dataclasses import dataclass

from connector.gate import crm, review, telling
from connector.gate.decisions import Gate
from connector.money import Rates
from connector.people.roles import Roles
from connector.policy.schema import Policy
from connector.runtime import Runtime
from connector.store.record_tables import crm_user
from connector.store.tables import connection


@dataclass
class Settled:
    """What was done, for people."""

    reviewed: review.Reviewed
    heeded: crm.Heeded
    told: int

    @property
    def words(self) -> str:
        """One line; empty when there was nothing to do."""
        parts = [self.reviewed.words]
        if self.heeded.honoured:
            parts.append(f"{self.heeded.honoured} decisions made in the CRM")
        if self.heeded.refused:
            parts.append(f"{self.heeded.refused} decisions in the CRM refused")
        return ", ".join(part for part in parts if part)


def gate_of(runtime: Runtime, policy: Policy | None = None, rates: Rates | None = None) -> Gate:
    """The gate of a home folder; a service that follows its policy names the one in force."""
    policy = policy or runtime.policy
    roles = Roles(runtime.config.roles, runtime.config.deputies, policy)
    return Gate(runtime.store, policy, rates or runtime.rates, roles, runtime.config.reservation_hours)


def settle(runtime: Runtime, gate: Gate | None = None) -> Settled:
    """Do all that is due now. Raises ``Halt`` for a policy that cannot be used, ``Retry`` for the store."""
    gate, now = gate or gate_of(runtime), runtime.now()
    notes, people = runtime.writing("note"), runtime.config.crm_users
    code = gate.policy.releases.codes[-1]
    heeded = crm.heed(gate, people, notes, code, now)
    reviewed = review.review(gate, now)
    users = _users(runtime)
    told = telling.tell(
        gate,
        notes,
        runtime.writing("visit"),
        lambda source, who: users.get((source, who)),
        runtime.config.language,
        now,
    )
    return Settled(reviewed, heeded, told)


def _users(runtime: Runtime) -> dict[tuple[int, str], str]:
    """The CRM's ids of our people, by connection and name."""
    found: dict[tuple[int, str], str] = {}
    if not runtime.config.crm_users:
        return found
    with runtime.store.read() as tx:
        ids = {row.name: row.id for row in tx.execute(connection.select())}
        emails = {
            (row.connection_id, (row.email or "").casefold()): row.external_id
            for row in tx.execute(crm_user.select().where(crm_user.c.deleted.is_(False)))
        }
    for one in runtime.config.crm_users:
        source = ids.get(one.connection)
        if source is not None:
            found[source, one.who] = emails.get((source, one.user.casefold()), one.user)
    return found

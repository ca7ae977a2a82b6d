"""Watched customers: an agency is told whom to watch, and what it notices makes a report due.

Invariant: what an agency has told is in the journal before anything follows from it, so that a kill in
between loses no change; nobody is watched without a ground to ask about them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from connector.adapter import Bureau, Watching
from connector.admin.connect import LEGAL_BASIS
from connector.bureau.fetching import Refreshed, refresh
from connector.errors import Halt
from connector.privacy import consent
from connector.runtime import Runtime
from connector.store import journal, watching
from connector.store.connections import Connection
from connector.store.reports import REFUSED, about

# How far back changes are asked for at first and remembered; the agencies' own memory is not longer.
MEMORY = dt.timedelta(days=30)
# Agencies date an event by its day and may tell it later: asked for again, and told apart by their keys.
OVERLAP = dt.timedelta(days=2)


@dataclass(frozen=True)
class Watched:
    """Who is watched now for one connection; ``no_ground`` are left out for want of a consent."""

    connection: str
    watched: int
    dropped: int
    no_ground: int


def watch(runtime: Runtime, connection: Connection, *, actor: str) -> Watched:
    """Have the agency watch every living customer that it has given a report on, and no other one.

    Raises ``Halt`` for an agency that tells no changes.
    """
    agency = _agency(runtime, connection)
    basis = connection.settings.get(LEGAL_BASIS.key, LEGAL_BASIS.default or "")
    with runtime.store.read() as tx:
        known = watching.known(tx, connection.id)
        grounds = {
            one.customer_id: consent.ground(tx, one.customer_id, basis, runtime.today()) for one in known
        }
    living = [one for one in known if one.living]
    wanted = {one.ref for one in living if grounds[one.customer_id] is not None}
    at_agency = agency.watched()
    # An agency that cannot say whom it watches is told about all that we know.
    unwanted = {one.ref for one in known} - wanted if at_agency is None else set(at_agency) - wanted
    missing = wanted if at_agency is None else wanted - at_agency
    detail = {"connection": connection.name, "watched": len(wanted), "dropped": len(unwanted)}
    price = agency.price(connection.settings, "watch") if isinstance(agency, Bureau) else None
    cost = {"price": price.amount, "currency": price.currency} if price else {}
    with runtime.store.write() as tx:
        journal.add(tx, runtime.now(), actor, watching.WATCHED, f"connection {connection.name}", detail)
        for one in living:
            ground, named = grounds[one.customer_id], {"connection": connection.name, "call": "watch"}
            if ground is None:
                why = named | {"purpose": consent.PURPOSE}
                journal.add(tx, runtime.now(), actor, REFUSED, about(one.customer_id), why)
            elif one.ref in missing:
                on = {"basis": ground.basis, "purpose": ground.purpose, "consent": ground.consent_id}
                journal.add(
                    tx, runtime.now(), actor, watching.WATCHED, about(one.customer_id), named | on | cost
                )
    if missing:
        agency.watch(sorted(missing))
    if unwanted:
        agency.unwatch(sorted(unwanted))
    no_ground = sum(grounds[one.customer_id] is None for one in living)
    return Watched(connection.name, len(wanted), len(unwanted), no_ground)


def changed(runtime: Runtime, connection: Connection, *, actor: str) -> list[int]:
    """Ask the agency what has changed, note it, and give the customers whose reports it makes old, those
    of earlier times included whose report could not be renewed since.

    Raises ``Halt`` for an agency that tells no changes.
    """
    agency = _agency(runtime, connection)
    now = runtime.now()
    memory = now - MEMORY
    with runtime.store.read() as tx:
        last = watching.last_asked(tx, connection.name, memory)
        seen = {(subject, key) for subject, key, _ in watching.told(tx, connection.name, memory)}
        known = watching.known(tx, connection.id)
    by_ref = {one.ref: [other for other in known if other.ref == one.ref] for one in known}
    changes = agency.changes(memory if last is None else max(memory, last - OVERLAP))
    with runtime.store.write() as tx:
        for change in changes:
            for one in by_ref.get(change.ref, []):
                subject = about(one.customer_id)
                # What happened well before the report was fetched stands in it.
                if (subject, change.key) in seen or change.at < one.fetched_at - OVERLAP:
                    continue
                seen.add((subject, change.key))
                detail = {"connection": connection.name, "what": change.what, "key": change.key}
                journal.add(tx, now, actor, watching.TOLD, subject, detail | {"changed_at": change.at})
        asked = {"connection": connection.name, "changes": len(changes)}
        journal.add(tx, now, actor, watching.ASKED_FOR_CHANGES, f"connection {connection.name}", asked)
    with runtime.store.read() as tx:
        return watching.waiting(tx, connection.id, connection.name, memory)


def renew(runtime: Runtime, connection: Connection, *, actor: str) -> Refreshed:
    """``changed``, then a new report on each of those customers."""
    due = changed(runtime, connection, actor=actor)
    if not due:
        return Refreshed(connection.name)
    return refresh(runtime, connection, actor=actor, customer_ids=due, older_than=0)


def _agency(runtime: Runtime, connection: Connection) -> Watching:
    opened = runtime.adapter(connection)
    if not isinstance(opened, Watching):
        raise Halt(
            f"{connection.name} tells no changes",
            todo="renew its reports by age, with 'creditgate bureau refresh'",
        )
    return opened

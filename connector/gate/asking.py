"""Asking for the release of a held order: the word of whoever wants the order to go on.

Invariant: nothing is decided here. Each request is in the journal with what was said and who is said to have
asked, and is told in a note on the account where the mapping writes notes, both in one transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from connector.gate.decisions import NotHolding
from connector.locale import LANGUAGES, say
from connector.money import show
from connector.store import held, journal, outbox
from connector.store.engine import Store
from connector.store.held import HeldOrder
from connector.store.outbox import TASK, Item


@dataclass(frozen=True)
class Asked:
    """What was said, and by whom as the CRM's page says."""

    note: str
    who: str


def ask(
    store: Store,
    connection_id: int,
    number: int,
    asked: Asked,
    notes: Collection[int],
    now: dt.datetime,
) -> HeldOrder:
    """Pass the request on; ``notes`` are the connections that take notes. ``NotHolding`` when there is no
    such hold on the connection, or it has ended."""
    with store.write() as tx:
        found = next(iter(held.listed(tx, number=number, source=connection_id)), None)
        if found is None or not found.holding:
            state = "" if found is None else f" but {found.state}"
            raise NotHolding(f"hold {number} is not on hold{state}", todo="look at the order again")
        detail = {"hold": number, "round": found.round, "note": asked.note}
        journal.add(tx, now, asked.who, "release_asked", found.subject, detail)
        if found.connection_id in notes and found.customer_id is not None:
            outbox.put(tx, [_note(found, asked, now)], now)
    return found


def _note(found: HeldOrder, asked: Asked, now: dt.datetime) -> Item:
    params: dict[str, str | int | None] = {
        "order": found.order,
        "amount": show(found.amount, found.currency),
        "actor": asked.who,
        "note": asked.note,
    }
    values = {
        "title": {tongue: say("note.release_asked.title", params, tongue) for tongue in LANGUAGES},
        "text": {tongue: say("note.release_asked", params, tongue) for tongue in LANGUAGES},
        "account_id": found.account,
    }
    key = f"asked:{found.id}:{now.isoformat()}"
    return Item(found.connection_id, "note", found.account, key, values, TASK)

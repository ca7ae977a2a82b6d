"""Telling the CRM of holds: a note with the reasons, and a task for whoever may release the order.

Invariant: what is told follows the hold: each round and state is told once, in the transaction that marks it
as told, and only where the mapping writes notes or tasks. The flag on the order is not told here but derived
at every push (``order_flags``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any

import sqlalchemy as sa

from connector.gate.decisions import Gate
from connector.locale import LANGUAGES, say
from connector.money import show
from connector.people.roles import UNBOUNDED, Act
from connector.store import held, outbox
from connector.store.held import HeldOrder
from connector.store.outbox import TASK, Item
from connector.store.tables import hold

# Within how many days somebody should look at a held order.
_SOON = 1
_TOLD = ("pending", "forced", "released", "rejected")
Texts = dict[str, str]
# The CRM's user who is one of our people on a connection.
UserOf = Callable[[int, str], str | None]


def tell(
    gate: Gate,
    notes: Collection[int],
    tasks: Collection[int],
    user_of: UserOf,
    language: str,
    now: dt.datetime,
) -> int:
    """Queue what was not told yet; ``notes`` and ``tasks`` are the connections that take them. How many
    holds were told of."""
    with gate.store.read() as tx:
        found = held.untold(tx)
    count = 0
    for one in found:
        before = one.told
        items: list[Item] = []
        if one.customer_id is not None and (before or one.holding):
            if one.connection_id in notes and one.state in _TOLD and _news(one, before):
                items.append(_note(one))
            if one.connection_id in tasks:
                items += _task(gate, one, user_of, language, now)
        with gate.store.write() as tx:
            here = hold.c.id == one.id, hold.c.told == before
            if tx.execute(sa.update(hold).where(*here).values(told=one.mark)).rowcount:
                outbox.put(tx, items, now)
                count += bool(items)
    return count


def _news(one: HeldOrder, before: str) -> bool:
    """Whether there is anything to read: that a hold went on and off ready is none, nor that it passed by
    itself."""
    if one.state == "released":
        return one.released_by is not None
    return not (one.state == "pending" and before == f"{one.round}:ready")


def _note(one: HeldOrder) -> Item:
    kind = "held" if one.holding else one.state
    titles: Texts = {}
    texts: Texts = {}
    for language in LANGUAGES:
        params = _params(one, language)
        titles[language] = say(f"note.order_{kind}.title", params, language)
        texts[language] = say(f"note.order_{kind}", params, language)
    values = {"title": titles, "text": texts, "account_id": one.account}
    key = f"hold:{one.id}:{one.mark}"
    return Item(one.connection_id, "note", one.account, key, values, TASK)


def _task(gate: Gate, one: HeldOrder, user_of: UserOf, language: str, now: dt.datetime) -> list[Item]:
    """The task for whoever may release the order: open while it is held, done afterwards."""
    amount = UNBOUNDED if one.excess is None else one.excess
    able = gate.roles.able(Act.RELEASE_HOLD, amount, as_of=gate.day(now))
    owners = [user for name in able if (user := user_of(one.connection_id, name)) is not None]
    if not owners:
        return []
    params = _params(one, language)
    key = f"hold:{one.connection}:{one.id}"
    values: dict[str, Any] = {
        "subject": say("task.hold.subject", params, language),
        "due_on": (gate.day(one.created_at) + dt.timedelta(days=_SOON)).isoformat(),
        "description": say("task.hold", params, language),
        "priority": "high",
        "status": "planned" if one.holding else "done",
        "owner_id": owners[0],
        "account_id": one.account,
        "credit_key": key,
    }
    return [Item(one.connection_id, "visit", one.account, key, values, TASK)]


def _params(one: HeldOrder, language: str) -> dict[str, str | int | None]:
    tongue = "zh" if language == "zh" else "en"
    return {
        "order": one.order,
        "amount": show(one.amount, one.currency),
        "reasons": "\n".join(reason["text"][tongue] for reason in one.reasons),
        "actor": one.released_by,
        "until": one.released_until.date().isoformat() if one.released_until else None,
        "code": one.release_code,
    }

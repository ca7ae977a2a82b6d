"""Notes on accounts: one for each hold that a person places or lifts, and for each turn to hold or stop.

Invariant: a note is queued in the transaction of the act that it tells of, once; only where the mapping
writes notes. It says what, why and by whom, never more than the CRM's users see elsewhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from connector.locale import LANGUAGES, label, say
from connector.rules.outcome import Assessment
from connector.store import assessments, outbox
from connector.store.outbox import TASK, Item

TOLD = ("hold", "stop")
Texts = dict[str, str]


def on_hold(
    tx: sa.Connection,
    customer_id: int,
    act: str,
    reason: str,
    actor: str,
    now: dt.datetime,
    connections: Collection[int],
) -> int:
    """Queue a note of ``act`` (``hold_placed``, ``hold_lifted``) on every account that the customer has
    on ``connections``; how many."""
    texts: Texts = {
        language: say(f"note.{act}", {"reason": reason, "actor": actor}, language) for language in LANGUAGES
    }
    titles: Texts = {language: say(f"note.{act}.title", {}, language) for language in LANGUAGES}
    key = f"{now:%Y%m%dT%H%M%S%f}:{act}"
    return _queue(tx, {customer_id: (key, titles, texts)}, now, connections)


def on_review(
    tx: sa.Connection,
    customer_id: int,
    number: int,
    told: Mapping[str, str | Texts],
    now: dt.datetime,
    connections: Collection[int],
) -> int:
    """Queue a note of what came of review ``number``; ``told`` are ``outcome`` (by language), ``reason``,
    ``actor`` and ``approver``."""
    titles: Texts = {}
    texts: Texts = {}
    for language in LANGUAGES:
        params = {n: v if isinstance(v, str) else v[language] for n, v in told.items()} | {"review": number}
        titles[language] = say("note.review.title", params, language)
        texts[language] = say("note.review", params, language)
    return _queue(tx, {customer_id: (f"review:{number}", titles, texts)}, now, connections)


def on_status(
    tx: sa.Connection,
    outcomes: Sequence[Assessment],
    before: Mapping[int, str],
    now: dt.datetime,
    connections: Collection[int],
) -> int:
    """Queue a note for each customer whose status turned to hold or stop; ``before`` are the statuses of
    the assessments before. A first assessment is no turn, and a hold placed by a person has its note."""
    told = {}
    for outcome in outcomes:
        turned = before.get(outcome.customer_id, outcome.status) != outcome.status
        by_person = any(reason.code == "hold_placed" for reason in outcome.reasons)
        if not turned or outcome.status not in TOLD or by_person:
            continue
        titles: Texts = {}
        texts: Texts = {}
        for language in LANGUAGES:
            status = label(outcome.status, language)
            reasons = "\n".join(say(r.code, r.params, language) for r in outcome.reasons)
            titles[language] = say("note.status.title", {"status": status}, language)
            texts[language] = say("note.status", {"reasons": reasons, "policy": outcome.policy}, language)
        told[outcome.customer_id] = (f"{outcome.as_of:%Y%m%dT%H%M%S%f}:{outcome.status}", titles, texts)
    return _queue(tx, told, now, connections)


def _queue(
    tx: sa.Connection,
    told: Mapping[int, tuple[str, Texts, Texts]],
    now: dt.datetime,
    connections: Collection[int],
) -> int:
    if not told or not connections:
        return 0
    items = []
    for account in assessments.crm_accounts(tx, list(told)):
        if account.connection_id not in connections:
            continue
        key, titles, texts = told[account.customer_id]
        values = {"title": titles, "text": texts, "account_id": account.external_id}
        items.append(Item(account.connection_id, "note", account.external_id, key, values, TASK))
    return outbox.put(tx, items, now)

"""What the rep reads: why the visit, which figures to check, and what to ask.

Invariant: the text says only what the assessment and the live signals say; it is in the language of the
installation.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.locale import label, say
from connector.money import show
from connector.rules.outcome import Assessment
from connector.signals.texts import sentence
from connector.store.outbox import TASK, Item
from connector.store.signals import Signal
from connector.store.visits import Visit

# So many early warnings are told; the account shows them all.
MOST_SIGNALS = 3


def task(one: Visit, outcome: Assessment, language: str, live: Sequence[Signal] = ()) -> Item:
    """The CRM task of a visit, for the outbox; ``live`` are the customer's signals, the worst first."""
    params: dict[str, str | int | None] = {
        "status": label(outcome.status, language),
        "risk_class": outcome.risk_class,
        "limit": show(outcome.limit, outcome.currency),
        "exposure": show(outcome.exposure, outcome.currency),
        "overdue": show(outcome.overdue_amount, outcome.currency),
        "days": outcome.overdue_days,
    }
    lines = [say(f"visit.{one.reason}", params, language), say("visit.figures", params, language)]
    lines += [say(r.code, r.params, language) for r in outcome.reasons]
    lines += [sentence(each.kind, each.evidence, language) for each in live[:MOST_SIGNALS]]
    lines += [f"{number}. {text}" for number, text in enumerate(_questions(outcome, params, language), 1)]
    return Item(
        connection_id=one.connection_id,
        target="visit",
        external_id=one.account_id,
        key=one.key,
        values={
            "subject": say("visit.subject", params, language),
            "due_on": one.due_on.isoformat(),
            "description": "\n".join(lines),
            "priority": one.priority,
            "status": "planned",
            "owner_id": one.owner_id,
            "account_id": one.account_id,
            "credit_key": one.key,
        },
        priority=TASK,
    )


def _questions(outcome: Assessment, params: dict[str, str | int | None], language: str) -> list[str]:
    """What to ask: always how business goes; more where the figures give reason."""
    codes = ["visit.ask.business"]
    if outcome.overdue_amount:
        codes.append("visit.ask.overdue")
    if outcome.hold:
        codes.append("visit.ask.hold")
    if outcome.limit is not None and outcome.exposure > outcome.limit:
        codes.append("visit.ask.over_limit")
    return [say(code, params, language) for code in codes]

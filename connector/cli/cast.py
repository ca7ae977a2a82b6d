"""The cast of the demo: for each story a customer that fits, in as many CRMs as there are.

Invariant: chosen from the store by what was assessed, so that the demo shows what the policy decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector.errors import Halt
from connector.money import to_major
from connector.store import listing
from connector.store.engine import Store

STORIES = ("passes", "over_limit", "on_hold")


@dataclass(frozen=True)
class Part:
    """An order to be tried: where, for whom, how much (decimal text, major units)."""

    story: str
    customer: str
    connection: str
    account_id: str
    amount: str
    currency: str


def cast(store: Store) -> list[Part]:
    """One part for each story; ``Halt`` when the portfolio has nobody for one."""
    parts: list[Part] = []
    with store.read() as tx:
        rows = listing.customers(tx)
        for story in STORIES:
            used = [part.connection for part in parts]
            seen = {part.customer for part in parts}
            candidates = [
                _part(story, row, account)
                for row in rows
                if _fits(story, row)
                for account in listing.accounts(tx, row.id)
                if not account.deleted and row.name not in seen
            ]
            # Another CRM for each story, as far as there are any.
            candidates.sort(key=lambda part: used.count(part.connection))
            if not candidates:
                raise Halt(f"no customer fits the story {story!r}", where="demo", todo="use more --accounts")
            parts.append(candidates[0])
    return parts


def _fits(story: str, row: Any) -> bool:
    if story == "on_hold":
        return row.status in ("hold", "stop")
    room = row.limit_state == "amount" and row.limit_minor > 0 and not row.incomplete
    return bool(row.status == "ok" and room and _available(row) >= row.limit_minor // 4)


def _available(row: Any) -> int:
    return int(row.limit_minor - row.exposure - row.reserved)


def _part(story: str, row: Any, account: Any) -> Part:
    if story == "passes":
        minor = _available(row) // 3
    elif story == "over_limit":
        minor = _available(row) + row.limit_minor // 2
    else:
        minor = max(_available(row) // 10, 100_000) if row.limit_state == "amount" else 100_000
    whole = max(minor // 10_000, 1) * 10_000
    return Part(
        story, row.name, account.connection, account.external_id,
        str(to_major(whole, row.currency)), row.currency,
    )  # fmt: skip

"""Credit reviews in the store: cases with their checklist, evidence and verdicts.

Invariant: a customer has one live case at most, whoever opens it and however often; what is written here is
journalled by the act that writes it, in the same transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
import sqlalchemy as sa

from connector.store.review_tables import review_case, review_evidence, review_item, review_verdict
from connector.store.tables import customer
from connector.store.upsert import batches


class State(StrEnum):
    """``open`` being prepared; ``recommended`` waits for approval; ``approved`` its outcome is in force;
    ``closed`` ended without an outcome."""

    OPEN = "open"
    RECOMMENDED = "recommended"
    APPROVED = "approved"
    CLOSED = "closed"


LIVE = (State.OPEN, State.RECOMMENDED)
OPEN, DONE, NOT_APPLICABLE = "open", "done", "not_applicable"


@dataclass(frozen=True)
class Item:
    """One line of a checklist; ``say`` are its words by language."""

    key: str
    say: dict[str, str]
    required: bool
    state: str
    note: str
    actor: str | None
    at: dt.datetime | None


@dataclass(frozen=True)
class Evidence:
    """A file, known by its SHA-256 (``key``), or a link."""

    key: str
    kind: str
    name: str
    bytes: int | None
    note: str
    actor: str
    at: dt.datetime


@dataclass(frozen=True)
class Verdict:
    """What one person said of one recommendation (``round``)."""

    round: int
    actor: str
    verdict: str
    note: str
    at: dt.datetime


@dataclass(frozen=True)
class Case:
    """One review. ``recommended`` is what the last recommendation asks for, ``needs`` how many others must
    approve it, as ``signed_as``; ``reviewed_on`` the day on which it was approved."""

    id: int
    customer_id: int
    customer: str
    origin: str
    reason: str
    due_on: dt.date
    state: State
    opened_at: dt.datetime
    opened_by: str
    owner: str | None
    escalation: int
    asked_for: str | None
    round: int
    recommended: dict[str, Any] | None
    recommended_by: str | None
    recommended_at: dt.datetime | None
    needs: int | None
    signed_as: str | None
    ended_at: dt.datetime | None
    ended_by: str | None
    reviewed_on: dt.date | None
    outcome: dict[str, Any] | None
    items: tuple[Item, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def about(self) -> str:
        """The subject in the journal."""
        return f"customer {self.customer_id}"

    @property
    def approvals(self) -> tuple[Verdict, ...]:
        """Who has approved the last recommendation."""
        return tuple(one for one in self.verdicts if (one.round, one.verdict) == (self.round, "approve"))


def add(
    tx: sa.Connection, values: Mapping[str, Any], items: Sequence[tuple[str, Mapping[str, str], bool]]
) -> int | None:
    """Open a case with its checklist; ``None`` if the customer has a live one already."""
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    row = dict(values) | {"live_for": values["customer_id"], "state": State.OPEN.value}
    statement = dialect.insert(review_case).values(**row)
    unique = statement.on_conflict_do_nothing(index_elements=["live_for"]).returning(review_case.c.id)
    number = tx.execute(unique).scalar()
    if number is None:
        return None
    rows = [
        {
            "case_id": number,
            "position": position,
            "key": key,
            "say": orjson.dumps(dict(say)).decode(),
            "required": required,
            "state": OPEN,
        }
        for position, (key, say, required) in enumerate(items, 1)
    ]
    tx.execute(review_item.insert(), rows)
    return int(number)


def change(tx: sa.Connection, number: int, **values: Any) -> None:
    """Write columns of a case; dictionaries become JSON."""
    plain = {
        name: orjson.dumps(value, default=str).decode() if isinstance(value, dict) else value
        for name, value in values.items()
    }
    tx.execute(review_case.update().where(review_case.c.id == number).values(**plain))


def end(tx: sa.Connection, number: int, state: State, **values: Any) -> None:
    """The case is over: the customer may have another one."""
    change(tx, number, state=state.value, live_for=None, **values)


def mark(tx: sa.Connection, number: int, key: str, **values: Any) -> None:
    """Write one line of the checklist."""
    here = review_item.c.case_id == number, review_item.c.key == key
    tx.execute(review_item.update().where(*here).values(**values))


def attach(tx: sa.Connection, number: int, **values: Any) -> bool:
    """Add evidence; whether it is new to the case."""
    here = review_evidence.c.case_id == number, review_evidence.c.key == values["key"]
    if tx.execute(sa.select(review_evidence.c.id).where(*here)).first() is not None:
        return False
    tx.execute(review_evidence.insert().values(case_id=number, **values))
    return True


def say(tx: sa.Connection, number: int, **values: Any) -> None:
    """Keep what one person says of the recommendation."""
    tx.execute(review_verdict.insert().values(case_id=number, **values))


def find(
    tx: sa.Connection,
    *,
    number: int | None = None,
    states: Collection[str] | None = None,
    customer_id: int | None = None,
    owner: str | None = None,
    due_before: dt.date | None = None,
    locked: bool = False,
) -> list[Case]:
    """Cases, the first due first, without their lines (see ``whole``)."""
    query = (
        sa.select(review_case, customer.c.name.label("customer"))
        .join(customer, customer.c.id == review_case.c.customer_id)
        .order_by(review_case.c.due_on, review_case.c.id)
    )
    for column, value in (("id", number), ("customer_id", customer_id), ("owner", owner)):
        if value is not None:
            query = query.where(review_case.c[column] == value)
    if states is not None:
        query = query.where(review_case.c.state.in_([str(one) for one in states]))
    if due_before is not None:
        query = query.where(review_case.c.due_on < due_before)
    if locked:
        query = query.with_for_update(of=review_case)
    return [_case(row) for row in tx.execute(query)]


def whole(tx: sa.Connection, number: int, *, locked: bool = False) -> Case | None:
    """One case with checklist, evidence and verdicts; kept from others until the end if ``locked``."""
    found = find(tx, number=number, locked=locked)
    if not found:
        return None

    def lines(table: sa.Table, order: sa.Column[Any], leave: Collection[str]) -> list[dict[str, Any]]:
        query = sa.select(table).where(table.c.case_id == number).order_by(order)
        hidden = {"id", "case_id", *leave}
        return [
            {name: value for name, value in row._mapping.items() if name not in hidden}
            for row in tx.execute(query)
        ]

    items = lines(review_item, review_item.c.position, ("position",))
    values = vars(found[0]) | {
        "items": tuple(Item(**one | {"say": orjson.loads(one["say"])}) for one in items),
        "evidence": tuple(Evidence(**one) for one in lines(review_evidence, review_evidence.c.id, ())),
        "verdicts": tuple(
            Verdict(**one) for one in lines(review_verdict, review_verdict.c.id, ("actor_key",))
        ),
    }
    return Case(**values)


def live_of(tx: sa.Connection, customer_ids: Sequence[int]) -> set[int]:
    """Those of the customers that have a live case."""
    query = sa.select(review_case.c.live_for).where(review_case.c.live_for.in_(list(customer_ids)))
    return set(tx.execute(query).scalars())


def last_days(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, dt.date]:
    """The day of the last approved review of each customer that had one."""
    found: dict[int, dt.date] = {}
    for part in batches(list(customer_ids)):
        query = (
            sa.select(review_case.c.customer_id, sa.func.max(review_case.c.reviewed_on))
            .where(review_case.c.customer_id.in_(part), review_case.c.reviewed_on.is_not(None))
            .group_by(review_case.c.customer_id)
        )
        found |= {row[0]: row[1] for row in tx.execute(query)}
    return found


def _case(row: sa.Row[Any]) -> Case:
    values = {name: value for name, value in row._mapping.items() if name != "live_for"}
    for name in ("recommended", "outcome"):
        values[name] = None if values[name] is None else orjson.loads(values[name])
    return Case(**values | {"state": State(row.state)})

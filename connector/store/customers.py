"""Customers: one legal debtor, whichever CRMs it stands in.

Invariant: every account belongs to exactly one customer. Accounts join by a legal identifier whose check
digit holds (统一社会信用代码, LEI, DUNS, VAT, or registration number with country); a link made by a
person is never undone by the machine; near-equal names are never joined by themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connector import identifiers
from connector.model import Account
from connector.store import conduct, journal
from connector.store.record_tables import account
from connector.store.tables import customer, identifier
from connector.store.upsert import new_ids

BATCH = 900
Key = tuple[str, str]


def keys_of(record: Account) -> list[Key]:
    """The identifiers of an account that may join it with others, in normal form."""
    found = [
        ("uscc", identifiers.uscc(record.uscc) if record.uscc else None),
        ("lei", identifiers.lei(record.lei) if record.lei else None),
        ("duns", identifiers.duns(record.duns) if record.duns else None),
        ("vat", identifiers.vat(record.vat, record.country) if record.vat else None),
    ]
    if record.registration_no and record.country:
        found.append(("registration", f"{record.country}:{record.registration_no.strip().upper()}"))
    return [(kind, value) for kind, value in found if value]


def join(tx: sa.Connection, connection_id: int, accounts: Sequence[Account], now: dt.datetime) -> None:
    """Give each of the stored ``accounts`` its customer, found by identifier or new, and mark it."""
    if not accounts:
        return
    links = _links(tx, connection_id, [a.external_id for a in accounts])
    owners = _owners(tx, [key for a in accounts for key in keys_of(a)])
    newcomers: list[Account] = []
    claimed: set[Key] = set()
    later: list[Account] = []
    assigned: list[tuple[int, Account]] = []
    for record in accounts:
        present, by = links[record.external_id]
        keys = set(keys_of(record))
        target = _decide(tx, record, present, by, {owners[key] for key in keys & owners.keys()}, now)
        if target is not None:
            _assign(tx, connection_id, record, target, present, owners)
            assigned.append((target, record))
        elif keys & claimed:
            later.append(record)  # the same debtor as a newcomer of this page, who must exist first
        else:
            claimed |= keys
            newcomers.append(record)
    _describe(tx, connection_id, assigned)
    _create(tx, connection_id, newcomers, now)
    touch(tx, connection_id, {a.external_id for a in accounts})
    join(tx, connection_id, later, now)


def touch(tx: sa.Connection, connection_id: int, account_ids: Collection[str]) -> None:
    """Mark the customers of these accounts as changed, so that they are assessed."""
    ids = sorted(account_ids)
    for start in range(0, len(ids), BATCH):
        concerned = sa.select(account.c.customer_id).where(
            account.c.connection_id == connection_id,
            account.c.external_id.in_(ids[start : start + BATCH]),
        )
        tx.execute(
            sa.update(customer).where(customer.c.id.in_(concerned)).values(changes=customer.c.changes + 1)
        )


def touch_customers(tx: sa.Connection, customer_ids: Collection[int]) -> None:
    """Mark these customers as changed."""
    tx.execute(
        sa.update(customer)
        .where(customer.c.id.in_(sorted(customer_ids)))
        .values(changes=customer.c.changes + 1)
    )


def link(
    tx: sa.Connection, connection_id: int, external_id: str, customer_id: int, actor: str, now: dt.datetime
) -> int:
    """A person says that an account is this customer; the customer it belonged to before."""
    here = sa.and_(account.c.connection_id == connection_id, account.c.external_id == external_id)
    before = tx.execute(sa.select(account.c.customer_id).where(here)).scalar_one()
    tx.execute(sa.update(account).where(here).values(customer_id=customer_id, linked_by="person"))
    touch_customers(tx, {before, customer_id})
    conduct.follow(tx, before, customer_id)
    detail = {"from": before, "to": customer_id}
    journal.add(tx, now, actor, "link", f"account {connection_id}/{external_id}", detail)
    return int(before)


def unlink(tx: sa.Connection, connection_id: int, external_id: str, actor: str, now: dt.datetime) -> int:
    """A person says that an account is not its customer: it becomes a customer of its own; its id."""
    here = sa.and_(account.c.connection_id == connection_id, account.c.external_id == external_id)
    row = tx.execute(sa.select(account).where(here)).one()
    values = _attributes(row) | {"created_at": now}
    own = tx.execute(sa.insert(customer).values(**values).returning(customer.c.id)).scalar_one()
    link(tx, connection_id, external_id, own, actor, now)
    return int(own)


def _links(tx: sa.Connection, connection_id: int, ids: Sequence[str]) -> dict[str, tuple[int | None, str]]:
    found: dict[str, tuple[int | None, str]] = {}
    for start in range(0, len(ids), BATCH):
        query = sa.select(account.c.external_id, account.c.customer_id, account.c.linked_by).where(
            account.c.connection_id == connection_id, account.c.external_id.in_(ids[start : start + BATCH])
        )
        found.update({row.external_id: (row.customer_id, row.linked_by) for row in tx.execute(query)})
    return found


def _owners(tx: sa.Connection, keys: Sequence[Key]) -> dict[Key, int]:
    by_kind: dict[str, list[str]] = {}
    for kind, value in keys:
        by_kind.setdefault(kind, []).append(value)
    owners: dict[Key, int] = {}
    for kind, values in by_kind.items():
        for start in range(0, len(values), BATCH):
            query = sa.select(identifier).where(
                identifier.c.kind == kind, identifier.c.value.in_(values[start : start + BATCH])
            )
            owners.update({(row.kind, row.value): row.customer_id for row in tx.execute(query)})
    return owners


def _decide(
    tx: sa.Connection,
    record: Account,
    present: int | None,
    linked_by: str,
    known: set[int],
    now: dt.datetime,
) -> int | None:
    """The customer of an account, ``None`` for a new one."""
    if present is not None and (linked_by == "person" or not known or present in known):
        return present
    if len(known) == 1:
        return next(iter(known))
    if len(known) > 1:
        # Its identifiers point to different customers: a person has to say which is right.
        subject = f"account {record.external_id}"
        journal.add(tx, now, "pull", "identifier_conflict", subject, {"customers": sorted(known)})
        return present if present is not None else min(known)
    return None


def _assign(
    tx: sa.Connection,
    connection_id: int,
    record: Account,
    target: int,
    present: int | None,
    owners: dict[Key, int],
) -> None:
    here = sa.and_(account.c.connection_id == connection_id, account.c.external_id == record.external_id)
    if target != present:
        tx.execute(sa.update(account).where(here).values(customer_id=target))
        if present is not None:
            touch_customers(tx, {present})
            conduct.follow(tx, present, target)
    _register(tx, {key: target for key in keys_of(record) if key not in owners})
    owners |= {key: target for key in keys_of(record) if key not in owners}


def _describe(tx: sa.Connection, connection_id: int, assigned: Sequence[tuple[int, Account]]) -> None:
    """The first CRM of a customer speaks for its name, country, industry and terms."""
    ids = sorted({target for target, _ in assigned})
    first: dict[int, int] = {}
    for start in range(0, len(ids), BATCH):
        query = sa.select(account.c.customer_id, sa.func.min(account.c.connection_id)).where(
            account.c.customer_id.in_(ids[start : start + BATCH])
        )
        first.update((owner, source) for owner, source in tx.execute(query.group_by(account.c.customer_id)))
    told = [
        _attributes(record) | {"target": target}
        for target, record in assigned
        if first.get(target) == connection_id
    ]
    if told:
        names: dict[str, Any] = {name: sa.bindparam(name) for name in told[0] if name != "target"}
        change = sa.update(customer).where(customer.c.id == sa.bindparam("target")).values(**names)
        tx.execute(change, told)


def _create(tx: sa.Connection, connection_id: int, newcomers: Sequence[Account], now: dt.datetime) -> None:
    if not newcomers:
        return
    made = list(zip(newcomers, new_ids(tx, customer, len(newcomers)), strict=True))
    rows = [_attributes(record) | {"id": number, "created_at": now} for record, number in made]
    tx.execute(sa.insert(customer), rows)
    tx.execute(
        sa.update(account)
        .where(account.c.connection_id == connection_id, account.c.external_id == sa.bindparam("e"))
        .values(customer_id=sa.bindparam("c")),
        [{"e": record.external_id, "c": number} for record, number in made],
    )
    _register(tx, {key: number for record, number in made for key in keys_of(record)})


def _register(tx: sa.Connection, keys: Mapping[Key, int]) -> None:
    if keys:
        rows = [{"kind": k, "value": v, "customer_id": c} for (k, v), c in keys.items()]
        tx.execute(sa.insert(identifier), rows)


def _attributes(source: Account | sa.Row[tuple[object, ...]]) -> dict[str, object]:
    return {
        name: getattr(source, name)
        for name in ("name", "country", "industry", "customer_since", "terms_days", "is_person")
    }

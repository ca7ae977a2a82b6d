"""Consents: why an agency may be asked about a customer.

Invariant: rows are added and revoked, never changed otherwise, and removed only by the purge when they
have had their time as proof.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connector.store.record_tables import account
from connector.store.tables import consent, customer
from connector.store.upsert import batches


@dataclass(frozen=True)
class Consent:
    """One consent or legal basis of a customer; valid on days in ``[valid_from, valid_to]`` unless
    revoked. ``evidence`` is a path or a note, ``evidence_sha256`` the digest of the file or empty."""

    id: int
    customer_id: int
    name: str
    is_person: bool
    basis: str
    purpose: str
    evidence: str
    evidence_sha256: str
    valid_from: dt.date
    valid_to: dt.date | None
    revoked_at: dt.datetime | None
    actor: str
    at: dt.datetime

    @property
    def ended_on(self) -> dt.date | None:
        """The day on which it was revoked or ended; ``None`` while it stands open."""
        revoked = self.revoked_at.date() if self.revoked_at else None
        return min((day for day in (revoked, self.valid_to) if day is not None), default=None)

    def valid_on(self, day: dt.date) -> bool:
        """Whether it stands on ``day`` as far as it has not been revoked since."""
        if self.revoked_at is not None:
            return False
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def is_person(tx: sa.Connection, customer_id: int) -> bool | None:
    """Whether a customer is a natural person in any CRM; ``None`` when there is no such customer."""
    row = tx.execute(sa.select(person()).where(customer.c.id == customer_id)).one_or_none()
    return None if row is None else bool(row[0])


def persons(tx: sa.Connection, customer_ids: Sequence[int]) -> set[int]:
    """Those of the customers that are natural persons in any CRM."""
    found: set[int] = set()
    for part in batches(list(customer_ids)):
        rows = tx.execute(sa.select(customer.c.id).where(customer.c.id.in_(part), person()))
        found.update(rows.scalars())
    return found


def add(
    tx: sa.Connection,
    *,
    customer_id: int,
    basis: str,
    purpose: str,
    evidence: str,
    evidence_sha256: str,
    valid_from: dt.date,
    valid_to: dt.date | None,
    actor: str,
    at: dt.datetime,
) -> int:
    """Store a consent; its id."""
    values = {
        "customer_id": customer_id,
        "basis": basis,
        "purpose": purpose,
        "evidence": evidence,
        "evidence_sha256": evidence_sha256,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "actor": actor,
        "at": at,
    }
    return int(tx.execute(consent.insert().values(**values).returning(consent.c.id)).scalar_one())


def revoke(tx: sa.Connection, consent_id: int, at: dt.datetime) -> bool:
    """Revoke a consent from now on; false when it is revoked already or not there."""
    here = consent.c.id == consent_id, consent.c.revoked_at.is_(None)
    return bool(tx.execute(consent.update().where(*here).values(revoked_at=at)).rowcount)


def remove(tx: sa.Connection, consent_id: int) -> None:
    """Remove a consent that has had its time."""
    tx.execute(consent.delete().where(consent.c.id == consent_id))


def country(tx: sa.Connection, customer_id: int) -> str | None:
    """The country of a customer, if it is known."""
    found = tx.execute(sa.select(customer.c.country).where(customer.c.id == customer_id)).scalar()
    return None if found is None else str(found)


def find(
    tx: sa.Connection, *, consent_id: int | None = None, customer_id: int | None = None
) -> list[Consent]:
    """Consents, oldest first: one, those of a customer, or all."""
    query = (
        sa.select(consent, customer.c.name, person().label("is_person"))
        .join_from(consent, customer, consent.c.customer_id == customer.c.id)
        .order_by(consent.c.id)
    )
    if consent_id is not None:
        query = query.where(consent.c.id == consent_id)
    if customer_id is not None:
        query = query.where(consent.c.customer_id == customer_id)
    return [Consent(**{**row._mapping, "is_person": bool(row.is_person)}) for row in tx.execute(query)]


def person() -> sa.ColumnElement[bool]:
    """A customer is a person if it, or any of its accounts, says so: data of persons errs on their side."""
    by_account = (
        sa.select(account.c.customer_id)
        .where(account.c.customer_id == customer.c.id, account.c.is_person, account.c.deleted.is_(False))
        .exists()
    )
    return sa.or_(customer.c.is_person, by_account)

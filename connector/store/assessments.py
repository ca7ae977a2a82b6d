"""Assessments: immutable outcomes with the facts they were made from.

Invariant: an assessment is only ever added, never changed; what it kept is enough to replay it. A new
one is added only when the outcome differs from the last one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.policy.schema import Policy
from connector.rules.outcome import Assessment, assessment_from_json, assessment_json, outcome_json
from connector.rules.snapshot import Snapshot, snapshot_from_json, snapshot_json
from connector.store.record_tables import account
from connector.store.tables import assessment, connection, customer, policy_version
from connector.store.tables import written as written_table
from connector.store.upsert import insert, upsert

# The fastest level: a few kilobytes of JSON shrink to a third, at a tenth of the cost of the rest.
LEVEL = 1


@dataclass(frozen=True)
class Judged:
    """One customer judged: facts, outcome, the count of changes that the facts stand for, and the moment at
    which time alone changes the outcome or a signal (aware UTC)."""

    snapshot: Snapshot
    outcome: Assessment
    changes: int
    due_at: dt.datetime | None


@dataclass(frozen=True)
class Kept:
    """A stored assessment."""

    id: int
    customer_id: int
    facts: bytes
    outcome: bytes
    policy_hash: str

    @property
    def snapshot(self) -> Snapshot:
        """The facts it was made from."""
        return snapshot_from_json(self.facts)

    @property
    def assessment(self) -> Assessment:
        """The outcome with every step."""
        return assessment_from_json(self.outcome)


@dataclass(frozen=True)
class CrmAccount:
    """An account of a customer in a CRM."""

    customer_id: int
    connection_id: int
    external_id: str
    owner_id: str | None
    city: str | None


def mark_for_policy(tx: sa.Connection, policy: Policy, content: str, now: dt.datetime) -> bool:
    """Remember the policy; if another one judged last, mark every customer for assessment."""
    known = tx.execute(sa.select(policy_version.c.hash).where(policy_version.c.hash == policy.hash)).scalar()
    if known is None:
        values = {"hash": policy.hash, "name": policy.name, "version": str(policy.version)}
        row = {**values, "content": content, "first_used_at": now}
        upsert(tx, policy_version, [row], guarded=False)  # somebody else may just have written it
    newest = sa.select(assessment.c.policy_hash).order_by(assessment.c.id.desc()).limit(1)
    last = tx.execute(newest).scalar()
    if last is None or last == policy.hash:
        return False
    tx.execute(sa.update(customer).values(changes=customer.c.changes + 1))
    return True


def claim(tx: sa.Connection, judged: Sequence[Judged]) -> list[Judged]:
    """Mark those as assessed whose facts have not changed since they were read; the others stay marked
    and are left out."""
    ids = [one.outcome.customer_id for one in judged]
    query = sa.select(customer.c.id, customer.c.changes).where(customer.c.id.in_(ids))
    current = {row.id: row.changes for row in tx.execute(query.with_for_update())}
    valid = [one for one in judged if current.get(one.outcome.customer_id) == one.changes]
    if valid:
        tx.execute(
            sa.update(customer)
            .where(customer.c.id == sa.bindparam("c"))
            .values(assessed=sa.bindparam("n"), due_at=sa.bindparam("d")),
            [{"c": one.outcome.customer_id, "n": one.changes, "d": one.due_at} for one in valid],
        )
    return valid


def add_changed(tx: sa.Connection, judged: Sequence[Judged], now: dt.datetime) -> list[Judged]:
    """Store those whose outcome differs from the last stored one; returns them."""
    ids = [one.outcome.customer_id for one in judged]
    newest = (
        sa.select(sa.func.max(assessment.c.id))
        .where(assessment.c.customer_id.in_(ids))
        .group_by(assessment.c.customer_id)
    )
    query = sa.select(assessment.c.customer_id, assessment.c.digest).where(assessment.c.id.in_(newest))
    last = {row.customer_id: row.digest for row in tx.execute(query)}
    changed, rows = [], []
    for one in judged:
        digest = hashlib.blake2b(outcome_json(one.outcome), digest_size=12).hexdigest()
        if last.get(one.outcome.customer_id) == digest:
            continue
        changed.append(one)
        rows.append(
            {
                "customer_id": one.outcome.customer_id,
                "as_of": one.outcome.as_of,
                "policy_hash": one.outcome.policy_hash,
                "digest": digest,
                "facts": zlib.compress(snapshot_json(one.snapshot), LEVEL),
                "outcome": zlib.compress(assessment_json(one.outcome), LEVEL),
                "status": one.outcome.status,
                "risk_class": one.outcome.risk_class,
                "created_at": now,
            }
        )
    insert(tx, assessment, rows)
    return changed


def crm_accounts(tx: sa.Connection, customer_ids: Sequence[int]) -> list[CrmAccount]:
    """Where these customers stand in CRMs, first connection first."""
    query = (
        sa.select(
            account.c.customer_id,
            account.c.connection_id,
            account.c.external_id,
            account.c.owner_id,
            account.c.city,
        )
        .join(connection, connection.c.id == account.c.connection_id)
        .where(
            account.c.customer_id.in_(customer_ids),
            account.c.deleted.is_(False),
            connection.c.role == "crm",
        )
        .order_by(account.c.customer_id, account.c.connection_id, account.c.external_id)
    )
    return [CrmAccount(*row) for row in tx.execute(query)]


def never_written(tx: sa.Connection, accounts: Sequence[CrmAccount]) -> list[CrmAccount]:
    """Accounts whose credit fields were never written: new ones, or newly linked."""
    found: set[tuple[int, str]] = set()
    for connection_id in {one.connection_id for one in accounts}:
        query = sa.select(written_table.c.external_id).where(
            written_table.c.connection_id == connection_id,
            written_table.c.target == "account",
            written_table.c.external_id.in_(
                [one.external_id for one in accounts if one.connection_id == connection_id]
            ),
        )
        found.update((connection_id, external_id) for external_id in tx.execute(query).scalars())
    return [one for one in accounts if (one.connection_id, one.external_id) not in found]


def latest(tx: sa.Connection, customer_id: int) -> Kept | None:
    """The last assessment of a customer."""
    query = (
        sa.select(assessment)
        .where(assessment.c.customer_id == customer_id)
        .order_by(assessment.c.id.desc())
        .limit(1)
    )
    return _kept(tx.execute(query).one_or_none())


def latest_of(tx: sa.Connection, customer_ids: Sequence[int]) -> list[Kept]:
    """The last assessment of each of these customers, by customer."""
    newest = (
        sa.select(sa.func.max(assessment.c.id))
        .where(assessment.c.customer_id.in_(customer_ids))
        .group_by(assessment.c.customer_id)
    )
    query = sa.select(assessment).where(assessment.c.id.in_(newest)).order_by(assessment.c.customer_id)
    return [kept for row in tx.execute(query) if (kept := _kept(row)) is not None]


def latest_before(tx: sa.Connection, customer_ids: Sequence[int], moment: dt.datetime) -> list[Kept]:
    """The last assessment of each of these customers that was made before a moment (aware UTC)."""
    newest = (
        sa.select(sa.func.max(assessment.c.id))
        .where(assessment.c.customer_id.in_(customer_ids), assessment.c.as_of < moment)
        .group_by(assessment.c.customer_id)
    )
    query = sa.select(assessment).where(assessment.c.id.in_(newest)).order_by(assessment.c.customer_id)
    return [kept for row in tx.execute(query) if (kept := _kept(row)) is not None]


def statuses(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, str]:
    """The status by the last assessment of each of these customers that has one."""
    newest = (
        sa.select(sa.func.max(assessment.c.id))
        .where(assessment.c.customer_id.in_(customer_ids))
        .group_by(assessment.c.customer_id)
    )
    query = sa.select(assessment.c.customer_id, assessment.c.status).where(assessment.c.id.in_(newest))
    return {row.customer_id: row.status for row in tx.execute(query)}


def get(tx: sa.Connection, assessment_id: int) -> Kept | None:
    """One assessment by its id."""
    return _kept(tx.execute(sa.select(assessment).where(assessment.c.id == assessment_id)).one_or_none())


def policy_content(tx: sa.Connection, policy_hash: str) -> str | None:
    """The text of a policy that was used before."""
    query = sa.select(policy_version.c.content).where(policy_version.c.hash == policy_hash)
    return tx.execute(query).scalar()


def _kept(row: sa.Row[Any] | None) -> Kept | None:
    if row is None:
        return None
    return Kept(
        id=row.id,
        customer_id=row.customer_id,
        facts=zlib.decompress(row.facts),
        outcome=zlib.decompress(row.outcome),
        policy_hash=row.policy_hash,
    )

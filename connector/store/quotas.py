"""Quotas: in which connections the CRM's own credit module decides on limits, and what it grants.

Invariant: one master for each customer. What the connection's settings say is kept here, beside the
records, so that every reader of facts goes by it; a change marks the customers concerned.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from connector.rules.documents import LimitEntry
from connector.rules.entries import CREDIT_ACCOUNT, CREDIT_FILE
from connector.store import discoveries
from connector.store.record_tables import account, credit_account, credit_file
from connector.store.tables import connection, customer, discovery, written

_NAME = "crm decides on limits"
_GRANTS = ((CREDIT_FILE, credit_file), (CREDIT_ACCOUNT, credit_account))
# A quota without a first day holds since ever.
_EVER = dt.date(1970, 1, 1)


def choose(tx: sa.Connection, connection_id: int, *, crm: bool, now: dt.datetime) -> bool:
    """Whether the CRM of this connection decides on limits from now on; whether that is new."""
    if decides(tx, connection_id) is crm:
        return False
    discoveries.keep(tx, connection_id, _NAME, crm, now)
    anew(tx, connection_id)
    return True


def anew(tx: sa.Connection, connection_id: int) -> None:
    """Have everybody who stands in this CRM judged and written anew: what is written there has another
    meaning from now on."""
    concerned = sa.select(account.c.customer_id).where(account.c.connection_id == connection_id)
    tx.execute(sa.update(customer).where(customer.c.id.in_(concerned)).values(changes=customer.c.changes + 1))
    tx.execute(
        sa.delete(written).where(written.c.connection_id == connection_id, written.c.target == "account")
    )


def decides(tx: sa.Connection, connection_id: int) -> bool:
    """Whether the CRM of this connection decides on limits."""
    return bool(discoveries.known(tx, connection_id, _NAME))


def of(tx: sa.Connection, customer_ids: Sequence[int]) -> dict[int, str]:
    """The CRM that decides on each customer's limit, by name; customers on whom we decide are left out."""
    deciding = _deciding(tx)
    if not deciding:
        return {}
    query = (
        sa.select(account.c.customer_id, account.c.connection_id)
        .where(
            account.c.customer_id.in_(customer_ids),
            account.c.connection_id.in_(deciding),
            account.c.deleted.is_(False),
        )
        .order_by(account.c.connection_id.desc())
    )
    return {row.customer_id: deciding[row.connection_id] for row in tx.execute(query)}


def granted(tx: sa.Connection, customer_ids: Sequence[int]) -> Mapping[int, list[LimitEntry]]:
    """What the deciding CRMs' modules grant the accounts of these customers, whenever it holds."""
    found: defaultdict[int, list[LimitEntry]] = defaultdict(list)
    deciding = _deciding(tx)
    for kind, table in _GRANTS if deciding else ():
        mine = sa.and_(
            table.c.connection_id == account.c.connection_id, table.c.account_id == account.c.external_id
        )
        query = (
            sa.select(account.c.customer_id, table)
            .join_from(account, table, mine)
            .where(
                account.c.customer_id.in_(customer_ids),
                account.c.deleted.is_(False),
                table.c.connection_id.in_(deciding),
                table.c.deleted.is_(False),
                table.c.limit.is_not(None),
            )
            .order_by(table.c.connection_id, table.c.external_id)
        )
        for row in tx.execute(query):
            found[row.customer_id].append(
                LimitEntry(
                    kind,
                    "amount",
                    row.limit,
                    row.currency,
                    row.valid_from or _EVER,
                    row.valid_to,
                    source=f"{deciding[row.connection_id]} {kind} {row.external_id}",
                )
            )
    return found


def coverage(tx: sa.Connection, connection_id: int, day: dt.date) -> tuple[int, int]:
    """How many accounts a connection has, and how many of them have a quota on ``day``."""
    mine = account.c.connection_id == connection_id, account.c.deleted.is_(False)
    quotas = [
        sa.exists().where(
            table.c.connection_id == account.c.connection_id,
            table.c.account_id == account.c.external_id,
            table.c.deleted.is_(False),
            table.c.limit.is_not(None),
            sa.or_(table.c.valid_from.is_(None), table.c.valid_from <= day),
            sa.or_(table.c.valid_to.is_(None), table.c.valid_to >= day),
        )
        for _, table in _GRANTS
    ]
    count = sa.select(sa.func.count()).select_from(account).where(*mine)
    return int(tx.execute(count).scalar_one()), int(tx.execute(count.where(sa.or_(*quotas))).scalar_one())


def _deciding(tx: sa.Connection) -> dict[int, str]:
    """Names of the deciding connections by id."""
    query = (
        sa.select(connection.c.id, connection.c.name)
        .join(discovery, discovery.c.connection_id == connection.c.id)
        .where(discovery.c.name == _NAME, discovery.c.value == "true")
    )
    return {row.id: row.name for row in tx.execute(query)}

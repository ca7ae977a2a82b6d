"""The content of a store in a form that two runs can be compared by: no surrogate numbers, no moments of
observation."""

from __future__ import annotations

import zlib
from typing import Any

import orjson
import sqlalchemy as sa

from connector.store.engine import Store
from connector.store.record_tables import RECORDS, account, reject
from connector.store.tables import (
    assessment,
    connection,
    credit_group,
    credit_line,
    cursor,
    customer,
    outbox,
    visit,
    written,
)

VOLATILE = {"first_seen", "last_seen", "modified_at", "created_at", "at", "updated_at", "id", "vendor_id"}
# What the CRM tells of a visit is there only once it was read after the push.
VOLATILE |= {"task_id", "reported_at"}


def dump(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Everything that matters, table by table."""
    with store.read() as tx:
        names = {row.id: row.name for row in tx.execute(sa.select(connection.c.id, connection.c.name))}
        owners = _owners(tx, names)
        content = {
            table.name: _rows(tx, table, names) for table in (*RECORDS.values(), reject, outbox, written)
        }
        for row in content["account"]:
            row.pop("customer_id")
        content["visit"] = _rows(tx, visit, names)
        for row in content["visit"]:
            row.pop("customer_id")
        content["cursor"] = [
            {"connection": names[row.connection_id], "stream": row.stream, "open": row.slices}
            for row in tx.execute(sa.select(cursor).order_by(cursor.c.connection_id, cursor.c.stream))
        ]
        content["customer"] = _customers(tx, owners)
        content["line"] = sorted(
            (
                {
                    "customer": owners[row.subject_id],
                    "limit": row.limit_minor,
                    "exposure": row.exposure,
                    "reserved": row.reserved,
                    "status": row.status,
                }
                for row in tx.execute(sa.select(credit_line).where(credit_line.c.subject == "customer"))
            ),
            key=lambda row: str(row["customer"]),
        )
        content["assessment"] = _assessments(tx, owners)
    return content


def _owners(tx: sa.Connection, names: dict[int, str]) -> dict[int, list[str]]:
    owners: dict[int, list[str]] = {}
    query = sa.select(account.c.customer_id, account.c.connection_id, account.c.external_id)
    for owner, source, external_id in tx.execute(query):
        owners.setdefault(owner, []).append(f"{names[source]}/{external_id}")
    return {owner: sorted(places) for owner, places in owners.items()}


def _rows(tx: sa.Connection, table: sa.Table, names: dict[int, str]) -> list[dict[str, Any]]:
    rows = []
    for row in tx.execute(sa.select(table)):
        values = {str(name): value for name, value in row._mapping.items() if name not in VOLATILE}
        values["connection"] = names[values.pop("connection_id")]
        rows.append(values)
    return sorted(rows, key=lambda row: orjson.dumps(row, default=str, option=orjson.OPT_SORT_KEYS))


def _customers(tx: sa.Connection, owners: dict[int, list[str]]) -> list[dict[str, Any]]:
    query = sa.select(customer, credit_group.c.name.label("group_name")).outerjoin(
        credit_group, credit_group.c.id == customer.c.group_id
    )
    rows = [
        {
            "accounts": owners[row.id],
            "name": row.name,
            "group": row.group_name,
            "done": row.changes == row.assessed,
        }
        for row in tx.execute(query)
        if row.id in owners
    ]
    return sorted(rows, key=lambda row: str(row["accounts"]))


def _assessments(tx: sa.Connection, owners: dict[int, list[str]]) -> list[dict[str, Any]]:
    latest: dict[str, dict[str, Any]] = {}
    for row in tx.execute(sa.select(assessment).order_by(assessment.c.id)):
        outcome = orjson.loads(zlib.decompress(row.outcome))
        outcome.pop("customer_id")
        latest[str(owners[row.customer_id])] = {"customer": owners[row.customer_id], "outcome": outcome}
    return [latest[key] for key in sorted(latest)]

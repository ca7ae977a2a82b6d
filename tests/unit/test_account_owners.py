"""Whose account it was when: noted with each reading, kept for figures about past months."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from connector.adapter import Row
from connector.model import Account, Stream
from connector.store import account_owners, records, schema
from connector.store.engine import Store
from connector.store.record_tables import account_owner
from connector.store.tables import connection
from tests.new_store import bare_store, new_store

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        made = new_store(f"sqlite:///{tmp_path / 'store.db'}")
    else:
        made = Store(request.getfixturevalue("postgres_url"))
    values = {"name": "crm", "role": "crm", "kind": "fake", "settings": "{}", "created_at": NOW}
    with made.write() as tx:
        tx.execute(connection.insert().values(id=1, **values))
    yield made
    made.close()


def read(store: Store, now: dt.datetime, **owners: str | None) -> None:
    """Accounts are read with these owners."""
    found = [
        Account(external_id=key, modified_at=now, name=key, owner_id=owner) for key, owner in owners.items()
    ]
    with store.write() as tx:
        rows = [(Row(one.external_id, now, {}), one) for one in found]
        records.store(tx, 1, Stream.ACCOUNTS, rows, [], now)


def noted(store: Store) -> list[tuple[str, dt.datetime, str | None]]:
    with store.read() as tx:
        query = sa.select(account_owner).order_by(account_owner.c.account_id, account_owner.c.since)
        return [(row.account_id, row.since, row.owner_id) for row in tx.execute(query)]


def owners(store: Store, until: dt.datetime) -> dict[str | None, int]:
    with store.read() as tx:
        found = account_owners.portfolios(tx, until)
    return {owner: len(several) for (_, owner), several in found.items()}


def test_a_new_owner_is_noted_once_and_the_old_one_stays_known_for_the_time_before(store: Store) -> None:
    read(store, NOW, a="u1", b="u1", c=None)
    read(store, NOW, a="u1", b="u1", c=None)
    read(store, NOW + 5 * DAY, a="u2", b="u1", c=None)
    read(store, NOW + 9 * DAY, a=None)
    assert noted(store) == [
        ("a", NOW, "u1"),
        ("a", NOW + 5 * DAY, "u2"),
        ("a", NOW + 9 * DAY, None),
        ("b", NOW, "u1"),
        ("c", NOW, None),
    ]
    assert owners(store, NOW) == {}
    assert owners(store, NOW + DAY) == {"u1": 2, None: 1}
    assert owners(store, NOW + 6 * DAY) == {"u1": 1, "u2": 1, None: 1}
    assert owners(store, NOW + 30 * DAY) == {"u1": 1, None: 2}


def test_owners_before_the_upgrade_are_not_known_and_those_of_the_upgrade_are(tmp_path: Path) -> None:
    old = bare_store(tmp_path / "old.db")
    config = schema._alembic()
    before = ScriptDirectory.from_config(config).get_revision("0053").down_revision
    with old.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, str(before))
        tx.exec_driver_sql("INSERT INTO connection VALUES (1, 'crm', 'crm', 'zoho', '{}', 0)")
        tx.exec_driver_sql("INSERT INTO customer (id, name, created_at) VALUES (3, 'Hengda', 0)")
        tx.exec_driver_sql(
            "INSERT INTO account (connection_id, external_id, digest, first_seen, last_seen, name, "
            "is_person, owner_id, customer_id) VALUES (1, 'A', '', 0, 0, 'Hengda', false, 'u1', 3)"
        )
    start = dt.datetime.now(dt.UTC)
    schema.upgrade(old)
    assert [(key, owner) for key, _, owner in noted(old)] == [("A", "u1")]
    assert owners(old, start - DAY) == {} and owners(old, start + DAY) == {"u1": 1}
    old.close()

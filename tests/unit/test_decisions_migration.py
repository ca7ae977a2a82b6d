"""The step to trees of groups keeps what reservations had taken from their one group."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from connector.store import schema
from connector.store.reservations import _read
from connector.store.tables import reservation
from tests.new_store import bare_store

MICROSECOND = 1_772_443_800_000_000


def test_what_a_reservation_took_from_its_group_is_kept(tmp_path: Path) -> None:
    store = bare_store(tmp_path / "old.db")
    config = schema._alembic()
    before = ScriptDirectory.from_config(config).get_revision("0010").down_revision
    with store.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, str(before))
        tx.exec_driver_sql("INSERT INTO connection VALUES (1, 'crm', 'crm', 'zoho', '{}', 0)")
        tx.exec_driver_sql(
            "INSERT INTO credit_group (id, key, name, created_at) VALUES (7, 'k', 'Holding', 0)"
        )
        tx.exec_driver_sql("INSERT INTO customer (id, name, group_id, created_at) VALUES (3, 'Hengda', 7, 0)")
        columns = (
            "id, connection_id, order_key, revision, account_id, customer_id, group_id, amount, currency, "
            "reserved, group_reserved, state, answer, created_at, expires_at"
        )
        for number, group, taken in ((1, 7, 450), (2, "NULL", 0)):
            tx.exec_driver_sql(
                f"INSERT INTO reservation ({columns}) VALUES ({number}, 1, 'SO-{number}', 'r', 'A', 3, "
                f"{group}, 500, 'CNY', 500, {taken}, 'active', '{{}}', {MICROSECOND}, {MICROSECOND})"
            )
    schema.upgrade(store)
    with store.read() as tx:
        found = _read(tx, tx.execute(sa.select(reservation).order_by(reservation.c.id)))
    assert [one.groups for one in found] == [((7, 450),), ()]
    assert found[0].held == {("customer", 3): 500, ("group", 7): 450}
    store.close()

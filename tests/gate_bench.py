"""What decisions about held orders need, around a ``Bench``: roles, and orders as a pull stores them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connector.adapter import Row
from connector.arrivals import Counting
from connector.gate.decisions import Gate, Terms, reject, release
from connector.gate.settling import gate_of
from connector.model import Order, Stream
from connector.people.roles import Grant, Role, Roles
from connector.runtime import Runtime
from connector.store import held, past, records
from connector.store.connections import Connection
from connector.store.held import HeldOrder
from connector.store.past import Past
from connector.store.tables import api_key
from connector.window import Count, keep_rows
from tests.check_bench import HOURS, Bench, policy

ZOHO = Connection(1, "zoho", "crm", "zoho", {})
BANDS = {
    "excess": [
        {"up_to": 1_000, "role": "manager"},
        {"up_to": 100_000, "role": "director"},
        {"role": "board", "signers": 2},
    ]
}
CROWD = (
    Grant(who="Ma", role=Role.APPROVER, title="manager"),
    Grant(who="Di", role=Role.APPROVER, title="director"),
    Grant(who="Bo", role=Role.APPROVER, title="board"),
    Grant(who="Bea", role=Role.APPROVER, title="board"),
    Grant(who="Sal", role=Role.SALES),
)


class GateBench(Bench):
    """A bench with a gate. Nobody has a role unless ``crowd`` says so: then anybody may decide."""

    crowd: Sequence[Grant] = ()

    @property
    def gate(self) -> Gate:
        return Gate(self.store, self.policy, self.rates, Roles(self.crowd, (), self.policy), HOURS)

    @classmethod
    def ruled(cls, folder: Path, crowd: Sequence[Grant] = (), **parts: Any) -> GateBench:
        """On SQLite, with these parts of the policy."""
        made = cls.on_sqlite(folder, policy(**parts))
        made.crowd = crowd
        return made

    def issue_key(self) -> None:
        """The connection has a plugin."""
        row = {"connection_id": 1, "digest": "d", "created_at": self.now}
        with self.store.write() as tx:
            tx.execute(api_key.insert().values(**row))

    def pull(self, *orders: Order) -> None:
        """Store orders as a page of a pull does."""
        rows = [(Row(one.external_id, one.modified_at, {}), one) for one in orders]
        counting = Counting(self.policy, self.rates)
        with self.store.write() as tx:
            keep_rows(tx, ZOHO, Stream.ORDERS, rows, [], Count(), self.now, counting)

    def gone(self, *ids: str) -> None:
        """What a pull does when orders were deleted."""
        with self.store.write() as tx:
            records.gone(tx, 1, Stream.ORDERS, ids, self.now)

    def holding(self) -> list[HeldOrder]:
        with self.store.read() as tx:
            return held.listed(tx, held.HOLDING)

    def hold(self, number: int = 1) -> HeldOrder:
        with self.store.read() as tx:
            return held.listed(tx, number=number)[0]

    def past(self) -> list[Past]:
        with self.store.read() as tx:
            return past.listed(tx)

    def later(self, **span: int) -> dt.datetime:
        self.now += dt.timedelta(**span)
        return self.now


def terms(code: str = "secured", **more: Any) -> Terms:
    return Terms(code, **more)


def decide(runtime: Runtime, act: str, now: dt.datetime, number: int = 1) -> None:
    """Lin, and Mei where the policy wants a second person, release or reject a held order of an opened home
    folder."""
    gate = gate_of(runtime)
    if act == "release":
        if release(gate, number, terms(), actor="Lin", now=now).missing:
            release(gate, number, terms(), actor="Mei", now=now)
    else:
        reject(gate, number, reason="cancelled", actor="Lin", now=now)

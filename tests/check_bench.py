"""A store with a policy, a connection and customers, for tests of the order check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import orjson
import sqlalchemy as sa

from connector.check import check
from connector.gate.check_model import CheckAnswer, CheckRequest
from connector.model import Order, OrderStage
from connector.money import Rate, Rates
from connector.policy.schema import Policy
from connector.store import lines, reservations
from connector.store.engine import Store
from connector.store.lines import CUSTOMER, GROUP, Line
from connector.store.record_tables import account, sales_order
from connector.store.schema import upgrade
from connector.store.tables import connection, credit_group, credit_line, customer, hold, journal, reservation
from tests.new_store import lay, lay_in_memory

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
HOURS = 72
RATES = Rates(
    "CNY", [Rate("EUR", dt.date(2026, 1, 1), Decimal("8")), Rate("USD", dt.date(2026, 1, 1), Decimal("7"))]
)


def policy(check: Mapping[str, Any] | None = None, **parts: Any) -> Policy:
    """A small policy with these settings of the check."""
    band = {"cap": 1_000_000, "terms_days": 30, "review_days": 90}
    return Policy.model_validate(
        {
            "policy": "trial",
            "version": 1,
            "currency": "CNY",
            "timezone": "Asia/Shanghai",
            "scorecard": {"data_points": []},
            "classes": [{"name": "A", "from": 50, **band}, {"name": "B", "below": 50, **band}],
            "limit": {"step": 100, "terms": {}},
            "terms": {"default_days": 30},
            "check": dict(check or {}),
            **parts,
        }
    )


class Bench:
    """A store and what is in it. Amounts are minor units (fen) unless they are texts."""

    def __init__(self, url: str, rules: Policy | None = None, schema: str = "") -> None:
        self.store = Store(url, schema)
        self.policy = rules or policy()
        self.rates = RATES
        self.now = NOW

    @classmethod
    def on_sqlite(cls, folder: Path, rules: Policy | None = None) -> Self:
        """A fresh store in ``folder`` with the connection ``zoho``."""
        lay(folder / "check.db")
        bench = cls(f"sqlite:///{folder / 'check.db'}", rules)
        bench.connect("zoho")
        return bench

    @classmethod
    def in_memory(cls, rules: Policy | None = None) -> Self:
        """A fresh store in this thread's memory, with the connection ``zoho``."""
        bench = cls("sqlite://", rules)
        lay_in_memory(bench.store)
        bench.connect("zoho")
        return bench

    @classmethod
    def fresh(cls, url: str, rules: Policy | None = None, schema: str = "") -> Self:
        """An empty store at ``url``, upgraded, with the connection ``zoho``."""
        bench = cls(url, rules, schema)
        upgrade(bench.store)
        bench.connect("zoho")
        return bench

    def connect(self, name: str) -> int:
        """A CRM connection; its id."""
        values = {"name": name, "role": "crm", "kind": "zoho", "settings": "{}", "created_at": NOW}
        with self.store.write() as tx:
            return tx.execute(connection.insert().values(**values).returning(connection.c.id)).scalar_one()

    def group(self, name: str = "Group", **line: Any) -> int:
        """A group, with a line if any of its columns are given; its id."""
        with self.store.write() as tx:
            values = {"key": f"name:{name}", "name": name, "created_at": NOW}
            number = tx.execute(
                credit_group.insert().values(**values).returning(credit_group.c.id)
            ).scalar_one()
            if line:
                self._line(tx, GROUP, number, **line)
        return number

    def customer(
        self,
        external_id: str = "A1",
        *,
        group: int | None = None,
        source: int = 1,
        line: bool = True,
        **more: Any,
    ) -> int:
        """A customer with one account; ``more`` are columns of its line. Its id."""
        with self.store.write() as tx:
            values = {"name": f"Customer {external_id}", "group_id": group, "assessed": 1, "created_at": NOW}
            number = tx.execute(customer.insert().values(**values).returning(customer.c.id)).scalar_one()
            seen = {"digest": "d", "first_seen": NOW, "last_seen": NOW, "is_person": False}
            tx.execute(
                account.insert().values(
                    connection_id=source, external_id=external_id, name="Account", customer_id=number, **seen
                )
            )
            if line:
                self._line(tx, CUSTOMER, number, **more)
        return number

    def _line(self, tx: sa.Connection, subject: str, number: int, **columns: Any) -> None:
        limit = columns.pop("limit", 100_000)
        values = {"limit_state": "amount", "exposure": 0, "status": "ok", "currency": "CNY", "as_of": NOW}
        values |= {"limit_minor": limit if columns.get("limit_state", "amount") == "amount" else None}
        tx.execute(credit_line.insert().values(subject=subject, subject_id=number, **values | columns))

    def change_line(self, number: int, subject: str = CUSTOMER, **columns: Any) -> None:
        """What an assessment would have done."""
        with self.store.write() as tx:
            here = (credit_line.c.subject == subject, credit_line.c.subject_id == number)
            tx.execute(sa.update(credit_line).where(*here).values(**columns))

    def change_customer(self, number: int, **columns: Any) -> None:
        with self.store.write() as tx:
            tx.execute(sa.update(customer).where(customer.c.id == number).values(**columns))

    def add_account(self, external_id: str, number: int) -> None:
        """Another account of a customer on the first connection."""
        with self.store.write() as tx:
            row = tx.execute(sa.select(account).where(account.c.customer_id == number)).first()
            assert row is not None
            tx.execute(account.insert().values(**dict(row._mapping) | {"external_id": external_id}))

    @staticmethod
    def order(external_id: str, amount: int, **more: Any) -> Order:
        """An open order of account A1 in CNY."""
        values: dict[str, Any] = {"account_id": "A1", "currency": "CNY", "stage": OrderStage.OPEN} | more
        return Order(external_id=external_id, amount=amount, **values)

    def store_order(self, external_id: str, amount: int, *, arrives: bool = True, **more: Any) -> None:
        """What a pull does with one order: store the record and let it arrive."""
        order = self.order(external_id, amount, **more)
        row = order.model_dump() | {"stage": order.stage.value, "connection_id": 1, "digest": "d"}
        with self.store.write() as tx:
            here = (sales_order.c.connection_id == 1, sales_order.c.external_id == external_id)
            tx.execute(sales_order.delete().where(*here))
            tx.execute(sales_order.insert().values(**row, first_seen=NOW, last_seen=NOW))
            if arrives:
                reservations.arrive(tx, 1, [order], self.now)

    def check(self, amount: str = "100.00", order: str = "SO-1", **more: Any) -> CheckAnswer:
        """Check an order of account A1 in CNY."""
        values = {"connection": "zoho", "account": "A1", "currency": "CNY"} | more
        request = CheckRequest(order=order, amount=amount, **values)
        return check(self.store, self.policy, self.rates, request, self.now, reservation_hours=HOURS)

    def line(self, number: int, subject: str = CUSTOMER) -> Line:
        with self.store.read() as tx:
            return lines.read(tx, [(subject, number)])[subject, number]

    def states(self, order: str = "SO-1") -> dict[str, str]:
        """State of each revision of an order."""
        with self.store.read() as tx:
            return {r.revision: r.state for r in tx.execute(sa.select(reservation)) if r.order_key == order}

    def reservations(self) -> list[reservations.Reservation]:
        with self.store.read() as tx:
            return reservations._read(tx, tx.execute(sa.select(reservation).order_by(reservation.c.id)))

    def holds(self) -> list[Any]:
        with self.store.read() as tx:
            return list(tx.execute(sa.select(hold).order_by(hold.c.id)).all())

    def acts(self) -> list[tuple[str, str, Any]]:
        """Act, subject and detail of the journal."""
        with self.store.read() as tx:
            rows = tx.execute(sa.select(journal).order_by(journal.c.id)).all()
        return [(row.act, row.subject, orjson.loads(row.detail)) for row in rows]


def codes(answer: CheckAnswer) -> list[str]:
    """The codes of the reasons, in their order."""
    return [reason.code for reason in answer.reasons]

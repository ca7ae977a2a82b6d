"""Whatever happens on the way, after a calm push the CRM flags and locks exactly the orders on hold."""

from __future__ import annotations

import contextlib
import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connector.adapter import Outcome, Result, Write
from connector.mapping.form import compile_mapping
from connector.push import push
from connector.store import held
from connector.store.connections import Connection
from connector.store.record_tables import sales_order
from connector.store.tables import field_name
from connector.yamlfile import parse
from tests.check_bench import NOW, Bench
from tests.memory_secrets import MemorySecrets

ORDERS = ("SO-1", "SO-2")
MAPPING = compile_mapping(
    parse(
        "mapping: m\nread:\n  accounts: {object: A, fields: {name: n}}\n"
        "write:\n  order:\n    object: O\n    lock: credit_hold\n    fields:\n"
        "      credit_hold: {field: hold, type: boolean, standard: true}\n"
        "      credit_reasons: {field: why, type: long_text, standard: true}\n",
        "m",
    ),
    "m",
)
ZOHO = Connection(1, "zoho", "crm", "zoho", {})


class Crash(Exception):
    """The process dies."""


class Crm:
    """Keeps flags and locks; ``trouble`` says what becomes of the next calls."""

    write_batch = 2
    write_changed = False
    locks = True

    def __init__(self) -> None:
        self.time = NOW
        self.flags: dict[str, bool] = {}
        self.locked: set[str] = set()
        self.trouble: list[str] = []
        self.context = type(
            "C", (), {"secrets": MemorySecrets(), "language": "en", "now": staticmethod(lambda: self.time)}
        )()

    def _met(self) -> str:
        return self.trouble.pop() if self.trouble else "fine"

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        told = []
        for write in writes:
            met = self._met()
            if met == "busy":
                told.append(Outcome(Result.RETRY, "busy"))
                continue
            self.flags[write.external_id] = write.values["hold"]
            if met == "crash":
                raise Crash
            told.append(Outcome(Result.RETRY, "lost") if met == "lost" else Outcome(Result.DONE))
        return told

    def _lock(self, change: Any) -> Outcome:
        met = self._met()
        if met == "busy":
            return Outcome(Result.RETRY, "busy")
        change()
        if met == "crash":
            raise Crash
        return Outcome(Result.RETRY, "lost") if met == "lost" else Outcome(Result.DONE)

    def lock(self, object_name: str, external_id: str, reason: str) -> Outcome:
        return self._lock(lambda: self.locked.add(external_id))

    def unlock(self, object_name: str, external_id: str) -> Outcome:
        return self._lock(lambda: self.locked.discard(external_id))

    def verify(self, write: Write) -> list[str] | None:
        return None


class _Names:
    """All fields are standard."""

    def names(self, connection: Connection, target: str) -> dict[str, str]:
        return {}


class Flags(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench.on_sqlite(Path(self.folder.name))
        row = {"connection_id": 1, "target": "order", "name": "credit_hold", "api_name": "hold"}
        with self.bench.store.write() as tx:
            tx.execute(field_name.insert().values(**row))
        self.bench.store_order("id-SO-1", 1, arrives=False, number="SO-1")
        self.crm = Crm()
        self.calm = True

    @rule(order=st.sampled_from(ORDERS), reason=st.sampled_from(["a", "b"]))
    def hold(self, order: str, reason: str) -> None:
        values = {
            "connection_id": 1,
            "order_key": order,
            "account_id": "A1",
            "customer_id": None,
            "amount": 1,
            "currency": "CNY",
            "reasons": [{"code": reason, "params": {}, "text": {"en": reason, "zh": reason}}],
        }
        with self.bench.store.write() as tx:
            held.keep(tx, values, order, NOW)
        self.calm = False

    @rule(order=st.sampled_from(ORDERS))
    def passes(self, order: str) -> None:
        with self.bench.store.write() as tx:
            held.clear(tx, 1, order, order, NOW)
        self.calm = False

    @rule(order=st.sampled_from(ORDERS), state=st.sampled_from(["released", "rejected"]))
    def ends(self, order: str, state: str) -> None:
        with self.bench.store.write() as tx:
            for found in held.listed(tx, held.HOLDING):
                if found.order == order:
                    held.end(tx, found, state, {"reason": "why"}, "Lin", NOW)
        self.calm = False

    @rule(order=st.sampled_from(ORDERS))
    def is_read(self, order: str) -> None:
        self.bench.store_order(f"id-{order}", 1, arrives=False, number=order)
        self.calm = False

    def _push(self) -> None:
        self.crm.time += dt.timedelta(hours=8)
        push(self.bench.store, _Names(), ZOHO, self.crm, MAPPING)  # type: ignore[arg-type]

    @rule(trouble=st.lists(st.sampled_from(["busy", "lost", "crash", "fine"]), min_size=1, max_size=6))
    def push_in_trouble(self, trouble: list[str]) -> None:
        self.crm.trouble = trouble
        with contextlib.suppress(Crash):
            self._push()
        self.crm.trouble = []
        self.calm = False

    @rule()
    def push_in_calm(self) -> None:
        self._push()
        self.calm = True

    @invariant()
    def flags_follow_holds(self) -> None:
        if not self.calm:
            return
        with self.bench.store.read() as tx:
            pending = {found.order for found in held.listed(tx, held.HOLDING)}
        known = {order.external_id for order in self._orders()}
        wanted = {f"id-{order}" for order in pending} & known
        assert {order for order, flag in self.crm.flags.items() if flag} == wanted
        assert self.crm.locked == wanted

    def _orders(self) -> list[Any]:
        with self.bench.store.read() as tx:
            return list(tx.execute(sa.select(sales_order)).all())

    def teardown(self) -> None:
        self.bench.store.close()
        self.folder.cleanup()


Flags.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
test_flags_follow_holds = Flags.TestCase

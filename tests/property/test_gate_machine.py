"""Whatever is checked, pulled, edited, cancelled, deleted, released, rejected, forced, expired and reviewed:
holds take only the ways that they may, and the books are right after every step."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.errors import Halt
from connector.gate.books import prove
from connector.gate.decisions import force, reject, release
from connector.gate.review import review
from connector.model import Order, OrderStage
from connector.store import reservations
from connector.store.lines import CUSTOMER, GROUP
from tests.check_bench import HOURS, policy
from tests.gate_bench import BANDS, CROWD, GateBench, terms

# More of it by the environment; the default keeps the whole suite within its time.
EXAMPLES = int(os.environ.get("CREDITGATE_EXAMPLES", "15"))
ORDERS = st.sampled_from(["SO-1", "SO-2", "SO-3"])
ACCOUNTS = st.sampled_from(["A1", "A2"])
AMOUNTS = st.sampled_from([0, 20_000, 50_000, 60_000, 90_000, 150_000])
STEPS = st.sampled_from(["order_save", "order_change", "approval", "shipment", "invoice"])
TERMS = st.sampled_from([None, 30, 60])
LIMITS = st.sampled_from([100_000, 60_000])
PEOPLE = st.sampled_from([grant.who for grant in CROWD])
LIMIT, GROUP_LIMIT = 100_000, 120_000
OCCUPYING = (OrderStage.OPEN, OrderStage.DELIVERED)
# From where to where a hold may go by itself or by a person; into a new round only from an end.
WAYS = {
    "pending": {"ready", "released", "rejected", "forced", "withdrawn"},
    "ready": {"pending", "released", "rejected", "forced", "withdrawn"},
    "forced": {"released", "rejected", "withdrawn"},
    "released": set(),
    "rejected": {"released"},
    "withdrawn": set(),
}


class GateMachine(RuleBasedStateMachine):
    """Two customers of one group and three orders; some of what happens needs no check at all."""

    @initialize(
        got_past=st.sampled_from(["list", "check", "hold"]), when_clear=st.sampled_from(["release", "wait"])
    )
    def begin(self, got_past: str, when_clear: str) -> None:
        rules = policy({"got_past": got_past}, approvals=BANDS, releases={"when_clear": when_clear})
        self.bench = GateBench.in_memory(rules)
        self.bench.crowd = CROWD
        self.bench.issue_key()
        self.group = self.bench.group(limit=GROUP_LIMIT)
        self.numbers = {
            name: self.bench.customer(name, limit=LIMIT, group=self.group) for name in ("A1", "A2")
        }
        self.known: dict[str, Order] = {}
        self.seen: dict[int, tuple[int, str]] = {}

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.store.close()

    def inside(self, account: str) -> int:
        """What the living orders of an account occupy, by their records."""
        return sum(
            order.amount
            for order in self.known.values()
            if order.account_id == account and order.stage in OCCUPYING
        )

    def reserved(self) -> dict[tuple[str, int], int]:
        keys = [(CUSTOMER, number) for number in self.numbers.values()] + [(GROUP, self.group)]
        return {key: self.bench.line(key[1], key[0]).reserved for key in keys}

    def state_of(self, order: str) -> str:
        return next((row.state for row in self.bench.holds() if row.order_key == order), "")

    # -- what the CRM's users do

    @rule(
        order=ORDERS, account=ACCOUNTS, amount=AMOUNTS, step=STEPS, terms_days=st.sampled_from([None, 30, 60])
    )
    def check(self, order: str, account: str, amount: int, step: str, terms_days: int | None) -> None:
        before, state = self.reserved(), self.state_of(order)
        answer = self.bench.check(
            f"{amount // 100}.00", order, account=account, checkpoint=step, terms_days=terms_days
        )
        after = self.reserved()
        if answer.decision == "hold":
            assert all(after[key] <= before[key] for key in after), "a refusal takes nothing"
            return
        assert state != "forced" or step == "invoice" or amount == 0, "what is forced never passes"
        by_person = any(
            row.order_key == order and row.state == "released" and row.released_by
            for row in self.bench.holds()
        )
        for key, bound in ((CUSTOMER, self.numbers[account]), LIMIT), ((GROUP, self.group), GROUP_LIMIT):
            if after[key] > before[key] and not by_person:
                line = self.bench.line(key[1], key[0])
                assert line.exposure + line.reserved <= bound, "more was granted than the limit allows"

    @rule(order=ORDERS, account=ACCOUNTS, amount=AMOUNTS, stage=st.sampled_from(OrderStage))
    def pull(self, order: str, account: str, amount: int, stage: OrderStage) -> None:
        record = self.bench.order(
            order, amount, account_id=account, stage=stage, modified_at=self.bench.later(seconds=1)
        )
        before = self.known.get(order)
        self.bench.pull(record)
        self.known[order] = record
        told = before is None or (before.stage, before.amount, before.account_id) != (stage, amount, account)
        if told and stage in (OrderStage.CANCELLED, OrderStage.CLOSED):
            self.gives_back(order)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(sorted(self.known)))
        self.bench.gone(order)
        del self.known[order]
        self.gives_back(order)

    def gives_back(self, order: str) -> None:
        with self.bench.store.read() as tx:
            assert not [r for r in reservations.of_order(tx, 1, order) if r.state == "active"]
        assert self.state_of(order) not in ("pending", "ready", "forced")

    # -- what people in credit do

    @precondition(lambda self: self.bench.holds())
    @rule(data=st.data(), who=PEOPLE, act=st.sampled_from(["release", "release", "reject"]))
    def decide(self, data: st.DataObject, who: str, act: str) -> None:
        number = data.draw(st.sampled_from([row.id for row in self.bench.holds()]))
        before = self.bench.hold(number)
        try:
            if act == "release":
                days = data.draw(st.sampled_from([1, 20]))
                release(self.bench.gate, number, terms(days=days), actor=who, now=self.bench.now)
            else:
                reject(self.bench.gate, number, reason="no", actor=who, now=self.bench.now)
        except Halt:
            assert self.bench.hold(number) == before, "what is refused changes nothing"
            return
        assert who != "Sal", "sales decides nothing"

    @rule(order=ORDERS)
    def force(self, order: str) -> None:
        try:
            force(self.bench.gate, "zoho", order, reason="odd", actor="Di", now=self.bench.now)
        except Halt:
            over = (OrderStage.CANCELLED, OrderStage.CLOSED)
            living = order in self.known and self.known[order].stage not in over
            assert not living

    # -- what happens by itself

    @rule(hours=st.sampled_from([1, 30, HOURS, 500]))
    def wait(self, hours: int) -> None:
        self.bench.later(hours=hours)

    @rule()
    def review(self) -> None:
        review(self.bench.gate, self.bench.now)

    @rule(
        account=ACCOUNTS, status=st.sampled_from(["ok", "ok", "hold"]), limit=st.sampled_from([LIMIT, 60_000])
    )
    def assess(self, account: str, status: str, limit: int) -> None:
        """What an assessment does: exposures exactly, and perhaps another limit (never above the bound)."""
        self.bench.change_line(self.numbers[account], status=status, limit_minor=limit)
        for name, number in self.numbers.items():
            self.bench.change_line(number, exposure=self.inside(name))
        self.bench.change_line(self.group, GROUP, exposure=sum(map(self.inside, self.numbers)))

    # -- what holds at every moment

    @invariant()
    def the_books_are_right(self) -> None:
        if not hasattr(self, "bench"):
            return
        assert [gap.words for gap in prove(self.bench.gate) if gap.what == "reserved"] == []
        for name, number in self.numbers.items():
            assert self.bench.line(number).exposure >= self.inside(name), "an order counts nowhere"
        assert self.bench.line(self.group, GROUP).exposure >= sum(map(self.inside, self.numbers))

    @invariant()
    def holds_take_only_the_ways_that_they_may(self) -> None:
        if not hasattr(self, "bench"):
            return
        rows: list[Any] = self.bench.holds()
        for row in rows:
            turn, state = self.seen.get(row.id, (1, "pending"))
            if row.round == turn:
                assert row.state == state or row.state in WAYS[state], (state, row.state)
            else:
                assert row.round > turn and row.state in WAYS["pending"] | {"pending"}
            assert (row.released_until is not None) <= (row.state == "released" and bool(row.released_by))
            self.seen[row.id] = (row.round, row.state)


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

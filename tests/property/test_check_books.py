"""Whatever is checked, edited, cancelled, pulled or expired: the books of the credit lines are right."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connector.model import OrderStage
from connector.store import reservations
from connector.store.lines import CUSTOMER, GROUP
from tests.check_bench import HOURS, Bench, policy

ORDERS = st.sampled_from(["SO-1", "SO-2", "SO-3", "SO-4"])
ACCOUNTS = st.sampled_from(["A1", "A2"])
AMOUNTS = st.integers(0, 70_000) | st.sampled_from([35_000, 50_000, 60_000])
STEPS = st.sampled_from(["order_save", "order_change", "approval", "shipment", "invoice"])
REVISIONS = st.sampled_from([None, None, "1", "2"])
LIMIT, GROUP_LIMIT = 100_000, 110_000
OCCUPYING = (OrderStage.OPEN, OrderStage.DELIVERED)


class Books(RuleBasedStateMachine):
    """Two customers of one group, four orders; ``known`` are the orders that a pull has stored."""

    @initialize(tolerance=st.sampled_from([0, 50]))
    def begin(self, tolerance: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        rules = policy({"tolerance": {"amount": tolerance}} if tolerance else {})
        self.bench = Bench.on_sqlite(self.folder, rules)
        self.slack = tolerance * 100
        self.group = self.bench.group(limit=GROUP_LIMIT)
        self.numbers = {
            name: self.bench.customer(name, limit=LIMIT, group=self.group) for name in ("A1", "A2")
        }
        self.known: dict[str, tuple[str, int, OrderStage]] = {}

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.store.close()
            shutil.rmtree(self.folder)

    def inside(self, order: str, account: str) -> int:
        owner, amount, stage = self.known.get(order, ("", 0, OrderStage.DRAFT))
        return amount if owner == account and stage in OCCUPYING else 0

    def active(self, order: str) -> list[reservations.Reservation]:
        with self.bench.store.read() as tx:
            return [r for r in reservations.of_order(tx, 1, order) if r.state == "active"]

    def lines(self) -> dict[tuple[str, int], tuple[int, int]]:
        keys = [(CUSTOMER, number) for number in self.numbers.values()] + [(GROUP, self.group)]
        found = {key: self.bench.line(key[1], key[0]) for key in keys}
        return {key: (line.exposure, line.reserved) for key, line in found.items()}

    @rule(
        order=ORDERS, account=ACCOUNTS, amount=AMOUNTS, step=STEPS, revision=REVISIONS, prepaid=st.booleans()
    )
    def check(
        self, order: str, account: str, amount: int, step: str, revision: str | None, prepaid: bool
    ) -> None:
        before = self.lines()
        answer = self.bench.check(
            f"{amount / 100:.2f}",
            order,
            account=account,
            checkpoint=step,
            revision=revision,
            prepaid=prepaid and step == "order_change",
        )
        after = self.lines()
        if answer.decision == "hold":
            for key, (exposure, reserved) in after.items():
                assert exposure == before[key][0]
                assert reserved <= before[key][1], "a refusal changes nothing but what had expired"
            return
        if step == "invoice":
            return
        for key, bound in ((CUSTOMER, self.numbers[account]), LIMIT), ((GROUP, self.group), GROUP_LIMIT):
            exposure, reserved = after[key]
            if reserved > before[key][1]:
                assert exposure + reserved <= bound + self.slack, "more was granted than the limit allows"
        if revision is None and step in ("order_save", "order_change", "approval"):
            whole = 0 if prepaid and step == "order_change" else max(0, amount - self.inside(order, account))
            assert [r.reserved for r in self.active(order)] == [whole] * (whole > 0)

    @rule(order=ORDERS, account=ACCOUNTS, amount=AMOUNTS, stage=st.sampled_from(OrderStage))
    def pull(self, order: str, account: str, amount: int, stage: OrderStage) -> None:
        total = {key: sum(line) for key, line in self.lines().items()}
        held = self.active(order)
        self.bench.store_order(order, amount, account_id=account, stage=stage, modified_at=self.bench.now)
        self.known[order] = (account, amount, stage)
        left = {key: sum(line) for key, line in self.lines().items()}
        stays = not held or held[0].account_id == account
        if stays and stage in (OrderStage.DRAFT, OrderStage.OPEN, OrderStage.DELIVERED):
            assert left == total, "what arrives moves from reserved to exposure, nothing more"
        ended = stage in (OrderStage.CANCELLED, OrderStage.CLOSED)
        assert not (ended and self.active(order))

    @precondition(lambda self: self.known)
    @rule()
    def assess(self) -> None:
        """The exposure is computed anew from what is known."""
        for account, number in self.numbers.items():
            exposure = sum(self.inside(order, account) for order in self.known)
            self.bench.change_line(number, exposure=exposure)
        total = sum(self.bench.line(number).exposure for number in self.numbers.values())
        self.bench.change_line(self.group, GROUP, exposure=total)

    @rule(hours=st.sampled_from([1, 30, HOURS]))
    def wait(self, hours: int) -> None:
        self.bench.now += dt.timedelta(hours=hours)

    @rule()
    def expire(self) -> None:
        with self.bench.store.write() as tx:
            reservations.expire(tx, self.bench.now)
        with self.bench.store.read() as tx:
            assert reservations.overdue(tx, self.bench.now) == []

    @rule(account=ACCOUNTS, status=st.sampled_from(["ok", "watch", "hold"]))
    def judge(self, account: str, status: str) -> None:
        self.bench.change_line(self.numbers[account], status=status)

    @invariant()
    def reserved_is_the_sum_of_active_reservations(self) -> None:
        if not hasattr(self, "bench"):
            return
        rows = [row for row in self.bench.reservations() if row.state == "active"]
        for number in self.numbers.values():
            assert self.bench.line(number).reserved == sum(
                r.reserved for r in rows if r.customer_id == number
            )
        charged = sum(r.held.get((GROUP, self.group), 0) for r in rows)
        assert self.bench.line(self.group, GROUP).reserved == charged == sum(r.reserved for r in rows)
        assert len({row.order_key for row in rows}) == len(rows)
        assert all(row.reserved > 0 for row in rows)


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

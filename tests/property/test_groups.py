"""Whatever tree of groups: totals are the sum of their parts, every line above must pass, no circle."""

from __future__ import annotations

import shutil
import tempfile
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connector import groups
from connector.errors import Halt
from connector.store import groups as stored
from connector.store.lines import CUSTOMER, GROUP
from tests.check_bench import Bench, policy

NAMES = ["G1", "G2", "G3", "G4"]
ACCOUNTS = ["A1", "A2", "A3"]
SHARES = st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.3333"), Decimal(0)])
LIMITS = {"G1": 90_000, "G2": 60_000, "G3": 70_000}  # G4 has none, and bounds nobody


def half_up(amount: Decimal) -> int:
    return int(amount.to_integral_value(rounding=ROUND_HALF_UP))


class Trees(RuleBasedStateMachine):
    """Four groups, three customers; the model keeps who stands where in plain dictionaries."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.bench = Bench.on_sqlite(self.folder, policy())
        self.home = SimpleNamespace(
            store=self.bench.store, rates=self.bench.rates, now=lambda: self.bench.now
        )
        self.ids = {
            name: self.bench.group(name, **({"limit": LIMITS[name]} if name in LIMITS else {}))
            for name in NAMES
        }
        self.customers = {name: self.bench.customer(name, limit=80_000) for name in ACCOUNTS}
        self.parent: dict[str, tuple[str | None, Decimal, bool]] = dict.fromkeys(
            NAMES, (None, Decimal(1), False)
        )
        self.member: dict[str, tuple[str | None, Decimal, bool]] = dict.fromkeys(
            ACCOUNTS, (None, Decimal(1), False)
        )
        self.orders = 0

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.store.close()
            shutil.rmtree(self.folder)

    def over(self, name: str) -> list[str]:
        """The group itself and all above it."""
        found = [name]
        while (up := self.parent[found[-1]])[0] is not None and not up[2]:
            found.append(up[0])
        return found

    def named_over(self, name: str) -> list[str]:
        """The same, ring fences or not: what may close no circle."""
        found = [name]
        while (up := self.parent[found[-1]][0]) is not None:
            found.append(up)
        return found

    @rule(
        group=st.sampled_from(NAMES),
        under=st.sampled_from([None, *NAMES]),
        share=SHARES,
        fenced=st.booleans(),
    )
    def place(self, group: str, under: str | None, share: Decimal, fenced: bool) -> None:
        if under is not None and group in self.named_over(under):
            with pytest.raises(Halt, match="circle"):
                groups.place(self.home, group, under, actor="Lin", share=share, ring_fenced=fenced)
            return
        groups.place(self.home, group, under, actor="Lin", share=share, ring_fenced=fenced)
        self.parent[group] = (under, share, fenced)

    @rule(
        who=st.sampled_from(ACCOUNTS),
        group=st.sampled_from([None, *NAMES]),
        share=SHARES,
        fenced=st.booleans(),
    )
    def join(self, who: str, group: str | None, share: Decimal, fenced: bool) -> None:
        groups.join(self.home, self.customers[who], group, actor="Lin", share=share, ring_fenced=fenced)
        self.member[who] = (group, share, fenced)

    @rule(who=st.sampled_from(ACCOUNTS), exposure=st.integers(0, 60_000))
    def assess(self, who: str, exposure: int) -> None:
        self.bench.change_line(self.customers[who], exposure=exposure)
        with self.bench.store.write() as tx:
            stored.total(tx, [self.customers[who]], self.bench.rates, self.bench.now)

    @rule(who=st.sampled_from(ACCOUNTS), amount=st.integers(1, 50_000))
    def check(self, who: str, amount: int) -> None:
        self.orders += 1
        group, share, fenced = self.member[who]
        room = {(CUSTOMER, self.customers[who]): amount}
        at: str | None = None if fenced else group
        while at is not None:
            if at in LIMITS:
                room[(GROUP, self.ids[at])] = half_up(Decimal(amount) * share)
            up, part, apart = self.parent[at]
            share *= part
            at = None if apart else up
        before = {key: self.bench.line(key[1], key[0]) for key in room}
        answer = self.bench.check(f"{amount / 100:.2f}", f"SO-{self.orders}", account=who)
        fits = all(taken == 0 or before[key].available >= taken for key, taken in room.items())
        assert answer.decision == ("pass" if fits else "hold")
        for key, taken in room.items():
            grown = self.bench.line(key[1], key[0]).reserved - before[key].reserved
            assert grown == (taken if fits else 0), "own line and every line above, or none at all"

    def part_sum(self, name: str) -> int:
        total = 0
        for who, (group, share, fenced) in self.member.items():
            if group == name and not fenced:
                total += half_up(self.bench.line(self.customers[who]).exposure * share)
        for child, (up, share, fenced) in self.parent.items():
            if up == name and not fenced:
                total += half_up(self.part_sum(child) * share)
        return total

    @invariant()
    def totals_are_the_sum_of_their_parts(self) -> None:
        if hasattr(self, "bench"):
            for name in LIMITS:
                assert self.bench.line(self.ids[name], GROUP).exposure == self.part_sum(name)

    @invariant()
    def reserved_is_what_the_reservations_hold(self) -> None:
        if not hasattr(self, "bench"):
            return
        active = [row for row in self.bench.reservations() if row.state == "active"]
        for name in LIMITS:
            key = (GROUP, self.ids[name])
            assert self.bench.line(key[1], GROUP).reserved == sum(row.held.get(key, 0) for row in active)

    @invariant()
    def no_walk_upwards_comes_back(self) -> None:
        if hasattr(self, "bench"):
            for name in NAMES:
                assert len(set(self.named_over(name))) == len(self.named_over(name))


TestTrees = Trees.TestCase
TestTrees.settings = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

"""Whatever is asked, approved, declined or left lying: nobody gets a large limit by himself."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from connector.errors import Halt
from connector.limits import acts as limits
from connector.limits import limit_requests
from connector.limits.acts import Size, Subject, Terms
from connector.people.roles import Grant, Role, Roles
from connector.rules.entries import in_force
from connector.store import limits as stored
from connector.store.lines import CUSTOMER
from tests.check_bench import Bench, policy

SELLER = "mei"
PEOPLE = st.sampled_from(["Lin", "lin", "Wang", "Zhao", "ZHAO ", "Mei"])
GRANTS = [
    *(Grant(who=who, role=Role.APPROVER, title="board") for who in ("Lin", "Wang", "Zhao")),
    Grant(who="Mei", role=Role.SALES),
]
AMOUNTS = st.sampled_from([50_000, 100_000, 100_001, 900_000, 1_000_001])
BANDS = [
    {"up_to": 1_000, "role": "controller"},
    {"up_to": 10_000, "role": "director", "signers": 2},
    {"role": "board", "signers": 3},
]
DAY = dt.timedelta(days=1)


def name(person: str) -> str:
    return person.strip().lower()


class Decisions(RuleBasedStateMachine):
    """One customer; ``asked`` keeps (who, amount, when, who has approved) by request."""

    made = Bundle("made")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        rules = policy(approvals={"limit": BANDS, "request_days": 5})
        self.bench = Bench.on_sqlite(self.folder, rules)
        self.number = self.bench.customer()
        self.home = SimpleNamespace(
            store=self.bench.store,
            rates=self.bench.rates,
            policy=rules,
            roles=Roles(GRANTS, (), rules),
            now=lambda: self.bench.now,
            today=self.today,
        )
        self.asked: dict[int, tuple[str, int, dt.datetime, set[str]]] = {}
        self.final: dict[int, str] = {}

    def today(self) -> dt.date:
        return self.bench.now.date()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.store.close()
            shutil.rmtree(self.folder)

    def entries(self) -> list[stored.Entry]:
        with self.bench.store.read() as tx:
            return stored.entries(tx, CUSTOMER, self.number)

    def prepared(self, who: str, amount: int, days: int | None) -> stored.Entry:
        end = None if days is None else self.home.today() + days * DAY
        terms = Terms("base" if days is None else "temporary", valid_to=end)
        size, whom = Size("amount", amount, "CNY"), Subject(CUSTOMER, self.number)
        return limits.prepare(self.home, whom, size, terms, reason="plant", actor=who)

    @rule(target=made, who=PEOPLE, amount=AMOUNTS, days=st.sampled_from([None, 0, 3]))
    def ask(self, who: str, amount: int, days: int | None) -> Any:
        before = len(self.entries())
        entry = self.prepared(who, amount, days)
        try:
            found = limit_requests.request(self.home, entry)
        except Halt:  # who only sells does not even lower a limit alone
            assert name(who) == SELLER and self.covered(entry, before) and len(self.entries()) == before
            return multiple()
        self.asked[found.id] = (name(who), amount, self.bench.now, set())
        if found.state == "approved":
            self.final[found.id] = "approved"
            assert name(who) != SELLER
            assert amount <= 100_000 or self.covered(found.entry, before)
        assert len(self.entries()) == before + (found.state == "approved")
        return found.id

    def covered(self, entry: stored.Entry, before: int) -> bool:
        """Whether a limit as large and as long was there already."""
        return any(
            old.kind == entry.kind and (old.amount or 0) >= (entry.amount or 0)
            for old in self.entries()[:before]
        )

    @rule(number=made, who=PEOPLE)
    def approve(self, number: int, who: str) -> None:
        asker, amount, at, agreed = self.asked[number]
        before = len(self.entries())
        try:
            found = limit_requests.approve(self.home, number, actor=who)
        except Halt:
            assert len(self.entries()) == before, "a refused approval sets nothing"
            return
        assert name(who) not in {asker, SELLER} | agreed
        assert number not in self.final and self.bench.now < at + 5 * DAY
        agreed.add(name(who))
        wanted = 2 if amount > 1_000_000 else 1
        assert (found.state == "approved") == (len(agreed) >= wanted)
        assert len(self.entries()) == before + (found.state == "approved")
        if found.state == "approved":
            self.final[number] = "approved"

    @rule(number=made, who=PEOPLE)
    def decline(self, number: int, who: str) -> None:
        before = len(self.entries())
        try:
            limit_requests.decline(self.home, number, actor=who, note="no")
            assert number not in self.final
            self.final[number] = "declined"
        except Halt:
            pass
        assert len(self.entries()) == before

    @rule(who=PEOPLE, amount=AMOUNTS)
    def set_alone(self, who: str, amount: int) -> None:
        before = self.entries()
        entry = self.prepared(who, amount, None)
        try:
            limits.put(self.home, entry)
        except Halt:
            assert (amount > 100_000 or name(who) == SELLER) and len(self.entries()) == len(before)
            return
        assert name(who) != SELLER
        assert amount <= 100_000 or self.covered(entry, len(before))

    @rule(days=st.sampled_from([1, 2, 6]))
    def wait(self, days: int) -> None:
        self.bench.now += days * DAY

    @invariant()
    def what_holds_was_decided(self) -> None:
        if not hasattr(self, "bench"):
            return
        today = self.home.today()
        found = self.entries()
        for kind in ("base", "temporary"):
            assert sum(one.kind == kind and one.phase(today) == "in force" for one in found) <= 1
        holds = in_force(found, today)
        if holds is not None and holds.kind == "base":
            assert not any(one.kind == "temporary" and one.phase(today) == "in force" for one in found)
        for one in limit_requests.listed(self.home, None):
            expected = self.final.get(one.id, "pending" if self.bench.now < one.expires_at else "expired")
            assert one.state == expected


TestDecisions = Decisions.TestCase
TestDecisions.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

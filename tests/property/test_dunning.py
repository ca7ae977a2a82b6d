"""Whatever is paid, contested, promised, sent or lost: no level is skipped, none is given twice."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.policy.schema import Policy
from connector.rules.documents import DunnedDoc, InvoiceDoc
from connector.rules.dunning import plan, quiet
from connector.rules.exposure import converter
from tests.rules_bench import CNY, TODAY, dossier, invoice, policy, promise

DAYS = 70
DAY = dt.timedelta(days=1)


@dataclass
class World:
    """One customer through the days; ``given`` are the levels of each run of an invoice's dunning."""

    policy: Policy
    invoices: dict[str, InvoiceDoc]
    promises: tuple[Any, ...]
    dunned: list[DunnedDoc] = field(default_factory=list)
    given: dict[str, list[int]] = field(default_factory=dict)
    letters: list[dt.date] = field(default_factory=list)

    def day(self, today: dt.date, act: str, about: str) -> None:
        doc = self.invoices[about]
        if act == "pay":
            self.invoices[about] = doc._replace(state="paid", paid=doc.amount, settled_on=today)
        elif act == "bounce":
            self.invoices[about] = doc._replace(state="open", paid=None, settled_on=None)
        elif act == "contest":
            self.invoices[about] = doc._replace(disputed=not doc.disputed)
        elif act == "arrive":  # a letter that was under way went out
            self.dunned = [one if one.sent_on else one._replace(sent_on=today) for one in self.dunned]
        elif act == "withdraw":  # it did not
            for one in [one for one in self.dunned if one.sent_on is None]:
                self.given[one.invoice_id].remove(one.level)
                self.dunned.remove(one)
        elif act in ("send", "lose"):
            self.send(today, None if act == "lose" else today)

    def send(self, today: dt.date, sent_on: dt.date | None) -> None:
        found = plan(
            dossier(
                invoices=tuple(self.invoices.values()),
                promises=self.promises,
                dunned=tuple(self.dunned),
            ),
            self.policy,
            converter(CNY, today),
            today,
            max(self.letters, default=None),
        )
        for over in found.over:
            self.dunned = [one for one in self.dunned if one.invoice_id != over]
            self.given.pop(over, None)
        if found.notice is None:
            return
        self.check(found.notice.items, today)
        self.letters.append(today)
        for one in found.notice.items:
            self.given.setdefault(one.invoice_id, []).append(one.level)
            self.dunned.append(DunnedDoc(one.invoice_id, one.level, sent_on, today + 7 * DAY))

    def check(self, items: tuple[Any, ...], today: dt.date) -> None:
        rules = self.policy.dunning
        assert not quiet(rules.quiet, today)
        assert not self.letters or today >= max(self.letters) + rules.cycle_days * DAY
        for one in items:
            doc = self.invoices[one.invoice_id]
            assert doc.state == "open" and not doc.disputed
            assert one.days >= rules.levels[one.level - 1].days
            assert one.level == len(self.given.get(one.invoice_id, [])) + 1


acts = st.sampled_from("send send send lose arrive withdraw pay bounce contest rest".split())
names = st.sampled_from(("a", "b", "c"))


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(-20, 40)] * 3),
    st.lists(st.tuples(acts, names), min_size=DAYS, max_size=DAYS),
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 30_000)), max_size=2),
    st.tuples(st.integers(1, 9), st.integers(0, 12)),
)
def test_no_invoice_skips_a_level_or_gets_one_twice(
    dues: tuple[int, ...],
    days: list[tuple[str, str]],
    promised: list[tuple[int, int]],
    waits: tuple[int, int],
) -> None:
    levels = [
        {"days": days_late, "letter": "reminder", "wait_days": waits[1]} for days_late in (3, 12, 13, 30)
    ]
    quiet_days = {"weekdays": ["saturday", "sunday"]}
    world = World(
        policy(dunning={"levels": levels, "cycle_days": waits[0], "quiet": quiet_days}),
        {
            name: invoice(name, 10_000, due_on=TODAY + due * DAY)
            for name, due in zip("abc", dues, strict=True)
        },
        tuple(promise(n, amount, due=due) for n, (due, amount) in enumerate(promised)),
    )
    for number, (act, about) in enumerate(days):
        world.day(TODAY + number * DAY, act, about)
    for levels_given in world.given.values():
        assert levels_given == list(range(1, len(levels_given) + 1))

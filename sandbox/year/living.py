"""The outside world of a simulated year: a CRM, two agencies and the people's channels, day after day.

Invariant: at every moment each server answers as it would on that day: documents carry the time at which they
were changed, agencies tell what they know by then, and nothing of a later day can be seen anywhere. Days only
go forward; every one of them happens once, however often it is asked for.
"""

from __future__ import annotations

import datetime as dt
import threading
from random import Random

from starlette.types import ASGIApp

from sandbox import bureau, qichacha, robots, zoho
from sandbox.bureau_monitoring import Portfolio
from sandbox.chinese_files import Case, Register, Registered
from sandbox.reports import band
from sandbox.server import Options
from sandbox.year.deals import Deal
from sandbox.year.economy import Economy, Member
from sandbox.year.holidays import DAY
from sandbox.zoho.gatekeeper import UNLIMITED
from sandbox.zoho.seed import Books
from sandbox.zoho.seed import seed as fill
from sandbox.zoho.tenant import Tenant

_VISITED = 0.97


class Clock:
    """What time it is for all servers: seconds since 1970. It stands still until it is moved."""

    def __init__(self, at: dt.datetime) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at.timestamp()

    def move(self, at: dt.datetime) -> None:
        """Forward only."""
        self.at = max(self.at, at)


class Living:
    """The servers of one year, as applications by name."""

    def __init__(self, economy: Economy) -> None:
        self._economy = economy
        self._lock = threading.Lock()
        before = economy.plan.start - DAY
        self.clock = Clock(dt.datetime.combine(before, dt.time(23), dt.UTC))
        self._day = before
        self._crm = _Crm(economy, self.clock)
        self._agencies = _Agencies(economy, before)
        options = Options(accounts=0, as_of=self.clock.at)
        rating, self._portfolio = bureau.build(self._agencies.files, options, self.clock)
        self.apps: dict[str, ASGIApp] = {
            "zoho": zoho.build(self._crm.tenant, options, UNLIMITED),
            "bureau": rating,
            "qichacha": qichacha.build(self._agencies.register, options, self.clock),
            **{name: robots.build(name, options, self.clock) for name in robots.NAMES},
        }

    def reach(self, at: dt.datetime) -> dt.date:
        """Let everything happen that happens until ``at`` (aware UTC); the day that it is then."""
        with self._lock:
            while self._day < at.date():
                self._day += DAY
                self._crm.live(self._day)
                self._agencies.live(self._day, self._portfolio)
            self.clock.move(at)
            return self._day


class _Crm:
    """The Zoho org: people enter orders and invoices, bookkeeping what was paid, reps make their visits."""

    def __init__(self, economy: Economy, clock: Clock) -> None:
        self._economy = economy
        self._clock = clock
        self.tenant = Tenant(clock)
        self._books: Books = fill(self.tenant, economy.world(clock.at.date()))
        self._rng = Random(f"{economy.plan.seed}/reps")

    def live(self, day: dt.date) -> None:
        with self.tenant.lock:
            for deal in self._economy.changed(day):
                self._clock.move(deal.at(day))
                self._change(deal, day)
            self._visits(day)

    def _change(self, deal: Deal, day: dt.date) -> None:
        if day in (deal.ordered_on, deal.deliver_on, deal.invoiced_on):
            self._books.save_order(deal.order(day))
        invoice = deal.invoice(day)
        if invoice is not None:
            self._books.save_invoice(invoice)

    def _visits(self, day: dt.date) -> None:
        """Reps make nearly all visits on the day on which they are planned."""
        tasks, today = self.tenant.modules["Tasks"], day.isoformat()
        due = [
            row["id"]
            for row in tasks.table
            if row.get("Due_Date") == today and row.get("Status") == "Not Started"
        ]
        for row_id in due:
            if self._rng.random() < _VISITED:
                self.tenant.update(tasks, row_id, {"Status": "Completed"})


class _Agencies:
    """What both agencies have on file."""

    def __init__(self, economy: Economy, day: dt.date) -> None:
        self._economy = economy
        self.files = bureau.files_of(economy.register(day))
        self.register = Register(dict(self._registered(day)))
        self._letters = {ref: _letter(file.score) for ref, file in self.files.items()}

    def live(self, day: dt.date, portfolio: Portfolio) -> None:
        self.files.update(bureau.files_of(self._economy.register(day)))
        self.register.by_code.update(self._registered(day))
        at = dt.datetime.combine(day, dt.time(2), dt.UTC).isoformat()
        for ref, file in self.files.items():
            before, now = self._letters[ref], _letter(file.score)
            if now != before:
                portfolio.changed(ref, at, before, now)
                self._letters[ref] = now

    def _registered(self, day: dt.date) -> list[tuple[str, Registered]]:
        members = self._economy.members
        return [(one.company.uscc, _entry(one, day)) for one in members if one.company.uscc]


def _letter(score: int | None) -> str:
    return "E" if score is None else band(score)[0]


def _entry(member: Member, day: dt.date) -> Registered:
    """The entry in the register: where the firm sits, who signs for it, and what courts have on it."""
    company, uscc = member.company, member.company.uscc or ""
    rng = Random(f"{uscc}/register")
    signers = rng.sample(_SIGNERS, 2)
    number = rng.randrange(1, 9999)
    moved = member.temper.moved(day)
    address = f"{company.city}{'高新区' if moved else ''}{rng.randrange(1, 400)}号"
    cases = tuple(
        Case(kind, f"({filed.year})执{number + place}号", filed, rng.randrange(10**6, 10**8), own=True)
        for place, (kind, filed) in enumerate(member.temper.cases(day))
    )
    return Registered(company, uscc, "存续（在营、开业、在册）", cases, address, signers[moved])


_SIGNERS = ("张某甲", "李某乙", "王某丙", "赵某丁", "陈某戊", "刘某己", "杨某庚", "黄某辛")

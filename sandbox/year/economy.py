"""The portfolio of a simulated year: who is in it, who goes bad when and how, and what happens on each day.

Invariant: everything follows from ``Plan`` alone; the truth about a customer is read off its own deals, never
off what anybody made of them.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random

from sandbox.economy import draw_companies, draw_owners
from sandbox.reports import CompanyFile
from sandbox.statements import statements
from sandbox.world import Company, Financials, Owner, SalesInvoice, World
from sandbox.year import deals as business
from sandbox.year.deals import CRM, Deal
from sandbox.year.holidays import DAY
from sandbox.year.tempers import WAYS, Child, Parent, Temper, Weakening

HISTORY = 400 * DAY
OVERDUE = 60
START = dt.date(2025, 1, 6)
_TERMS = (30, 30, 45, 60)
_PURCHASES = 1_200_000_00  # fen a year
_SPARE = 4  # so many companies are drawn for each that has to be rated or Chinese


@dataclass(frozen=True)
class Plan:
    """``good`` customers and ``each`` that go bad in every way, over ``days`` from ``start``. Declines begin
    between the days ``onset`` and are as quick as ``haste``; ``quick`` gives everybody that goes bad terms
    of 30 days."""

    good: int = 300
    each: int = 10
    days: int = 365
    seed: int = 7
    start: dt.date = START
    onset: tuple[int, int] = (40, 150)
    haste: float = 1.0
    quick: bool = False

    @property
    def end(self) -> dt.date:
        """The last day."""
        return self.start + (self.days - 1) * DAY


@dataclass(frozen=True)
class Member:
    """One customer; ``first_overdue`` is the day on which an invoice of the decline is 60 days past due for
    the first time, ``None`` if that lies beyond the year or never comes."""

    company: Company
    temper: Temper
    deals: tuple[Deal, ...]
    financials: tuple[Financials, ...]
    filed: tuple[dt.date, ...]
    first_overdue: dt.date | None

    @property
    def way(self) -> str:
        """How it goes bad; empty for a good one."""
        return self.temper.way


@dataclass(frozen=True)
class Promised:
    """Somebody at a customer promises ``amount`` (minor units of ``currency``) for the day ``due_on``."""

    company_key: str
    invoice: str
    amount: int
    currency: str
    due_on: dt.date


@dataclass(frozen=True)
class Economy:
    """The whole year, drawn beforehand."""

    plan: Plan
    owners: tuple[Owner, ...]
    members: tuple[Member, ...]
    _drift: dict[tuple[str, int], float] = field(default_factory=dict)

    @cached_property
    def _by_day(self) -> dict[dt.date, list[Deal]]:
        found: defaultdict[dt.date, list[Deal]] = defaultdict(list)
        for member in self.members:
            for deal in member.deals:
                for day in deal.days():
                    found[day].append(deal)
        return found

    def changed(self, day: dt.date) -> list[Deal]:
        """Deals about which something changes on ``day``, in the order in which it does."""
        return sorted(self._by_day.get(day, ()), key=lambda deal: deal.at(day))

    def promises(self, day: dt.date) -> Iterator[Promised]:
        """What is promised on ``day``, for invoices that are open then."""
        for member in self.members:
            for deal in member.deals:
                for made, due in member.temper.promises(deal.due_on):
                    if made == day and deal.paid(day) < deal.amount:
                        left = deal.amount - deal.paid(day)
                        number = f"INV-{deal.number:06d}"
                        yield Promised(deal.company_key, number, left, deal.currency, due)

    def world(self, day: dt.date) -> World:
        """Everything as it stands at the end of ``day``, in the way of the other sandboxes."""
        past = [deal for member in self.members for deal in member.deals if deal.ordered_on <= day]
        invoices = (deal.invoice(day) for deal in past)
        return replace(
            self.register(day),
            orders=tuple(deal.order(day) for deal in past),
            invoices=tuple(one for one in invoices if isinstance(one, SalesInvoice)),
        )

    def register(self, day: dt.date) -> World:
        """Companies and their accounts as agencies know them on ``day``, without our own documents."""
        return World(
            as_of=dt.datetime.combine(day, dt.time(0, 30), dt.UTC),
            owners=self.owners,
            companies=tuple(self._company(member, day) for member in self.members),
            orders=(),
            invoices=(),
            receipts=(),
            financials={one.company.key: self._accounts(one, day) for one in self.members},
        )

    def _company(self, member: Member, day: dt.date) -> Company:
        usual = member.company.health
        for quarter in range((day - self.plan.start).days // 91):
            usual += self._wander(member.company.key, quarter)
        health = member.temper.health(day, usual)
        return replace(member.company, health=round(min(0.97, max(0.12, health)), 3))

    def _wander(self, key: str, quarter: int) -> float:
        """How far the agency's view of anybody moves in a quarter, for no reason that matters."""
        known = self._drift.get((key, quarter))
        if known is None:
            known = Random(f"{self.plan.seed}/{key}/{quarter}").gauss(0, 0.012)
            self._drift[key, quarter] = known
        return known

    def _accounts(self, member: Member, day: dt.date) -> tuple[Financials, ...]:
        pairs = zip(member.financials, member.filed, strict=True)
        return tuple(year for year, filed in pairs if filed <= day)


def build(plan: Plan) -> Economy:
    """The year of ``plan``."""
    rng = Random(plan.seed)
    owners = draw_owners(rng)
    wanted = (len(WAYS) + 1) * plan.each
    drawn = draw_companies(rng, plan.good + wanted * _SPARE, owners, plan.start)
    pool = [_settled(rng, company, plan) for company in drawn]
    tempers: list[tuple[Company, Temper]] = []
    for way in WAYS:
        for _ in range(plan.each):
            onset = plan.start + rng.randint(*plan.onset) * DAY
            company = _taken(pool, way, plan)
            if way is Child:
                head = _taken(pool, Parent, plan)
                company = replace(company, parent_key=head.key)
                tempers.append((head, Parent(onset, plan.haste)))
            tempers.append((company, way(onset, plan.haste)))
    tempers += [(company, Temper()) for company in pool[: plan.good]]
    return Economy(plan, owners, tuple(_numbered([_member(plan, *one) for one in tempers], plan)))


def _settled(rng: Random, company: Company, plan: Plan) -> Company:
    """A company in good health that has bought from us for more than a year, in its own CRM account."""
    return replace(
        company,
        parent_key=None,
        health=round(rng.uniform(0.62, 0.92), 3),
        crms=(CRM,),
        sole_trader=False,
        terms_days=rng.choice(_TERMS),
        customer_since=plan.start - rng.randint(420, 2_500) * DAY,
    )


def _taken(pool: list[Company], way: type[Temper], plan: Plan) -> Company:
    """The first company in the pool that can go this way; it is in the pool no longer."""
    for place, company in enumerate(pool):
        chinese = company.uscc is not None or not way.needs_china
        if chinese and (not way.needs_rating or _rated(company, plan)):
            found = pool.pop(place)
            return replace(found, terms_days=30) if plan.quick else found
    raise ValueError(f"no company is left that can go bad by {way.way}")


def _rated(company: Company, plan: Plan) -> bool:
    """Whether the agency has a rating for it and three years of accounts."""
    found = _financials(company, plan)
    world = World(
        dt.datetime.combine(plan.start, dt.time(), dt.UTC), (), (company,), (), (), (), {company.key: found}
    )
    file = CompanyFile.of(company, world)
    return file is not None and file.score is not None and len(found) == 3


def _purchases(company: Company, plan: Plan) -> int:
    rng = Random(f"{plan.seed}/{company.key}/purchases")
    return round(_PURCHASES * rng.lognormvariate(0, 0.7))


def _financials(company: Company, plan: Plan) -> tuple[Financials, ...]:
    """Up to three years, the newest of which is filed in the course of the year."""
    rng = Random(f"{plan.seed}/{company.key}/accounts")
    # A supplier among many: what it buys from us is a twentieth of its turnover at the most.
    return statements(rng, company, _purchases(company, plan) * 5 // 2, dt.date(plan.start.year, 12, 1))


def _member(plan: Plan, company: Company, temper: Temper) -> Member:
    rng = Random(f"{plan.seed}/{company.key}/life")
    first, last = plan.start - HISTORY, plan.end
    deals = business.draw(rng, company, temper, _purchases(company, plan), first, last)
    found = _financials(company, plan)
    filed = [year.period_end + rng.randint(90, 165) * DAY for year in found]
    if isinstance(temper, Weakening):
        found = (*found[:-1], _worse(found[-2], found[-1].period_end))
        filed[-1] = temper.onset
    return Member(company, temper, tuple(deals), found, tuple(filed), None)


def _worse(before: Financials, period_end: dt.date) -> Financials:
    """A year after which the debts are much higher, the means much shorter, and profit is gone."""
    equity = before.equity * 45 // 100 // 100 * 100
    short = min(before.total_assets - equity, before.current_liabilities * 160 // 100 // 100 * 100)
    return replace(
        before,
        period_end=period_end,
        revenue=before.revenue * 88 // 100 // 100 * 100,
        operating_profit=-before.revenue * 4 // 100 // 100 * 100,
        net_profit=-before.revenue * 6 // 100 // 100 * 100,
        equity=equity,
        total_liabilities=before.total_assets - equity,
        current_liabilities=short,
        operating_cash_flow=-before.revenue * 5 // 100 // 100 * 100,
    )


def _numbered(members: list[Member], plan: Plan) -> Iterator[Member]:
    """The deals of all numbered in the order of their days, and what became of each customer."""
    drawn = [(deal, place) for place, member in enumerate(members) for deal in member.deals]
    drawn.sort(key=lambda one: (one[0].ordered_on, one[0].company_key))
    mine: defaultdict[int, list[Deal]] = defaultdict(list)
    for number, (deal, place) in enumerate(drawn, start=1):
        mine[place].append(replace(deal, number=number))
    for place, member in enumerate(members):
        late = [day for deal in mine[place] if (day := deal.open_after(OVERDUE)) and day <= plan.end]
        yield replace(member, deals=tuple(mine[place]), first_overdue=min(late, default=None))

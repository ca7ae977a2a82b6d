"""Makes an economy out of a number of accounts, a seed and a day.

Invariant: equal arguments give equal worlds. Shares (country, health, CRM) are dealt out, not drawn,
so that even a small economy holds good, doubtful and failing customers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import TypeVar

from sandbox import identifiers, names
from sandbox.documents import Deals
from sandbox.statements import statements
from sandbox.world import Company, Owner, World

T = TypeVar("T")

_COUNTRIES = (("CN", 75), ("DE", 9), ("US", 7), ("GB", 5), ("JP", 4))
_HEALTH = (((0.65, 0.98), 66), ((0.42, 0.65), 23), ((0.18, 0.42), 8), ((0.0, 0.18), 3))
_CRMS: tuple[tuple[tuple[str, ...], int], ...] = (
    (("zoho",), 45),
    (("fxiaoke",), 35),
    (("zoho", "fxiaoke"), 20),
)
_GROUPED = 10  # percent of the companies that belong to a parent
_CURRENCIES: dict[str, tuple[tuple[str, int], ...]] = {
    "CN": (("CNY", 100),),
    "DE": (("EUR", 92), ("USD", 8)),
    "US": (("USD", 100),),
    "GB": (("EUR", 45), ("USD", 25), ("GBP", 30)),
    "JP": (("USD", 65), ("JPY", 35)),
}
_TERMS = ((30, 45), (45, 15), (60, 25), (90, 15))
_MEDIAN_PURCHASES = 1_200_000_00  # fen a year


@lru_cache(maxsize=4)
def build(accounts: int, seed: int, as_of: dt.datetime) -> World:
    """The economy of ``accounts`` companies as it stands at ``as_of`` (aware; ``ValueError`` if not)."""
    if as_of.tzinfo is None:
        raise ValueError("as_of must be aware of its time zone")
    as_of = as_of.astimezone(dt.UTC)
    rng = Random(seed)
    owners = draw_owners(rng)
    companies = draw_companies(rng, accounts, owners, as_of.date())
    deals = Deals(rng, as_of)
    financials = {}
    for company in companies:
        purchases = _MEDIAN_PURCHASES * int(1000 * rng.lognormvariate(0, 0.8)) // 1000
        deals.draw(company, purchases)
        if found := statements(rng, company, purchases, as_of.date()):
            financials[company.key] = found
    orders, invoices, receipts = deals.books()
    return World(
        as_of=as_of,
        owners=owners,
        companies=companies,
        orders=tuple(orders),
        invoices=tuple(invoices),
        receipts=tuple(receipts),
        financials=financials,
    )


def draw_owners(rng: Random) -> tuple[Owner, ...]:
    """Eight to twelve reps. The mobile numbers 13800000001 and on belong to nobody."""
    reps = names.REPS[: rng.randint(8, 12)]
    return tuple(
        Owner(
            key=f"rep-{i:02d}",
            name_zh=zh,
            name_en=en,
            mobile=f"138000000{i:02d}",
            email=f"{en.lower().replace(' ', '.')}@example.com",
        )
        for i, (zh, en) in enumerate(reps, start=1)
    )


def _dealt(rng: Random, count: int, shares: tuple[tuple[T, int], ...]) -> list[T]:
    """``count`` values in the given percentages, shuffled; at least one of each where there is room."""
    dealt: list[T] = []
    for value, percent in reversed(shares[1:]):
        wanted = max(1, round(count * percent / 100))
        dealt += [value] * min(wanted, count - len(dealt))
    dealt += [shares[0][0]] * (count - len(dealt))
    rng.shuffle(dealt)
    return dealt


def draw_companies(rng: Random, count: int, owners: tuple[Owner, ...], today: dt.date) -> tuple[Company, ...]:
    """So many companies as the shares say, each with an owner, as they stand on ``today``."""
    countries = _dealt(rng, count, _COUNTRIES)
    healths = _healths(rng, countries)
    parents = _groups(rng, countries)
    crms = _crm_sets(rng, count, set(parents.values()))
    brands = [
        names.chinese_brand(rng) if country == "CN" else names.foreign_brand(rng, country)
        for country in countries
    ]
    heads = set(parents.values())
    taken: set[str] = set()
    made: list[Company] = []
    for i, country in enumerate(countries):
        parent = parents.get(i)
        alone = parent is None and i not in heads
        brand = brands[i if parent is None else parent]
        company = _company(
            rng,
            i,
            country,
            brand,
            head=i in heads,
            sole_trader=alone and country == "CN" and i % 40 == 3,
            taken=taken,
            owner=rng.choice(owners),
            parent_key=None if parent is None else _key(parent),
            health=healths[i],
            crms=crms[i],
            today=today,
        )
        made.append(company)
    return tuple(made)


def _key(index: int) -> str:
    return f"co-{index + 1:05d}"


def _healths(rng: Random, countries: list[str]) -> list[float]:
    """Health dealt out among the Chinese companies and among the others."""
    healths = [0.0] * len(countries)
    for chinese in (True, False):
        places = [i for i, country in enumerate(countries) if (country == "CN") is chinese]
        for i, (low, high) in zip(places, _dealt(rng, len(places), _HEALTH), strict=True):
            healths[i] = round(rng.uniform(low, high), 3)
    return healths


def _groups(rng: Random, countries: list[str]) -> dict[int, int]:
    """Child → parent, one level deep, within one country."""
    free: dict[str, list[int]] = {}
    for i in rng.sample(range(len(countries)), len(countries)):
        free.setdefault(countries[i], []).append(i)
    wanted = round(len(countries) * _GROUPED / 100)
    parents: dict[int, int] = {}
    while wanted:
        big_enough = [country for country in sorted(free) if len(free[country]) >= 2]
        if not big_enough:
            break
        weights = [len(free[country]) for country in big_enough]
        pool = free[rng.choices(big_enough, weights=weights)[0]]
        head = pool.pop()
        for _ in range(min(wanted, len(pool), rng.choice((1, 1, 2, 2, 3, 4)))):
            parents[pool.pop()] = head
            wanted -= 1
    return parents


def _crm_sets(rng: Random, count: int, heads: set[int]) -> list[tuple[str, ...]]:
    """Where each company stands; a parent stands in both CRMs, as its children may be in either."""
    dealt = _dealt(rng, count, _CRMS)
    spare = [i for i in range(count) if len(dealt[i]) == 2 and i not in heads]
    for head in sorted(heads):
        if len(dealt[head]) == 1 and spare:
            other = spare.pop()
            dealt[head], dealt[other] = dealt[other], dealt[head]
    return [("zoho", "fxiaoke") if i in heads else crms for i, crms in enumerate(dealt)]


def _company(
    rng: Random,
    index: int,
    country: str,
    brand: str,
    *,
    head: bool,
    sole_trader: bool,
    taken: set[str],
    owner: Owner,
    parent_key: str | None,
    health: float,
    crms: tuple[str, ...],
    today: dt.date,
) -> Company:
    industry = rng.choice(tuple(names.INDUSTRIES))
    if country == "CN":
        city, region = rng.choice(names.CN_CITIES)
    else:
        city, region = names.foreign_city(rng, country), ""

    def named() -> str:
        if country != "CN":
            if head:
                return names.foreign_group(country, brand)
            return names.foreign_company(rng, country, industry, brand)
        if sole_trader:
            return names.sole_trader(rng, city, industry)
        if head:
            return names.chinese_group(city, brand)
        return names.chinese_company(rng, city, industry, brand)

    name = _unused(named, taken)
    kind = "92" if sole_trader else "91"
    uscc = _unused(lambda: identifiers.uscc(rng, kind, region), taken) if country == "CN" else None
    vat, registration_no = _numbers(rng, country, taken)
    with_duns = rng.random() < (0.35 if country == "CN" else 0.85)
    return Company(
        key=_key(index),
        name=name,
        country=country,
        uscc=uscc,
        duns=_unused(lambda: identifiers.duns(rng), taken) if with_duns else None,
        vat=vat,
        registration_no=registration_no,
        industry=industry,
        city=city,
        currency=_weighted(rng, _CURRENCIES[country]),
        terms_days=_weighted(rng, _TERMS),
        customer_since=_since(rng, today),
        owner=owner,
        parent_key=parent_key,
        health=health,
        crms=crms,
        sole_trader=sole_trader,
    )


def _unused(made: Callable[[], str], taken: set[str]) -> str:
    """A name or number that nobody else has: another draw, or in the end a count behind it."""
    text = made()
    for _ in range(50):
        if text not in taken:
            break
        text = made()
    base, count = text, 2
    while text in taken:
        text, count = f"{base} {count}", count + 1
    taken.add(text)
    return text


def _numbers(rng: Random, country: str, taken: set[str]) -> tuple[str | None, str | None]:
    """VAT number and registration number as the country has them."""
    if country == "CN":
        return None, None  # the unified code is all of them in one
    if country == "DE":
        vat = _unused(lambda: identifiers.german_vat(rng), taken)
        return vat, _unused(lambda: f"HRB {rng.randint(1_000, 249_999)}", taken)
    if country == "GB":
        vat = _unused(lambda: identifiers.british_vat(rng), taken)
        return vat, _unused(lambda: f"{rng.randint(1_000_000, 15_999_999):08d}", taken)
    if country == "JP":
        number = _unused(lambda: identifiers.japanese_corporate(rng), taken)
        return f"T{number}", number  # a qualified invoice issuer's number is T + 法人番号
    return None, _unused(lambda: f"{rng.randint(1_000_000, 7_999_999)}", taken)  # of the state


def _weighted(rng: Random, shares: tuple[tuple[T, int], ...]) -> T:
    return rng.choices([value for value, _ in shares], [weight for _, weight in shares])[0]


def _since(rng: Random, today: dt.date) -> dt.date:
    """Seven of ten are customers of long standing; the others came in the last two years."""
    days = rng.randint(740, 4400) if rng.random() < 0.7 else rng.randint(10, 730)
    return today - dt.timedelta(days=days)

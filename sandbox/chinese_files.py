"""What the Chinese agencies of the sandbox have on file: companies with a 统一社会信用代码, court records.

Invariant: records follow from a company's health alone, so that both agencies tell the same. Some bear
a namesake's code, as in the real registers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from random import Random

from sandbox.likeness import letters, likeness
from sandbox.world import Company, World

LIQUIDATED_BELOW = 0.1
NAMESAKE = "52" * 8 + "0X"


@dataclass(frozen=True)
class Case:
    """A court record: its ``kind`` is dishonest, enforcement or consumption_limit; ``fen`` owed."""

    kind: str
    number: str
    filed: dt.date
    fen: int
    own: bool


@dataclass(frozen=True)
class Registered:
    """A company with its standing and cases; where it is registered and who represents it, if on file."""

    company: Company
    uscc: str
    status: str
    cases: tuple[Case, ...]
    address: str = ""
    representative: str = ""

    def of(self, kind: str) -> list[Case]:
        return [case for case in self.cases if case.kind == kind]


class Register:
    """All companies that carry a code. ``find`` takes a code or a part of a name."""

    def __init__(self, by_code: dict[str, Registered]) -> None:
        self.by_code = by_code

    @classmethod
    def of(cls, world: World) -> Register:
        """As the companies' health has it."""
        today = world.as_of.date()
        return cls({one.uscc: _registered(one, one.uscc, today) for one in world.companies if one.uscc})

    def exactly(self, key: str) -> Registered | None:
        """By code or by full name."""
        named = (one for one in self.by_code.values() if one.company.name == key)
        return self.by_code.get(key) or next(named, None)

    def find(self, key: str) -> list[Registered]:
        if key in self.by_code:
            return [self.by_code[key]]
        asked = letters(key)
        scored = [(likeness(letters(one.company.name), asked), one) for one in self.by_code.values()]
        near = sorted(((s, one) for s, one in scored if s >= 0.5), key=lambda item: (-item[0], item[1].uscc))
        return [one for _, one in near]


def _registered(company: Company, uscc: str, today: dt.date) -> Registered:
    rng = Random(f"{uscc}/courts")
    cases: list[Case] = []
    count = max(0, round((0.45 - company.health) * 12))
    for number in range(count):
        kind = ("enforcement", "consumption_limit", "dishonest")[number % 3]
        cases.append(_case(rng, kind, today, own=True))
    if rng.random() < 0.2:
        cases.append(_case(rng, "enforcement", today, own=False))
    status = "清算" if company.health < LIQUIDATED_BELOW else "存续（在营、开业、在册）"
    return Registered(company, uscc, status, tuple(cases))


def _case(rng: Random, kind: str, today: dt.date, *, own: bool) -> Case:
    filed = today - dt.timedelta(days=rng.randrange(20, 700))
    number = f"({filed.year})执{rng.randrange(1, 9999)}号"
    return Case(kind, number, filed, rng.randrange(10**5, 10**8), own)

"""An agency's adapter for tests: settings, a clock that can be moved, recorded waits, a counted budget."""

from __future__ import annotations

import datetime as dt
from typing import Any

from connector.adapter import Bureau, Context, Subject
from connector.http import Http
from sandbox.server import Options
from sandbox.world import Company
from tests.memory_secrets import MemorySecrets

OPTIONS = Options(accounts=300, seed=7, as_of=dt.datetime(2026, 3, 1, tzinfo=dt.UTC))


class CountedBudget:
    """Takes everything and keeps what the vendor says is left."""

    def __init__(self) -> None:
        self.taken = 0
        self.corrected: list[tuple[str, int]] = []

    def take(self, bucket: str, weight: int) -> None:
        self.taken += weight

    def correct(self, bucket: str, remaining: int) -> None:
        self.corrected.append((bucket, remaining))


class Bench:
    """An adapter of ``kind`` with everything around it; those made by ``another`` share the secrets."""

    def __init__(self, kind: type[Bureau], attempts: int = 5, **settings: str) -> None:
        self.kind = kind
        self.attempts = attempts
        self.time = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
        self.secrets = MemorySecrets(self.now)
        self.waits: list[float] = []
        self.budget = CountedBudget()
        self.settings = settings
        self.bureau: Any = self.another()

    def now(self) -> dt.datetime:
        return self.time

    def another(self) -> Any:
        http = Http(self.kind.limits, self.budget, sleep=self.waits.append, attempts=self.attempts)
        return self.kind(Context("agency", self.settings, self.secrets, http, "en", self.now))


def companies() -> dict[str, Company]:
    """The companies of the economy by key."""
    return {company.key: company for company in OPTIONS.world().companies}


def subject(company: Company, *without: str) -> Subject:
    """Whom to ask about for ``company``; identifiers ``without`` those named."""
    known = {key: getattr(company, key) for key in ("uscc", "duns", "vat", "registration_no")}
    return Subject(
        company.name,
        company.country,
        {key: value for key, value in known.items() if value and key not in without},
    )

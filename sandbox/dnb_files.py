"""What D&B has on file about a company, in the shape of Direct+ data blocks.

Invariant: a file is a function of the company, its statements and the day of the economy. Amounts of
the accounts are in thousands of the currency, as ``units`` says. A score that a country does not have
is an empty object; a flag that is false is left out half of the time, as the vendor's optional fields
are.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.money import LOCAL_CURRENCY, from_fen, unit
from sandbox.world import Company, Financials, World

NO_DELINQUENCY = ("DE", "NO")
_CLASSES = ((95, 1), (69, 2), (34, 3), (2, 4))
_OUT_BELOW = 0.1


@dataclass(frozen=True)
class DnbFile:
    """One company on file."""

    company: Company
    duns: str
    day: str
    newest: Financials | None

    @classmethod
    def of(cls, company: Company, world: World) -> DnbFile | None:
        """The file, or ``None`` for a company that D&B does not know. Who has no D-U-N-S number in the
        CRMs has one here."""
        rng = Random(f"{company.key}/dnb")
        if not company.country or rng.random() < 0.04:
            return None
        duns = company.duns or f"{rng.randrange(900_000_000, 999_999_999)}"
        statements = world.financials.get(company.key, ())
        return cls(company, duns, world.as_of.date().isoformat(), statements[-1] if statements else None)

    @property
    def number(self) -> str | None:
        return self.company.uscc or self.company.registration_no

    def candidate(self, place: int, confidence: int) -> dict[str, Any]:
        """The file among the candidates of a match."""
        numbers = [{"registrationNumber": self.number, "isPreferredRegistrationNumber": True}]
        return {
            "displaySequence": place,
            "organization": {
                "duns": self.duns,
                "primaryName": self.company.name,
                "primaryAddress": {
                    "addressCountry": {"isoAlpha2Code": self.company.country},
                    "addressLocality": {"name": self.company.city},
                },
                "registrationNumbers": numbers if self.number else [],
            },
            "matchQualityInformation": {
                "confidenceCode": confidence,
                "matchGrade": "AAAAZZAAFBZ" if confidence > 7 else "BFBFZZFFFBZ",
                "nameMatchScore": confidence * 10,
            },
        }

    def organization(self) -> dict[str, Any]:
        """Everything that the data blocks hold."""
        health, country = self.company.health, self.company.country
        rng = Random(f"{self.duns}/report")
        percentile = min(100, max(1, round(100 * health**1.2 + rng.gauss(0, 4))))
        assessment: dict[str, Any] = {
            "failureScore": self._score(percentile, 1001 + percentile * 8),
            "delinquencyScore": {},
            "standardRating": {"rating": self._rating(percentile), "scoreDate": self.day},
            "creditLimitRecommendation": {"assessmentDate": self.day},
        }
        if country not in NO_DELINQUENCY:
            late = min(100, max(1, percentile + rng.randint(-8, 8)))
            special = health < _OUT_BELOW
            assessment["delinquencyScore"] = self._score(late, 0 if special else 101 + late * 5)
        if self.newest is not None:
            most = max(0, self.newest.equity * 5 // 100) // unit(self.newest.currency)
            assessment["creditLimitRecommendation"]["maximumRecommendedLimit"] = {
                "value": most,
                "currency": self.newest.currency,
            }
        return {
            "duns": self.duns,
            "primaryName": self.company.name,
            "countryISOAlpha2Code": country,
            "registrationNumbers": [{"registrationNumber": self.number}] if self.number else [],
            "dnbAssessment": assessment,
            **_flags(rng, isHighRiskBusiness=health < 0.15, isDeterioratingBusiness=0.1 < health < 0.25),
            "legalEvents": _flags(
                rng,
                hasOpenJudgments=health < 0.18,
                hasJudgments=health < 0.35,
                hasOpenLiens=health < 0.12,
                hasOpenBankruptcy=health < _OUT_BELOW,
                hasInsolvency=health < _OUT_BELOW,
            ),
            "businessTrading": [{"summary": [self._trading(rng)]}],
            "latestFiscalFinancials": self._accounts(),
        }

    def _score(self, percentile: int, raw: int) -> dict[str, Any]:
        return {
            "nationalPercentile": percentile,
            "classScore": next((grade for least, grade in _CLASSES if percentile >= least), 5),
            "rawScore": raw,
            "scoreDate": self.day,
            "scoreModel": {"description": f"{self.company.country} Score V8.0"},
        }

    def _rating(self, percentile: int) -> str:
        if self.newest is None:
            return "1R2" if percentile > 50 else "--"
        if self.newest.equity < 0:
            return "N4"
        return f"{'5A' if self.newest.equity > 10**10 else '2A'}{4 - min(3, percentile // 26)}"

    def _trading(self, rng: Random) -> dict[str, Any]:
        experiences = rng.randint(0, 40)
        if experiences < 3:
            return {}  # a PAYDEX needs three experiences of two suppliers
        owed = from_fen(rng.randint(100_000, 90_000_000), LOCAL_CURRENCY[self.company.country])
        return {
            "paydexScore": min(100, max(1, round(20 + 65 * self.company.health + rng.gauss(0, 4)))),
            "maximumOwedAmount": owed // 100,
            "totalPastDueExperiencesCount": round(experiences * (1 - self.company.health) / 2),
        }

    def _accounts(self) -> dict[str, Any]:
        year = self.newest
        if year is None:
            return {}
        thousand = unit(year.currency) * 1000
        return {
            "financialStatementToDate": year.period_end.isoformat(),
            "filingDate": self.day,
            "units": "Thousands",
            "currency": year.currency,
            "overview": {
                "totalAssets": year.total_assets / thousand,
                "totalCurrentAssets": year.current_assets / thousand,
                "totalCurrentLiabilities": year.current_liabilities / thousand,
                "totalLiabilities": year.total_liabilities / thousand,
                "salesRevenue": year.revenue / thousand,
                "netIncome": year.net_profit / thousand,
            },
        }


def _flags(rng: Random, **flags: bool) -> dict[str, bool]:
    return {name: value for name, value in flags.items() if rng.random() < 0.5 or value}

"""What the agency has on file about one company, in the shape of a Creditsafe report.

Invariant: a report is a function of the company, its statements and the day of the economy. Amounts
are whole major units of the currency of the company's country; the recommended limit is text, as the
vendor sends it; ``pod`` is the probability of default within twelve months in percent.

The score runs from 1 to 100, higher is better: A from 71, B from 51, C from 30, D below, E not rated.
Judgments are summed up as ``ccjSummary`` for every country, in its currency; the vendor's own tables
differ from country to country.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.filed_accounts import british, general, stamp
from sandbox.likeness import letters, likeness
from sandbox.money import LOCAL_CURRENCY, from_fen, unit
from sandbox.names import INDUSTRIES
from sandbox.world import Company, Financials, World

_BANDS = ((71, "A", "Very Low Risk"), (51, "B", "Low Risk"), (30, "C", "Moderate Risk"))
_HOME_COUNTRIES = ("DE", "GB", "US")
"""Countries whose companies carry a safeNo."""

LIQUIDATED_BELOW = 0.1
"""Companies of less health than this are in liquidation."""


def band(score: int) -> tuple[str, str]:
    """Letter and description of a score of 1…100."""
    for lowest, letter, words in _BANDS:
        if score >= lowest:
            return letter, words
    return "D", "High Risk" if score >= 21 else "Very High Risk"


@dataclass(frozen=True)
class CompanyFile:
    """One company on file. ``score`` is ``None`` when it is not rated."""

    company: Company
    reg_no: str
    as_of: dt.datetime
    statements: tuple[Financials, ...]
    score: int | None
    liquidated: bool

    @classmethod
    def of(cls, company: Company, world: World) -> CompanyFile | None:
        """The file on ``company``, or ``None`` for one the agency does not know."""
        reg_no = company.uscc or company.registration_no
        if reg_no is None or not company.country:
            return None
        rng = Random(f"{reg_no}/file")
        if rng.random() < 0.04:
            return None
        statements = world.financials.get(company.key, ())
        liquidated = company.health < LIQUIDATED_BELOW
        noise = rng.gauss(0, 4)
        score: int | None = min(99, max(1, round(100 * company.health**1.25 + noise)))
        if liquidated or (not statements and rng.random() < 0.4):
            score = None
        return cls(company, reg_no.replace(" ", ""), world.as_of, statements, score, liquidated)

    @property
    def connect_id(self) -> str:
        return f"{self.company.country}-0-{self.reg_no}"

    @property
    def safe_no(self) -> str | None:
        if self.company.country not in _HOME_COUNTRIES:
            return None
        return f"{self.company.country}{Random(f'{self.reg_no}/safe').randrange(10**8):08d}"

    @property
    def currency(self) -> str:
        return LOCAL_CURRENCY[self.company.country]

    def relevance(self, asked: dict[str, str]) -> float:
        """How well the file fits the criteria of a search: 0 not at all … 1."""
        own = {
            "id": self.connect_id,
            "safeNo": self.safe_no,
            "regNo": self.reg_no,
            "vatNo": self.company.vat,
        }
        for name, value in own.items():
            if name in asked:
                return 1.0 if value is not None and letters(value) == letters(asked[name]) else 0.0
        found = likeness(letters(self.company.name), letters(asked["name"]))
        lowest = 1.0 if asked.get("exact", "").lower() == "true" else 0.6
        return found if found >= lowest else 0.0

    def entry(self) -> dict[str, Any]:
        """The company in a list of search results."""
        found = {
            "id": self.connect_id,
            "country": self.company.country,
            "regNo": self.reg_no,
            "vatNo": [self.company.vat] if self.company.vat else None,
            "safeNo": self.safe_no,
            "name": self.company.name,
            "address": {"simpleValue": self.company.city, "city": self.company.city},
            "status": self._status()["status"],
            "type": "NonLtd" if self.company.sole_trader else "Ltd",
            "officeType": "headOffice",
        }
        return {key: value for key, value in found.items() if value is not None}

    def order(self) -> dict[str, Any]:
        """The answer to an order of the report, without its correlation id."""
        newest = self.statements[-1] if self.statements else None
        summary: dict[str, Any] = {
            "businessName": self.company.name,
            "country": self.company.country,
            "companyNumber": self.safe_no or self.reg_no,
            "companyRegistrationNumber": self.reg_no,
            "mainActivity": {"description": self.company.industry},
            "companyStatus": self._status(),
            "creditRating": self._rating(),
        }
        if newest is not None:
            summary["latestTurnoverFigure"] = self._figure(newest.revenue)
            summary["latestShareholdersEquityFigure"] = self._figure(newest.equity)
        report: dict[str, Any] = {
            "companyId": self.connect_id,
            "language": "en",
            "companySummary": summary,
            "creditScore": self._credit_score(),
            "negativeInformation": self._negative(),
            "additionalInformation": self._additional(),
            "financialStatements": [general(year) for year in reversed(self.statements)],
            "localFinancialStatements": [
                british(year) for year in reversed(self.statements) if self.company.country == "GB"
            ],
        }
        if self.score is not None:
            report["paymentData"] = self._payments()
        return {
            "companyId": self.connect_id,
            "dateOfOrder": stamp(self.as_of.date()),
            "language": "en",
            "userId": "101",
            "report": report,
        }

    def _figure(self, minor: int) -> dict[str, Any]:
        return {"currency": self.currency, "value": minor // unit(self.currency)}

    def _status(self) -> dict[str, str]:
        if self.liquidated:
            return {
                "status": "NonActive",
                "providerStatus": "Liquidation",
                "description": "In liquidation",
            }
        return {"status": "Active", "providerStatus": "Active", "description": "Active"}

    def _rating(self) -> dict[str, Any]:
        provider = {"minValue": "0", "maxValue": "100"}
        if self.score is None:
            why = "Company in liquidation" if self.liquidated else "No accounts"
            return {
                "commonValue": "E",
                "commonDescription": "Not Rated",
                "creditLimit": {"value": "Credit limit not applicable"},
                "providerValue": {**provider, "value": "Not Rated"},
                "providerDescription": why,
            }
        letter, words = band(self.score)
        return {
            "commonValue": letter,
            "commonDescription": words,
            "pod": pod(self.score),
            "creditLimit": {"currency": self.currency, "value": str(self.limit())},
            "providerValue": {**provider, "value": str(self.score)},
            "providerDescription": words,
        }

    def limit(self, score: int | None = None) -> int:
        """Recommended limit in whole major units: a share of equity or of turnover, less for lower
        bands, nothing for D. Without accounts it rests on the score alone."""
        score = self.score if score is None else score
        if score is None:
            return 0
        percent = {"A": 100, "B": 65, "C": 30, "D": 0}[band(score)[0]]
        if self.statements:
            newest = self.statements[-1]
            base = max(newest.equity * 8 // 100, newest.revenue // 100)
        else:
            base = from_fen(8_000_000 * score, self.currency)
        major = base // unit(self.currency) * percent // 100
        return major // 500 * 500

    def _history(self) -> list[tuple[dt.date, int]]:
        """Scores of the last quarters, newest first; the score wanders, as health does."""
        if self.score is None:
            return []
        rng = Random(f"{self.reg_no}/history")
        history = [(self.as_of.date() - dt.timedelta(days=rng.randint(5, 80)), self.score)]
        for _ in range(5):
            day, score = history[-1]
            earlier = day - dt.timedelta(days=rng.randint(80, 100))
            history.append((earlier, min(99, max(1, score + rng.randint(-7, 7)))))
        return history

    def _credit_score(self) -> dict[str, Any]:
        found: dict[str, Any] = {"currentCreditRating": self._rating()}
        history = self._history()
        if self.score is not None:
            found["currentContractLimit"] = {"currency": self.currency, "value": self.limit() * 2}
            previous = history[1][1]
            found["previousCreditRating"] = {
                "commonValue": band(previous)[0],
                "commonDescription": band(previous)[1],
                "creditLimit": {"currency": self.currency, "value": str(self.limit(previous))},
                "providerValue": {"minValue": "0", "maxValue": "100", "value": str(previous)},
            }
            found["latestRatingChangeDate"] = stamp(history[0][0])
        return found

    def _additional(self) -> dict[str, Any]:
        history = self._history()
        return {
            "ratingHistory": [
                {"date": stamp(day), "companyValue": score, "ratingDescription": band(score)[1]}
                for day, score in history
            ],
            "creditLimitHistory": [
                {
                    "date": stamp(day),
                    "companyValue": {"currency": self.currency, "value": self.limit(score)},
                }
                for day, score in history
            ],
        }

    def _payments(self) -> dict[str, Any]:
        rng = Random(f"{self.reg_no}/payments")
        frailty = 1 - self.company.health
        on_file = rng.randint(8, 60)
        late = min(on_file, round(on_file * min(1.0, 0.05 + frailty**1.5 + rng.uniform(0, 0.1))))
        very_late = round(late * frailty**2)
        owing = from_fen(rng.randint(5_000_000, 400_000_000), self.currency) // unit(self.currency)
        return {
            "dbt": max(0, round(2 + 70 * frailty**2 + rng.gauss(0, 2))),
            "industryDBT": 8 + list(INDUSTRIES).index(self.company.industry) % 7,
            "paymentTrend": "Worsening" if self.company.health < 0.42 else "Stable",
            "paymentsOnFile": on_file,
            "paymentsOnTime": on_file - late,
            "paymentsPaidLate": late,
            "paymentsSentLegal": rng.randint(1, 3) if self.company.health < 0.18 else 0,
            "totalBalanceStillOwing": owing,
            "totalBalanceStillOwingLate": owing * late // on_file,
            "numberOfInvoicesPaid1To30Days": late - very_late,
            "numberOfInvoicesOutstanding91PlusDays": very_late,
        }

    def _negative(self) -> dict[str, Any]:
        rng = Random(f"{self.reg_no}/negative")
        health = self.company.health
        exact = rng.randint(2, 5) if health < 0.18 else rng.randint(0, 2) if health < 0.42 else 0
        amount = sum(rng.randint(2_000_000, 60_000_000) for _ in range(exact))
        summary = {
            "numberOfExact": exact,
            "numberOfPossible": 1 if rng.random() < 0.08 else 0,
            "numberOfSatisfied": rng.randint(0, exact),
            "numberOfWrits": 0,
            "exactRegistered": exact,
            "exactTotalValue": from_fen(amount, self.currency) // unit(self.currency),
            "currency": self.currency,
        }
        found: dict[str, Any] = {"ccjSummary": summary}
        if self.liquidated:
            since = self.as_of.date() - dt.timedelta(days=rng.randint(20, 200))
            found["bankruptcyInformation"] = [{"type": "Liquidation", "date": stamp(since), "status": "Open"}]
        return found


def pod(score: int) -> float:
    """Probability of default in percent: log-odds fall evenly with the score (100 → 0.1, 1 → 39)."""
    return round(100 / (1 + math.exp(0.4 + 0.065 * score)), 2)

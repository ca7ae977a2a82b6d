"""A connection to Creditsafe for unit tests: settings, a clock that can be moved, recorded waits."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import responses

from adapters.bureau.creditsafe import Creditsafe
from connector.adapter import Context
from connector.http import Http
from tests.memory_secrets import MemorySecrets

BASE = "https://connect.creditsafe.com/v1"
SIGN_IN, COMPANIES = f"{BASE}/authenticate", f"{BASE}/companies"
USER, PASSWORD = "api-user-x", "pass-word-x"
PRIVATE = (USER, PASSWORD, "token-1", "token-2")


class Bench:
    """An adapter with everything around it; adapters made by ``another`` share the secrets."""

    def __init__(self, **settings: str) -> None:
        self.time = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
        self.secrets = MemorySecrets(self.now)
        self.waits: list[float] = []
        self.settings = {"username": USER, "password": PASSWORD} | settings
        self.bureau = self.another()

    def now(self) -> dt.datetime:
        return self.time

    def another(self) -> Creditsafe:
        http = Http(Creditsafe.limits, sleep=self.waits.append)
        return Creditsafe(Context("agency", self.settings, self.secrets, http, "en", self.now))


def answer_token(number: int = 1) -> None:
    """The sign-in gives ``token-NUMBER``."""
    responses.post(SIGN_IN, json={"token": f"token-{number}"})


def answer_report(ref: str = "GB-0-01234567", status: int = 200, **changes: Any) -> None:
    """The report of ``ref``: ``report_of`` with ``changes``."""
    responses.get(f"{COMPANIES}/{ref}", body=json.dumps(report_of(**changes)), status=status)


def answer_search(*companies: dict[str, Any]) -> None:
    """The search finds ``companies``."""
    responses.get(COMPANIES, json={"totalSize": len(companies), "companies": list(companies)})


def calls_to(url: str) -> list[Any]:
    """The calls made so far to ``url``, without their query."""
    return [call for call in responses.calls if call.request.url.split("?")[0] == url]


def report_of(**changes: Any) -> dict[str, Any]:
    """A whole report of a sound British company; ``changes`` replaces what stands at a path whose steps
    are joined by two underscores (``creditScore__currentCreditRating__pod=None``)."""
    report: dict[str, Any] = {
        "companySummary": {
            "businessName": "Example Ltd",
            "country": "GB",
            "companyRegistrationNumber": "01234567",
            "companyStatus": {"status": "Active", "providerStatus": "Active", "description": "Active"},
        },
        "creditScore": {
            "currentCreditRating": {
                "commonValue": "B",
                "commonDescription": "Low Risk",
                "pod": 0.61,
                "creditLimit": {"currency": "GBP", "value": "45000"},
                "providerValue": {"minValue": "1", "maxValue": "100", "value": "64"},
                "providerDescription": "Low Risk",
            }
        },
        "paymentData": {"dbt": 9, "paymentsOnFile": 40},
        "negativeInformation": {
            "ccjSummary": {"numberOfExact": 0, "numberOfPossible": 0, "numberOfSatisfied": 0}
        },
        "financialStatements": [accounts(2024), accounts(2025)],
    }
    for path, value in changes.items():
        *steps, last = path.split("__")
        node = report
        for step in steps:
            node = node.setdefault(step, {})
        node[last] = value
    return {
        "correlationId": "c-1",
        "companyId": "GB-0-01234567",
        "dateOfOrder": "2026-01-31T00:00:00Z",
        "report": report,
    }


def accounts(year: int, *, consolidated: bool | None = False, **balance: Any) -> dict[str, Any]:
    """Annual accounts of ``year``; ``balance`` replaces positions of the balance sheet."""
    return {
        "type": "GlobalFinancialsGGS",
        "yearEndDate": f"{year}-12-31T00:00:00Z",
        "numberOfWeeks": 52,
        "currency": "GBP",
        "consolidatedAccounts": consolidated,
        "profitAndLoss": {"revenue": 1_200_000, "operatingProfit": 90_000, "profitAfterTax": 60_000},
        "balanceSheet": {
            "totalAssets": 800_000,
            "totalCurrentAssets": 500_000,
            "totalCurrentLiabilities": 300_000,
            "totalLongTermLiabilities": 200_000,
            "totalLiabilities": 500_000,
            "totalShareholdersEquity": 300_000,
            "totalReceivables": 180_000,
            "totalInventories": 120_000,
            "cash": 90_000,
        }
        | balance,
    }

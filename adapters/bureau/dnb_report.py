"""A D&B Direct+ answer of data blocks in the common form.

Invariant: nothing is made up: an empty object where a country has no such score is no score, a flag
that is left out is unknown, amounts without a unit or a currency are not read. Amounts are multiplied
by the ``units`` that they are stated in and never pass through a float.

Field paths: public integrations of the blocks company information, financial strength insight, payment
insight.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from adapters.bureau.common import at, day, money, number, rows, text, whole
from adapters.bureau.dnb_scales import (
    CLASS,
    NORDIC,
    PAYDEX,
    PERCENTILE,
    RATING,
    RAW,
    days_beyond_terms,
    rating,
)
from adapters.bureau.pd_tables import NONE, Estimate, Table, of_classes, percentile_of
from connector.errors import Reject
from connector.model import Negative, Report, Score, Statement
from connector.money import is_currency, to_minor

_UNITS = {
    "singleunits": 1,
    "units": 1,
    "single": 1,
    "hundreds": 100,
    "thousands": 1_000,
    "millions": 1_000_000,
    "billions": 1_000_000_000,
}


def parse(answer: Any, duns: str, *, tables: Mapping[str, Table], today: dt.date) -> Report:
    """The report in ``answer`` (decoded JSON) on the company ``duns``; ``today`` (UTC) is its day where
    it names none. Raises ``Reject`` for an answer without a company, or on another one."""
    company = at(answer, "organization")
    if not isinstance(company, Mapping) or not company:
        raise Reject("the answer holds no company", code="no_report", field="report", where=f"dnb {duns}")
    stated = text(company, "duns")
    if stated and stated != duns:
        raise Reject(
            "the answer is about another company",
            code="wrong_company",
            field="duns",
            value=stated,
            where=f"dnb {duns}",
            todo="match the customer again",
        )
    warn: list[str] = []
    country = _country(company)
    estimate = _probability(company, country, tables, warn)
    limit = money(
        at(company, "dnbAssessment.creditLimitRecommendation.maximumRecommendedLimit.value"),
        at(company, "dnbAssessment.creditLimitRecommendation.maximumRecommendedLimit.currency"),
    )
    if limit.amount is not None and (limit.currency is None or limit.amount < 0):
        warn.append("limit_unreadable: the recommended limit has no currency or is negative")
        limit = limit._replace(amount=None)
    negatives = list(_negatives(company))
    if at(company, "dnbAssessment.hasSevereNegativeEvents") is True:
        warn.append("severe_negative_events: D&B knows of severe negative events")
    return Report(
        provider="dnb",
        subject_ref=duns,
        subject_name=text(company, "primaryName") or duns,
        model_version=text(company, "dnbAssessment.failureScore.scoreModel.description") or None,
        as_of=day(at(answer, "transactionDetail.transactionTimestamp")) or today,
        scores=tuple(_scores(company, country, warn)),
        pd_12m=_float(estimate.pd),
        pd_lower=_float(estimate.lower),
        pd_upper=_float(estimate.upper),
        pd_method=estimate.method,
        limit=limit.minor,
        limit_currency=limit.currency if limit.amount is not None else None,
        limit_note=limit.note,
        dbt_days=_days(company, warn),
        negatives=tuple(negatives),
        judgments_covered=_flag(company, "legalEvents.hasOpenJudgments") is not None,
        statements=tuple(_statements(company, warn)),
        insolvent=_insolvent(company),
        dissolved=_dissolved(company),
        high_risk=_flag(company, "isHighRiskBusiness"),
        deteriorating=_flag(company, "isDeterioratingBusiness"),
        warnings=tuple(dict.fromkeys(warn)),
    )


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _flag(company: Any, path: str) -> bool | None:
    value = at(company, path)
    return value if isinstance(value, bool) else None


def _country(company: Any) -> str:
    code = text(company, "countryISOAlpha2Code") or text(
        company, "primaryAddress.addressCountry.isoAlpha2Code"
    )
    return code.upper()


def _probability(company: Any, country: str, tables: Mapping[str, Table], warn: list[str]) -> Estimate:
    """From the failure score: by percentile, else by class, in a table for the country. D&B states no
    probability itself; the delinquency score is about late payment and gives none."""
    score = at(company, "dnbAssessment.failureScore")
    percentile = percentile_of(at(score, "nationalPercentile"))
    grade = text(score, "classScore")
    if percentile is None and not grade:
        warn.append("not_scored: D&B states no failure score for this company")
        return NONE
    table = of_classes(tables, "dnb-failure", country)
    if table is None:
        warn.append(
            f"pd_unknown: no table gives a probability for failure scores in {country or 'no country'}"
        )
        return NONE
    return table.by_percentile(percentile) if percentile is not None else table.by_class(grade)


def _scores(company: Any, country: str, warn: list[str]) -> Iterator[Score]:
    for kind in ("failure", "delinquency"):
        yield from _assessed(at(company, f"dnbAssessment.{kind}Score"), kind, warn)
    paydex = whole(at(_payments(company), "paydexScore"))
    if paydex is not None and 1 <= paydex <= 100:
        yield Score(kind="payment", raw=str(paydex), scale=PAYDEX.id, higher_is_better=True)
    standard = at(company, "dnbAssessment.standardRating")
    written = text(standard, "rating")
    if written:
        taken = rating(written, country)
        if taken.note:
            warn.append(taken.note)
        yield Score(kind="rating", raw=written, scale=RATING.id, dated=day(at(standard, "scoreDate")))
    nordic = text(company, "dnbAssessment.nordicAAARating.rating")
    if nordic:
        yield Score(kind="rating", raw=nordic, scale=NORDIC.id, higher_is_better=False)
    mediation = text(company, "dnbAssessment.emergingMarketMediationScore")
    if mediation:
        yield Score(kind="overall", raw=mediation, scale="dnb-emerging-market-mediation/1 ?-?")


def _assessed(score: Any, kind: str, warn: list[str]) -> Iterator[Score]:
    """One of the two scores in each form in which it is stated; none for an empty object."""
    model, dated = text(score, "scoreModel.description") or None, day(at(score, "scoreDate"))
    for row in rows(score, "scoreOverrideReasons"):
        warn.append(f"{kind}_override: {text(row, 'description')}"[:160])
    raw = text(score, "rawScore")
    if kind == "delinquency" and raw == "0":
        warn.append(
            "delinquency_special: the raw score 0 means discontinued, open bankruptcy or a higher-risk file"
        )
        raw = ""
    forms = (
        (text(score, "nationalPercentile"), PERCENTILE),
        (text(score, "classScore"), CLASS),
        (raw, RAW),
    )
    for value, scales in forms:
        scale = scales[kind]
        if value:
            yield Score(
                kind=kind,
                raw=value,
                scale=scale.id,
                higher_is_better=scale.higher_is_better,
                model=model,
                dated=dated,
            )


def _payments(company: Any) -> Any:
    trading = rows(company, "businessTrading")
    summaries = rows(trading[0], "summary") if trading else []
    return summaries[0] if summaries else {}


def _days(company: Any, warn: list[str]) -> int | None:
    stated = at(_payments(company), "paydexScore")
    paydex = whole(stated)
    if paydex is None:
        return None
    found = days_beyond_terms(paydex)
    if found is None:
        warn.append(f"paydex_unreadable: {paydex} is no PAYDEX")
    elif paydex < 20:
        warn.append("dbt_at_least: a PAYDEX below 20 means more than 120 days beyond terms")
    return found


def _negatives(company: Any) -> Iterator[Negative]:
    """One record for each kind of which D&B says that there are any; it does not say how many."""
    for kind, opened, ever in (
        ("judgment", "legalEvents.hasOpenJudgments", "legalEvents.hasJudgments"),
        ("lien", "legalEvents.hasOpenLiens", ""),
        ("bankruptcy", "legalEvents.hasOpenBankruptcy", ""),
        ("insolvency", "", "legalEvents.hasInsolvency"),
    ):
        if opened and _flag(company, opened):
            yield Negative(kind=kind, resolved=False)
        elif ever and _flag(company, ever):
            closed = bool(opened) and _flag(company, opened) is False
            yield Negative(kind=kind, resolved=True if closed else None)


def _insolvent(company: Any) -> bool | None:
    flags = [_flag(company, f"legalEvents.{key}") for key in ("hasOpenBankruptcy", "hasInsolvency")]
    if True in flags:
        return True
    return None if None in flags else False


def _dissolved(company: Any) -> bool | None:
    status = text(company, "dunsControlStatus.operatingStatus.description").lower()
    return {"active": False, "out of business": True}.get(status)


def _statements(company: Any, warn: list[str]) -> Iterator[Statement]:
    accounts = at(company, "latestFiscalFinancials")
    if not isinstance(accounts, Mapping) or not accounts:
        return
    currency = (text(accounts, "currency") or text(accounts, "overview.currency")).upper()
    unit = "".join(char for char in text(accounts, "units").lower() if char.isalpha())
    if unit not in _UNITS:
        warn.append("statement_skipped: the accounts do not state a known unit of their amounts")
        return
    if not is_currency(currency):
        warn.append("statement_skipped: the accounts state no currency")
        return
    period_end = day(at(accounts, "financialStatementToDate"))
    if period_end is None:
        period_end = day(at(accounts, "filingDate"))
        if period_end is None:
            warn.append("statement_skipped: the accounts are not dated")
            return
        warn.append("period_end_assumed: the accounts state the day of filing only, which is later")

    def amount(path: str) -> int | None:
        value = number(at(accounts, path))
        return None if value is None else to_minor(value * _UNITS[unit], currency)

    assets, liabilities = amount("overview.totalAssets"), amount("overview.totalLiabilities")
    yield Statement(
        period_end=period_end,
        currency=currency,
        total_assets=assets,
        current_assets=amount("overview.totalCurrentAssets"),
        current_liabilities=amount("overview.totalCurrentLiabilities"),
        total_liabilities=liabilities,
        equity=None if assets is None or liabilities is None else assets - liabilities,
        revenue=amount("overview.salesRevenue"),
        net_profit=amount("overview.netIncome"),
    )

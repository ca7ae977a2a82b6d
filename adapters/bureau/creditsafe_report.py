"""A Creditsafe company report in the common form.

Invariant: nothing is made up. What the report leaves out stays ``None``; what it says but cannot be
read stays ``None`` too and leaves a warning that starts with a stable code. Amounts, which Creditsafe
gives in whole units of currency, become minor units without passing through a float.

Field names and the meaning of the letters: Creditsafe Connect, Company Credit Report; help pages
"rating scale".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from adapters.bureau.common import Scale, at, day, money, number, rows, text, whole
from adapters.bureau.creditsafe_status import bankruptcy_resolved, standing
from adapters.bureau.grades import GradeTable
from connector.errors import Reject
from connector.model import Negative, Report, Score, Statement
from connector.money import is_currency, to_minor

BANDS = Scale("creditsafe-band", 1, "D", "A", higher_is_better=None)
POD_UNITS = {"percent": Decimal(100), "fraction": Decimal(1)}
_SCORE_VERSION = 1
_MOST_JUDGMENTS = 1000  # more than this is a broken answer, not a company


def parse(answer: Any, ref: str, *, pod_unit: str, table: GradeTable, today: dt.date) -> Report:
    """The report in ``answer`` (decoded JSON) on the company ``ref``.

    ``pod_unit`` is ``percent`` or ``fraction``; ``table`` gives the probability of default where the
    report has none; ``today`` (UTC) is the report's day where it names none. Raises ``Reject`` when
    ``answer`` holds no report, or one on another company.
    """
    report = at(answer, "report")
    if not isinstance(report, Mapping) or not report:
        raise Reject(
            "the answer holds no report", code="no_report", field="report", where=f"creditsafe {ref}"
        )
    _same_company(ref, text(report, "companyId") or text(answer, "companyId"))
    warn: list[str] = []
    as_of = day(at(answer, "dateOfOrder")) or day(at(report, "dateOfOrder")) or today
    rating = at(report, "creditScore.currentCreditRating") or at(report, "companySummary.creditRating")
    band = _band(rating, warn)
    pd, method = _probability(rating, band, pod_unit, table, warn)
    limit = money(at(rating, "creditLimit.value"), at(rating, "creditLimit.currency"))
    if limit.amount is not None and (limit.currency is None or limit.amount < 0):
        warn.append("limit_unreadable: the recommended limit has no currency or is negative")
        limit = limit._replace(amount=None, note=limit.note or text(rating, "creditLimit.value"))
    negatives = [*_judgments(report, warn), *_bankruptcies(report)]
    dissolved, insolvent = _flags(report, rating, band, negatives, warn)
    return Report(
        provider="creditsafe",
        subject_ref=ref,
        subject_name=_name(report) or ref,
        as_of=as_of,
        scores=(*_scores(rating, band, as_of), *_other_scores(report)),
        band=band,
        pd_12m=float(pd) if pd is not None else None,
        pd_method=method,
        limit=limit.minor,
        limit_currency=limit.currency if limit.amount is not None else None,
        limit_note=limit.note,
        dbt_days=_days_beyond_terms(report, warn),
        negatives=tuple(negatives),
        judgments_covered=whole(at(report, "negativeInformation.ccjSummary.numberOfExact")) is not None,
        statements=tuple(_statements(report, warn)),
        insolvent=insolvent,
        dissolved=dissolved,
        warnings=tuple(dict.fromkeys(warn)),
    )


def _same_company(ref: str, found: str) -> None:
    """Country and register number have to agree; the part between them has several spellings
    (``GB-0-…``, ``GB001-0-…``)."""

    def essence(connect_id: str) -> tuple[str, str]:
        return connect_id[:2].upper(), connect_id.rpartition("-")[2].upper()

    if found and "-" in ref and "-" in found and essence(found) != essence(ref):
        raise Reject(
            "the answer is about another company",
            code="wrong_company",
            field="companyId",
            value=found,
            where=f"creditsafe {ref}",
            todo="match the customer again",
        )


def _name(report: Mapping[str, Any]) -> str:
    return text(report, "companySummary.businessName") or text(
        report, "companyIdentification.basicInformation.businessName"
    )


def _band(rating: Any, warn: list[str]) -> str | None:
    """The letter A to D. E is "not rated", which is neither the worst grade nor any other."""
    letter = text(rating, "commonValue").upper()
    if letter in ("A", "B", "C", "D"):
        return letter
    if letter == "E":
        why = text(rating, "providerDescription") or text(rating, "commonDescription")
        warn.append(f"not_rated: Creditsafe does not rate this company (E{', ' + why if why else ''})")
    else:
        warn.append(f"band_unknown: {letter or 'the report names no rating'}"[:120])
    return None


def _probability(
    rating: Any, band: str | None, pod_unit: str, table: GradeTable, warn: list[str]
) -> tuple[Decimal | None, str]:
    """Creditsafe's own 12-month probability, else the grade table's; with where it came from.

    Exactly zero is no estimate: it is read as not stated.
    """
    stated = number(at(rating, "pod"))
    if stated is not None and stated != 0:
        pd = stated / POD_UNITS[pod_unit]
        if 0 < pd <= 1:
            return pd, "provider_pd"
        warn.append(f"pod_out_of_range: {stated} is no probability in unit {pod_unit}")
    elif at(rating, "pod") not in (None, ""):
        warn.append("pod_unreadable: the probability of default is zero or no number")
    pd_by_grade = table.pd(band)
    return (pd_by_grade, f"grade_table {table.name}") if pd_by_grade is not None else (None, "none")


def _scores(rating: Any, band: str | None, as_of: dt.date) -> Iterator[Score]:
    letter = text(rating, "commonValue")
    if letter:
        yield Score(kind="rating", raw=letter, scale=BANDS.id, band=band, dated=as_of)
    raw = text(rating, "providerValue.value")
    if raw:
        worst = text(rating, "providerValue.minValue") or "?"
        best = text(rating, "providerValue.maxValue") or "?"
        scale = Scale("creditsafe-score", _SCORE_VERSION, worst, best, higher_is_better=True)
        yield Score(
            kind="overall",
            raw=raw,
            scale=scale.id,
            higher_is_better=scale.higher_is_better,
            band=band,
            dated=as_of,
        )


def _other_scores(report: Mapping[str, Any]) -> Iterator[Score]:
    """The rating before the current one, and the fraud score, whose scale the reports do not state."""
    before = text(report, "creditScore.previousCreditRating.commonValue")
    if before:
        yield Score(kind="rating_before", raw=before, scale=BANDS.id)
    fraud = text(report, "additionalInformation.fraudScore.value")
    if fraud:
        yield Score(
            kind="fraud",
            raw=fraud,
            scale="creditsafe-fraud/1 ?-?",
            model=text(report, "additionalInformation.fraudScore.description") or None,
        )


def _days_beyond_terms(report: Mapping[str, Any], warn: list[str]) -> int | None:
    """Days beyond terms; a figure that rests on no payment on file is not one."""
    stated = at(report, "paymentData.dbt")
    found = number(stated)
    if found is None:
        if stated not in (None, ""):
            warn.append("dbt_unreadable: days beyond terms is no number")
        return None
    if whole(at(report, "paymentData.paymentsOnFile")) == 0:
        warn.append("dbt_without_payments: days beyond terms is stated, but no payment is on file")
        return None
    return int(found.to_integral_value())


def _judgments(report: Mapping[str, Any], warn: list[str]) -> Iterator[Negative]:
    """One record for each county court judgment counted in the summary.

    Only exact ones count as hits; possible ones are matched by name and go to a person. The summary
    does not say whether satisfied ones are among the exact, so with any satisfied the state of each
    is unknown.
    """
    counts = {}
    for key in ("numberOfExact", "numberOfPossible", "numberOfSatisfied"):
        counts[key] = whole(at(report, f"negativeInformation.ccjSummary.{key}"))
        if (counts[key] or 0) not in range(_MOST_JUDGMENTS + 1):
            warn.append(f"judgments_unreadable: {key} is {counts[key]}")
            counts[key] = None
    exact, possible = counts["numberOfExact"] or 0, counts["numberOfPossible"] or 0
    resolved = False if counts["numberOfSatisfied"] == 0 else None
    if exact and counts["numberOfSatisfied"]:
        warn.append(
            f"judgments_satisfied: {counts['numberOfSatisfied']} satisfied, perhaps among the {exact} exact"
        )
    for _ in range(exact):
        yield Negative(kind="judgment", resolved=resolved, exact=True)
    for _ in range(possible):
        yield Negative(kind="judgment", exact=False)


def _bankruptcies(report: Mapping[str, Any]) -> Iterator[Negative]:
    for item in rows(report, "negativeInformation.bankruptcyInformation"):
        yield Negative(
            kind="bankruptcy",
            filed_on=day(at(item, "date")),
            resolved=bankruptcy_resolved(text(item, "status")),
        )


def _flags(
    report: Mapping[str, Any], rating: Any, band: str | None, negatives: list[Negative], warn: list[str]
) -> tuple[bool | None, bool | None]:
    """``dissolved`` and ``insolvent``. A rating of E may hide a failure, so its words are read too."""
    status = "companySummary.companyStatus"
    wordings = [text(report, f"{status}.{key}") for key in ("providerStatus", "description")]
    rating_words = text(rating, "providerDescription") if band is None else ""
    found = standing(text(report, f"{status}.status"), wordings, rating_words)
    warn.extend(found.warnings)
    bankruptcies = [n.resolved for n in negatives if n.kind == "bankruptcy"]
    insolvent = found.insolvent
    if False in bankruptcies:
        insolvent = True
    elif None in bankruptcies and not insolvent:
        warn.append("bankruptcy_unclear: a bankruptcy is on file, and whether it is over is not stated")
        insolvent = None
    return found.dissolved, insolvent


def _statements(report: Mapping[str, Any], warn: list[str]) -> list[Statement]:
    """Annual accounts, newest first, all of one kind: unconsolidated where there are any."""
    found = [s for s in (_statement(row, warn) for row in rows(report, "financialStatements")) if s]
    for kind in (False, None, True):
        chosen = [statement for statement in found if statement.consolidated is kind]
        if chosen:
            newest = max(statement.period_end for statement in chosen)
            later = [s.period_end for s in found if s.consolidated and s.period_end > newest]
            if later:
                warn.append(
                    f"newer_group_accounts: consolidated accounts of {max(later)} are newer and not used"
                )
            return _one_a_period(chosen)
    return []


def _one_a_period(statements: list[Statement]) -> list[Statement]:
    """Of several of one period the one that discloses most."""
    best: dict[dt.date, Statement] = {}
    for statement in statements:
        kept = best.get(statement.period_end)
        if kept is None or _disclosed(statement) > _disclosed(kept):
            best[statement.period_end] = statement
    return [best[period] for period in sorted(best, reverse=True)]


def _disclosed(statement: Statement) -> int:
    return sum(value is not None for value in statement.model_dump().values())


def _statement(row: Mapping[str, Any], warn: list[str]) -> Statement | None:
    period_end, currency = day(at(row, "yearEndDate")), text(row, "currency").upper()
    if period_end is None or not is_currency(currency):
        warn.append(f"statement_skipped: accounts without {'currency' if period_end else 'year end'}")
        return None

    def amount(path: str) -> int | None:
        value = number(at(row, path))
        return None if value is None else to_minor(value, currency)

    def sum_of(one: int | None, other: int | None) -> int | None:
        return None if one is None or other is None else one + other

    revenue, operating_profit = amount("profitAndLoss.revenue"), amount("profitAndLoss.operatingProfit")
    costs = sum_of(revenue, None if operating_profit is None else -operating_profit)
    current_liabilities = amount("balanceSheet.totalCurrentLiabilities")
    liabilities = amount("balanceSheet.totalLiabilities")
    if liabilities is None:
        liabilities = sum_of(current_liabilities, amount("balanceSheet.totalLongTermLiabilities"))
    weeks = whole(at(row, "numberOfWeeks"))
    if not weeks or weeks < 0:
        warn.append(f"period_assumed: accounts to {period_end} state no length, taken as 12 months")
        weeks = 52
    consolidated = at(row, "consolidatedAccounts")
    return Statement(
        period_end=period_end,
        months=max(1, (weeks * 12 + 26) // 52),
        currency=currency,
        consolidated=consolidated if isinstance(consolidated, bool) else None,
        total_assets=amount("balanceSheet.totalAssets"),
        current_assets=amount("balanceSheet.totalCurrentAssets"),
        inventory=amount("balanceSheet.totalInventories"),
        receivables=amount("balanceSheet.totalReceivables"),
        cash=amount("balanceSheet.cash"),
        total_liabilities=liabilities,
        current_liabilities=current_liabilities,
        equity=amount("balanceSheet.totalShareholdersEquity"),
        intangibles=amount("balanceSheet.totalIntangibleAssets"),
        revenue=revenue,
        operating_costs=costs if costs is not None else amount("profitAndLoss.operatingCosts"),
        operating_profit=operating_profit,
        interest_expense=amount("profitAndLoss.financialExpenses"),
        net_profit=amount("profitAndLoss.profitAfterTax"),
    )

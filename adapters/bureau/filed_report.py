"""A row of an agency's file as a report: grades by their scale, the probability of default in its order,
limits in words, counts of records, key figures of the accounts.

Invariant: the raw value and its scale stay; what is not known to a scale or cannot be read is left out
with a warning, never guessed; an agency's own probability goes before any table.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.bureau import scales
from adapters.bureau.common import money, number, whole
from adapters.bureau.pd_tables import NONE, Classes, Estimate, Grades, Table, on_scale, percentile_of
from adapters.bureau.scales import Grade
from connector.errors import Reject
from connector.model import Negative, Report, ReportRow, Score, Statement
from connector.money import to_minor

_ACCOUNTS = (
    "total_assets current_assets inventory receivables cash total_liabilities current_liabilities equity "
    "revenue operating_profit net_profit operating_cash_flow"
).split()
_RECORDS = {"judgments": "judgment", "enforcements": "enforcement"}
# A file that counts more open records than this about one company counts something else.
_MOST_RECORDS = 10_000


def report_of(row: ReportRow, agency: str, tables: Mapping[str, Table], *, percent: bool) -> Report:
    """The report of ``row`` by ``agency``; ``percent`` says how a probability without a sign is meant.

    Raises ``Reject`` for a figure without the currency or the scale that it needs.
    """
    warn: list[str] = []
    grade = _grade(row, warn)
    estimate = _estimate(row, grade, tables, warn, percent=percent)
    limit, note = _limit(row, warn)
    scores = _scores(row, grade)
    report = Report(
        provider=agency,
        subject_ref=_ref(row),
        subject_name=row.name or _ref(row),
        model_version=row.model,
        as_of=row.as_of,
        scores=scores,
        band=grade.band if grade else row.score_class,
        pd_12m=None if estimate.pd is None else float(estimate.pd),
        pd_method=estimate.method,
        pd_lower=None if estimate.lower is None else float(estimate.lower),
        pd_upper=None if estimate.upper is None else float(estimate.upper),
        limit=limit,
        limit_currency=row.currency if limit is not None else None,
        limit_note=note,
        limit_valid_to=row.limit_valid_to if limit is not None else None,
        dbt_days=row.dbt_days,
        negatives=_negatives(row),
        judgments_covered=row.judgments_covered,
        statements=_statements(row, warn),
        insolvent=row.insolvent,
        dissolved=row.dissolved,
        high_risk=row.high_risk,
        deteriorating=row.deteriorating,
        warnings=(),
    )
    if _is_empty(report):
        raise Reject(
            "the report states nothing about credit",
            code="empty_report",
            field="grade",
            todo="map the columns that hold a grade, a probability, a limit, records or accounts",
        )
    return report.model_copy(update={"warnings": tuple(warn)})


def _ref(row: ReportRow) -> str:
    """What the agency, or a register, knows the company by."""
    told = (row.subject_ref, row.uscc, row.lei, row.duns, row.vat, row.registration_no, row.name)
    return next((one for one in told if one), row.external_id)


def _grade(row: ReportRow, warn: list[str]) -> Grade | None:
    if not row.grade:
        return None
    if not row.scale:
        raise _wrong(row, "grade", row.grade, "a grade needs the scale that it stands on", "scale")
    found = scales.read(row.grade, row.scale)
    if not found.rated:
        warn.append("not_rated: the agency does not rate the company, which is not the worst grade")
    elif not found.known:
        warn.append(f"grade_unknown: the scale {row.scale} has no such grade")
    return found


def _estimate(
    row: ReportRow, grade: Grade | None, tables: Mapping[str, Table], warn: list[str], *, percent: bool
) -> Estimate:
    """The agency's own figure, a table by grade, a fit by percentile, the middle of a class, none."""
    own = _own(row, warn, percent=percent)
    if own is not None:
        return Estimate(own, method="provider_pd")
    if grade is not None and grade.default:
        return Estimate(Decimal(1), method="default_grade")
    fitting = on_scale(tables, grade.scale if grade else row.scale or "")
    for table in fitting:
        if isinstance(table, Grades) and grade is not None:
            found = next((one for one in map(table.estimate, grade.letters) if one is not NONE), NONE)
            if found is not NONE:
                return found
    classes = [t for t in fitting if isinstance(t, Classes) and t.covers(row.country or "")]
    percentile = percentile_of(row.percentile)
    for one in classes:
        if percentile is not None:
            return one.by_percentile(percentile)
        if row.score_class and (found := one.by_class(row.score_class)) is not NONE:
            return found
    rated = (grade is not None and grade.rated and grade.known) or row.percentile or row.score_class
    if rated:
        warn.append(f"pd_no_table: no table of probabilities is made for the scale {row.scale}")
    return NONE


def _own(row: ReportRow, warn: list[str], *, percent: bool) -> Decimal | None:
    """The agency's own probability, 0…1; zero is no estimate."""
    if not row.pd:
        return None
    written = row.pd.strip()
    signed = written.endswith(("%", "％"))
    found = number(written.rstrip("%％ "))
    if found is None:
        warn.append("pd_unreadable: the probability of default is no number")
        return None
    value = found / 100 if signed or percent else found
    if not 0 < value <= 1:
        warn.append("pd_out_of_range: the probability of default is not above 0 and up to 100 %")
        return None
    return value


def _limit(row: ReportRow, warn: list[str]) -> tuple[int | None, str | None]:
    """The limit in minor units, or the sentence that stands in its place."""
    if not row.recommended_limit:
        return None, None
    found = money(row.recommended_limit, row.currency)
    if found.amount is None:
        return None, found.note or row.recommended_limit
    if row.currency is None:
        raise _wrong(row, "recommended_limit", row.recommended_limit, "a limit needs a currency", "currency")
    if found.amount < 0:
        warn.append("limit_unreadable: the limit is below zero")
        return None, row.recommended_limit
    return to_minor(found.amount * _unit(row, "limit_unit"), row.currency), None


def _scores(row: ReportRow, grade: Grade | None) -> tuple[Score, ...]:
    """Every value as the agency wrote it, with its scale."""
    found = []
    if grade is not None:
        found.append(Score(kind="rating", raw=grade.raw, scale=grade.scale_id, band=grade.band))
    if row.outlook:
        found.append(Score(kind="outlook", raw=row.outlook, scale="words"))
    if row.percentile or row.score_class:
        raw = row.percentile or row.score_class or ""
        scale = (
            f"{row.scale or row.score_scale or 'not stated'} {'percentile' if row.percentile else 'class'}"
        )
        found.append(Score(kind="failure", raw=raw, scale=scale, band=row.score_class))
    if row.score:
        scale = row.score_scale or "not stated"
        found.append(Score(kind="overall", raw=row.score, scale=scale, higher_is_better=row.higher_is_better))
    return tuple(one.model_copy(update={"model": row.model, "dated": row.as_of}) for one in found)


def _negatives(row: ReportRow) -> tuple[Negative, ...]:
    """Open records, one for each that the file counts; a dishonest debtor is one of its own."""
    found: list[Negative] = []
    for name, kind in _RECORDS.items():
        count = getattr(row, name) or 0
        if not 0 <= count <= _MOST_RECORDS:
            raise _wrong(row, name, str(count), "this is no count of records", name)
        found += [Negative(kind=kind, resolved=False)] * count
    if row.dishonest:
        found.append(Negative(kind="dishonest", resolved=False))
    return tuple(found)


def _statements(row: ReportRow, warn: list[str]) -> tuple[Statement, ...]:
    """The key figures of the accounts, in minor units."""
    written = {name: getattr(row, name) for name in _ACCOUNTS if getattr(row, name)}
    if not written:
        return ()
    if row.period_end is None or row.currency is None:
        warn.append("statement_skipped: the accounts lack the end of their period or their currency")
        return ()
    unit = _unit(row, "unit")
    figures: dict[str, Any] = {}
    for name, text in written.items():
        amount = number(text)
        if amount is None:
            warn.append(f"figure_unreadable: {name} is no number")
        else:
            figures[name] = to_minor(amount * unit, row.currency)
    return (Statement(period_end=row.period_end, currency=row.currency, **figures),) if figures else ()


def _unit(row: ReportRow, name: str) -> int:
    written = getattr(row, name)
    found = whole(written) if written else 1
    if found is None or found < 1:
        raise _wrong(row, name, written, "a unit is a whole number like 10000", name)
    return found


def _wrong(row: ReportRow, field: str, value: str, what: str, wanted: str) -> Reject:
    todo = f"map a column or a default for {wanted}, or correct the file, then import it again"
    return Reject(what, code="bad_value", field=field, value=value, where=row.external_id, todo=todo)


def _is_empty(report: Report) -> bool:
    told = (report.scores, report.negatives, report.statements, report.judgments_covered)
    stated = (report.pd_12m, report.limit, report.limit_note, report.dbt_days, report.insolvent)
    flags = (report.dissolved, report.high_risk, report.deteriorating)
    return not any(told) and all(value is None for value in (*stated, *flags))

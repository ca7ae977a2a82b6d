"""Facts from rating agencies.

Invariant: of several agencies the newest report that states a value gives it; flags and negative
records take the worst of every agency's newest report. A report that has gone stale no longer
vouches for anything good, while bad news stands until a newer report of that agency lifts it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from connector.model import Negative, Report
from connector.policy.catalogue import names
from connector.policy.form_agency import Agencies
from connector.policy.schema import Staleness
from connector.rules.agency_views import Said, said, views
from connector.rules.documents import ReportDoc
from connector.rules.financial import NO_RATE, STALE
from connector.rules.settlement import Convert
from connector.rules.snapshot import Origin, Unknown, Value

NO_REPORT = Unknown("no_report")
NOT_STATED = Unknown("not_stated")

JUDGMENT_KINDS = frozenset({"judgment", "enforcement", "dishonest", "consumption_limit"})
# Facts that count open records, with the kinds they count.
COUNTED = {
    "open_judgments": JUDGMENT_KINDS,
    "open_enforcements": frozenset({"enforcement", "consumption_limit"}),
    "open_liens": frozenset({"lien"}),
}
INSOLVENCY_KINDS = frozenset({"insolvency", "bankruptcy"})
_NAMES = names("agency")
_DAY = dt.timedelta(days=1)
_SIX = Decimal("0.000001")


def newest_first(reports: Iterable[ReportDoc]) -> list[Report]:
    """All reports, newest first by their own date, then by when they were fetched."""
    ordered = sorted(reports, key=lambda d: (d.report.as_of, d.fetched_at, d.report.provider))
    return [doc.report for doc in reversed(ordered)]


def agency_facts(
    reports: list[Report],
    stale: Staleness,
    rules: Agencies,
    chosen: str | None,
    today: dt.date,
    currency: str,
    convert: Convert,
    moments: list[dt.date],
) -> tuple[dict[str, Value], dict[str, Origin]]:
    """Values and origins of the family. ``reports`` are the newest first; ``moments`` learns the days
    on which a report goes stale."""
    if not reports:
        return dict.fromkeys(_NAMES, NO_REPORT), {}
    last: dict[str, Report] = {}
    for report in reports:
        last.setdefault(report.provider, report)
    latest = list(last.values())
    scores, records = dt.timedelta(days=stale.report_days), dt.timedelta(days=stale.negatives_days)
    for report in latest:
        moments.append(report.as_of + scores + _DAY)
        moments.append(report.as_of + records + _DAY)
        if report.limit_valid_to is not None:
            moments.append(report.limit_valid_to + _DAY)
    fresh = [report for report in latest if report.as_of + scores >= today]
    # A register's entry rates nobody: it neither makes a rating fresh nor gives it its age.
    rated = [report for report in latest if _rates(report)] or latest
    values: dict[str, Value] = {}
    origins = dict.fromkeys(_NAMES, _origin(latest[0], scores))
    values["agency_score_age_days"] = max(0, (today - rated[0].as_of).days)
    values["report_stale"] = all(report.as_of + scores < today for report in rated)
    _negatives(values, origins, latest, records, today)
    _records(values, origins, latest, records, today, currency, convert)
    told = said(fresh, rules, stale.report_days, chosen, today)
    _stated(values, origins, told, scores, today, currency, convert)
    _views(values, origins, told, fresh)
    if rules.combine == "weighted" and told.pd is not None:
        moments.append(today + _DAY)  # the weights follow the age of the reports
    if values["insolvent"] is True:
        values["agency_pd"], values["agency_limit"] = Decimal(1), 0
        origins["agency_pd"] = origins["agency_limit"] = origins["insolvent"]._replace(basis="insolvent")
    elif values["dishonest"] is True:
        # Who is on the list of dishonest judgment debtors could pay and does not: that is a default.
        values["agency_pd"] = Decimal(1)
        origins["agency_pd"] = origins["dishonest"]._replace(basis="dishonest")
    return values, origins


def _rates(report: Report) -> bool:
    stated = (report.band, report.pd_12m, report.limit, report.dbt_days)
    return bool(report.scores) or any(value is not None for value in stated)


def _origin(report: Report, age: dt.timedelta) -> Origin:
    return Origin("report", report.provider, report.as_of, report.as_of + age)


def _stated(
    values: dict[str, Value],
    origins: dict[str, Origin],
    told: Said,
    age: dt.timedelta,
    today: dt.date,
    currency: str,
    convert: Convert,
) -> None:
    """Probability of default, band, advice and payment days: each from the newest fresh report that
    states it."""
    for name in ("agency_pd", "agency_band", "agency_limit", "agency_dbt"):
        values[name] = NOT_STATED if told.speaks else STALE
        for report in told.speaks:
            if name == "agency_limit" and (report.limit_valid_to or today) < today:
                values[name], origins[name] = STALE, _origin(report, age)
                break
            value = _stated_by(report, name, currency, convert)
            if value is not None:
                values[name], origins[name] = value, _origin(report, age)
                if name == "agency_pd" and report.pd_method != "none":
                    origins[name] = origins[name]._replace(basis=report.pd_method)
                break
    if told.pd is not None:
        values["agency_pd"] = told.pd
        origins["agency_pd"] = origins["agency_pd"]._replace(provider=_together(told), basis=told.basis)
    elif told.basis is not None:
        basis = origins["agency_pd"].basis
        way = told.basis if basis is None else f"{told.basis}; {basis}"
        origins["agency_pd"] = origins["agency_pd"]._replace(basis=way)


def _together(told: Said) -> str:
    return " + ".join(sorted(one.report.provider for one in views(told.speaks)))


def _views(values: dict[str, Value], origins: dict[str, Origin], told: Said, fresh: list[Report]) -> None:
    """How far the agencies are apart, and the range of what they say."""
    missing = NOT_STATED if fresh else STALE
    found: dict[str, Value | None] = {
        "agency_disagreement": told.apart,
        "agency_pd_best": told.best,
        "agency_pd_worst": told.worst,
    }
    for name, value in found.items():
        values[name] = missing if value is None else value


def _stated_by(report: Report, name: str, currency: str, convert: Convert) -> Value | None:
    if name == "agency_pd":
        pd = report.pd_12m
        return None if pd is None else Decimal(str(pd)).quantize(_SIX)
    if name == "agency_band":
        return report.band or next((score.band for score in report.scores if score.band), None)
    if name == "agency_dbt":
        return None if report.dbt_days is None else Decimal(report.dbt_days)
    if report.limit is None:
        return None
    converted = convert(report.limit, report.limit_currency or currency, currency)
    return NO_RATE if converted is None else converted


def is_open(negative: Negative) -> bool:
    """Matched exactly, and not known to be resolved."""
    return negative.exact and negative.resolved is not True and negative.resolved_on is None


def _insolvent(report: Report) -> bool | None:
    if report.insolvent or report.dissolved:
        return True
    if any(n.kind in INSOLVENCY_KINDS and is_open(n) for n in report.negatives):
        return True
    return report.insolvent


def _negatives(
    values: dict[str, Value],
    origins: dict[str, Origin],
    latest: list[Report],
    age: dt.timedelta,
    today: dt.date,
) -> None:
    """Whether any agency says insolvent."""
    values["insolvent"] = NOT_STATED if any(r.as_of + age >= today for r in latest) else STALE
    for report in latest:
        failed = _insolvent(report)
        if failed:
            values["insolvent"], origins["insolvent"] = True, _origin(report, age)
        elif failed is False and report.as_of + age >= today and values["insolvent"] is not True:
            values["insolvent"], origins["insolvent"] = False, _origin(report, age)


def _records(
    values: dict[str, Value],
    origins: dict[str, Origin],
    latest: list[Report],
    age: dt.timedelta,
    today: dt.date,
    currency: str,
    convert: Convert,
) -> None:
    """The most open records of each kind that any agency knows of, and what they amount to."""
    fresh = [report for report in latest if report.as_of + age >= today]
    # No record is good news only from an agency that looks for them there.
    vouching = [report for report in fresh if report.judgments_covered]
    blank = NOT_STATED if fresh else STALE
    for name in COUNTED:
        values[name] = 0 if vouching else blank
    values["dishonest"] = False if vouching else blank
    values["negatives_amount"] = 0 if vouching else blank
    if vouching:
        origins.update(dict.fromkeys((*COUNTED, "dishonest", "negatives_amount"), _origin(vouching[0], age)))
    for report in latest:
        records = [negative for negative in report.negatives if is_open(negative)]
        if not records:
            continue
        found: dict[str, int] = {
            name: sum(negative.kind in kinds for negative in records) for name, kinds in COUNTED.items()
        }
        found["negatives_amount"] = sum(
            convert(negative.amount, negative.currency or currency, currency) or 0
            for negative in records
            if negative.amount is not None
        )
        for name, amount in found.items():
            before = values[name]
            if amount and (not isinstance(before, int) or amount > before):
                values[name], origins[name] = amount, _origin(report, age)
        if any(negative.kind == "dishonest" for negative in records):
            values["dishonest"], origins["dishonest"] = True, _origin(report, age)

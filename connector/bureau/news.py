"""What a new report changes: signals about ratings and records, and agencies that contradict one another.

Invariant: called in the transaction that stores the report, so that neither is there without the other; a
report that says the same is no news.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from connector.model import Report
from connector.policy.schema import Policy
from connector.rules.agency import INSOLVENCY_KINDS, JUDGMENT_KINDS, is_open, newest_first
from connector.rules.agency_views import apart, views
from connector.signals.notice import raise_by_policy
from connector.store import disputes, dossiers, tellings
from connector.store.signals import Severity, settle

RATING, JUDGMENT, DISHONEST = "agency_rating_changed", "judgment_appeared", "dishonest_appeared"
INSOLVENCY, DISAGREE = "insolvency_appeared", "agencies_disagree"
REGISTRATION = "registration_changed"
# A probability of default, or a recommended limit, that changes by less is no news.
PD_TIMES, LIMIT_SHARE = Decimal(2), Decimal("0.25")


# Signals that tell of a record, which are as personal as the record.
RECORD_KINDS = (JUDGMENT, DISHONEST, INSOLVENCY)


@dataclass(frozen=True)
class News:
    """One thing that the agency says and did not say before. What is not merely for information is as severe
    as the policy says."""

    kind: str
    severity: Severity
    evidence: dict[str, Any]


def last_of(tx: sa.Connection, customer_id: int, provider: str) -> Report | None:
    """The newest report of an agency on a customer."""
    current = newest_first(dossiers.reports_of(tx, [customer_id]).get(customer_id, []))
    return next((one for one in current if one.provider == provider), None)


def heard(
    tx: sa.Connection,
    customer_id: int,
    report: Report,
    before: Report | None,
    policy: Policy,
    now: dt.datetime,
) -> None:
    """Raise what ``report`` says anew against the one ``before`` it of the same agency, and see whether the
    agencies contradict one another now."""
    late = before is not None and report.as_of < before.as_of
    for one in () if late else news(before, report):
        raise_by_policy(
            tx,
            policy.signals,
            one.kind,
            customer_id,
            report_key({"provider": report.provider, "as_of": report.as_of}),
            {"agency": report.provider, "day": report.as_of, **one.evidence},
            now,
            one.severity if one.severity is Severity.INFO else None,
        )
    tellings.settle_deeds(tx, "ask_agency", [customer_id], now, f"report of {report.provider}")
    compare(tx, customer_id, policy, now)


def report_key(report: Mapping[str, Any]) -> str:
    """The key of the signals that a report raises."""
    return f"{report.get('provider')}:{report.get('as_of')}"


def compare(tx: sa.Connection, customer_id: int, policy: Policy, now: dt.datetime) -> None:
    """Keep it as a contradiction, and say so, if the newest reports are grades apart."""
    first = now.date() - dt.timedelta(days=policy.staleness.report_days)
    current = dossiers.reports_of(tx, [customer_id]).get(customer_id, [])
    found = views([one for one in newest_first(current) if one.as_of >= first])
    distance = apart(found)
    if distance is None or distance < policy.agencies.disagreement:
        disputes.over(tx, customer_id)
        settle(tx, customer_id, DISAGREE, now)
        return
    evidence = {
        one.report.provider: {"pd_12m": str(one.pd), "step": one.step, "day": one.report.as_of.isoformat()}
        for one in found
    }
    key = disputes.key((one.report.provider, one.report.as_of) for one in found)
    disputes.found(tx, customer_id, key, evidence, now)
    settle(tx, customer_id, DISAGREE, now, but=[key])
    told = {"grades_apart": distance, **{name: one["pd_12m"] for name, one in evidence.items()}}
    raise_by_policy(tx, policy.signals, DISAGREE, customer_id, key, told, now)


def news(before: Report | None, after: Report) -> Iterator[News]:
    """What ``after`` says that ``before`` did not; without one before, only what is bad in itself."""
    if before is not None:
        yield from _rating(before, after)
        yield from _registration(before, after)
    known = set() if before is None else {_record(one) for one in before.negatives if is_open(one)}
    fresh = [one for one in after.negatives if is_open(one) and _record(one) not in known]
    dishonest = [one for one in fresh if one.kind == "dishonest"]
    if dishonest:
        yield News(DISHONEST, Severity.ALARM, _records(dishonest))
    judged = [one for one in fresh if one.kind in JUDGMENT_KINDS and one.kind != "dishonest"]
    if judged:
        yield News(JUDGMENT, Severity.ALARM, _records(judged))
    insolvent = [one for one in fresh if one.kind in INSOLVENCY_KINDS]
    flagged = (after.insolvent or after.dissolved) and not (before and (before.insolvent or before.dissolved))
    if insolvent or flagged:
        yield News(INSOLVENCY, Severity.ALARM, _records(insolvent) | {"flagged": bool(flagged)})


def _rating(before: Report, after: Report) -> Iterator[News]:
    old, new = (None if one.pd_12m is None else Decimal(str(one.pd_12m)) for one in (before, after))
    evidence: dict[str, Any] = {}
    worse = False
    if before.band != after.band and before.band is not None and after.band is not None:
        evidence |= {"band_before": before.band, "band": after.band}
    if old and new and max(old, new) >= PD_TIMES * min(old, new):
        evidence |= {"pd_before": str(old), "pd": str(new)}
    if before.limit and after.limit is not None and before.limit_currency == after.limit_currency:
        change = after.limit - before.limit
        if abs(change) >= LIMIT_SHARE * before.limit:
            evidence |= {"limit_before": before.limit, "limit": after.limit}
            evidence["currency"] = after.limit_currency
            worse = change < 0
    if evidence:
        # Bands are the agency's own words: which is worse, its probabilities say.
        worse = new > old if old is not None and new is not None and old != new else worse
        yield News(RATING, Severity.WARNING if worse else Severity.INFO, evidence | {"worse": worse})


def _registration(before: Report, after: Report) -> Iterator[News]:
    """Who may sign and where the firm sits, as the register has them. Names stay out of the evidence."""
    changed = [
        name
        for name in ("registered_address", "representative_mark")
        if getattr(before, name) and getattr(after, name) and getattr(before, name) != getattr(after, name)
    ]
    if changed:
        yield News(
            REGISTRATION,
            Severity.WARNING,
            {"changed": [_WHAT[name] for name in changed], "before": before.as_of},
        )


_WHAT = {"registered_address": "address", "representative_mark": "legal_representative"}


def _record(one: Any) -> tuple[object, ...]:
    return one.kind, one.case_no, one.filed_on, one.amount


def _records(found: Sequence[Any]) -> dict[str, Any]:
    return {
        "records": len(found),
        "kinds": sorted({one.kind for one in found}),
        "filed_on": max((one.filed_on for one in found if one.filed_on), default=None),
    }

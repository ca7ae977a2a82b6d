"""Privacy: what must go after its time goes, and who reads an agency's own words is known.

Invariant: a purge removes only what ``privacy.yaml`` says has had its time, one record a transaction with
its entry in the journal, which tells how much went and never what; run again, it finds nothing. An
agency's own words are handed to nobody whose role does not allow it, and a refusal is on record.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from connector import privacy_settings
from connector.bureau.news import RECORD_KINDS, report_key
from connector.errors import Halt
from connector.model import Stream
from connector.privacy_settings import Privacy, Retention
from connector.runtime import Runtime
from connector.store import consents, journal, records, reports, signals
from connector.store.reports import Held

INSOLVENCY = "insolvency"
# Customer, kind of record and number of the case.
Case = tuple[int, str, str]


@dataclass
class Purged:
    """What a purge did, or would do: ``rows`` for people, and how many of what."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    negatives: int = 0
    raw: int = 0
    consents: int = 0


def settings(runtime: Runtime) -> Privacy:
    """The privacy settings of the home folder."""
    return privacy_settings.load(runtime.config.path(runtime.config.privacy))


def purge_reports(runtime: Runtime, *, actor: str, apply: bool) -> Purged:
    """Drop negative records about natural persons whose time is over, and agencies' answers, word by
    word, that are too old. Without ``apply`` nothing is changed.

    The answer goes together with a negative record: it holds the same. A record without an end counts
    from its filing once it is known to be resolved, and stays as long as it is not. The end that any report
    tells of a case holds for the copies of it in earlier reports. The signals that a dropped record raised go
    with it.
    """
    rules, today, done = settings(runtime), runtime.today(), Purged()
    with runtime.store.read() as tx:
        ids = reports.ids(tx)
        ends = _ends(reports.held(tx, number) for number in ids)
    for number in ids:
        with runtime.store.read() as tx:
            found = reports.held(tx, number)
        if found is None:
            continue
        keep = rules.retention(found.country)
        negatives = found.body.get("negatives", ()) if found.is_person else ()
        old = [n for n in negatives if over(_ended(n, found.customer_id, ends), keep, today)]
        fetched = found.fetched_at.date()
        raw = found.has_raw and (bool(old) or months_after(fetched, keep.raw_months) <= today)
        if not old and not raw:
            continue
        row = {
            "report": number,
            "customer": found.customer_id,
            "country": found.country,
            "negatives": len(old),
            "raw": raw,
        }
        done.rows.append(row)
        done.negatives += len(old)
        done.raw += raw
        if apply:
            body = found.body | {"negatives": [n for n in found.body.get("negatives", ()) if n not in old]}
            with runtime.store.write() as tx:
                reports.purge(tx, number, found.customer_id, body if old else None, raw=raw)
                if old:
                    signals.forget(tx, found.customer_id, RECORD_KINDS, report_key(found.body))
                detail = {"report": number, "negatives": len(old), "raw": raw}
                journal.add(
                    tx, runtime.now(), actor, "report_purged", reports.about(found.customer_id), detail
                )
    _purge_rows(runtime, rules, done, actor=actor, apply=apply)
    return done


def _ends(found: Iterable[Held | None]) -> dict[Case, dict[str, Any]]:
    """What the reports tell of how cases of natural persons ended."""
    ends: dict[Case, dict[str, Any]] = {}
    for one in found:
        if one is None or not one.is_person:
            continue
        for negative in one.body.get("negatives", ()):
            case = (one.customer_id, str(negative.get("kind")), str(negative.get("case_no") or ""))
            if case[2] and negative.get("resolved_on"):
                ends[case] = {"resolved": True, "resolved_on": negative["resolved_on"]}
    return ends


def _ended(negative: dict[str, Any], customer_id: int, ends: dict[Case, dict[str, Any]]) -> dict[str, Any]:
    """A record with the end that any report tells of its case."""
    if negative.get("resolved_on"):
        return negative
    return negative | ends.get((customer_id, str(negative.get("kind")), str(negative.get("case_no"))), {})


def _purge_rows(runtime: Runtime, rules: Privacy, done: Purged, *, actor: str, apply: bool) -> None:
    """Rows of agencies' files that were set aside are as old as answers word by word may be: nobody knows
    whom they are about, so that the retention of no country is theirs."""
    with runtime.store.read() as tx:
        rows = [row for row in records.rejects(tx) if row.stream == Stream.REPORTS]
    for row in rows:
        if months_after(row.first_seen.date(), rules.retention(None).raw_months) > runtime.today():
            continue
        done.rows.append({"report": None, "customer": None, "country": None, "negatives": 0, "raw": True})
        done.raw += 1
        if apply:
            with runtime.store.write() as tx:
                records.forget(tx, row.id)
                journal.add(tx, runtime.now(), actor, "row_purged", f"reject {row.id}", {"code": row.code})


def purge_consents(runtime: Runtime, *, actor: str, apply: bool) -> Purged:
    """Remove consents that ended, or were revoked, longer ago than they are kept as proof. Without
    ``apply`` nothing is changed."""
    rules, today, done = settings(runtime), runtime.today(), Purged()
    with runtime.store.read() as tx:
        found = [(one, consents.country(tx, one.customer_id)) for one in consents.find(tx)]
    for one, country in found:
        end = one.ended_on
        if end is None or months_after(end, rules.retention(country).consents_months) > today:
            continue
        done.rows.append({"consent": one.id, "customer": one.customer_id, "country": country, "ended": end})
        done.consents += 1
        if apply:
            with runtime.store.write() as tx:
                consents.remove(tx, one.id)
                detail = {"consent": one.id, "sha256": one.evidence_sha256, "ended": end}
                about = reports.about(one.customer_id)
                journal.add(tx, runtime.now(), actor, "consent_purged", about, detail)
    return done


def raw(runtime: Runtime, customer_id: int, connection: str | None, actor: str) -> list[tuple[str, bytes]]:
    """The agencies' own words about a customer, newest report of each agency: (connection, answer).

    Every reading is journalled, and so is every refusal. Raises ``Halt`` for an actor whose role does
    not allow it, and when there is nothing to read.
    """
    allowed = bool(runtime.roles.roles_of(actor, runtime.today()) & settings(runtime).raw_readers)
    act = "raw_report_read" if allowed else "raw_report_refused"
    with runtime.store.write() as tx:
        stored = reports.newest_raw(tx, customer_id, connection)
        detail = {"reports": [number for number, _, _ in stored]}
        journal.add(tx, runtime.now(), actor, act, reports.about(customer_id), detail)
    if not allowed:
        raise Halt(
            f"{actor!r} may not read agencies' reports word by word; the attempt is on record",
            where=runtime.config.privacy,
            todo="ask somebody whose role, by [[roles]] of the configuration, is in raw_readers there",
        )
    words = [(name, text) for _, name, text in stored if text]
    if not words:
        raise Halt(
            f"no report of customer {customer_id} is kept word by word",
            todo="see 'creditgate bureau list --all'; what was purged is in the journal",
        )
    cipher = runtime.config.cipher()
    return [(name, cipher.decrypt(text.encode())) for name, text in words]


def over(negative: dict[str, Any], keep: Retention, today: dt.date) -> bool:
    """Whether the time of a negative record about a natural person is over."""
    end = negative.get("resolved_on")
    if end is None and negative.get("resolved"):
        end = negative.get("filed_on")
    if end is None:
        return False
    kind = str(negative.get("kind", ""))
    months = keep.insolvency_months if kind == INSOLVENCY else keep.negatives_months
    return months_after(dt.date.fromisoformat(end), months) <= today


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day so many months later, or the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(day.day, last))

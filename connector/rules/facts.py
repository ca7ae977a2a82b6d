"""From a dossier to its facts.

Invariant: every fact of the catalogue, but those of the outcome, stands in the snapshot: known or
unknown with a reason. Nothing but the customer, the policy, the rates and the moment plays a part,
and the order of documents plays none.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from decimal import Decimal

from connector.errors import Halt
from connector.money import Rate, Rates
from connector.policy.catalogue import names
from connector.policy.schema import Policy
from connector.rules import entries
from connector.rules.agency import agency_facts, newest_first
from connector.rules.compile import Compiled, compiled
from connector.rules.documents import Dossier, LimitEntry
from connector.rules.exposure import converter, measure
from connector.rules.financial import financial_facts
from connector.rules.moments import local_day, start_of
from connector.rules.payment import payment_facts
from connector.rules.relation import month_reached, relation_facts
from connector.rules.settlement import Convert, settle
from connector.rules.snapshot import Insured, Origin, SetLimit, Snapshot, UsedRate, Value

_PAYMENT, _EXPOSURE = names("payment"), names("exposure")
_DAY = dt.timedelta(days=1)
_MONTHS_OF_A_YEAR = 12


def snapshot(dossier: Dossier, policy: Policy, rates: Rates, as_of: dt.datetime) -> Snapshot:
    """The facts of one customer at ``as_of`` (aware UTC).

    ``rates`` have the policy's currency as base; every amount is converted at the rate of the day.
    Raises ``Halt`` if the base is another one or the policy has lint errors.
    """
    rules = compiled(policy)
    if rates.base != rules.currency:
        raise Halt(
            f"rates are against {rates.base}, the policy counts in {rules.currency}",
            todo=f"give rates against {rules.currency}",
        )
    today = local_day(as_of, rules.timezone)
    used: dict[str, Rate] = {}
    convert = converter(rates, today, used)
    moments: list[dt.date] = []
    currency = rules.currency
    settled = settle(dossier, policy.terms.default_days, convert, today)
    exposed = measure(settled, rules, convert, today, moments)
    reports = newest_first(dossier.reports)
    values, origins = financial_facts(
        reports,
        today,
        policy.staleness.statement_days,
        policy.financial.stability_periods,
        currency,
        convert,
        moments,
    )
    more, whence = agency_facts(reports, policy.staleness, today, currency, convert, moments)
    values.update(more)
    origins.update(whence)
    more, whence, since = relation_facts(dossier, settled.invoices, today, currency, convert, moments)
    values.update(more)
    origins.update(whence)
    values.update(payment_facts(settled.invoices, policy.overdue, today, currency, convert, moments))
    origins.update(dict.fromkeys(_PAYMENT, Origin("invoices", None, today)))
    for stage, amount in exposed.stages.items():
        values[f"exposure_{stage}"] = amount
    values["exposure"] = exposed.total
    origins.update(dict.fromkeys(_EXPOSURE, Origin("documents", None, today)))
    limit_set, insured = _limit_set(dossier.limits, today, currency, convert, moments)
    _counting(rules, values, since, today, reports[0].as_of if reports else None, moments)
    moments.extend(day for one in used if (day := rates.next_day(one, today)) is not None)
    soonest = min(filter(today.__lt__, moments), default=None)
    return Snapshot(
        customer_id=dossier.customer_id,
        as_of=as_of.astimezone(dt.UTC),
        today=today,
        currency=currency,
        values=values,
        origins=origins,
        gaps=exposed.gaps,
        limit_set=limit_set,
        hold_placed=dossier.hold_placed,
        terms_days=dossier.terms_days,
        since=since,
        reviewed_on=dossier.reviewed_on,
        next_change=None if soonest is None else start_of(soonest, rules.timezone),
        insured=insured,
        rates=tuple(UsedRate(one.currency, str(one.per_unit), one.day) for _, one in sorted(used.items())),
    )


def _limit_set(
    found: tuple[LimitEntry, ...],
    today: dt.date,
    currency: str,
    convert: Convert,
    moments: list[dt.date],
) -> tuple[SetLimit | None, Insured | None]:
    """The limit set by a person that holds today, and the insured amount on top of it."""
    for entry in found:
        moments.extend(entries.edges(entry, today))

    def amount(entry: LimitEntry) -> int | None:
        return None if entry.amount is None else convert(entry.amount, entry.currency, currency)

    holds, cover = entries.in_force(found, today), entries.insured(found, today)
    fixed = holds and SetLimit(holds.kind, holds.state, amount(holds), entries.last_day(holds, today))
    if cover is None:
        return fixed, None
    share = Decimal(entries.FULL_COVER if cover.cover_bp is None else cover.cover_bp) / entries.FULL_COVER
    return fixed, Insured(amount(cover), str(share), cover.valid_to)


def _counting(
    rules: Compiled,
    values: dict[str, Value],
    since: dt.date | None,
    today: dt.date,
    report_day: dt.date | None,
    moments: list[dt.date],
) -> None:
    """Days on which a fact that merely counts time passes a bound of the policy."""
    if report_day is not None:
        for edge in rules.edges.get("agency_score_age_days", ()):
            moments.append(report_day + dt.timedelta(days=edge))
            moments.append(report_day + dt.timedelta(days=edge + 1))
    months = values["relation_months"]
    if since is None or not isinstance(months, int):
        return
    edges = rules.edges.get("relation_months", ())
    need = rules.policy.limit.terms.need
    watched = [months + 1] if need and need.annualise_from_months and months < 12 else []
    after = bisect_right(edges, months)
    watched += edges[after : after + 1]
    if months in edges:
        watched.append(months + 1)
    moments.extend(month_reached(since, reached) for reached in watched)


__all__ = ["Snapshot", "snapshot"]

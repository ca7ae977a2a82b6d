"""From a dossier to its facts.

Invariant: every fact of the catalogue, but those of the outcome and of an order, stands in the
snapshot: known or unknown with a reason. Nothing but the customer, the policy, the rates and the
moment plays a part, and the order of documents plays none.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right

from connector.errors import Halt
from connector.money import Rate, Rates
from connector.policy.catalogue import DAYS_SINCE, names
from connector.policy.schema import Policy
from connector.rules import dunning, entries, financial, payment, promises
from connector.rules.advice import advice_facts
from connector.rules.agency import agency_facts, newest_first
from connector.rules.compile import compiled
from connector.rules.documents import Dossier
from connector.rules.exposure import Exposure, converter, measure
from connector.rules.moments import local_day, start_of
from connector.rules.profile import profile_facts
from connector.rules.program import Compiled
from connector.rules.ratios import ratio
from connector.rules.relation import Relation, month_reached, relation_facts
from connector.rules.settlement import Convert, Settlement, settle
from connector.rules.snapshot import Origin, SetLimit, Snapshot, Unknown, UsedRate, Value

_PAYMENT, _EXPOSURE = names("payment"), names("exposure")
_DAY = dt.timedelta(days=1)
NO_PORTFOLIO = Unknown("no_portfolio")
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
    drafts = policy.exposure.draft_invoices
    settled = settle(dossier, policy.terms.default_days, convert, today, drafts=drafts)
    exposed = measure(settled, rules, convert, today, moments)
    values, origins, relation = _families(dossier, rules, settled, exposed, today, convert, moments)
    limit_set = _limit_set(dossier, today, rules.currency, convert, moments)
    _counting(rules, values, relation.since, today, moments)
    moments.extend(day for one in used if (day := rates.next_day(one, today)) is not None)
    soonest = min(filter(today.__lt__, moments), default=None)
    return Snapshot(
        customer_id=dossier.customer_id,
        as_of=as_of.astimezone(dt.UTC),
        today=today,
        currency=rules.currency,
        values=values,
        origins=origins,
        gaps=exposed.gaps,
        limit_set=limit_set,
        hold_placed=dossier.hold_placed,
        terms_days=dossier.terms_days,
        since=relation.since,
        # Who judges as of a day before it counts from that day.
        reviewed_on=dossier.reviewed_on and min(dossier.reviewed_on, today),
        next_change=None if soonest is None else start_of(soonest, rules.timezone),
        rates=tuple(UsedRate(one.currency, str(one.per_unit), one.day) for _, one in sorted(used.items())),
    )


def _families(
    dossier: Dossier,
    rules: Compiled,
    settled: Settlement,
    exposed: Exposure,
    today: dt.date,
    convert: Convert,
    moments: list[dt.date],
) -> tuple[dict[str, Value], dict[str, Origin], Relation]:
    """All families of facts with their origins, and when the relation began."""
    policy, currency, watched = rules.policy, rules.currency, rules.looks_at
    reports = newest_first(dossier.reports)
    figures = financial.Basis(
        today, policy.staleness.statement_days, policy.financial, dossier.industry, currency, convert
    )
    values, origins = financial.financial_facts(reports, figures, moments)

    def add(found: dict[str, Value], whence: dict[str, Origin]) -> None:
        values.update(found)
        origins.update(whence)

    add(
        *agency_facts(
            reports,
            policy.staleness,
            policy.agencies,
            dossier.agency_chosen,
            today,
            currency,
            convert,
            moments,
        )
    )
    longest, classes = policy.staleness.advice_days, rules.by_name
    add(*advice_facts(dossier.advice, longest, classes, today, currency, convert, moments))
    found, whence, relation = relation_facts(
        dossier, settled.invoices, watched, today, currency, convert, moments
    )
    found["portfolio_share"] = (
        NO_PORTFOLIO if rules.portfolio is None else ratio(exposed.total, rules.portfolio)
    )
    add(found, {**whence, "portfolio_share": Origin("documents", None, today)})
    paying = payment.Basis(policy.overdue, rules.day_rate, watched, today, currency, convert)
    found, standing = payment.payment_facts(settled.invoices, dossier.payments, paying, moments)
    found["broken_promises_12m"] = promises.broken(
        promises.judged(dossier, settled.invoices, policy.overdue.grace_days, today, convert), today, moments
    )
    found |= dunning.reached(dossier.dunned, settled.invoices, today, moments)
    days = _sales_days(rules, relation, today, moments)
    found.update(payment.outstanding(standing, values["sales_12m"], days))
    add(found, dict.fromkeys(_PAYMENT, Origin("invoices", None, today)))
    found = {f"exposure_{stage}": amount for stage, amount in exposed.stages.items()}
    found["exposure"] = exposed.total
    add(found, dict.fromkeys(_EXPOSURE, Origin("documents", None, today)))
    add(*profile_facts(dossier, rules, values, standing.settled, relation.since, today, convert, moments))
    return values, origins, relation


def _limit_set(
    dossier: Dossier,
    today: dt.date,
    currency: str,
    convert: Convert,
    moments: list[dt.date],
) -> SetLimit | None:
    """What holds today in place of the calculated limit: the entry of a person, or where a CRM's own module
    decides, its quota or the lack of one."""
    for entry in dossier.limits:
        moments.extend(entries.edges(entry, today))
    decided = dossier.limits_by
    holds = (entries.in_force if decided is None else entries.granted)(dossier.limits, today)
    if holds is None:
        return None if decided is None else SetLimit(entries.NO_QUOTA, "none", None, None, decided)
    amount = None
    if holds.state == "amount" and holds.amount is not None:
        amount = convert(holds.amount, holds.currency, currency)
    return SetLimit(holds.kind, holds.state, amount, entries.last_day(holds, today), holds.source)


def _sales_days(rules: Compiled, relation: Relation, today: dt.date, moments: list[dt.date]) -> int:
    """In how many days the sales of twelve months were made: fewer since the first document."""
    if relation.first is None or relation.first <= today - payment.YEAR:
        return payment.YEAR.days
    if not rules.looks_at.isdisjoint(("dso", "dso_delinquent")):
        moments.append(today + _DAY)
    return max(1, (today - relation.first).days)


def _counting(
    rules: Compiled, values: dict[str, Value], since: dt.date | None, today: dt.date, moments: list[dt.date]
) -> None:
    """Days on which a fact that merely counts time passes a bound of the policy."""
    for name in DAYS_SINCE:
        value = values[name]
        if isinstance(value, int):
            for edge in rules.edges.get(name, ()):
                moments.append(today + dt.timedelta(days=edge - value))
                moments.append(today + dt.timedelta(days=edge + 1 - value))
    months = values["relation_months"]
    if since is None or not isinstance(months, int):
        return
    edges = rules.edges.get("relation_months", ())
    needs = [rules.policy.limit.terms.need, *(one.rules.policy.limit.terms.need for one in rules.segments)]
    annualised = any(need and need.annualise_from_months for need in needs)
    watched = [months + 1] if annualised and months < _MONTHS_OF_A_YEAR else []
    after = bisect_right(edges, months)
    watched += edges[after : after + 1]
    if months in edges:
        watched.append(months + 1)
    moments.extend(month_reached(since, reached) for reached in watched)


__all__ = ["Snapshot", "snapshot"]

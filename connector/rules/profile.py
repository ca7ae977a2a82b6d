"""Facts about who the customer is and what people have decided about it.

Invariant: what nobody recorded is not known; a list of the policy counts as a record.
"""

from __future__ import annotations

import datetime as dt

from connector.money import scale
from connector.policy.schema import Policy
from connector.rules import entries
from connector.rules.documents import Dossier, LimitEntry
from connector.rules.payment import NOT_RECORDED
from connector.rules.program import Compiled
from connector.rules.relation import month_reached
from connector.rules.settlement import Convert, in_currency
from connector.rules.snapshot import Origin, Unknown, Value

NO_ENTRY = Unknown("no_entry")
OWN_KINDS = (entries.BASE, entries.SEASONAL, entries.TEMPORARY)
_DAY = dt.timedelta(days=1)


def profile_facts(
    dossier: Dossier,
    rules: Compiled,
    values: dict[str, Value],
    settled: int,
    since: dt.date | None,
    today: dt.date,
    convert: Convert,
    moments: list[dt.date],
) -> tuple[dict[str, Value], dict[str, Origin]]:
    """Values and origins of the family. ``values`` are those found so far, ``settled`` the invoices ever
    settled; ``moments`` learns the days on which time alone changes one of them."""
    policy = rules.policy
    found: dict[str, Value] = {
        "customer": f"customer-{dossier.customer_id}",
        "group": "none" if dossier.group_id is None else f"group-{dossier.group_id}",
        "country": dossier.country or NOT_RECORDED,
        "industry": dossier.industry or NOT_RECORDED,
        "size": _size(rules, values["revenue_level"]),
        "is_person": dossier.is_person,
        "new_customer": _new(policy, values["relation_months"], settled, since, moments),
        "account_status": _status(policy, dossier) or NOT_RECORDED,
        "blacklisted": _blacklisted(policy, dossier),
        "terms_agreed_days": NOT_RECORDED if dossier.terms_days is None else dossier.terms_days,
        "limit_expired": _expired(policy, dossier, today, moments),
        "insured_amount": _secured("insured", dossier.limits, policy.currency, today, convert),
        "guaranteed_amount": _secured("guaranteed", dossier.limits, policy.currency, today, convert),
    }
    return found, dict.fromkeys(found, Origin("account", None, today))


def _size(rules: Compiled, revenue: Value) -> str | Unknown:
    """The first band, from the largest, that the revenue reaches."""
    if not rules.sizes:
        return NOT_RECORDED
    if not isinstance(revenue, int):
        return revenue if isinstance(revenue, Unknown) else NOT_RECORDED
    return next(name for name, least in rules.sizes if revenue >= least)


def _new(policy: Policy, months: Value, settled: int, since: dt.date | None, moments: list[dt.date]) -> bool:
    """Known for fewer months, or with fewer settled invoices, than the policy asks of a known one."""
    asked = policy.known_after
    if not isinstance(months, int) or since is None:
        return True
    if months < asked.months:
        moments.append(month_reached(since, asked.months))
        return True
    return settled < asked.settled_invoices


def _status(policy: Policy, dossier: Dossier) -> str | None:
    """The status of the customer's accounts: of several, the one that the blacklist names, else the first."""
    listed = [status for status in dossier.account_statuses if status in policy.blacklist.account_status]
    return next(iter(listed or dossier.account_statuses), None)


def _blacklisted(policy: Policy, dossier: Dossier) -> bool | Unknown:
    listed = policy.blacklist
    if dossier.customer_id in listed.customers or dossier.group_id in listed.groups:
        return True
    if any(status in listed.account_status for status in dossier.account_statuses):
        return True
    if dossier.blacklisted is not None:
        return dossier.blacklisted
    stated = listed.account_status and dossier.account_statuses
    return False if listed.customers or listed.groups or stated else NOT_RECORDED


def _expired(policy: Policy, dossier: Dossier, today: dt.date, moments: list[dt.date]) -> bool | Unknown:
    """Whether the limit set by a person is too old, or was a temporary one and has run out; or whether the
    quotas of a CRM's module that decides have run out."""
    if dossier.limits_by is not None:
        quotas = [one for one in dossier.limits if one.kind in entries.GRANTED and one.valid_from <= today]
        return entries.granted(quotas, today) is None if quotas else NO_ENTRY
    own = [entry for entry in dossier.limits if entry.kind in OWN_KINDS]
    begun = [entry for entry in own if entry.valid_from <= today]
    holding = [entry for entry in begun if entry.valid_to is None or entry.valid_to >= today]
    if not begun:
        return NO_ENTRY
    if not holding:
        last = max(begun, key=lambda entry: (entry.valid_to or dt.date.min, entry.kind))
        return last.kind == "temporary"
    if policy.limit.valid_days is None:
        return False
    newest = max(entry.valid_from for entry in holding)
    ends = newest + dt.timedelta(days=policy.limit.valid_days)
    moments.append(ends + _DAY)
    return ends < today


def _secured(kind: str, set_: tuple[LimitEntry, ...], currency: str, today: dt.date, convert: Convert) -> int:
    """The sums of this kind that hold today, each as far as it covers; one without a rate secures nothing."""
    return sum(
        scale(in_currency(entry.amount, entry.currency, currency, convert), entries.cover_of(entry.cover_bp))
        for entry in set_
        if entry.kind == kind and entry.amount is not None and entries.holds_on(entry, today)
    )

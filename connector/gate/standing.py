"""How a customer stands: its line in figures, with what makes them doubtful.

Invariant: read only. Figures never look fresher than they are: they carry the moment for which they
were assessed, and say when more is known by now.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa

from connector.gate import panel
from connector.gate.check_model import CreditAnswer, Figures, major
from connector.gate.check_reasons import Told, on_customer, on_groups
from connector.money import Rates
from connector.policy.schema import Policy
from connector.store import assessments, lines
from connector.store.lines import Line
from connector.store.parties import Party

# Facts that changed this long ago should have been assessed.
_UNASSESSED = dt.timedelta(days=1)


def credit(tx: sa.Connection, policy: Policy, rates: Rates, party: Party, now: dt.datetime) -> CreditAnswer:
    """Limit, exposure, status and reasons of a customer, and of the nearest group above that has a line; with
    what a panel shows beside them."""
    found = lines.read(tx, party.lines)
    own = found.get(party.own)
    groups = [found[key] for key in party.groups if key in found]
    told = assessed_reasons(tx, party, own)
    kept = assessments.latest(tx, party.customer_id)
    outcome = kept.assessment if kept else None
    answer = figures(own).model_dump() | {
        "customer": f"customer-{party.customer_id}",
        "status": own.status if own else None,
        "held": party.hold_placed is not None or own is None or own.status not in lines.OPEN_STATUSES,
        "reasons": [item.reason for item in on_customer(party, own, told) + on_groups(groups)],
        "steps": panel.steps(kept),
        "group": figures(groups[0]) if groups else None,
        "risk_class": outcome.risk_class if outcome else None,
        "utilisation": _utilisation(own),
        "ageing": panel.ageing(tx, party.customer_id, policy, rates, now),
        "ageing_currency": policy.currency,
        "signals": panel.warnings(tx, party.customer_id),
        "next_visit": panel.next_visit(tx, party.customer_id),
        "next_review": outcome.next_review if outcome else None,
        "as_of": own.as_of if own else None,
        "policy_version": version_of(policy),
        "stale": stale(party, own, policy, now),
    }
    return CreditAnswer.model_validate(answer)


def _utilisation(line: Line | None) -> str | None:
    """Percent of the limit that is used or promised; without a positive amount there is no share."""
    if line is None or line.limit_state != "amount" or not line.limit_minor:
        return None
    share = Decimal(line.exposure + line.reserved) * 100 / line.limit_minor
    return str(share.quantize(Decimal("0.1")))


def assessed_reasons(tx: sa.Connection, party: Party, own: Line | None) -> list[Told]:
    """Why the last assessment did not find the customer simply ok."""
    if own is None or own.status == "ok":
        return []
    kept = assessments.latest(tx, party.customer_id)
    return [(code, params) for code, params in kept.assessment.reasons] if kept else []


def figures(line: Line | None) -> Figures:
    """A line as decimal text; all of it unknown without one."""
    if line is None:
        return Figures(
            limit=None, limit_state=None, exposure=None, reserved=None, available=None, currency=None
        )
    return Figures.model_validate(
        {
            "limit": major(line.limit_minor, line.currency) if line.limit_state == "amount" else None,
            "limit_state": line.limit_state,
            "exposure": major(line.exposure, line.currency),
            "reserved": major(line.reserved, line.currency),
            "available": major(line.available, line.currency),
            "currency": line.currency,
        }
    )


def version_of(policy: Policy) -> str:
    """Name, version and the beginning of the hash: what two people compare."""
    return f"{policy.name} {policy.version} {policy.hash[:12]}"


def stale(party: Party | None, line: Line | None, policy: Policy, now: dt.datetime) -> bool:
    """Whether the line is older than what is known: time alone has changed it, facts changed a day ago
    or more, or it is older than the policy lets the agency's news be."""
    if party is None or line is None or line.as_of is None:
        return True
    age = now - line.as_of
    oldest = dt.timedelta(days=min(policy.staleness.report_days, policy.staleness.negatives_days))
    overdue = party.due_at is not None and party.due_at <= now
    return overdue or (party.dirty and age > _UNASSESSED) or age > oldest

"""Explain: the account of an assessment, for sales in a sentence and for audit in full.

Invariant: what is told comes from the facts and the outcome that the assessment kept, never from what is
known today; only the room for a new order is that of the credit lines now, as a check would see them, and who
has to do what about it is as the policy in force says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from connector.errors import Halt
from connector.gate import check_reasons as reasons
from connector.gate.standing import assessed_reasons
from connector.locale import label, say
from connector.money import scale, show
from connector.people.roles import Role
from connector.policy.load import load as load_policy
from connector.policy.schema import Duty, Policy
from connector.rules import nearest, waterfall
from connector.rules.explain import explain as tell
from connector.rules.explain import fact_name, shown
from connector.rules.nearest import Change, Goal
from connector.rules.outcome import Assessment, plain
from connector.rules.snapshot import Origin, Snapshot, Unknown, Value
from connector.runtime import Runtime
from connector.store import assessments, lines, parties
from connector.store.assessments import Kept
from connector.store.engine import Store
from connector.store.lines import CUSTOMER, OPEN_STATUSES, Line

# What a sentence for sales names at most.
_FEW = 2


@dataclass(frozen=True)
class Order:
    """What a check would say of a new order of ``amount`` (minor units of ``currency``) now. ``decision``
    is pass, warn or hold; ``needs`` are the lines concerned, the customer's own first."""

    amount: int
    currency: str
    decision: str
    found: tuple[reasons.Found, ...]
    needs: tuple[Need, ...]


@dataclass(frozen=True)
class Need:
    """What an order needs on a line, minor units of the line; ``None`` if there is no rate. ``share`` of
    what the customer owes counts there."""

    line: Line
    share: Decimal
    grows: int | None


def latest(store: Store, customer_id: int) -> Kept:
    """The last assessment of a customer; ``Halt`` when there is none."""
    with store.read() as tx:
        kept = assessments.latest(tx, customer_id)
    if kept is None:
        raise Halt(f"customer {customer_id} was never assessed", todo="run 'creditgate assess'")
    return kept


def lines_of(kept: Kept, language: str) -> list[str]:
    """The steps from raw value to limit and status, in plain words."""
    return tell(kept.assessment, kept.snapshot, language)


def policy_of(store: Store, kept: Kept) -> Policy:
    """The policy that an assessment was made with, under the hash that was kept with it; ``Halt`` when its
    text is not in the store."""
    with store.read() as tx:
        content = assessments.policy_content(tx, kept.policy_hash)
    if not content:
        raise Halt("its policy was not kept", where=f"assessment {kept.id}", todo="assess again")
    policy = load_policy(content, f"policy {kept.policy_hash[:12]}")
    # A later version may know more settings, whose defaults count in the hash: the text is the same.
    vars(policy)["hash"] = kept.policy_hash
    return policy


def order(runtime: Runtime, customer_id: int, amount: int, currency: str) -> Order:
    """What a check would say of one more order, without reserving anything."""
    policy, now = runtime.policy, runtime.now()
    day = now.astimezone(ZoneInfo(policy.timezone)).date()
    with runtime.store.read() as tx:
        party = parties.of_customer(tx, customer_id)
        if party is None:
            raise Halt(f"there is no customer {customer_id}", todo="see 'creditgate customer list'")
        stored = lines.read(tx, party.lines)
        own = stored.get(party.own)
        told = assessed_reasons(tx, party, own)
    rules = policy.check
    above = [] if rules.parent == "own" or own is None else party.groups
    groups = [stored[key] for key in above if key in stored]
    found = reasons.on_customer(party, own, told) + reasons.on_groups(groups)
    inherits = rules.inherit_limit and any(line.limit_state != "none" for line in groups)
    needs: list[Need] = []
    for line in [own, *groups] if own else []:
        share = party.share(line.key)
        whole = runtime.rates.convert(amount, currency, line.currency, day)
        grows = None if whole is None else scale(whole, share)
        if not reasons.binds(line, groups, policy):
            continue
        needs.append(Need(line, share, grows))
        if grows is None:
            found.append(reasons.unknown_rate(currency, line))
        bounds = reasons.room(line, policy, runtime.rates, day)
        found += reasons.on_limit(line, grows, bounds, policy, inherits)
    decision = "hold" if any(one.leads_to == "hold" for one in found) else "warn" if found else "pass"
    return Order(amount, currency, decision, tuple(found), tuple(needs))


def lifts(store: Store, kept: Kept) -> list[tuple[Change, ...]]:
    """The smallest changes of the kept facts that lift the class; empty if no two suffice."""
    policy = policy_of(store, kept)
    if policy.classes[0].name == kept.assessment.risk_class:
        return [()]
    return nearest.smallest(policy, kept.snapshot, nearest.better_class(policy, kept.assessment))


def opens(runtime: Runtime, kept: Kept, asked: Order) -> list[tuple[Change, ...]]:
    """The smallest changes of the kept facts by which the order would pass; empty if no two suffice, as
    where a group is on hold or its own limit too small."""
    policy = policy_of(runtime.store, kept)
    return nearest.smallest(policy, kept.snapshot, _passes(runtime, kept.assessment, asked))


def _passes(runtime: Runtime, before: Assessment, asked: Order) -> Goal:
    """Whether the order passes all lines if the assessment were another one: the customer's own line is
    then that of the assessment, and what is no longer owed is taken off the groups' lines."""
    day = runtime.today()

    def fits(line: Line, grows: int | None) -> bool:
        if line.limit_state == "none" and line.subject == CUSTOMER:
            return False
        most = reasons.room(line, runtime.policy, runtime.rates, day).most
        return most is None or (grows is not None and line.exposure + line.reserved + grows <= most)

    def goal(found: Assessment) -> bool:
        if found.status not in OPEN_STATUSES or not asked.needs:
            return False
        for need in asked.needs:
            line = need.line
            if line.subject == CUSTOMER:
                line = replace(
                    line,
                    limit_state=found.limit_state,
                    limit_minor=found.limit,
                    exposure=found.exposure,
                    currency=found.currency,
                )
            else:
                less = before.exposure - found.exposure
                paid = runtime.rates.convert(less, found.currency, line.currency, day) or 0
                line = replace(line, exposure=line.exposure - scale(paid, need.share))
            if line.status not in OPEN_STATUSES and line.subject != CUSTOMER:
                return False
            if not fits(line, need.grows):
                return False
        return True

    return goal


def told_changes(found: Sequence[tuple[Change, ...]], currency: str, language: str) -> list[str]:
    """Each way as a sentence."""
    joint = say("change.and", {}, language)
    return [joint.join(_change(one, currency, language) for one in way) for way in found if way]


def for_sales(
    name: str,
    kept: Kept,
    ways: Sequence[tuple[Change, ...]],
    asked: Order | None,
    language: str,
) -> list[str]:
    """How the customer, or an order of it, stands, and what would help: a few short sentences."""
    found = kept.assessment
    told = [say(code, params, language) for code, params in found.reasons]
    if asked is not None:
        told = [one.reason.text.zh if language == "zh" else one.reason.text.en for one in asked.found]
        head = {"name": name, "amount": show(asked.amount, asked.currency)}
        sentences = [say(f"sales.order_{asked.decision}", head, language)]
    else:
        limit = show(found.limit, found.currency)
        figures = {
            "name": name,
            "status": found.status,
            "risk_class": found.risk_class,
            "limit": limit if found.limit_state == "amount" else label(found.limit_state, language),
            "available": show(found.available, found.currency),
        }
        sentences = [say("sales.standing", figures, language)]
    if told:
        some = say("change.semicolon", {}, language).join(told[:_FEW])
        sentences.append(say("sales.because", {"reasons": some}, language))
    if asked is not None and asked.decision != "hold":
        return sentences
    ways_told = told_changes(ways, found.currency, language)[:_FEW]
    if ways_told:
        either = say("change.or", {}, language).join(ways_told)
        code = "sales.order_help" if asked is not None else "sales.class_help"
        sentences.append(say(code, {"ways": either}, language))
    elif asked is not None or ways != [()]:
        sentences.append(say("sales.no_help", {}, language))
    return sentences


def duties(policy: Policy, kept: Kept, asked: Order | None = None) -> dict[str, Duty]:
    """Who does and who answers for what comes next: letting held orders pass, another limit, the review."""
    held = kept.assessment.status not in OPEN_STATUSES or (asked is not None and asked.decision == "hold")
    steps = ("release_hold", "grant_limit", "review") if held else ("grant_limit", "review")
    return {step: policy.responsibility.of(step) for step in steps}


def told_duties(found: Mapping[str, Duty], language: str) -> list[str]:
    """Each step as a sentence."""
    lines = []
    for step, duty in found.items():
        parts = {
            part: say("duty.and", {}, language).join(_role(one, language) for one in names) or "–"
            for part in Duty.model_fields
            for names in [getattr(duty, part)]
        }
        lines.append(say("duty.line", parts | {"step": label(f"duty_{step}", language)}, language))
    return lines


def _role(name: str, language: str) -> str:
    """A role in words; a title of the approval bands is in words already."""
    return label(f"role_{name}", language) if name in tuple(Role) else name


def for_audit(kept: Kept, ways: Sequence[tuple[Change, ...]], language: str) -> dict[str, object]:
    """The full account: what was decided when by which policy from which facts, every step with value,
    rule, source, freshness and effect, every fact that was known with source, date and freshness, what was
    not known and why, and what would have changed the class."""
    found, facts = kept.assessment, kept.snapshot
    return {
        "assessment": kept.id,
        "customer": kept.customer_id,
        "as_of": found.as_of,
        "policy": found.policy,
        "policy_hash": kept.policy_hash,
        "facts_sha256": hashlib.sha256(kept.facts).hexdigest(),
        "outcome_sha256": hashlib.sha256(kept.outcome).hexdigest(),
        "score": found.score,
        "risk_class": found.risk_class,
        "status": found.status,
        "limit_state": found.limit_state,
        "limit": show(found.limit, found.currency),
        "exposure": show(found.exposure, found.currency),
        "exposure_incomplete": found.exposure_incomplete,
        "available": show(found.available, found.currency),
        "reasons": [{"code": code, "text": say(code, params, language)} for code, params in found.reasons],
        "rates": [rate._asdict() for rate in facts.rates],
        "unknown": {
            name: label(value.reason, language)
            for name, value in sorted(facts.values.items())
            if isinstance(value, Unknown)
        },
        "facts": [_fact(name, facts) for name in sorted(facts.values) if _known(facts.values[name])],
        "steps": [row._asdict() for row in waterfall.rows(found, facts, language)],
        "would_lift_the_class": told_changes(ways, found.currency, language),
    }


def _known(value: Value) -> bool:
    return not isinstance(value, Unknown)


def _fact(name: str, facts: Snapshot) -> dict[str, object]:
    """A fact that was known: its value as it was kept (amounts in minor units), and where it came from."""
    origin = facts.origins.get(name, Origin("outcome"))
    return {
        "fact": name,
        "value": plain(facts.values[name]),
        "source": origin.source,
        "provider": origin.provider,
        "dated": origin.dated,
        "fresh_until": origin.fresh_until,
        "freshness": facts.state(name),
    }


def _change(one: Change, currency: str, language: str) -> str:
    if one.subject in (nearest.PAY_OVERDUE, nearest.PAY_OPEN, nearest.RAISE_LIMIT):
        return say(f"change.{one.subject}", {"amount": one.after, "currency": currency}, language)
    if one.subject == nearest.LIFT_HOLD:
        return say("change.lift_hold", {"reason": one.before}, language)
    code = f"change.{one.bound}{'' if one.known else '_unknown'}"
    params = {
        "fact": fact_name(one.subject, language),
        "before": shown(one.subject, one.before, currency, language)
        if one.known
        else label(one.before, language),
        "after": shown(one.subject, one.after, currency, language),
    }
    return say(code, params, language)

"""Laws that hold whatever the policy: of scores, of currencies, of stages, of groups."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from connector.model import Statement
from connector.money import Rate, Rates
from connector.policy.catalogue import DECIMAL, FACTS
from connector.policy.load import load
from connector.policy.schema import Policy
from connector.rules.compile import compiled
from connector.rules.documents import Dossier, ReportDoc
from connector.rules.evaluate import evaluate
from connector.rules.exposure import exposure
from connector.rules.facts import snapshot
from connector.rules.outcome import Assessment
from connector.rules.program import Compiled, Point
from connector.rules.scorecard import score
from connector.rules.snapshot import Unknown, Value, snapshot_from_json, snapshot_json
from tests.property.rules_worlds import customers
from tests.rules_bench import NOW, WITH_USD, day, dossier, facts, invoice, order, payment, policy

FOLDER = Path(__file__).parents[2] / "policies"
SHIPPED = [load(path) for path in sorted(FOLDER.glob("*.yaml"))]
CARDS: list[Compiled] = [
    card for one in SHIPPED for card in (compiled(one), *(group.rules for group in compiled(one).segments))
]
FREE = policy(exposure={"advances": "allow_negative"})


def near(point: Point) -> list[int | Decimal]:
    """Values at, just below and just above every edge of a data point, within what the fact can be."""
    spec = FACTS[point.fact]
    step = Decimal("0.000001") if spec.kind in DECIMAL else 1
    found = [edge + move for edge in point.edges for move in (-step, 0, step)]
    low = -(10**12) if spec.low is None else spec.low
    high = 10**12 if spec.high is None else spec.high
    return sorted({low, high, *(value for value in found if low <= value <= high)})


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.title} {card.segment}")
def test_a_better_value_never_lowers_the_score_of_any_shipped_card(card: Compiled) -> None:
    known: dict[str, Value] = {point.fact: near(point)[-1] for point in card.points}
    for point in card.points:
        better = FACTS[point.fact].better
        assert better is not None
        earned = [score(card, {**known, point.fact: value}, []) for value in near(point)]
        assert None not in earned
        assert earned == sorted(earned, key=lambda one: one or 0, reverse=better == "lower"), point.fact


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.title} {card.segment}")
def test_unknown_never_beats_the_worst_known_bin_of_any_shipped_card(card: Compiled) -> None:
    for point in card.points:
        assert point.unknown <= min(band.points for band in point.bands), point.fact


@given(customers(), st.sampled_from(SHIPPED))
@settings(max_examples=60, deadline=None)
def test_every_shipped_policy_judges_every_customer(customer: Dossier, by: Policy) -> None:
    found = snapshot(customer, by, WITH_USD, NOW)
    outcome = evaluate(by, found)
    assert outcome.risk_class in {item.name for item in by.classes}
    assert outcome.limit is None or outcome.limit >= 0
    assert outcome == evaluate(by, snapshot_from_json(snapshot_json(found)))


# ── Facts in one currency or another ───────────────────────────────────────────────────────────

# The same books kept in euros of 8 yuan: every amount of a document is an eighth.
IN_EUROS = Rates("CNY", [Rate("EUR", dt.date(2020, 1, 1), Decimal(8))])


_MONEY = [name for name in Statement.model_fields if name not in ("period_end", "months", "currency")]


def in_euros(customer: Dossier) -> Dossier:
    def amount(value: int | None) -> int | None:
        return None if value is None else value // 8

    return replace(
        customer,
        reports=tuple(kept_in(one, "EUR", amount) for one in customer.reports),
        promises=tuple(one._replace(amount=one.amount // 8, currency="EUR") for one in customer.promises),
        advice=tuple(
            one._replace(amount=amount(one.amount), currency=one.currency and "EUR")
            for one in customer.advice
        ),
        orders=tuple(
            one._replace(
                amount=one.amount // 8, currency="EUR", invoiced=amount(one.invoiced), paid=amount(one.paid)
            )
            for one in customer.orders
        ),
        invoices=tuple(
            one._replace(amount=one.amount // 8, currency="EUR", paid=amount(one.paid))
            for one in customer.invoices
        ),
        payments=tuple(one._replace(amount=one.amount // 8, currency="EUR") for one in customer.payments),
        limits=tuple(one._replace(amount=amount(one.amount), currency="EUR") for one in customer.limits),
    )


def kept_in(one: ReportDoc, currency: str, amount: Callable[[int | None], int | None]) -> ReportDoc:
    """A report whose statements and advice are in ``currency``."""
    some = tuple(
        statement.model_copy(
            update={"currency": currency}
            | {name: amount(getattr(statement, name)) for name in _MONEY if name != "revenue_by_source"}
        )
        for statement in one.report.statements
    )
    advice = {"limit": amount(one.report.limit), "limit_currency": currency}
    return one._replace(report=one.report.model_copy(update={"statements": some, **advice}))


def whole(customer: Dossier) -> Dossier:
    """The customer with amounts in yuan that eight divides, so that nothing is rounded."""
    eights = in_euros(customer)
    return replace(
        eights,
        reports=tuple(
            kept_in(one, "CNY", lambda part: None if part is None else part * 8) for one in eights.reports
        ),
        promises=tuple(one._replace(amount=one.amount * 8, currency="CNY") for one in eights.promises),
        advice=tuple(
            one._replace(
                amount=None if one.amount is None else one.amount * 8, currency=one.currency and "CNY"
            )
            for one in eights.advice
        ),
        orders=tuple(
            one._replace(
                amount=one.amount * 8,
                currency="CNY",
                invoiced=None if one.invoiced is None else one.invoiced * 8,
                paid=None if one.paid is None else one.paid * 8,
            )
            for one in eights.orders
        ),
        invoices=tuple(
            one._replace(
                amount=one.amount * 8, currency="CNY", paid=None if one.paid is None else one.paid * 8
            )
            for one in eights.invoices
        ),
        payments=tuple(one._replace(amount=one.amount * 8, currency="CNY") for one in eights.payments),
        limits=tuple(
            one._replace(amount=None if one.amount is None else one.amount * 8, currency="CNY")
            for one in eights.limits
        ),
    )


@given(customers(), st.sampled_from(SHIPPED))
@settings(max_examples=80, deadline=None)
def test_books_in_another_currency_give_the_same_class_status_and_limit(
    customer: Dossier, by: Policy
) -> None:
    yuan = whole(customer)
    here = evaluate(by, snapshot(yuan, by, IN_EUROS, NOW))
    there = evaluate(by, snapshot(in_euros(yuan), by, IN_EUROS, NOW))
    assert (here.risk_class, here.score, here.status) == (there.risk_class, there.score, there.status)
    assert (here.limit, here.exposure, here.overdue_amount) == (
        there.limit,
        there.exposure,
        there.overdue_amount,
    )


# ── Stages ─────────────────────────────────────────────────────────────────────────────────────


def total(by: Policy, **documents: object) -> int:
    return exposure(dossier(**documents), by, WITH_USD, NOW).total


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.booleans(), st.data())
def test_a_document_through_all_stages_changes_the_total_by_weights_alone(
    amount: int, part: int, drafts: bool, data: st.DataObject
) -> None:
    """Ordered, delivered, drafted, invoiced, disputed, overdue, paid by bill, and the bill paid."""
    names = ("open_orders", "delivered", "not_due", "overdue", "disputed", "bills")
    weights = {name: data.draw(st.integers(0, 4), label=name) / Decimal(4) for name in names}
    by = policy(exposure={"weights": weights, "draft_invoices": drafts, "advances": "allow_negative"})
    paid = min(part, amount)
    bill = (payment("p", paid, invoice_id="i", bill_due_on=day(30)),)

    def counted(stage: str, of: int) -> Decimal:
        return weights[stage] * of

    drafted = "not_due" if drafts else "delivered"
    ways: list[tuple[dict[str, object], Decimal]] = [
        ({"orders": (order("o", amount),)}, counted("open_orders", amount)),
        ({"orders": (order("o", amount, "delivered"),)}, counted("delivered", amount)),
        (
            {
                "orders": (order("o", amount, "delivered"),),
                "invoices": (invoice("i", amount, state="draft", order_id="o"),),
            },
            counted(drafted, amount),
        ),
        (
            {"orders": (order("o", amount, "delivered"),), "invoices": (invoice("i", amount, order_id="o"),)},
            counted("not_due", amount),
        ),
        ({"invoices": (invoice("i", amount, disputed=True),)}, counted("disputed", amount)),
        ({"invoices": (invoice("i", amount, due_on=day(-3)),)}, counted("overdue", amount)),
        (
            {"invoices": (invoice("i", amount, due_on=day(-3)),), "payments": bill},
            counted("overdue", amount - paid) + counted("bills", paid),
        ),
        (
            {
                "invoices": (invoice("i", amount, due_on=day(-3)),),
                "payments": (bill[0]._replace(bill_due_on=day(-1)),),
            },
            counted("overdue", amount - paid),
        ),
    ]
    for documents, expected in ways:
        assert abs(total(by, **documents) - expected) <= 1, documents


@given(customers(), st.randoms(use_true_random=False), st.sampled_from(SHIPPED))
@settings(max_examples=60, deadline=None)
def test_shuffled_events_give_the_same_assessment(customer: Dossier, dice: object, by: Policy) -> None:
    def mixed(items: tuple[object, ...]) -> tuple[object, ...]:
        some = list(items)
        dice.shuffle(some)  # type: ignore[attr-defined]
        return tuple(some)

    other = replace(
        customer,
        orders=mixed(customer.orders),  # type: ignore[arg-type]
        invoices=mixed(customer.invoices),  # type: ignore[arg-type]
        payments=mixed(customer.payments),  # type: ignore[arg-type]
        limits=mixed(customer.limits),  # type: ignore[arg-type]
        reports=mixed(customer.reports),  # type: ignore[arg-type]
        promises=mixed(customer.promises),  # type: ignore[arg-type]
        advice=mixed(customer.advice),  # type: ignore[arg-type]
    )
    assert evaluate(by, facts(customer, by, WITH_USD)) == evaluate(by, facts(other, by, WITH_USD))


# ── Groups ─────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(customers(), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_the_whole_owes_what_its_parts_owe(members: list[Dossier]) -> None:
    """Books kept apart or as one customer: without netting, the stages add up."""
    members = [replace(one, terms_days=members[0].terms_days) for one in members]
    apart = [exposure(one, FREE, WITH_USD, NOW) for one in members]
    together = dossier(
        terms_days=members[0].terms_days,
        **{
            kind: tuple(
                one._replace(
                    id=f"{number}/{one.id}",
                    **{
                        name: f"{number}/{getattr(one, name)}"
                        for name in ("order_id", "invoice_id")
                        if getattr(one, name, None) is not None
                    },
                )
                for number, member in enumerate(members)
                for one in getattr(member, kind)
            )
            for kind in ("orders", "invoices", "payments")
        },
    )
    found = exposure(together, FREE, WITH_USD, NOW)
    for stage, amount in found.stages.items():
        if stage == "prepayment":  # refunds of one member take back the credit of another
            assert amount <= 0
        else:
            assert amount == sum(one.stages[stage] for one in apart), stage


def test_a_snapshot_too_old_to_hold_a_fact_does_not_know_it() -> None:
    import orjson

    now = facts(dossier(invoices=(invoice("i", 100),)))
    kept = orjson.loads(snapshot_json(now))
    # One by one, without freshness and without what came later: the form of the first snapshots.
    kept["values"] |= {name: {"unknown": why} for why, names in kept.pop("unknown").items() for name in names}
    kept["origins"] = {name: [*rest[:3]] for names, *rest in kept["origins"] for name in names}
    for name in ("exposure_bills", "dso", "customer"):
        del kept["values"][name]
    found = snapshot_from_json(orjson.dumps(kept))
    assert found.values["dso"] == found.values["exposure_bills"] == Unknown("not_recorded")
    assert found.values["debt_ratio"] == Unknown("missing_statement")
    assert found.values["exposure_not_due"] == 100
    assert found.origins["exposure"] == now.origins["exposure"]._replace(fresh_until=None)
    assert evaluate(policy(), found).exposure == 100


@pytest.mark.parametrize(
    "wanted",
    [
        lambda found: found.score is not None and found.risk_class == "A",
        lambda found: found.status == "hold" and len(found.reasons) > 2,
        lambda found: found.limit is not None and 0 < found.exposure < found.limit,
        lambda found: any(reason.code == "broken_promises" for reason in found.reasons),
    ],
    ids=["scored", "held", "exposed", "broken promise"],
)
def test_the_customers_of_these_laws_are_of_every_kind(wanted: Callable[[Assessment], bool]) -> None:
    """So that no law above holds for want of somebody to break it."""
    by = policy_of_promises()
    quick = settings(max_examples=3_000, deadline=None, phases=[Phase.generate], database=None)
    assert find(customers(), lambda one: wanted(evaluate(by, facts(one, by, WITH_USD))), settings=quick)


def policy_of_promises() -> Policy:
    """The standard policy, which also watches promises."""
    rule = {
        "reason": "broken_promises",
        "status": "watch",
        "all": [{"fact": "broken_promises_12m", "op": ">=", "value": 1}],
    }
    kept = next(one for one in SHIPPED if one.name == "standard")
    content = kept.model_dump(by_alias=True, exclude_none=True)
    return Policy.model_validate(content | {"status": {"rules": [*content["status"]["rules"], rule]}})
